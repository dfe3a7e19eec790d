//! A host that takes mail, as one connection meets it: a small server with a mood.
//!
//! It reads what the client's machine really says, and answers by its mood: slowly, with 4xx or
//! 5xx, not at all, or by hanging up, before or after it has taken a message.

use std::collections::VecDeque;

use super::ledger::Remote;

/// How a host treats one connection.
#[derive(Debug, Clone)]
pub(super) struct Mood {
    /// How long each reply takes, in ms.
    pub(super) delay: u64,
    pub(super) tls: Tls,
    pub(super) pipelining: bool,
    /// Instead of a good reply, this one, at this stage.
    pub(super) refuses: Option<(Stage, &'static str)>,
    /// It ends like this, when it has heard so many commands; a whole message is one.
    pub(super) ends: Option<(u32, Ending)>,
    /// Recipients of a transaction.
    pub(super) recipients_max: usize,
    /// Messages of a connection; the next one meets 421.
    pub(super) mails_max: usize,
    /// Recipients that it has not seen for so many seconds are to come again.
    pub(super) grey: Option<u64>,
}

/// A place in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Greeting,
    Hello,
    Mail,
    Recipient,
    Data,
    Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tls {
    None,
    Good,
    /// Offered, and no handshake succeeds.
    Broken,
    /// Offered and refused.
    Refused,
}

/// How a conversation ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It hangs up before it does anything about the last command.
    HangsUp,
    /// It hangs up when that was done, and its reply is lost.
    HangsUpAfter,
    /// It hangs up behind its reply.
    HangsUpBehind,
    /// It says 421 and hangs up.
    Says421,
    /// It says something that is no reply.
    Babbles,
    /// It says nothing any more.
    Silent,
}

impl Mood {
    pub(super) fn good() -> Self {
        Self {
            delay: 20,
            tls: Tls::Good,
            pipelining: true,
            refuses: None,
            ends: None,
            recipients_max: 100,
            mails_max: usize::MAX,
            grey: None,
        }
    }
}

/// One connection, at the host's side.
pub(super) struct Peer {
    mood: Mood,
    heard: Vec<u8>,
    /// What it will say, and when the connection ends.
    says: VecDeque<Vec<u8>>,
    closed: bool,
    silent: bool,
    commands: u32,
    mails: usize,
    secured: bool,
    content: bool,
    mail: bool,
    recipients: Vec<String>,
    /// Taken, and the reply not yet heard.
    unconfirmed: Vec<String>,
}

impl Peer {
    pub(super) fn new(mood: Mood) -> Self {
        let mut peer = Self {
            mood,
            heard: Vec::new(),
            says: VecDeque::new(),
            closed: false,
            silent: false,
            commands: 0,
            mails: 0,
            secured: false,
            content: false,
            mail: false,
            recipients: Vec::new(),
            unconfirmed: Vec::new(),
        };
        peer.answer(Stage::Greeting, "220 mx.test ESMTP");
        if peer.refused(Stage::Greeting) {
            peer.mail = false;
        }
        peer
    }

    /// How long its next words take, in ms; nothing if it will say nothing.
    pub(super) fn delay(&self) -> Option<u64> {
        (!self.says.is_empty()).then_some(self.mood.delay)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed && self.says.is_empty()
    }

    /// What it says now.
    pub(super) fn say(&mut self) -> Vec<u8> {
        self.says.drain(..).flatten().collect()
    }

    /// The client has heard all replies.
    pub(super) fn confirmed(&mut self) {
        if self.says.is_empty() {
            self.unconfirmed.clear();
        }
    }

    /// The connection is over: what it has taken without the client knowing.
    pub(super) fn end(self) -> Vec<String> {
        self.unconfirmed
    }

    /// Whether the handshake succeeds.
    pub(super) fn secures(&mut self) -> bool {
        self.heard.clear();
        self.secured = true;
        self.mood.tls == Tls::Good
    }

    /// Takes what the client says.
    pub(super) fn hear(&mut self, octets: &[u8], remote: &mut Remote<'_>) {
        self.heard.extend_from_slice(octets);
        while !self.closed && !self.silent {
            let end: &[u8] = if self.content { b"\r\n.\r\n" } else { b"\r\n" };
            let Some(at) = self.heard.windows(end.len()).position(|window| window == end) else {
                return;
            };
            let line: Vec<u8> = self.heard.drain(..at + end.len()).collect();
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.commands += 1;
            let ending = self.mood.ends.filter(|(last, _)| *last == self.commands);
            match ending.map(|(_, ending)| ending) {
                None => self.obey(&line, remote),
                Some(Ending::HangsUp) => self.closed = true,
                Some(Ending::Silent) => self.silent = true,
                Some(Ending::HangsUpAfter) => {
                    self.obey(&line, remote);
                    self.says.clear();
                    self.closed = true;
                }
                Some(Ending::HangsUpBehind) => {
                    self.obey(&line, remote);
                    self.closed = true;
                }
                Some(Ending::Says421) => {
                    self.reply("421 4.3.2 shutting down");
                    self.closed = true;
                }
                Some(Ending::Babbles) => self.reply("what?"),
            }
        }
    }

