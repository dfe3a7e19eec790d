//! DIGEST-MD5 (RFC 2831), authentication only: integrity and privacy are TLS's.
//!
//! Historic since RFC 6331, and still what some devices speak.

mod directives;

use std::fmt;

use mail_types::Secret;
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

pub(crate) use directives::{Directives, quoted};

use crate::{LastWord, Service, challenge::to_hex, server::ExchangeError};

/// RFC 2831 §2.1.2: a response is shorter.
const RESPONSE_MAX: usize = 4096;
/// The first use of a nonce, and here the only one.
const FIRST: &[u8] = b"00000001";

/// What DIGEST-MD5 needs of a password, for one spelling of the name and one realm:
/// `H( { username-value, ":", realm-value, ":", passwd } )` (RFC 2831 §2.1.2.1). Whoever has it
/// can sign in by DIGEST-MD5: it must be kept sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct DigestSecret {
    /// The name as the client spells it.
    pub name: String,
    /// The realm that the client names; empty for none.
    pub realm: String,
    /// The digest.
    pub digest: [u8; 16],
}

impl DigestSecret {
    /// Of a password, which is prepared first.
    pub fn new(name: &str, realm: &str, password: &Secret) -> Self {
        let password = crate::prepare_secret(password);
        let passwd = match password.reveal_str() {
            Some(text) => Secret::new(latin_1(text)),
            None => password,
        };
        let parts: [&[u8]; 5] = [&latin_1(name), b":", &latin_1(realm), b":", passwd.reveal()];
        Self { name: name.to_owned(), realm: realm.to_owned(), digest: md5(&parts) }
    }
}

impl fmt::Debug for DigestSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestSecret").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The server's challenge. What RFC 2831 §2.1.1 has bare is sent bare: clients compare it to the
/// letter.
pub(crate) fn challenge(realm: &str, nonce: &str) -> Vec<u8> {
    let realm = quoted(realm.as_bytes());
    format!("realm={realm},nonce=\"{nonce}\",qop=\"auth\",charset=utf-8,algorithm=md5-sess").into()
}

/// What the digests of both sides are made of, after the password.
#[derive(Debug, Clone)]
pub(crate) struct Exchanged {
    pub(crate) nonce: Vec<u8>,
    pub(crate) cnonce: Vec<u8>,
    pub(crate) uri: Vec<u8>,
    pub(crate) authorization: Option<Vec<u8>>,
}

impl Exchanged {
    /// The response-value (RFC 2831 §2.1.2.1); of the server with an empty method (§2.1.3).
    pub(crate) fn response(&self, secret: &[u8; 16], method: &str) -> String {
        let mut a1: Vec<&[u8]> = vec![secret, b":", &self.nonce, b":", &self.cnonce];
        if let Some(authorization) = &self.authorization {
            a1.extend([&b":"[..], authorization]);
        }
        let a1 = to_hex(&md5(&a1));
        let a2 = to_hex(&md5(&[method.as_bytes(), b":", &self.uri]));
        let all: [&[u8]; 11] = [
            a1.as_bytes(),
            b":",
            &self.nonce,
            b":",
            FIRST,
            b":",
            &self.cnonce,
            b":",
            b"auth",
            b":",
            a2.as_bytes(),
        ];
        to_hex(&md5(&all))
    }
}

/// What the client says to be asked of `AUTHENTICATE`.
pub(crate) const CLIENT: &str = "AUTHENTICATE";
/// The server proves itself with no method.
pub(crate) const SERVER: &str = "";

/// What a client answered to a challenge of DIGEST-MD5.
#[derive(Debug, Clone)]
pub struct DigestClaim {
    /// Whom the client wants to act as, if it says so.
    pub authorization: Option<String>,
    /// Whose password it is, spelt as the client spells it; not empty.
    pub authentication: String,
    /// The realm that the client names; empty for none.
    pub realm: String,
    exchanged: Exchanged,
    response: Vec<u8>,
}

