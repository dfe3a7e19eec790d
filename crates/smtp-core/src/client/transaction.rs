//! One message on its way: which commands are out, whose reply comes next, what is decided.

use std::collections::VecDeque;

use conversation::TlsFacts;
use mail_types::{
    Address, BodyKind, DsnReturn, EnhancedStatus, Handling, Notify, OriginalRecipient, Outcome,
    Problem, RecipientNumber, Reply, ReversePath, Scope, Timestamp,
};

use super::{Extensions, Protocol, command, content::Framing};

/// Commands sent without waiting, in octets: RFC 2920 §3.1 warns of more than the TCP window, and
/// names 4 KiB as usual.
const GROUP_OCTETS: usize = 4096;

/// RFC 3463 §3.6, X.5.3: too many recipients.
const TOO_MANY_RECIPIENTS: EnhancedStatus = EnhancedStatus::new(4, 5, 3);

/// A message's envelope, and what must be known of its content beforehand.
#[derive(Debug, Clone)]
pub struct Message {
    /// MAIL FROM.
    pub reverse_path: ReversePath,
    /// RCPT TO, one each.
    pub recipients: Vec<Recipient>,
    /// The content's size in octets (RFC 1870 §3); to the octet, since BDAT counts them.
    pub size: u64,
    /// What the content holds.
    pub body: BodyKind,
    /// Whether addresses or header fields need SMTPUTF8.
    pub smtputf8: bool,
    /// RET.
    pub ret: Option<DsnReturn>,
    /// ENVID, decoded.
    pub envid: Option<String>,
    /// How it is to be treated on its way, told to servers that know of it.
    pub handling: Handling,
    /// The time by which BY is reckoned: as late as the message can be given.
    pub now: Timestamp,
    /// There is none: it is only asked who would get one. No content is announced, asked for or
    /// sent, and [`Outcome::Delivered`] has the reply by which a recipient was accepted.
    pub inquiry: bool,
}

/// One recipient of a message.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// Its place in the queue entry: what the outcome is told by.
    pub number: RecipientNumber,
    /// RCPT TO.
    pub address: Address,
    /// NOTIFY.
    pub notify: Notify,
    /// ORCPT.
    pub original: Option<OriginalRecipient>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// One outcome for each recipient, in their order.
    pub outcomes: Vec<(RecipientNumber, Outcome)>,
    /// Whether the server took responsibility for NOTIFY=SUCCESS as well (RFC 3461 §5.2.2 says
    /// what we owe the sender if it did not).
    pub dsn_passed_on: bool,
    /// The TLS session that it went through, if one did.
    pub tls: Option<TlsFacts>,
}

/// What comes after a reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Wait for the next reply; more commands may have been sent.
    Wait,
    /// Send the content.
    Content,
    /// The server wants content though nobody takes it: send none (RFC 2920 §3.1).
    EmptyContent,
    /// The transaction is over without content.
    Over {
        /// Whether the server still holds it, so that RSET must come before the next.
        reset: bool,
    },
}

/// The commands of a transaction, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Reset,
    Mail,
    Recipient(usize),
    Data,
}

#[derive(Debug)]
enum Standing {
    Undecided,
    Accepted,
    Ended(Outcome),
}

#[derive(Debug)]
pub(super) struct Transaction {
    message: Message,
    manner: Manner,
    standings: Vec<Standing>,
    unsent: VecDeque<Command>,
    awaited: VecDeque<Command>,
    mail_accepted: bool,
    /// LMTP: those whose replies to the content are still to come.
    verdicts: VecDeque<usize>,
}

/// How a transaction is held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) protocol: Protocol,
    /// By BDAT (RFC 3030 §2).
    pub(super) chunked: bool,
    /// The server still holds an older transaction.
    pub(super) reset: bool,
}

impl Report {
    /// Whether this outcome only says that the server took no more recipients in one transaction
    /// (RFC 5321 §4.5.3.1.10).
    pub fn is_too_many(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Deferred(problem) if problem.status == TOO_MANY_RECIPIENTS)
    }

    /// Whether this outcome is our own trouble with the message: no server has said anything, and
    /// no other would get it either.
    pub fn is_ours(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Deferred(problem)
            if problem.scope == Scope::Message && problem.host.is_none())
    }
}

impl Transaction {
    pub(super) fn new(message: Message, manner: Manner) -> Self {
        let count = message.recipients.len();
        let first = [manner.reset.then_some(Command::Reset), Some(Command::Mail)];
        let recipients = (0..count).map(Command::Recipient);
        let data = (!manner.chunked && !message.inquiry).then_some(Command::Data);
        let unsent = first.into_iter().flatten().chain(recipients).chain(data).collect();
        let standings = std::iter::repeat_with(|| Standing::Undecided).take(count).collect();
        let (awaited, verdicts) = (VecDeque::new(), VecDeque::new());
        Self { message, manner, standings, unsent, awaited, mail_accepted: false, verdicts }
    }

