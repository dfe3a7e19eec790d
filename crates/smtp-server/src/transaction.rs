//! One mail transaction, from MAIL to the end of the content.

use mail_types::{AccountId, Address, ForwardPath, OriginalRecipient};
use message_queue::NewRecipient;
use smtp_core::command::{MailFrom, RcptTo};

use crate::content::Content;

/// What has been accepted so far.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) mail: MailFrom,
    pub(crate) account: Option<AccountId>,
    pub(crate) recipients: Vec<NewRecipient>,
    /// What the accepted RCPT commands said, as far as it is asked for: the first one.
    first_path: Option<ForwardPath>,
    /// How many they were.
    accepted: usize,
    /// Set between the question whether content may begin and its end.
    pub(crate) content: Option<Box<Content>>,
}

impl Transaction {
    pub(crate) fn new(mail: MailFrom, account: Option<AccountId>) -> Self {
        let (recipients, first_path, content) = (Vec::new(), None, None);
        Self { mail, account, recipients, first_path, accepted: 0, content }
    }

    /// Adds those who get what is sent to one recipient. Nobody gets the same message twice: who
    /// is there already keeps what was said about it first.
    pub(crate) fn add(&mut self, rcpt: &RcptTo, targets: Vec<NewRecipient>) {
        self.accepted += 1;
        self.first_path.get_or_insert_with(|| rcpt.forward_path.clone());
        for mut target in targets {
            if let Some(notify) = rcpt.notify {
                target.notify = notify;
            }
            target.original = target.original.or_else(|| original(rcpt, &target.address));
            let known = |other: &NewRecipient| {
                other.address == target.address && other.file_into == target.file_into
            };
            if !self.recipients.iter().any(known) {
                self.recipients.push(target);
            }
        }
    }

    /// The recipient that the Received field may name, as RCPT named it: only one, or a blind copy
    /// would show (RFC 5321 §4.4, §7.2).
    pub(crate) fn only_recipient(&self) -> Option<&ForwardPath> {
        self.first_path.as_ref().filter(|_| self.accepted == 1)
    }
}

/// How the sender named this recipient: ORCPT, or what it wrote if that led elsewhere
/// (RFC 3461 §4.2, RFC 6533 §3 for the type).
fn original(rcpt: &RcptTo, address: &Address) -> Option<OriginalRecipient> {
    let ForwardPath::Address(written) = &rcpt.forward_path else { return rcpt.original.clone() };
    let known = rcpt.original.clone();
    known.or_else(|| {
        let addr_type = if written.needs_smtputf8() { "utf-8" } else { "rfc822" };
        let original = OriginalRecipient::new(addr_type, &written.to_string()).ok();
        original.filter(|_| written != address)
    })
}

#[cfg(test)]
mod tests {
    use mail_types::{Lane, Notify, ReversePath};

    use super::*;

    fn rcpt(address: &str, notify: Option<Notify>) -> RcptTo {
        let forward_path = ForwardPath::parse(address).unwrap();
        RcptTo { forward_path, notify, original: None }
    }

    fn target(address: &str) -> NewRecipient {
        NewRecipient::new(Address::parse(address).unwrap(), Lane::Local)
    }

    #[test]
    fn nobody_gets_it_twice() {
        let mail = MailFrom::parse("FROM:<a@example.com>").unwrap();
        assert_eq!(mail.reverse_path, ReversePath::parse("a@example.com").unwrap());
        let mut transaction = Transaction::new(mail, None);
        transaction.add(&rcpt("b@example.org", Some(Notify::NEVER)), vec![target("b@example.org")]);
        assert!(transaction.only_recipient().is_some());
        let both = vec![target("b@example.org"), target("c@example.org")];
        transaction.add(&rcpt("all@example.org", None), both);
        let addresses: Vec<String> =
            transaction.recipients.iter().map(|r| r.address.to_string()).collect();
        assert_eq!(addresses, ["b@example.org", "c@example.org"]);
        assert_eq!(transaction.recipients[0].notify, Notify::NEVER);
        let original = transaction.recipients[1].original.as_ref().map(ToString::to_string);
        assert_eq!(original.as_deref(), Some("rfc822;all@example.org"), "RFC 3461 §4.2");
        assert!(transaction.only_recipient().is_none(), "RFC 5321 §7.2");
    }
}
