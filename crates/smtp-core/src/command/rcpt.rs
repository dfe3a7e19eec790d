//! The argument of RCPT.

use mail_types::{ForwardPath, Malformed, Notify, OriginalRecipient};

use super::{parameter, path, unitext::decode_unitext, xtext::decode_xtext};
use crate::reply::PeerError;

/// `RCPT TO:<forward-path> [parameters]` (RFC 5321 §4.1.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RcptTo {
    /// Where the message is to go.
    pub forward_path: ForwardPath,
    /// NOTIFY (RFC 3461 §4.1).
    pub notify: Option<Notify>,
    /// ORCPT (RFC 3461 §4.2).
    pub original: Option<OriginalRecipient>,
}

impl RcptTo {
    /// The longest ORCPT (RFC 3461 §5.4).
    pub const ORCPT_OCTETS: usize = 500;

    /// Parses what stands behind `RCPT`; non-ASCII addresses only in a transaction with SMTPUTF8.
    pub fn parse(argument: &str, smtputf8: bool) -> Result<Self, PeerError> {
        const USAGE: PeerError = PeerError::Syntax("RCPT TO:<address> [parameters]");
        let (word, text) = argument.split_once(':').ok_or(USAGE)?;
        if !word.trim_end().eq_ignore_ascii_case("TO") {
            return Err(USAGE);
        }
        let (address, rest) = path::split(text.trim_start()).map_err(PeerError::BadRecipient)?;
        if address.is_empty() {
            return Err(PeerError::BadRecipient(Malformed("the recipient is empty")));
        }
        if !smtputf8 && !address.is_ascii() {
            return Err(PeerError::NeedsSmtpUtf8);
        }
        let forward_path = ForwardPath::parse(address).map_err(PeerError::BadRecipient)?;
        let (mut notify, mut original) = (None, None);
        for parameter in parameter::all(rest) {
            if parameter.is("NOTIFY") {
                parameter.set(&mut notify, "NOTIFY", parse_notify)?;
            } else if parameter.is("ORCPT") {
                parameter.set(&mut original, "ORCPT", parse_original)?;
            } else {
                return Err(PeerError::UnknownParameter);
            }
        }
        Ok(Self { forward_path, notify, original })
    }
}

/// `"NEVER" / 1#notify-list-element` (RFC 3461 §4.1).
fn parse_notify(value: &str) -> Option<Notify> {
    let mut notify = Notify::NEVER;
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(notify);
    }
    for word in value.split(',') {
        let kinds = [
            ("SUCCESS", &mut notify.success),
            ("FAILURE", &mut notify.failure),
            ("DELAY", &mut notify.delay),
        ];
        *kinds.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word))?.1 = true;
    }
    Some(notify)
}

/// `addr-type ";" xtext` (RFC 3461 §4.2), but for the type `utf-8` (RFC 6533 §3).
fn parse_original(value: &str) -> Option<OriginalRecipient> {
    if value.len() > RcptTo::ORCPT_OCTETS {
        return None;
    }
    let (addr_type, address) = value.split_once(';')?;
    let decoded = if addr_type.eq_ignore_ascii_case("utf-8") {
        decode_unitext(address)
    } else {
        decode_xtext(address)
    };
    OriginalRecipient::new(addr_type, &decoded?).ok()
}

#[cfg(test)]
mod tests {
    use mail_types::Address;

    use super::*;

    fn check(argument: &str, expected: Result<RcptTo, PeerError>) {
        assert_eq!(RcptTo::parse(argument, false), expected, "{argument}");
    }

    fn plain(address: &str) -> RcptTo {
        let forward_path = ForwardPath::parse(address).unwrap();
        RcptTo { forward_path, notify: None, original: None }
    }

    #[test]
    fn reads_the_path() {
        check("TO:<a@example.org>", Ok(plain("a@example.org")));
        check("TO: <POSTMASTER>", Ok(plain("postmaster")));
        check("to:<@relay.example:a@example.org>", Ok(plain("a@example.org")));
        let bad = |why| Err(PeerError::BadRecipient(Malformed(why)));
        check("TO:<>", bad("the recipient is empty"));
        check("TO:<a@>", bad("the domain is empty"));
        check("TO:<\u{e4}@example.org>", Err(PeerError::NeedsSmtpUtf8));
        let path = ForwardPath::Address(Address::parse("\u{e4}@example.org").unwrap());
        let parsed = RcptTo::parse("TO:<\u{e4}@example.org>", true).unwrap();
        assert_eq!(parsed.forward_path, path, "RFC 6531 §3.3");
    }

    #[test]
    fn reads_parameters() {
        let with = |parameters: &str| format!("TO:<a@example.org> {parameters}");
        let notify = |notify| RcptTo { notify: Some(notify), ..plain("a@example.org") };
        check(&with("NOTIFY=never"), Ok(notify(Notify::NEVER)));
        let some = Notify { success: true, failure: false, delay: true };
        check(&with("NOTIFY=SUCCESS,DELAY"), Ok(notify(some)));
        check(&with("NOTIFY=SUCCESS,NEVER"), Err(PeerError::BadParameter("NOTIFY")));
        let original = OriginalRecipient::new("rfc822", "b+c@example.org").ok();
        check(
            &with("ORCPT=rfc822;b+2Bc@example.org"),
            Ok(RcptTo { original, ..plain("a@example.org") }),
        );
        let original = OriginalRecipient::new("utf-8", "\u{e4}@example.org").ok();
        check(
            &with("ORCPT=UTF-8;\\x{E4}@example.org"),
            Ok(RcptTo { original, ..plain("a@example.org") }),
        );
        let long = format!("ORCPT=rfc822;{}@example.org", "a".repeat(500));
        check(&with(&long), Err(PeerError::BadParameter("ORCPT")));
        check(&with("ORCPT=b@example.org"), Err(PeerError::BadParameter("ORCPT")));
        check(&with("RRVS=1"), Err(PeerError::UnknownParameter));
    }
}