    /// Why the server can't take the message at all, known before anything is said.
    pub(super) fn misfit(&self, offered: &Extensions) -> Option<Problem> {
        let (status, text) = match () {
            // RFC 1870 §6.1: a message over the fixed limit need not be tried.
            () if offered.size.flatten().is_some_and(|limit| self.message.size > limit) => {
                (EnhancedStatus::new(5, 3, 4), "the message is larger than the server takes")
            }
            // RFC 6152 §3: unconverted 8-bit content must not go to who has not offered to take it.
            () if self.message.body == BodyKind::EightBitMime && !offered.eight_bit_mime => {
                (EnhancedStatus::new(5, 6, 3), "the server takes no 8-bit content (8BITMIME)")
            }
            // RFC 3030 §3: binary content goes by BDAT only.
            () if self.message.body == BodyKind::BinaryMime
                && !(offered.binary_mime && offered.chunking) =>
            {
                (EnhancedStatus::new(5, 6, 3), "the server takes no binary content (BINARYMIME)")
            }
            // RFC 6531 §3.2
            () if self.message.smtputf8 && !offered.smtputf8 => (
                EnhancedStatus::new(5, 6, 7),
                "the server takes no internationalized addresses (SMTPUTF8)",
            ),
            () => return None,
        };
        Some(Problem::new(status, Scope::Message, text))
    }

    /// Sends what may go without a further reply. False if there is nothing left to say.
    pub(super) fn send(&mut self, offered: &Extensions, output: &mut Vec<u8>) -> bool {
        let mut octets = 0;
        while self.awaited.is_empty() || (offered.pipelining && octets < GROUP_OCTETS) {
            let Some(command) = self.unsent.pop_front() else { break };
            if command == Command::Data && !self.may_ask_for_content() {
                if !self.awaited.is_empty() {
                    self.unsent.push_front(command);
                }
                break;
            }
            let line = match command {
                Command::Reset => "RSET\r\n".to_owned(),
                Command::Mail => command::mail(&self.message, offered),
                Command::Recipient(place) => match self.message.recipients.get(place) {
                    Some(recipient) => command::rcpt(recipient, offered),
                    None => continue,
                },
                Command::Data => "DATA\r\n".to_owned(),
            };
            octets += line.len();
            output.extend_from_slice(line.as_bytes());
            self.awaited.push_back(command);
        }
        !self.awaited.is_empty()
    }

    /// Takes the reply to the oldest command that is out (RFC 2920 §3.1: by counting, and never by
    /// what they say).
    pub(super) fn reply(
        &mut self,
        reply: &Reply,
        host: &str,
        offered: &Extensions,
        output: &mut Vec<u8>,
    ) -> Then {
        match self.awaited.pop_front() {
            Some(Command::Reset) if !reply.is_positive() => {
                // It says nothing about this message, whatever it says.
                let why = "the server did not give up the message before";
                let refused = refusal(reply, host, Scope::Message, why);
                if let Outcome::Failed(problem) | Outcome::Deferred(problem) = refused {
                    let status = problem.status.with_class(4);
                    self.end_rest(&Outcome::Deferred(Problem { status, ..problem }));
                }
            }
            Some(Command::Mail) if reply.is_positive() => self.mail_accepted = true,
            Some(Command::Mail) => self.refuse_rest(reply, host, "the sender was refused"),
            Some(Command::Recipient(place)) => self.recipient_reply(place, reply, host),
            Some(Command::Data) => return self.data_reply(reply, host),
            Some(Command::Reset) | None => {}
        }
        if !self.awaited.is_empty() || (!self.is_decided() && self.send(offered, output)) {
            return Then::Wait;
        }
        match self.manner.chunked && self.anyone_takes_it() {
            // In an inquiry nobody is left to take it.
            true => Then::Content,
            false => Then::Over { reset: self.mail_accepted },
        }
    }

    /// Begins the content on the wire.
    pub(super) fn begin_content(&mut self, output: &mut Vec<u8>) -> Framing {
        Framing::begin(self.manner.chunked, self.message.size, output)
    }

    /// The content is out: whose replies come now.
    pub(super) fn content_given(&mut self) {
        if self.manner.protocol == Protocol::Lmtp {
            let accepted =
                |(place, standing)| matches!(standing, &Standing::Accepted).then_some(place);
            self.verdicts = self.standings.iter().enumerate().filter_map(accepted).collect();
        }
    }

    /// Whether the reply to DATA comes next.
    pub(super) fn awaits_data(&self) -> bool {
        self.awaited.front() == Some(&Command::Data)
    }

