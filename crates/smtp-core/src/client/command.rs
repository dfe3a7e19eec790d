//! The commands with their parameters, as bytes.

use mail_types::{BodyKind, DsnReturn, Notify};

use super::{Extensions, Message, Recipient};
use crate::command::encode_xtext;

/// `MAIL FROM` with the parameters that the server knows (RFC 5321 §4.1.1.2).
pub(super) fn mail(message: &Message, offered: &Extensions) -> String {
    let mut line = format!("MAIL FROM:<{}>", message.reverse_path);
    if offered.size.is_some() {
        line.push_str(&format!(" SIZE={}", message.size)); // RFC 1870 §5
    }
    if offered.eight_bit_mime && message.body != BodyKind::SevenBit {
        line.push_str(" BODY=8BITMIME"); // RFC 6152 §2
    }
    if offered.smtputf8 && message.smtputf8 {
        line.push_str(" SMTPUTF8"); // RFC 6531 §3.4
    }
    // RFC 3461 §4.3, §4.4
    if offered.dsn {
        match message.ret {
            Some(DsnReturn::Full) => line.push_str(" RET=FULL"),
            Some(DsnReturn::Headers) => line.push_str(" RET=HDRS"),
            None => {}
        }
        if let Some(envid) = &message.envid {
            line.push_str(&format!(" ENVID={}", encode_xtext(envid)));
        }
    }
    line + "\r\n"
}

/// `RCPT TO` with the parameters that the server knows (RFC 5321 §4.1.1.3).
pub(super) fn rcpt(recipient: &Recipient, offered: &Extensions) -> String {
    let mut line = format!("RCPT TO:<{}>", recipient.address);
    if offered.dsn {
        // RFC 3461 §5.2.1: what the sender gave is passed on, and nothing is added.
        if recipient.notify != Notify::DEFAULT {
            line.push_str(&format!(" NOTIFY={}", notify(recipient.notify)));
        }
        if let Some(original) = &recipient.original {
            let address = match original.addr_type() {
                // RFC 6533 §3: what RFC 3461's xtext can't say has a form of its own.
                "utf-8" => original.address().to_owned(),
                _ => encode_xtext(original.address()),
            };
            if offered.smtputf8 || address.is_ascii() {
                line.push_str(&format!(" ORCPT={};{address}", original.addr_type()));
            }
        }
    }
    line + "\r\n"
}

/// `notify-esmtp-value` (RFC 3461 §4.1).
fn notify(notify: Notify) -> String {
    let words = [(notify.success, "SUCCESS"), (notify.failure, "FAILURE"), (notify.delay, "DELAY")];
    let wanted: Vec<&str> =
        words.into_iter().filter_map(|(wanted, word)| wanted.then_some(word)).collect();
    if wanted.is_empty() { "NEVER".to_owned() } else { wanted.join(",") }
}

#[cfg(test)]
mod tests {
    use mail_types::{OriginalRecipient, RecipientNumber, ReversePath};

    use super::*;

    const ALL: Extensions = Extensions {
        pipelining: true,
        eight_bit_mime: true,
        size: Some(None),
        starttls: true,
        dsn: true,
        smtputf8: true,
    };

    fn message() -> Message {
        Message {
            reverse_path: ReversePath::parse("a@example.org").unwrap(),
            recipients: Vec::new(),
            size: 7,
            body: BodyKind::EightBitMime,
            smtputf8: true,
            ret: Some(DsnReturn::Headers),
            envid: Some("id+1 x".to_owned()),
        }
    }

    fn recipient() -> Recipient {
        Recipient {
            number: RecipientNumber(0),
            address: "b@example.net".parse().unwrap(),
            notify: Notify { success: true, failure: true, delay: false },
            original: Some(OriginalRecipient::new("rfc822", "B+C@example.net").unwrap()),
        }
    }

    #[test]
    fn parameters_are_passed_on_where_they_are_known() {
        assert_eq!(
            mail(&message(), &ALL),
            "MAIL FROM:<a@example.org> SIZE=7 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=id+2B1+20x\r\n"
        );
        assert_eq!(
            rcpt(&recipient(), &ALL),
            "RCPT TO:<b@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;B+2BC@example.net\r\n"
        );
    }

    #[test]
    fn nothing_is_said_to_who_does_not_know_it() {
        let none = Extensions::default();
        assert_eq!(mail(&message(), &none), "MAIL FROM:<a@example.org>\r\n");
        assert_eq!(rcpt(&recipient(), &none), "RCPT TO:<b@example.net>\r\n");
    }

    #[test]
    fn nothing_is_added() {
        // RFC 3461 §5.2.1
        let plain = Recipient { notify: Notify::DEFAULT, original: None, ..recipient() };
        assert_eq!(rcpt(&plain, &ALL), "RCPT TO:<b@example.net>\r\n");
        let never = Recipient { notify: Notify::NEVER, original: None, ..recipient() };
        assert_eq!(rcpt(&never, &ALL), "RCPT TO:<b@example.net> NOTIFY=NEVER\r\n");
    }
}