impl DigestClaim {
    /// Whether the client knows the password; then with the server's own proof (RFC 2831 §2.1.3).
    /// One of the secrets must be of the client's spelling and realm.
    pub fn check(&self, secrets: &[DigestSecret]) -> Option<LastWord> {
        let fits = |secret: &&DigestSecret| {
            secret.name == self.authentication && secret.realm == self.realm
        };
        let secret = secrets.iter().find(fits)?;
        let expected = self.exchanged.response(&secret.digest, CLIENT);
        if !bool::from(expected.as_bytes().ct_eq(&self.response)) {
            return None;
        }
        let rspauth = self.exchanged.response(&secret.digest, SERVER);
        Some(LastWord::new(format!("rspauth={rspauth}")))
    }

    /// A digest-response (RFC 2831 §2.1.2) to a challenge with this nonce.
    pub(crate) fn parse(
        nonce: &str,
        service: Service,
        response: &[u8],
    ) -> Result<Self, ExchangeError> {
        if response.len() >= RESPONSE_MAX {
            return Err(ExchangeError::TooLong);
        }
        let all = Directives::parse(response)?;
        let needed = |name| all.get(name).ok_or(ExchangeError::Malformed);
        let utf_8 = match all.get("charset") {
            None => false,
            Some(charset) if charset.eq_ignore_ascii_case(b"utf-8") => true,
            Some(_) => return Err(ExchangeError::Malformed),
        };
        let text = |bytes: &[u8]| {
            if utf_8 {
                utf_8_text(bytes)
            } else {
                Ok(bytes.iter().map(|b| char::from(*b)).collect())
            }
        };
        let authentication: String = text(needed("username")?)?;
        let realm = all.get("realm").map_or(Ok(String::new()), text)?;
        let uri = needed("digest-uri")?;
        let qop = all.get("qop").unwrap_or(b"auth");
        let prefix = uri.split(|byte| *byte == b'/').next().unwrap_or_default();
        if authentication.is_empty()
            || needed("nonce")? != nonce.as_bytes()
            || needed("nc")? != FIRST
            || !qop.eq_ignore_ascii_case(b"auth")
            // The host may be called by any of its names; the service has one (RFC 2831 §2.1.2).
            || !prefix.eq_ignore_ascii_case(service.name().as_bytes())
        {
            return Err(ExchangeError::Malformed);
        }
        let authorization = all.get("authzid");
        let exchanged = Exchanged {
            nonce: nonce.into(),
            cnonce: needed("cnonce")?.to_vec(),
            uri: uri.to_vec(),
            authorization: authorization.map(<[u8]>::to_vec),
        };
        // RFC 2831 §2.1.2: UTF-8 whatever the charset.
        let authorization = authorization.map(utf_8_text).transpose()?;
        let response = needed("response")?.to_ascii_lowercase();
        let authorization = authorization.filter(|name| !name.is_empty());
        Ok(Self { authorization, authentication, realm, exchanged, response })
    }
}

fn utf_8_text(bytes: &[u8]) -> Result<String, ExchangeError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| ExchangeError::Malformed)
}

/// ISO 8859-1 if it has all the characters, UTF-8 otherwise (RFC 2831 §2.1.2.1).
fn latin_1(text: &str) -> Vec<u8> {
    let narrow: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    narrow.unwrap_or_else(|| text.into())
}

