//! One mail transaction, from MAIL to the end of the content.

use std::collections::HashSet;

use mail_types::{
    AccountId, Address, ForwardPath, Handling, Lane, MailboxName, Notify, OriginalRecipient,
    ReversePath, Timestamp,
};
use message_queue::{Expanded, NewRecipient};
use smtp_core::command::{MailFrom, RcptTo};

use crate::content::Content;

/// The most rows of one message in the queue: RCPT commands are limited, and so is what one of them
/// expands to, but their product is not.
const ROWS_MAX: usize = 20_000;

/// The header field with the address as it was given.
pub const ORIGINAL_TO: &str = "X-Original-To";

/// What has been accepted so far.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) mail: MailFrom,
    pub(crate) account: Option<AccountId>,
    pub(crate) recipients: Vec<NewRecipient>,
    /// Who is among them: a list of thousands must not be searched for each of its members.
    known: HashSet<(Whose, Option<MailboxName>)>,
    /// The aliases and lists of which their senders want to hear.
    expanded: HashSet<Address>,
    /// When MAIL came: what it says in seconds counts from here.
    begun_at: Timestamp,
    /// What the accepted RCPT commands said, as far as it is asked for: the first one.
    first_path: Option<ForwardPath>,
    /// How many they were.
    accepted: usize,
    /// Whether it leaves this house and is made 7-bit clean therefore; known once content begins.
    pub(crate) seven_bit: bool,
    /// Set between the question whether content may begin and its end.
    pub(crate) content: Option<Box<Content>>,
}

impl Transaction {
    pub(crate) fn new(mail: MailFrom, account: Option<AccountId>, now: Timestamp) -> Self {
        Self {
            mail,
            account,
            recipients: Vec::new(),
            known: HashSet::new(),
            expanded: HashSet::new(),
            begun_at: now,
            first_path: None,
            accepted: 0,
            seven_bit: false,
            content: None,
        }
    }

    /// Whether so many more fit into one message.
    pub(crate) fn has_room(&self, targets: usize) -> bool {
        self.recipients.len().saturating_add(targets) <= ROWS_MAX
    }

    /// Adds those who get what is sent to one recipient. Nobody gets the same message twice: who
    /// is there already keeps what was said about it first.
    pub(crate) fn add(&mut self, rcpt: &RcptTo, targets: Vec<NewRecipient>) {
        self.accepted += 1;
        self.first_path.get_or_insert_with(|| rcpt.forward_path.clone());
        let expanded = expanded(rcpt, &targets);
        if let Some(stand_in) = expanded.and_then(|expanded| stand_in(rcpt, expanded))
            && self.expanded.insert(stand_in.address.clone())
        {
            self.recipients.push(stand_in);
        }
        for mut target in targets {
            if target.list.is_some() {
                // RFC 3461 §5.2.7.1: what the author asks for ends at a list, whose owner hears of
                // failures.
                target.notify = Notify::FAILURE;
            } else {
                if let Some(notify) = rcpt.notify {
                    // RFC 3461 §5.2.7.3 (c): of an alias one hears that it is one.
                    target.notify =
                        Notify { success: notify.success && expanded.is_none(), ..notify };
                }
                target.original = target.original.or_else(|| original(rcpt, &target.address));
            }
            if let Some(hold) = &self.mail.hold {
                // RFC 4865 §4.2: not before that, to nobody.
                target.not_before = Some(hold.until(self.begun_at));
            }
            name_given(rcpt, &mut target);
            let mailbox = target.file_into.as_ref().map(|file_into| file_into.mailbox.clone());
            if self.known.insert((Whose::of(&target), mailbox)) {
                self.recipients.push(target);
            }
        }
    }

    /// How it is to be treated on its way, as MAIL said.
    pub(crate) fn handling(&self) -> Handling {
        let mail = &self.mail;
        Handling {
            // RFC 4954 §5: whoever is not trusted to say it (nobody is) says AUTH=<>.
            submitter: mail.submitter.as_ref().map(|_| ReversePath::Null),
            deliver_by: mail.by.map(|by| by.at(self.begun_at)),
            priority: mail.priority.unwrap_or_default(),
            require_tls: mail.require_tls,
            // What the header says is not known yet.
            tls_optional: false,
            hold_request: mail.hold.as_ref().map(|hold| hold.to_string().into()),
        }
    }

    /// The recipient that the Received field may name, as RCPT named it: only one, or a blind copy
    /// would show (RFC 5321 §4.4, §7.2).
    pub(crate) fn only_recipient(&self) -> Option<&ForwardPath> {
        self.first_path.as_ref().filter(|_| self.accepted == 1)
    }
}

/// What a recipient of whose delivery the sender wants to hear is, if it becomes others.
fn expanded(rcpt: &RcptTo, targets: &[NewRecipient]) -> Option<Expanded> {
    if !rcpt.notify.is_some_and(|notify| notify.success) {
        return None;
    }
    match targets {
        [first, ..] if first.list.is_some() => Some(Expanded::List),
        [_, _, ..] => Some(Expanded::Alias),
        _ => None,
    }
}

/// What takes its place: a recipient that ends with its report (RFC 3461 §5.2.7).
fn stand_in(rcpt: &RcptTo, expanded: Expanded) -> Option<NewRecipient> {
    let ForwardPath::Address(address) = &rcpt.forward_path else { return None };
    Some(NewRecipient {
        original: rcpt.original.clone(),
        notify: Notify { success: true, failure: false, delay: false },
        expanded: Some(expanded),
        ..NewRecipient::new(address.clone(), Lane::Local)
    })
}

