//! DIGEST-MD5 on the client's side (RFC 2831 §2.1).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mail_types::Secret;
use subtle::ConstantTimeEq;

use super::Credentials;
use crate::{
    DigestSecret, Service,
    digest::{CLIENT, Directives, Exchanged, SERVER, quoted},
    server::Nonce,
};

/// We have shown our proof.
#[derive(Debug)]
pub(super) struct DigestAnswered {
    /// The server's proof, if it knows the password.
    expected: String,
}

/// Answers the server's challenge; nothing if it is not one that we can answer.
pub(super) fn answer(
    credentials: &Credentials,
    challenge: &[u8],
    (host, service, cnonce): (&str, Service, &Nonce),
) -> Option<(Secret, DigestAnswered)> {
    let all = Directives::parse(challenge).ok()?;
    let nonce = all.get("nonce")?;
    let token = |list: &[u8], wanted: &str| {
        let mut tokens = list.split(|byte| matches!(byte, b',' | b' '));
        tokens.any(|token| token.eq_ignore_ascii_case(wanted.as_bytes()))
    };
    let algorithm = all.get("algorithm").is_some_and(|it| it.eq_ignore_ascii_case(b"md5-sess"));
    let qop = all.get("qop").is_none_or(|list| token(list, "auth"));
    if !algorithm || !qop {
        return None;
    }
    let utf_8 = all.get("charset").is_some_and(|it| it.eq_ignore_ascii_case(b"utf-8"));
    let Credentials { name, password } = credentials;
    if !utf_8 && !name.is_ascii() {
        // The name would have to be spelt in ISO 8859-1, which such a server says nothing about.
        return None;
    }
    let realm = all.get("realm").map(String::from_utf8_lossy);
    let cnonce = STANDARD.encode(cnonce);
    let uri = format!("{}/{host}", service.name());
    let exchanged = Exchanged {
        nonce: nonce.to_vec(),
        cnonce: cnonce.clone().into(),
        uri: uri.clone().into(),
        authorization: None,
    };
    let secret = DigestSecret::new(name, realm.as_deref().unwrap_or_default(), password);
    let charset = if utf_8 { "charset=utf-8," } else { "" };
    let realm = realm.map(|realm| format!("realm={},", quoted(realm.as_bytes())));
    let response = format!(
        "{charset}username={},{}nonce={},nc=00000001,cnonce=\"{cnonce}\",digest-uri=\"{uri}\",\
         response={},qop=auth",
        quoted(name.as_bytes()),
        realm.unwrap_or_default(),
        quoted(nonce),
        exchanged.response(&secret.digest, CLIENT),
    );
    let expected = format!("rspauth={}", exchanged.response(&secret.digest, SERVER));
    Some((Secret::new(response), DigestAnswered { expected }))
}

impl DigestAnswered {
    /// `response-auth`: whether the server knows the password as well.
    pub(super) fn is_proof(&self, challenge: &[u8]) -> bool {
        let Ok(all) = Directives::parse(challenge) else { return false };
        let said = all.get("rspauth").unwrap_or_default();
        let expected = self.expected.strip_prefix("rspauth=").unwrap_or_default();
        said.ct_eq(expected.as_bytes()).into()
    }
}