    fn obey(&mut self, line: &str, remote: &mut Remote<'_>) {
        if std::mem::take(&mut self.content) {
            return self.take(remote);
        }
        let word = line.split([' ', ':']).next().unwrap_or_default();
        match word {
            "EHLO" => self.hello(),
            "STARTTLS" if self.mood.tls == Tls::Refused => self.reply("454 4.7.0 not now"),
            "STARTTLS" => self.reply("220 2.0.0 go ahead"),
            "MAIL" if self.mails >= self.mood.mails_max => {
                self.reply("421 4.7.0 enough for today");
                self.closed = true;
            }
            "MAIL" => {
                self.recipients.clear();
                self.mail = self.answer(Stage::Mail, "250 2.1.0 ok");
                if !self.mail {
                    remote.refused_all();
                }
            }
            "RCPT" => self.recipient(line, remote),
            "DATA" if self.recipients.is_empty() => self.reply("503 5.5.1 nobody"),
            "DATA" => {
                self.content = self.answer(Stage::Data, "354 go on");
                if !self.content {
                    self.say_never(Stage::Data, remote);
                }
            }
            "RSET" => {
                self.recipients.clear();
                self.mail = false;
                self.reply("250 2.0.0 ok");
            }
            "QUIT" => {
                self.reply("221 2.0.0 bye");
                self.closed = true;
            }
            _ => self.reply("500 5.5.2 unknown"),
        }
    }

    fn hello(&mut self) {
        if self.refused(Stage::Hello) {
            self.answer(Stage::Hello, "");
            return;
        }
        let mut lines = vec!["mx.test", "ENHANCEDSTATUSCODES", "8BITMIME", "SIZE 10000000", "DSN"];
        if self.mood.pipelining {
            lines.push("PIPELINING");
        }
        if self.mood.tls != Tls::None && !self.secured {
            lines.push("STARTTLS");
        }
        let last = lines.len() - 1;
        for (at, line) in lines.into_iter().enumerate() {
            self.reply(&format!("250{}{line}", if at == last { ' ' } else { '-' }));
        }
    }

    fn recipient(&mut self, line: &str, remote: &mut Remote<'_>) {
        let address = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        match () {
            () if !self.mail => self.reply("503 5.5.1 no sender"),
            () if address.starts_with("nobody") => {
                remote.never(&address);
                self.reply("550 5.1.1 no such mailbox");
            }
            () if self.recipients.len() >= self.mood.recipients_max => {
                self.reply("452 4.5.3 too many recipients");
            }
            () if self.mood.grey.is_some_and(|age| remote.is_new(&address, age)) => {
                self.reply("450 4.7.1 come again");
            }
            () => match self.answer(Stage::Recipient, "250 2.1.5 ok") {
                true => self.recipients.push(address),
                false if self.says_never(Stage::Recipient) => remote.never(&address),
                false => {}
            },
        }
    }

    /// The whole message is here.
    fn take(&mut self, remote: &mut Remote<'_>) {
        self.mails += 1;
        let recipients = std::mem::take(&mut self.recipients);
        self.mail = false;
        if self.refused(Stage::Verdict) {
            self.recipients = recipients;
            self.say_never(Stage::Verdict, remote);
            self.recipients.clear();
        } else {
            for recipient in &recipients {
                remote.took(recipient);
            }
            self.unconfirmed.extend(recipients);
        }
        self.answer(Stage::Verdict, "250 2.6.0 taken");
    }

    fn refused(&self, stage: Stage) -> bool {
        self.mood.refuses.is_some_and(|(at, _)| at == stage)
    }

    fn says_never(&self, stage: Stage) -> bool {
        self.mood.refuses.is_some_and(|(at, reply)| at == stage && reply.starts_with('5'))
    }

    fn say_never(&mut self, stage: Stage, remote: &mut Remote<'_>) {
        if self.says_never(stage) {
            self.recipients.iter().for_each(|recipient| remote.never(recipient));
        }
    }

    /// Says this, or what its mood says. Whether it said this.
    fn answer(&mut self, stage: Stage, good: &str) -> bool {
        match self.mood.refuses {
            Some((at, bad)) if at == stage => {
                self.reply(bad);
                false
            }
            _ => {
                self.reply(good);
                true
            }
        }
    }

    fn reply(&mut self, line: &str) {
        self.says.push_back(format!("{line}\r\n").into_bytes());
    }
}
