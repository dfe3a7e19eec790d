//! IMAP URLs that mean a message: of the account that is signed in (RFC 5092 §6, §7.1), and of any
//! account, with leave to read it (RFC 4467 §3).

mod authorized;

use mail_types::{MailboxName, Uid, UidValidity};

pub(crate) use authorized::is_url_mechanism;
pub use authorized::{AuthorizedUrl, UrlAccess, UrlProof};

use crate::{
    command::{Partial, Section},
    parse,
};

/// A message, or a part of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageUrl {
    /// Where it is.
    pub mailbox: MailboxName,
    /// The epoch of its UID, if that is told.
    pub uid_validity: Option<UidValidity>,
    /// Which it is.
    pub uid: Uid,
    /// Which part of it.
    pub section: Section,
    /// Which octets of that.
    pub partial: Option<Partial>,
}

impl MessageUrl {
    /// Parses `"/" imailbox-ref iuid [isection] [ipartial]`. Everything else that can be a URL is
    /// none here: those with a scheme or a server, lists of messages, authorized ones
    /// (RFC 4469 §3), and those that begin with no slash (RFC 5092 §7.2).
    pub fn parse(url: &str) -> Option<Self> {
        let path = url.strip_prefix('/').filter(|path| !path.starts_with('/'))?;
        let (place, rest) = split(path, "/;UID=")?;
        let (mailbox, validity) = match split(place, ";UIDVALIDITY=") {
            Some((mailbox, validity)) => (mailbox, Some(UidValidity::new(number(validity)?)?)),
            None => (place, None),
        };
        let (rest, partial) = match split(rest, "/;PARTIAL=") {
            Some((rest, range)) => (rest, Some(partial(range)?)),
            None => (rest, None),
        };
        let (uid, section) = match split(rest, "/;SECTION=") {
            Some((_, "")) => return None,
            Some((uid, section)) => (uid, parse::section(&decoded(section)?)?),
            None => (rest, Section::default()),
        };
        Some(Self {
            mailbox: MailboxName::parse(&decoded(mailbox)?).ok()?,
            uid_validity: validity,
            uid: Uid::new(number(uid)?)?,
            section,
            partial,
        })
    }
}

/// What stands before and behind a word, in any case.
fn split<'u>(text: &'u str, word: &str) -> Option<(&'u str, &'u str)> {
    let place = text.to_ascii_uppercase().find(word)?;
    Some((text.get(..place)?, text.get(place.checked_add(word.len())?..)?))
}

/// `nz-number`
fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    plain.then(|| text.parse().ok()).flatten()
}

/// `partial-range = number ["." nz-number]`
fn partial(text: &str) -> Option<Partial> {
    let (origin, length) = match text.split_once('.') {
        Some((origin, length)) => (origin, number(length)?.into()),
        None => (text, u64::MAX),
    };
    let digits = !origin.is_empty() && origin.bytes().all(|b| b.is_ascii_digit());
    Some(Partial { origin: origin.parse().ok().filter(|_| digits)?, length })
}

/// What is percent-encoded, decoded; none if it is no text, or has what must be encoded.
fn decoded(text: &str) -> Option<String> {
    let (mut octets, mut rest) = (Vec::with_capacity(text.len()), text.bytes());
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => {
                let digit = |octet: u8| char::from(octet).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            b';' | b'?' | b'#' => return None,
            octet => octet,
        });
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::SectionOf;

    fn parsed(url: &str) -> MessageUrl {
        MessageUrl::parse(url).unwrap_or_else(|| panic!("{url}"))
    }

    #[test]
    fn messages_and_parts() {
        // RFC 4469 Appendix A, example 1.
        let url = parsed("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.MIME");
        assert_eq!((url.mailbox.as_str(), url.uid.number()), ("Drafts", 20));
        assert_eq!(url.uid_validity.map(UidValidity::number), Some(385_759_045));
        assert_eq!(url.section, Section { path: vec![1], of: SectionOf::Mime });
        // RFC 8508 §4.2.
        let url = parsed("/Drafts/;UID=3002");
        assert_eq!((url.uid_validity, url.partial), (None, None));
        assert_eq!(url.section, Section::default());
        let url = parsed(
            "/a%20b/%EB%B3%B4%ea%b4%80/;uid=1/;section=HEADER.FIELDS%20(TO%20CC)/;partial=5.10",
        );
        assert_eq!(url.mailbox.as_str(), "a b/\u{bcf4}\u{ad00}");
        assert!(matches!(url.section.of, SectionOf::HeaderFields(..)));
        assert_eq!(url.partial, Some(Partial { origin: 5, length: 10 }));
        assert_eq!(parsed("/x/;UID=1/;PARTIAL=7").partial.unwrap().length, u64::MAX);
        assert!(parsed("/inbox/;UID=1").mailbox.is_inbox());
    }

    #[test]
    fn what_means_no_message_here() {
        for url in [
            "",
            "/",
            "x",
            "/x",
            "x/;UID=1",
            ";UID=1",
            "//server/x/;UID=1",
            "imap://server/x/;UID=1",
            "/x?SUBJECT%20a",
            "/x/;UID=",
            "/x/;UID=0",
            "/x/;UID=01",
            "/x/;UID=1:2",
            "/x/;UID=4294967296",
            "/x/;UID=1;URLAUTH=anonymous",
            "/x/;UID=1/;SECTION=",
            "/x/;UID=1/;SECTION=0",
            "/x/;UID=1/;SECTION=1]",
            "/x/;UID=1/;SECTION=1/",
            "/x/;UID=1/;PARTIAL=",
            "/x/;UID=1/;PARTIAL=1.0",
            "/x;UIDVALIDITY=0/;UID=1",
            "/x%2/;UID=1",
            "/x%zz/;UID=1",
            "/%ff/;UID=1",
            "/a;b/;UID=1",
        ] {
            assert_eq!(MessageUrl::parse(url), None, "{url}");
        }
    }
}
