//! How a transcript's questions are answered.
//!
//! Without a scripted answer: the password is `secret`, and the toy account does what is asked.
//! `A: KIND refuse` refuses with a temporary failure, `A: KIND drop` drops the question,
//! `A: KIND progress DONE GOAL` tells how far it has come first; kinds are
//! `prepare`, `sign-in`, `sign-out`, `mailboxes`, `metadata`, `acl`, `quota`, `urls`, `select`, `close`, `fetch`, `store`, `search`, `copy`,
//! `expunge`, `begin`, `piece`, `url`, `complete`. News is scripted: `A: changes vanished 2:3; arrived 1; flags 4
//! \Seen` happens when the session next asks for news; `gone` removes the mailbox, `key-reset` resets its key for URLs.
//!
//! `@given mailbox NAME COUNT` adds a mailbox, `@given header NAME FIELD; FIELD` a message with these fields to it, `@given quota OCTETS MESSAGES` limits the account, `@given sample` the mailbox of RFC 3501 §8,
//! `@given tls` begins with TLS, `@given uid-only` offers UIDONLY, `@given private` wants TLS for sign-ins, `@given utf8-accept` offers UTF8=ACCEPT, `@given sharing` shares mailboxes, `@given every-mechanism`
//! offers all there are, `@given small` makes
//! limits that a transcript can reach, `@given message-limit N` and `@given save-limit N` are those of RFC 9738, `@given version 1.0` is told by ID.

use std::{collections::HashMap, sync::Arc};

use conversation::{Peer, PeerFacts, TlsFacts, Wire};
use imap_core::{
    command::AppendHead,
    server::{MessageLimit, Options, Question, Session},
};
use mail_types::{FlagSet, MailboxName, Timestamp};
use sasl_core::{Mechanism, Offers};
use testkit::transcript::{Answers, Dialogue};

use super::{
    account::{Account, sample},
    notes::Notes,
};

pub(crate) struct ImapDialogue {
    pub(crate) account: Account,
    pub(crate) notes: Notes,
    pub(crate) selected: HashMap<usize, MailboxName>,
    pub(crate) drafts: Vec<(AppendHead, Vec<u8>)>,
    options: Options,
    implicit_tls: bool,
}

impl Default for ImapDialogue {
    fn default() -> Self {
        let mut account = Account::default();
        account.add("INBOX", 0);
        Self {
            account,
            notes: Notes::default(),
            selected: HashMap::new(),
            drafts: vec![],
            options: Options {
                offers: Offers { all_on_loopback: true, ..Offers::passwords() },
                ..Options::default()
            },
            implicit_tls: false,
        }
    }
}

/// What the script wants of a question.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    Usual,
    Refuse,
    Drop,
}

impl Dialogue for ImapDialogue {
    type Machine = Session;

    fn given(&mut self, words: &str) -> Result<(), String> {
        let words: Vec<&str> = words.split_whitespace().collect();
        match words.as_slice() {
            ["mailbox", name, count] => {
                self.account.add(name, count.parse().map_err(|_| "how many messages?")?);
            }
            ["quota", octets, messages] => {
                self.account.quota.octets = Some(octets.parse().map_err(|_| "how many octets?")?);
                let messages = messages.parse().map_err(|_| "how many messages?")?;
                self.account.quota.messages = Some(messages);
            }
            ["header", name, fields @ ..] => {
                let header = fields.join(" ").replace("; ", "\r\n");
                let name = MailboxName::parse(name).map_err(|_| "which mailbox?")?;
                let mailbox = self.account.mailboxes.get_mut(&name).ok_or("no such mailbox")?;
                let content = format!("{header}\r\n\r\nx\r\n").into_bytes();
                let date = Timestamp::from_secs(86_400);
                mailbox.append(FlagSet::new(), date, content);
            }
            ["sample"] => {
                self.account.add("INBOX", 18);
                let inbox = self.account.mailboxes.get_mut(&MailboxName::inbox()).unwrap();
                for message in &mut inbox.messages {
                    let number = message.uid.number();
                    if number == 12 {
                        *message = super::account::Message { uid: message.uid, ..sample() };
                    } else if number < 17 {
                        message.flags = sample().flags;
                    }
                }
            }
            ["message-limit", limit] => {
                let limit = limit.parse().map_err(|_| "how many messages?")?;
                self.options.message_limit = MessageLimit::All(limit);
            }
            ["save-limit", limit] => {
                let limit = limit.parse().map_err(|_| "how many messages?")?;
                self.options.message_limit = MessageLimit::Saving(limit);
            }
            ["sharing"] => self.options.sharing = true,
            ["tls"] => self.implicit_tls = true,
            ["uid-only"] => self.options.uid_only = true,
            ["utf8-accept"] => self.options.utf8_accept = true,
            ["private"] => self.options.offers.all_on_loopback = false,
            ["every-mechanism"] => self.options.offers.mechanisms = Mechanism::ALL.to_vec(),
            ["no-starttls"] => self.options.starttls = false,
            ["version", version] => self.options.version = Some((*version).to_owned()),
            ["small"] => {
                let limits = &mut self.options.limits;
                limits.line_max = 100;
                limits.literal_max = 20;
                limits.annotation_max = 40;
                limits.command_max = 120;
                limits.command_before_sign_in_max = 80;
                limits.append_max = 30;
                limits.append_messages_max = 3;
                limits.discard_max = 200;
                limits.bad_commands_max = 3;
                limits.sign_ins_max = 3;
            }
            _ => return Err(format!("no such option: {words:?}")),
        }
        Ok(())
    }