/// Names the address as it was given, in the copy of somebody whose mailbox is ours and whose
/// address it is not: an alias led to him, a list, or his being the one who gets what nobody else does.
fn name_given(rcpt: &RcptTo, target: &mut NewRecipient) {
    if let ForwardPath::Address(given) = &rcpt.forward_path
        && target.lane == Lane::Local
        && given.folded() != target.address.folded()
    {
        let mut head = format!("{ORIGINAL_TO}: {given}\r\n").into_bytes();
        head.append(&mut target.head);
        target.head = head;
    }
}

/// What makes two recipients one.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Whose {
    /// Of an own mailbox: the account, however its address is written.
    Account(AccountId),
    /// Of any other.
    Address(Address),
}

impl Whose {
    fn of(recipient: &NewRecipient) -> Self {
        match recipient.account {
            Some(account) => Self::Account(account),
            None => Self::Address(recipient.address.clone()),
        }
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
    use mail_types::Lane;

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
        let mut transaction = Transaction::new(mail, None, Timestamp::from_secs(0));
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

    #[test]
    fn the_address_as_it_was_given_goes_with_what_it_led_to() {
        let mail = MailFrom::parse("FROM:<a@example.com>").unwrap();
        let mut transaction = Transaction::new(mail, None, Timestamp::from_secs(0));
        let mut member = target("c@example.org");
        member.head = b"List-Id: <all.example.org>\r\n".to_vec();
        let away =
            NewRecipient { lane: Lane::parse("@example.net").unwrap(), ..target("d@example.net") };
        transaction.add(&rcpt("B@example.org", None), vec![target("b@example.org")]);
        transaction.add(&rcpt("all@example.org", None), vec![member, away]);
        let heads: Vec<String> = transaction
            .recipients
            .into_iter()
            .map(|recipient| String::from_utf8(recipient.head).unwrap())
            .collect();
        let given = "X-Original-To: all@example.org\r\nList-Id: <all.example.org>\r\n";
        assert_eq!(heads, ["", given, ""]);
    }

    #[test]
    fn of_what_becomes_others_one_report_is_made() {
        // RFC 3461 §5.2.7
        let all = Notify { success: true, failure: true, delay: false };
        let of = |notify, targets| {
            let mail = MailFrom::parse("FROM:<a@example.com>").unwrap();
            let mut transaction = Transaction::new(mail, None, Timestamp::from_secs(0));
            transaction.add(&rcpt("all@example.org", notify), targets);
            let seen = transaction.recipients.into_iter().map(|one| {
                let wants = ["", "success"][usize::from(one.notify.success)];
                format!("{} {wants} {:?}", one.address, one.expanded)
            });
            seen.collect::<Vec<_>>()
        };
        let two = || vec![target("b@example.org"), target("c@example.org")];
        let told =
            ["all@example.org success Some(Alias)", "b@example.org  None", "c@example.org  None"];
        assert_eq!(of(Some(all), two()), told, "§5.2.7.3 (c)");
        assert_eq!(of(None, two()).len(), 2, "nobody asked");
        let one = vec![target("b@example.org")];
        assert_eq!(of(Some(all), one), ["b@example.org success None"], "§5.2.7.2");
        let list = Address::parse("all@example.org").ok();
        let member = NewRecipient { list, ..target("b@example.org") };
        let told = ["all@example.org success Some(List)", "b@example.org  None"];
        assert_eq!(of(Some(all), vec![member]), told, "§5.2.7.1");
    }

    #[test]
    fn one_message_has_so_many_rows_and_no_more() {
        let mail = MailFrom::parse("FROM:<a@example.com>").unwrap();
        let mut transaction = Transaction::new(mail, None, Timestamp::from_secs(0));
        let targets = |from: usize| {
            (from..from + ROWS_MAX / 2).map(|n| target(&format!("m{n}@example.org"))).collect()
        };
        transaction.add(&rcpt("one@example.org", None), targets(0));
        transaction.add(&rcpt("one@example.org", None), targets(0));
        assert!(transaction.has_room(ROWS_MAX / 2), "nobody twice");
        transaction.add(&rcpt("two@example.org", None), targets(ROWS_MAX / 2));
        assert_eq!(transaction.recipients.len(), ROWS_MAX);
        assert!(!transaction.has_room(1));
    }

    #[test]
    fn what_mail_asks_for_goes_along() {
        let now = Timestamp::from_secs(1_000);
        let said = "FROM:<a@example.com> HOLDFOR=60 BY=120;RT MT-PRIORITY=3 REQUIRETLS AUTH=<>";
        let mut transaction = Transaction::new(MailFrom::parse(said).unwrap(), None, now);
        transaction.add(&rcpt("b@example.org", None), vec![target("b@example.org")]);
        let not_before = transaction.recipients[0].not_before.map(Timestamp::secs);
        assert_eq!(not_before, Some(1_060), "RFC 4865 §4.2");
        let handling = transaction.handling();
        assert_eq!(handling.deliver_by.map(|by| by.at.secs()), Some(1_120), "RFC 2852 §4");
        assert_eq!((handling.priority.number(), handling.require_tls), (3, true));
        assert_eq!(handling.submitter, Some(ReversePath::Null), "RFC 4954 §5");
        assert_eq!(handling.hold_request.as_deref(), Some("for;60"));
    }
}
