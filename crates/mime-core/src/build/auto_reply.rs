//! Answers that no person writes, such as notices of absence (RFC 3834).
//!
//! Whether the same sender was answered lately, and whether the answering account is named in the
//! message, is for the caller to know.

use mail_types::{Address, ReversePath};

use super::{BuiltMessage, Head, NewMessage, Person};
use crate::{
    header::{
        self,
        date::DateTime,
        message_ids,
        origin::{AutoSubmitted, auto_submitted},
    },
    text::decode_header,
};

/// Why a message gets no automatic answer (RFC 3834 §2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoReply {
    /// There is nobody to answer.
    #[error("the message has the null reverse-path")]
    NullReversePath,
    /// It was sent by a machine itself.
    #[error("the message was submitted automatically")]
    AutoSubmitted,
    /// It came by a list, or to many.
    #[error("the message came by a list or in bulk")]
    List,
    /// Its sender is a responder or list by name.
    #[error("the sender is a machine by its name")]
    Machine,
}

/// Whom to answer automatically, if anyone: the reverse-path (RFC 3834 §4).
pub fn may_reply<'a>(
    reverse_path: &'a ReversePath,
    original_header: &[u8],
) -> Result<&'a Address, NoReply> {
    let sender = reverse_path.address().ok_or(NoReply::NullReversePath)?;
    let local = sender.to_string().to_lowercase();
    let local = local.rsplit_once('@').map_or(local.as_str(), |(local, _)| local);
    let machines = ["mailer-daemon", "listserv", "majordomo", "postmaster"];
    if machines.contains(&local) || local.starts_with("owner-") || local.ends_with("-request") {
        return Err(NoReply::Machine);
    }
    if auto_submitted(original_header) != AutoSubmitted::No {
        return Err(NoReply::AutoSubmitted);
    }
    for field in header::fields(original_header) {
        let value = field.unfolded();
        let word = header::content::first_word(&value);
        let bulk = [b"list".as_slice(), b"bulk", b"junk"];
        let in_bulk = || bulk.iter().any(|known| word.eq_ignore_ascii_case(known));
        let is_list =
            |name: &[u8]| name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"List-"));
        if is_list(field.name) || (field.is("Precedence") && in_bulk()) {
            return Err(NoReply::List);
        }
    }
    Ok(sender)
}

/// An automatic answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AutoReply<'a> {
    /// Who answers.
    pub from: Person<'a>,
    /// Whom: what [`may_reply`] gave.
    pub to: &'a Address,
    /// The header of the message that is answered.
    pub original_header: &'a [u8],
    /// The subject; `None` for `Auto: ` and the original's (RFC 3834 §3.1.5).
    pub subject: Option<&'a str>,
    /// What is said.
    pub text: &'a str,
    /// The moment of the answer.
    pub date: DateTime,
    /// Its Message-ID, without angle brackets.
    pub message_id: &'a str,
}

/// What of the original's subject is repeated.
const SUBJECT_CHARS_MAX: usize = 200;
/// How many ids of the original's References are repeated, the last ones.
const REFERENCES_MAX: usize = 50;

impl AutoReply<'_> {
    /// Builds it. Its reverse-path must be null or that of who answers (RFC 3834 §3.3).
    pub fn build(&self) -> BuiltMessage {
        let ids = |name| {
            let field = header::find(self.original_header, name);
            let ids = field.map(|field| message_ids(field.value)).unwrap_or_default();
            let bare = |id: &[u8]| String::from_utf8_lossy(id).trim_matches(['<', '>']).to_owned();
            ids.iter().map(|id| bare(id)).collect::<Vec<_>>()
        };
        let original_id: Vec<String> = ids("Message-ID").into_iter().take(1).collect();
        let mut references = ids("References");
        references.drain(..references.len().saturating_sub(REFERENCES_MAX));
        // RFC 5322 §3.6.4: those of the original, then the original itself.
        references.extend(original_id.iter().cloned());
        let original_subject = || {
            let found = header::find(self.original_header, "Subject");
            let text = found.map(|field| decode_header(field.value)).unwrap_or_default();
            format!("Auto: {}", text.chars().take(SUBJECT_CHARS_MAX).collect::<String>())
        };
        let subject = self.subject.map_or_else(original_subject, str::to_owned);
        let to = [Person { name: "", address: self.to }];
        let message = NewMessage {
            head: Head {
                from: self.from,
                reply_to: &[],
                to: &to,
                cc: &[],
                subject: subject.trim(),
                date: self.date,
                message_id: self.message_id,
                in_reply_to: &original_id.iter().map(String::as_str).collect::<Vec<_>>(),
                references: &references.iter().map(String::as_str).collect::<Vec<_>>(),
                auto_submitted: Some("auto-replied"),
            },
            charset: None,
            text: Some(self.text),
            html: None,
            attachments: &[],
            boundary: "",
        };
        message.build()
    }
}

#[cfg(test)]
mod tests {
    use mail_types::Timestamp;

    use super::*;

    #[test]
    fn who_is_answered() {
        let check = |path: &str, header: &str, expected: Result<(), NoReply>| {
            let path = ReversePath::parse(path).unwrap();
            assert_eq!(may_reply(&path, header.as_bytes()).map(|_| ()), expected, "{header:?}");
        };
        check("a@b.example", "Subject: x\r\n", Ok(()));
        check("a@b.example", "Auto-Submitted: No (person)\r\nPrecedence: first\r\n", Ok(()));
        check("", "", Err(NoReply::NullReversePath));
        check("a@b.example", "Auto-Submitted: auto-replied\r\n", Err(NoReply::AutoSubmitted));
        check("a@b.example", "LIST-ID: x\r\n", Err(NoReply::List));
        check("a@b.example", "Precedence: Bulk\r\n", Err(NoReply::List));
        for machine in ["MAILER-DAEMON", "owner-x", "x-request"] {
            check(&format!("{machine}@b.example"), "", Err(NoReply::Machine));
        }
    }

    #[test]
    fn an_answer() {
        let (from, to) = ("me@b.example", "you@c.example");
        let (from, to) = (Address::parse(from).unwrap(), Address::parse(to).unwrap());
        let reply = AutoReply {
            from: Person { name: "Me", address: &from },
            to: &to,
            original_header: b"Message-ID: <2@c>\r\nReferences: <1@c>\r\nSubject: =?EUC-KR?B?vsiz58fPvLy/5C4=?=\r\n",
            subject: None,
            text: "I am away.\n",
            date: DateTime { at: Timestamp::from_secs(1_200_000_000), offset_minutes: 0 },
            message_id: "3@b",
        };
        let built = reply.build();
        assert!(!built.smtputf8);
        assert_eq!(
            String::from_utf8(built.octets).unwrap(),
            "From: \"Me\" <me@b.example>\r\nTo: <you@c.example>\r\n\
             Subject: Auto: =?UTF-8?B?7JWI64WV7ZWY7IS47JqULg==?=\r\n\
             Date: Thu, 10 Jan 2008 21:20:00 +0000\r\nMessage-ID: <3@b>\r\n\
             In-Reply-To: <2@c>\r\nReferences: <1@c> <2@c>\r\nAuto-Submitted: auto-replied\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nI am away.\r\n"
        );
    }
}