    /// A reply to the content: in SMTP for all who are left, in LMTP for the next of them
    /// (RFC 2033 §4.2). Nothing while more replies are to come; then whether the server may
    /// still hold the transaction.
    pub(super) fn verdict(&mut self, reply: &Reply, host: &str) -> Option<bool> {
        let outcome = match reply.is_positive() {
            true => Outcome::Delivered { by: host.to_owned(), reply: reply.clone() },
            false => refusal(reply, host, Scope::Message, "the message was refused"),
        };
        let Some(place) = self.verdicts.pop_front() else {
            self.end_rest(&outcome);
            // RFC 3030 §2: what a server makes of a transaction whose BDAT failed is its own affair.
            return Some(self.manner.chunked && !reply.is_positive());
        };
        if let Some(standing) = self.standings.get_mut(place) {
            let scoped = |problem| Problem { scope: Scope::Recipient, ..problem };
            *standing = Standing::Ended(match outcome {
                Outcome::Deferred(problem) => Outcome::Deferred(scoped(problem)),
                Outcome::Failed(problem) => Outcome::Failed(scoped(problem)),
                delivered => delivered,
            });
        }
        self.verdicts.is_empty().then_some(false)
    }

    /// Gives everybody who has none yet this outcome.
    pub(super) fn end_rest(&mut self, outcome: &Outcome) {
        for standing in &mut self.standings {
            if !matches!(standing, Standing::Ended(_)) {
                *standing = Standing::Ended(outcome.clone());
            }
        }
    }

    /// The outcomes. Whoever has none by a mistake of ours is deferred.
    pub(super) fn into_report(self, offered: &Extensions, tls: Option<TlsFacts>) -> Report {
        let unknown = || {
            let status = EnhancedStatus::new(4, 3, 0);
            Outcome::Deferred(Problem::new(status, Scope::Message, "the attempt was broken off"))
        };
        let outcomes = self.message.recipients.iter().zip(self.standings).map(|(to, standing)| {
            let outcome = match standing {
                Standing::Ended(outcome) => outcome,
                Standing::Undecided | Standing::Accepted => unknown(),
            };
            (to.number, outcome)
        });
        Report { outcomes: outcomes.collect(), dsn_passed_on: offered.dsn, tls }
    }

    fn recipient_reply(&mut self, place: usize, reply: &Reply, host: &str) {
        let Some(standing @ Standing::Undecided) = self.standings.get_mut(place) else { return };
        *standing = if reply.is_positive() && self.message.inquiry {
            Standing::Ended(Outcome::Delivered { by: host.to_owned(), reply: reply.clone() })
        } else if reply.is_positive() {
            Standing::Accepted
        } else {
            let outcome = refusal(reply, host, Scope::Recipient, "the recipient was refused");
            Standing::Ended(match outcome {
                Outcome::Failed(problem) | Outcome::Deferred(problem) if means_too_many(reply) => {
                    Outcome::Deferred(Problem { status: TOO_MANY_RECIPIENTS, ..problem })
                }
                outcome => outcome,
            })
        };
    }

    fn data_reply(&mut self, reply: &Reply, host: &str) -> Then {
        match (reply.code(), self.anyone_takes_it()) {
            (354, true) => Then::Content,
            (354, false) => Then::EmptyContent,
            _ => {
                self.refuse_rest(reply, host, "the message was refused before it was sent");
                Then::Over { reset: self.mail_accepted }
            }
        }
    }

    fn refuse_rest(&mut self, reply: &Reply, host: &str, text: &str) {
        self.end_rest(&refusal(reply, host, Scope::Message, text));
    }

    /// Whether DATA may go out now: with nothing awaited only if somebody takes the message.
    /// Within a group it is sent in hope, but not by LMTP, where a server that accepts it for
    /// nobody would owe no reply to its end.
    fn may_ask_for_content(&self) -> bool {
        match self.awaited.is_empty() {
            true => self.anyone_takes_it(),
            false => self.manner.protocol == Protocol::Smtp,
        }
    }

    fn anyone_takes_it(&self) -> bool {
        self.standings.iter().any(|standing| matches!(standing, Standing::Accepted))
    }

    fn is_decided(&self) -> bool {
        self.standings.iter().all(|standing| matches!(standing, Standing::Ended(_)))
    }
}

/// Whether a refusal of a recipient only means "no more in this transaction": RFC 5321
/// §4.5.3.1.10 says it by 452, and wants a 552 taken for that. A newer server says with another
/// status that it means something else, such as a full mailbox.
fn means_too_many(reply: &Reply) -> bool {
    matches!(reply.code(), 452 | 552)
        && reply.status().is_none_or(|status| (status.subject(), status.detail()) == (5, 3))
}

/// What a reply that does not accept means: 5xx is for good, and all else is not.
pub(super) fn refusal(reply: &Reply, host: &str, scope: Scope, text: &str) -> Outcome {
    let class = if reply.is_permanent() { 5 } else { 4 };
    // RFC 3463 §3.1: X.0.0 where only the class is known.
    let status = reply.status().unwrap_or(EnhancedStatus::new(class, 0, 0)).with_class(class);
    let problem = Problem {
        status,
        text: text.to_owned(),
        host: Some(host.to_owned()),
        reply: Some(reply.clone()),
        scope,
    };
    if class == 5 { Outcome::Failed(problem) } else { Outcome::Deferred(problem) }
}