    fn open(&mut self, connection: usize) -> (Session, PeerFacts) {
        let options = Arc::new(self.options.clone());
        let tls = self.implicit_tls.then_some(TlsFacts {
            version: "TLSv1.3",
            cipher: "TLS_AES_256_GCM_SHA384",
            server_name: None,
            verified: false,
            ..TlsFacts::default()
        });
        let (local, remote) = ("127.0.0.1:143".parse().unwrap(), "127.0.0.1:5".parse().unwrap());
        let peer = PeerFacts { peer: Peer::Tcp { local, remote }, tls };
        (Session::new(connection as u64, options), peer)
    }

    fn answer(
        &mut self,
        connection: usize,
        question: Question,
        session: &mut Session,
        wire: &mut Wire,
        answers: &mut Answers,
    ) {
        if let Question::Changes(ask) = question {
            let news = answers.take("changes");
            return self.tell_news(connection, ask, session, wire, news.as_deref());
        }
        let script = match answers.take(kind(&question)).as_deref() {
            Some(words) if words.starts_with("progress ") => {
                let mut numbers = words.split(' ').skip(1).map(|word| word.parse().ok());
                let (done, goal) = (numbers.next().flatten(), numbers.next().flatten());
                session.in_progress(wire, done.unwrap_or(0), goal);
                Script::Usual
            }
            None => Script::Usual,
            Some("refuse") => Script::Refuse,
            Some("drop") => Script::Drop,
            Some(words) => panic!("no such answer: {words}"),
        };
        if script != Script::Drop {
            self.answer_usual(connection, question, session, wire, script == Script::Refuse);
        }
    }
}

fn kind(question: &Question) -> &'static str {
    match question {
        Question::Prepare(_) => "prepare",
        Question::SignIn(_) => "sign-in",
        Question::SignOut(_) => "sign-out",
        Question::Mailboxes(_) => "mailboxes",
        Question::Metadata(_) => "metadata",
        Question::Acl(_) => "acl",
        Question::Urls(_) => "urls",
        Question::Notify(_) => "notify",
        Question::Elsewhere(_) => "elsewhere",
        Question::Quota(_) => "quota",
        Question::Select(_) => "select",
        Question::Close(_) => "close",
        Question::Fetch(_) => "fetch",
        Question::Store(_) => "store",
        Question::Search(_) => "search",
        Question::MultiSearch(_) => "multi-search",
        Question::Copy(_) => "copy",
        Question::Expunge(_) => "expunge",
        Question::AppendBegin(_) => "begin",
        Question::AppendPiece(_) => "piece",
        Question::AppendUrl(_) => "url",
        Question::AppendComplete(_) => "complete",
        Question::AppendAbandoned(_) => "abandoned",
        Question::Changes(_) => "changes",
        Question::GoOn(_) => "go-on",
    }
}
