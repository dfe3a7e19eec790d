//! URLs that say who may read what they mean, and what proves it (RFC 4467 §3, RFC 5092 §6.1).
//!
//! A proof is calculated of the octets before it as they stand: nothing here decodes or folds them.
//! Keys and tokens are not made here. What an attacker controls is all of a URL.

use mail_types::Timestamp;
use mime_core::header::date::civil_midnight;

use super::{MessageUrl, decoded, split};

/// Octets of a token's shortest spelling (RFC 4467 §9 `enc-urlauth`).
const TOKEN_MIN: usize = 32;

/// A URL that says who may read what it means, and what proves it (RFC 4467 §3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuthorizedUrl {
    /// Whose mailbox names it has, and whose key proves it.
    pub user: String,
    /// What it means.
    pub message: MessageUrl,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// Who may use it.
    pub access: UrlAccess,
    /// All before the proof, which it is calculated of, to the letter (RFC 4467 §6).
    pub rump: Box<str>,
    /// The proof, unless it is still to be made.
    pub proof: Option<UrlProof>,
}

/// The access identifier (RFC 4467 §3). Those of other services (RFC 5593) are none here: nobody is
/// known who offers them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UrlAccess {
    /// `submit+`: a message submission server, for this user, which it looks at itself.
    Submit(String),
    /// `user+`: this user.
    User(String),
    /// `authuser`: whoever is signed in by name.
    AnyUser,
    /// `anonymous`: everybody.
    Anyone,
}

/// What proves that a URL was authorized.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UrlProof {
    /// How it was calculated.
    pub mechanism: Box<str>,
    /// Hexadecimal digits.
    pub token: Box<str>,
}

impl AuthorizedUrl {
    /// Parses `authimapurlfull / authimapurlrump` (RFC 5092 §11): an absolute URL of a message, with
    /// its user. Which server it names says nothing here: one server has many names.
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, _) = url.split_at_checked("imap://".len())?;
        if !scheme.eq_ignore_ascii_case("imap://") {
            return None;
        }
        let path = url.get(scheme.len()..)?.find('/')?.checked_add(scheme.len())?;
        let user = user_of(url.get(scheme.len()..path)?)?;
        let (message, authorization) = split(url.get(path..)?, ";URLAUTH=")?;
        let (message, expires) = match split(message, ";EXPIRE=") {
            Some((message, end)) => (message, Some(date_time(end)?)),
            None => (message, None),
        };
        let (access, proof) = match authorization.split_once(':') {
            Some((access, proof)) => (access, Some(UrlProof::parse(proof)?)),
            None => (authorization, None),
        };
        let rump_length = url.len() - authorization.len() + access.len();
        Some(Self {
            user,
            message: MessageUrl::parse(message)?,
            expires,
            access: UrlAccess::parse(access)?,
            rump: url.get(..rump_length)?.into(),
            proof,
        })
    }
}

impl UrlProof {
    /// `uauth-mechanism ":" enc-urlauth`
    fn parse(text: &str) -> Option<Self> {
        let (mechanism, token) = text.split_once(':')?;
        let is_token = token.len() >= TOKEN_MIN && token.bytes().all(|b| b.is_ascii_hexdigit());
        let is_proof = is_url_mechanism(mechanism.as_bytes()) && is_token;
        is_proof.then(|| Self { mechanism: mechanism.into(), token: token.into() })
    }

    /// What stands behind the rump.
    pub fn render(&self) -> String {
        format!(":{}:{}", self.mechanism, self.token)
    }
}

impl UrlAccess {
    fn parse(text: &str) -> Option<Self> {
        let word = text.to_ascii_lowercase();
        let user = |prefix: &str| {
            let user = word.starts_with(prefix).then(|| text.get(prefix.len()..))??;
            enc_user(user)
        };
        Some(match word.as_str() {
            "authuser" => Self::AnyUser,
            "anonymous" => Self::Anyone,
            _ => match user("submit+") {
                Some(user) => Self::Submit(user),
                None => Self::User(user("user+")?),
            },
        })
    }
}

/// `mechanism = "INTERNAL" / 1*(ALPHA / DIGIT / "-" / ".")` (RFC 4467 §9)
pub(crate) fn is_url_mechanism(text: &[u8]) -> bool {
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    !text.is_empty() && text.iter().all(allowed)
}