fn md5(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Md5::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2831 §4: both examples, with their password.
    #[test]
    fn the_examples_of_the_document() {
        for (service, nonce, cnonce, response, rspauth) in [
            (
                "imap",
                "OA6MG9tEQGm2hh",
                "OA6MHXh6VqTrRk",
                "d388dad90d4bbd760a152321f2143af7",
                "ea40f60335c427b5527b84dbabcdfffd",
            ),
            (
                "acap",
                "OA9BSXrbuRhWay",
                "OA9BSuZWMSpW8m",
                "6084c6db3fede7352c551284490fd0fc",
                "2f0b3d7c3c2e486600ef710726aa2eae",
            ),
        ] {
            let exchanged = Exchanged {
                nonce: nonce.into(),
                cnonce: cnonce.into(),
                uri: format!("{service}/elwood.innosoft.com").into(),
                authorization: None,
            };
            let secret = DigestSecret::new("chris", "elwood.innosoft.com", &Secret::new("secret"));
            assert_eq!(exchanged.response(&secret.digest, CLIENT), response);
            assert_eq!(exchanged.response(&secret.digest, SERVER), rspauth);
        }
    }

    fn example(change: (&str, &str)) -> Result<DigestClaim, ExchangeError> {
        let response = "charset=utf-8,username=\"chris\",realm=\"elwood.innosoft.com\",\
                        nonce=\"OA6MG9tEQGm2hh\",nc=00000001,cnonce=\"OA6MHXh6VqTrRk\",\
                        digest-uri=\"imap/elwood.innosoft.com\",\
                        response=d388dad90d4bbd760a152321f2143af7,qop=auth";
        let changed = response.replace(change.0, change.1);
        DigestClaim::parse("OA6MG9tEQGm2hh", Service::Imap, changed.as_bytes())
    }

    #[test]
    fn responses() {
        let secret = DigestSecret::new("chris", "elwood.innosoft.com", &Secret::new("secret"));
        let proved = |claim: &DigestClaim| claim.check(std::slice::from_ref(&secret));
        let claim = example(("", "")).unwrap();
        let last = proved(&claim).unwrap();
        assert_eq!(last.as_bytes(), b"rspauth=ea40f60335c427b5527b84dbabcdfffd");
        assert!(claim.check(&[]).is_none());
        // Bare or quoted, in capitals, spaced: the same.
        for change in [
            ("qop=auth", "qop=\"auth\""),
            ("nc=00000001", "nc=\"00000001\""),
            ("d388dad90d4b", "D388DAD90D4B"),
            (",nonce", " , ,nonce"),
            ("charset=utf-8,", ""),
            ("username", "USERNAME"),
            (",qop=auth", ""),
            (",qop=auth", ",maxbuf=65536,x-new=\"a\\\"b\""),
        ] {
            assert!(proved(&example(change).unwrap()).is_some(), "{change:?}");
        }
        // Another name, realm or digest: understood, and not proved.
        for change in [
            ("\"chris\"", "\"Chris\""),
            ("realm=\"elwood.innosoft.com\"", "realm=\"\""),
            ("realm=\"elwood.innosoft.com\",", ""),
            ("d388", "d387"),
            (",qop=auth", ",qop=auth,authzid=\"x\""),
        ] {
            assert!(proved(&example(change).unwrap()).is_none(), "{change:?}");
        }
        for change in [
            ("nc=00000001", "nc=00000002"),
            ("qop=auth", "qop=auth-int"),
            ("OA6MG9tEQGm2hh", "another"),
            ("imap/", "smtp/"),
            ("charset=utf-8", "charset=utf-16"),
            ("username=\"chris\",", ""),
            ("username=\"chris\"", "username=\"\""),
            (",qop=auth", ",qop=auth,qop=auth"),
            ("cnonce=\"OA6MHXh6VqTrRk\",", ""),
            (",qop=auth", ",qop"),
            (",qop=auth", ",x=\"open"),
        ] {
            assert!(example(change).is_err(), "{change:?}");
        }
    }

    /// RFC 2831 §2.1.2.1: the same digest whatever charset the client used, if ISO 8859-1 suffices.
    #[test]
    fn charsets() {
        let password = Secret::new("p\u{e4}ss");
        let secret = DigestSecret::new("\u{fc}", "r", &password);
        let [utf_8, latin]: [&[u8]; 2] =
            [b"charset=utf-8,username=\"\xc3\xbc\"", b"username=\"\xfc\""];
        for name in [utf_8, latin] {
            let rest =
                b",realm=\"r\",nonce=\"n\",nc=00000001,cnonce=\"c\",digest-uri=\"pop/h\",response=";
            let exchanged = Exchanged {
                nonce: b"n".to_vec(),
                cnonce: b"c".to_vec(),
                uri: b"pop/h".to_vec(),
                authorization: None,
            };
            let answer = exchanged.response(&secret.digest, CLIENT);
            let all = [name, rest, answer.as_bytes()].concat();
            let claim = DigestClaim::parse("n", Service::Pop, &all).unwrap();
            assert!(claim.check(std::slice::from_ref(&secret)).is_some());
        }
        assert_eq!(latin_1("\u{fc}"), b"\xfc");
        assert_eq!(latin_1("한"), "한".as_bytes());
    }
}
