//! Who may do what with a mailbox (RFC 4314 §3.6 to §3.8).

use mail_types::{MailboxName, Right, Rights};

use super::{Spelling, astring, render_mailbox_name};

/// `* ACL`: identifiers, those of negative lines with their dash, and their rights
/// (RFC 4314 §3.6).
pub fn acl(
    out: &mut Vec<u8>,
    mailbox: &MailboxName,
    lines: &[(String, Rights)],
    spelling: Spelling,
) {
    head(out, "ACL", mailbox, spelling);
    for (identifier, granted) in lines {
        out.push(b' ');
        astring(out, identifier.as_bytes());
        out.push(b' ');
        rights(out, *granted);
    }
    out.extend_from_slice(b"\r\n");
}

/// `* LISTRIGHTS` (RFC 4314 §3.7): what the identifier always has; what it can be granted, each
/// right by itself.
pub fn list_rights(
    out: &mut Vec<u8>,
    mailbox: &MailboxName,
    identifier: &str,
    required: Rights,
    spelling: Spelling,
) {
    head(out, "LISTRIGHTS", mailbox, spelling);
    out.push(b' ');
    astring(out, identifier.as_bytes());
    out.push(b' ');
    rights(out, required);
    for letter in letters(Rights::ALL.difference(required)).chars() {
        out.push(b' ');
        out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// `* MYRIGHTS` (RFC 4314 §3.8).
pub fn my_rights(out: &mut Vec<u8>, mailbox: &MailboxName, mine: Rights, spelling: Spelling) {
    head(out, "MYRIGHTS", mailbox, spelling);
    out.push(b' ');
    rights(out, mine);
    out.extend_from_slice(b"\r\n");
}

fn head(out: &mut Vec<u8>, word: &str, mailbox: &MailboxName, spelling: Spelling) {
    out.extend_from_slice(format!("* {word} ").as_bytes());
    render_mailbox_name(out, mailbox, spelling);
}

fn rights(out: &mut Vec<u8>, rights: Rights) {
    astring(out, letters(rights).as_bytes());
}

/// With the letters that RFC 2086 had: `c` if mailboxes can be made or removed, `d` if messages
/// can be removed (RFC 4314 §2.1.1).
fn letters(rights: Rights) -> String {
    let mut letters = rights.to_string();
    if rights.has_any(&[Right::Create, Right::Delete]) {
        letters.push('c');
    }
    if rights.has_any(&[Right::DeleteMessages, Right::Expunge]) {
        letters.push('d');
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_of_rfc_2086_understand() {
        let check = |text: &str, expected: &str| {
            assert_eq!(letters(Rights::parse(text).unwrap()), expected);
        };
        check("", "");
        check("lrs", "lrs");
        // RFC 4314 §2.1.1, the examples.
        check("lrswida", "lrswitead");
        check("lrswikda", "lrswikteacd");
        check("x", "xc");
        check("e", "ed");
    }

    #[test]
    fn required_and_possible_rights() {
        let check = |required: Rights, expected: &str| {
            let mut out = Vec::new();
            let inbox = MailboxName::inbox();
            list_rights(&mut out, &inbox, "smith", required, Spelling::Utf7);
            assert_eq!(String::from_utf8(out).unwrap(), format!("* LISTRIGHTS {expected}\r\n"));
        };
        check(Rights::NONE, "\"INBOX\" smith \"\" l r s w i p k x t e a c d");
        check(Rights::ALL, "\"INBOX\" smith lrswipkxteacd");
    }
}
