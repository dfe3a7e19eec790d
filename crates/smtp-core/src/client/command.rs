//! The commands with their parameters, as bytes.

use mail_types::{
    BodyKind, DeliverBy, DsnReturn, Late, Notify, OriginalRecipient, Priority, Timestamp,
};

use super::{Extensions, Message, Recipient};
use crate::command::encode_xtext;

/// `MAIL FROM` with the parameters that the server knows (RFC 5321 §4.1.1.2).
pub(super) fn mail(message: &Message, offered: &Extensions) -> String {
    let mut line = format!("MAIL FROM:<{}>", message.reverse_path);
    if offered.size.is_some() && !message.inquiry {
        line.push_str(&format!(" SIZE={}", message.size)); // RFC 1870 §5
    }
    match message.body {
        BodyKind::EightBitMime if offered.eight_bit_mime => line.push_str(" BODY=8BITMIME"), // RFC 6152 §2
        BodyKind::BinaryMime if offered.binary_mime => line.push_str(" BODY=BINARYMIME"), // RFC 3030 §3
        _ => {}
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
    line.push_str(&handling(message, offered));
    line + "\r\n"
}

/// What the message asks of every hop, as far as the server knows it.
fn handling(message: &Message, offered: &Extensions) -> String {
    let handling = &message.handling;
    let mut words = String::new();
    if let Some(submitter) = handling.submitter.as_ref().filter(|_| offered.auth) {
        // RFC 4954 §5
        let submitter = submitter.to_string();
        let value = if submitter.is_empty() { "<>".to_owned() } else { encode_xtext(&submitter) };
        words.push_str(&format!(" AUTH={value}"));
    }
    if let Some(deliver_by) = handling.deliver_by.filter(|_| offered.deliver_by.is_some()) {
        words.push_str(&format!(" BY={}", by(&deliver_by, message.now)));
    }
    if offered.priority && handling.priority != Priority::NORMAL {
        words.push_str(&format!(" MT-PRIORITY={}", handling.priority)); // RFC 6710 §4.2
    }
    if offered.require_tls && handling.require_tls {
        words.push_str(" REQUIRETLS"); // RFC 8689 §4.2.1
    }
    words
}

/// `by-value`, with the time that is left now, or how long it is over (RFC 2852 §4.1.4).
fn by(deliver_by: &DeliverBy, now: Timestamp) -> String {
    const DIGITS: i64 = 999_999_999;
    let left = deliver_by.at.secs().saturating_sub(now.secs()).clamp(-DIGITS, DIGITS);
    let mode = match deliver_by.late {
        Late::Return => 'R',
        Late::Notify => 'N',
    };
    let trace = if deliver_by.trace { "T" } else { "" };
    format!("{left};{mode}{trace}")
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
                "utf-8" => utf8_address(original, offered.smtputf8),
                _ => encode_xtext(original.address()),
            };
            line.push_str(&format!(" ORCPT={};{address}", original.addr_type()));
        }
    }
    line + "\r\n"
}

/// `utf-8-addr-unitext` where SMTPUTF8 is known, else `utf-8-addr-xtext` (RFC 6533 §3).
fn utf8_address(original: &OriginalRecipient, smtputf8: bool) -> String {
    let mut text = String::with_capacity(original.address().len());
    for character in original.address().chars() {
        let plain = match character {
            '\\' | '+' | '=' => false,
            character if character.is_ascii() => character.is_ascii_graphic(),
            _ => smtputf8,
        };
        match plain {
            true => text.push(character),
            false => text.push_str(&format!("\\x{{{:X}}}", u32::from(character))),
        }
    }
    text
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
    use mail_types::{Handling, RecipientNumber, ReversePath};

    use super::*;

    fn all() -> Extensions {
        Extensions {
            eight_bit_mime: true,
            size: Some(None),
            dsn: true,
            smtputf8: true,
            chunking: true,
            binary_mime: true,
            ..Extensions::default()
        }
    }

    fn message() -> Message {
        Message {
            reverse_path: ReversePath::parse("a@example.org").unwrap(),
            recipients: Vec::new(),
            size: 7,
            body: BodyKind::EightBitMime,
            smtputf8: true,
            ret: Some(DsnReturn::Headers),
            envid: Some("id+1 x".to_owned()),
            handling: Handling::default(),
            now: Timestamp::from_secs(1000),
            inquiry: false,
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
            mail(&message(), &all()),
            "MAIL FROM:<a@example.org> SIZE=7 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=id+2B1+20x\r\n"
        );
        assert_eq!(
            rcpt(&recipient(), &all()),
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
        assert_eq!(rcpt(&plain, &all()), "RCPT TO:<b@example.net>\r\n");
        let never = Recipient { notify: Notify::NEVER, original: None, ..recipient() };
        assert_eq!(rcpt(&never, &all()), "RCPT TO:<b@example.net> NOTIFY=NEVER\r\n");
    }

    #[test]
    fn what_every_hop_must_know() {
        // RFC 4954 §5, RFC 2852 §4.1.4, RFC 6710 §4.2, RFC 8689 §4.2.1
        let deliver_by = |seconds, late, trace| {
            Some(DeliverBy { at: Timestamp::from_secs(1000 + seconds), late, trace })
        };
        let all = Extensions {
            auth: true,
            deliver_by: Some(None),
            priority: true,
            require_tls: true,
            ..Extensions::default()
        };
        let check = |handling: Handling, expected: &str| {
            let asked = Message { handling, ..message() };
            assert_eq!(mail(&asked, &all), format!("MAIL FROM:<a@example.org>{expected}\r\n"));
            let none = mail(&asked, &Extensions::default());
            assert_eq!(none, "MAIL FROM:<a@example.org>\r\n");
        };
        let none = Handling::default;
        check(none(), "");
        check(Handling { submitter: ReversePath::parse("").ok(), ..none() }, " AUTH=<>");
        let submitter = ReversePath::parse("e+x=y@example.org").ok();
        check(Handling { submitter, ..none() }, " AUTH=e+2Bx+3Dy@example.org");
        let by = |deliver_by| Handling { deliver_by, ..none() };
        check(by(deliver_by(120, Late::Return, false)), " BY=120;R");
        check(by(deliver_by(-5, Late::Notify, true)), " BY=-5;NT");
        check(by(deliver_by(i64::MAX - 1000, Late::Notify, false)), " BY=999999999;N");
        check(Handling { priority: Priority::new(-4).unwrap(), ..none() }, " MT-PRIORITY=-4");
        check(Handling { require_tls: true, ..none() }, " REQUIRETLS");
    }

    #[test]
    fn international_original_recipients() {
        // RFC 6533 §3
        let original = OriginalRecipient::new("utf-8", "\u{c544}+\u{b9ac}=x@example.net").ok();
        let international = Recipient { original, notify: Notify::DEFAULT, ..recipient() };
        assert_eq!(
            rcpt(&international, &all()),
            "RCPT TO:<b@example.net> ORCPT=utf-8;\u{c544}\\x{2B}\u{b9ac}\\x{3D}x@example.net\r\n"
        );
        let plain = Extensions { smtputf8: false, ..all() };
        assert_eq!(
            rcpt(&international, &plain),
            "RCPT TO:<b@example.net> ORCPT=utf-8;\\x{C544}\\x{2B}\\x{B9AC}\\x{3D}x@example.net\r\n"
        );
    }
}