/// The user of `iserver = [iuserinfo "@"] host [":" port]`; who has to be there (RFC 4467 §7).
fn user_of(server: &str) -> Option<String> {
    let (user, host) = server.rsplit_once('@')?;
    let (user, auth) = match split(user, ";AUTH=") {
        Some((user, auth)) => (user, Some(auth)),
        None => (user, None),
    };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (host, ""),
    };
    let in_host = |b: u8| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,=[]:".contains(&b);
    let is_server = !name.is_empty()
        && name.bytes().all(in_host)
        && port.bytes().all(|b| b.is_ascii_digit())
        && auth.is_none_or(|auth| enc_user(auth).is_some());
    is_server.then(|| enc_user(user)).flatten()
}

/// `enc-user = 1*achar` (RFC 5092 §11)
fn enc_user(text: &str) -> Option<String> {
    let is_achar = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$'()*+,%&=".contains(&b);
    (!text.is_empty() && text.bytes().all(is_achar)).then(|| decoded(text)).flatten()
}

/// `date-time` (RFC 3339 §5.6)
fn date_time(text: &str) -> Option<Timestamp> {
    let digits = |from: usize, to: usize| -> Option<u32> {
        let text = text.get(from..to)?;
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    };
    let octet = |at: usize| text.as_bytes().get(at).map(u8::to_ascii_uppercase);
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if marks.iter().any(|(at, mark)| octet(*at) != Some(*mark)) {
        return None;
    }
    let small = |from: usize| digits(from, from + 2).and_then(|number| u8::try_from(number).ok());
    let midnight = civil_midnight(digits(0, 4)?.into(), small(5)?, small(8)?)?;
    let (hour, minute, second) = (small(11)?, small(14)?, small(17)?);
    let fraction = match octet(19) {
        Some(b'.') => {
            text.bytes().skip(20).take_while(u8::is_ascii_digit).count().checked_add(1)?
        }
        _ => 0,
    };
    let zone = 19_usize.checked_add(fraction)?;
    let offset_minutes = match octet(zone)? {
        b'Z' if text.len() == zone + 1 => 0,
        sign @ (b'+' | b'-') if text.len() == zone + 6 && octet(zone + 3) == Some(b':') => {
            let (hours, minutes) = (small(zone + 1)?, small(zone + 4)?);
            let ahead = i64::from(hours) * 60 + i64::from(minutes);
            let fits = hours < 24 && minutes < 60;
            fits.then_some(if sign == b'+' { ahead } else { -ahead })?
        }
        _ => return None,
    };
    // A leap second is the second before.
    let fits = hour < 24 && minute < 60 && second <= 60 && fraction != 1;
    let seconds = (i64::from(hour) * 60 + i64::from(minute) - offset_minutes) * 60;
    let at = midnight.secs().checked_add(seconds)?.checked_add(second.min(59).into())?;
    fits.then_some(Timestamp::from_secs(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "91354a473744909de610943775f92038";

    fn parsed(url: &str) -> AuthorizedUrl {
        AuthorizedUrl::parse(url).unwrap_or_else(|| panic!("{url}"))
    }

    #[test]
    fn who_may_read_what() {
        // RFC 4467 §7, GENURLAUTH.
        let rump = "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred";
        let url = parsed(rump);
        assert_eq!((&*url.user, &*url.rump, &url.proof), ("joe", rump, &None));
        assert_eq!(url.access, UrlAccess::Submit("fred".to_owned()));
        assert_eq!((url.message.uid.number(), &*url.message.section.path), (20, &[1, 2][..]));
        let full = parsed(&format!("{rump}:internal:{TOKEN}"));
        let proof = UrlProof { mechanism: "internal".into(), token: TOKEN.into() };
        assert_eq!((&*full.rump, full.proof.as_ref()), (rump, Some(&proof)));
        assert_eq!(format!("{}{}", full.rump, proof.render()), format!("{rump}:internal:{TOKEN}"));
        let url = parsed(
            "IMAP://alice%40example.org;AUTH=*@[::1]:143/a%20b;UIDVALIDITY=7/;UID=1/;PARTIAL=5;\
             EXPIRE=2026-11-22T19:00:30.5+01:00;URLAUTH=USER+b%C3%B6b",
        );
        assert_eq!((&*url.user, url.message.mailbox.as_str()), ("alice@example.org", "a b"));
        assert_eq!(url.access, UrlAccess::User("b\u{f6}b".to_owned()));
        assert_eq!(url.expires, Some(Timestamp::from_secs(1_795_370_430)));
        let access = |word: &str| parsed(&format!("imap://a@h/x/;UID=1;URLAUTH={word}")).access;
        assert_eq!(
            (access("AuthUser"), access("ANONYMOUS")),
            (UrlAccess::AnyUser, UrlAccess::Anyone)
        );
    }

    #[test]
    fn what_gives_no_leave() {
        for url in [
            "",
            "imap://",
            "/INBOX/;UID=1;URLAUTH=anonymous",
            "http://a@h/x/;UID=1;URLAUTH=anonymous",
            "imap://h/x/;UID=1;URLAUTH=anonymous",
            "imap://@h/x/;UID=1;URLAUTH=anonymous",
            "imap://;AUTH=*@h/x/;UID=1;URLAUTH=anonymous",
            "imap://a;b@h/x/;UID=1;URLAUTH=anonymous",
            "imap://a@b@h/x/;UID=1;URLAUTH=anonymous",
            "imap://a@/x/;UID=1;URLAUTH=anonymous",
            "imap://a@h:x/x/;UID=1;URLAUTH=anonymous",
            "imap://a@h/x/;UID=1",
            "imap://a@h/x;URLAUTH=anonymous",
            "imap://a@h/;URLAUTH=anonymous",
            "imap://a@h/x?ALL;URLAUTH=anonymous",
            "imap://a@h/x/;UID=1;URLAUTH=",
            "imap://a@h/x/;UID=1;URLAUTH=nobody",
            // RFC 5593 §3.3.
            "imap://a@h/x/;UID=1;URLAUTH=stream",
            "imap://a@h/x/;UID=1;URLAUTH=user+",
            "imap://a@h/x/;UID=1;URLAUTH=user+a;b",
            "imap://a@h/x/;UID=1;URLAUTH=user+%zz",
            "imap://a@h/x/;UID=1;URLAUTH=anonymous:",
            "imap://a@h/x/;UID=1;URLAUTH=anonymous:INTERNAL",
            "imap://a@h/x/;UID=1;URLAUTH=anonymous:INTERNAL:91354a473744909de610943775f9203",
            "imap://a@h/x/;UID=1;URLAUTH=anonymous:INTERNAL:x1354a473744909de610943775f920381",
            "imap://a@h/x/;UID=1;URLAUTH=anonymous::91354a473744909de610943775f92038",
            "imap://a@h/x/;UID=1;URLAUTH=anonymous;EXPIRE=2026-11-22T19:00:30Z",
        ] {
            assert_eq!(AuthorizedUrl::parse(url), None, "{url}");
        }
        assert_eq!(AuthorizedUrl::parse("imap:\u{20ac}/"), None);
    }

    #[test]
    fn when_it_ends() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01t00:00:01.25z", 1),
            // RFC 3339 §5.8.
            ("1985-04-12T23:20:50.52Z", 482_196_050),
            ("1996-12-19T16:39:57-08:00", 851_042_397),
            ("1990-12-31T23:59:60Z", 662_687_999),
        ] {
            assert_eq!(date_time(text), Some(Timestamp::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "1985-04-12",
            "1985-04-12T23:20:50",
            "1985-04-12T23:20:50.Z",
            "1985-04-12 23:20:50Z",
            "1985-02-30T23:20:50Z",
            "1985-04-12T24:00:00Z",
            "1985-04-12T23:60:00Z",
            "1985-04-12T23:20:61Z",
            "1985-04-12T23:20:50+24:00",
            "1985-04-12T23:20:50+0100",
            "1985-04-12T23:20:50+01:00x",
            "1985-04-12T23:20:50Zx",
            "+985-04-12T23:20:50Z",
        ] {
            assert_eq!(date_time(text), None, "{text}");
        }
    }
}
