//! A reverse-path for each recipient (VERP), for senders that are configured so.
//!
//! What comes back for `bob@example.net` comes to `news+bob=example.net@`: a subaddress of the
//! sender's, which leads to the sender's own mailbox without anything being looked up or remembered.

use config::SenderName;
use mail_types::{Address, Lane, LocalPart, ReversePath};
use message_queue::NewEntry;

/// The most octets of a local part (RFC 5321 §4.5.3.1.1).
const LOCAL_OCTETS_MAX: usize = 64;

/// Gives each recipient at another server its own reverse-path, if the sender is one of these.
pub(crate) fn apply(senders: &[SenderName], entry: &mut NewEntry) {
    let ReversePath::Address(sender) = &entry.reverse_path else { return };
    if !senders.iter().any(|known| known.is(sender)) {
        return;
    }
    for recipient in &mut entry.recipients {
        // A list's members come back to the list.
        if recipient.lane != Lane::Local && recipient.reverse_path.is_none() {
            recipient.reverse_path = variable(sender, &recipient.address).map(ReversePath::Address);
        }
    }
}

/// The sender's address that names a recipient; nothing if it cannot be written.
fn variable(sender: &Address, recipient: &Address) -> Option<Address> {
    let (own, local) = (sender.local().as_str(), recipient.local().as_str());
    let text = format!("{own}+{local}={}", recipient.domain());
    // Where SMTPUTF8 is not known, nothing may need it that did not before.
    if text.len() > LOCAL_OCTETS_MAX || (!text.is_ascii() && !sender.needs_smtputf8()) {
        return None;
    }
    Some(Address::new(LocalPart::from_content(&text).ok()?, sender.domain().clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipient_stands_in_the_subaddress() {
        let check = |sender: &str, recipient: &str, expected: Option<&str>| {
            let (sender, recipient) =
                (Address::parse(sender).unwrap(), Address::parse(recipient).unwrap());
            let made = variable(&sender, &recipient).map(|address| address.to_string());
            assert_eq!(made.as_deref(), expected, "{sender} to {recipient}");
        };
        check("news@here.test", "bob@example.net", Some("news+bob=example.net@here.test"));
        check("news@here.test", "\"b b\"@example.net", Some("\"news+b b=example.net\"@here.test"));
        check("news@here.test", &format!("{}@example.net", "b".repeat(60)), None);
        check("news@here.test", "한@example.net", None);
    }
}
