//! The four messages, taken apart (RFC 5802 §7). Whoever sends them controls every byte.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{server::ExchangeError, server::MAX_FIELD_OCTETS};

/// What the client thinks of channel binding: `gs2-cbind-flag`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BindingFlag {
    /// `n`: it has none.
    None,
    /// `y`: it has some, and thinks that the server has none.
    NotOffered,
    /// `p=`: this one.
    Used(String),
}

/// `client-first-message = gs2-header client-first-message-bare`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientFirst {
    pub(crate) header: String,
    pub(crate) flag: BindingFlag,
    pub(crate) authorization: Option<String>,
    pub(crate) bare: String,
    pub(crate) name: String,
    pub(crate) nonce: String,
}

impl ClientFirst {
    pub(crate) fn parse(message: &[u8]) -> Result<Self, ExchangeError> {
        let text = text(message)?;
        let mut parts = text.splitn(3, ',');
        let (Some(flag), Some(authorization), Some(bare)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(ExchangeError::Malformed);
        };
        let header = text.get(..text.len() - bare.len()).unwrap_or_default().to_owned();
        let flag = match flag {
            "n" => BindingFlag::None,
            "y" => BindingFlag::NotOffered,
            _ => BindingFlag::Used(attribute(flag, 'p')?.to_owned()),
        };
        let authorization = match authorization {
            "" => None,
            named => Some(unescaped(attribute(named, 'a')?)?),
        };
        let mut parts = bare.split(',');
        // RFC 5802 §5.1: `m=` announces a mandatory extension, and there is none that we know.
        let name = unescaped(attribute(parts.next().unwrap_or_default(), 'n')?)?;
        let nonce = nonce(parts.next().unwrap_or_default())?.to_owned();
        Ok(Self { header, flag, authorization, bare: bare.to_owned(), name, nonce })
    }
}

/// `server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count ["," extensions]`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServerFirst {
    pub(crate) nonce: String,
    pub(crate) salt: Vec<u8>,
    pub(crate) iterations: u32,
}

impl ServerFirst {
    pub(crate) fn parse(message: &[u8]) -> Result<Self, ExchangeError> {
        let mut parts = text(message)?.split(',');
        let nonce = nonce(parts.next().unwrap_or_default())?.to_owned();
        let salt = base64(attribute(parts.next().unwrap_or_default(), 's')?)?;
        let iterations = attribute(parts.next().unwrap_or_default(), 'i')?;
        let iterations = iterations.parse().map_err(|_| ExchangeError::Malformed)?;
        Ok(Self { nonce, salt, iterations })
    }
}

/// `client-final-message = channel-binding "," nonce ["," extensions] "," proof`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientFinal {
    pub(crate) without_proof: String,
    pub(crate) binding: Vec<u8>,
    pub(crate) nonce: String,
    pub(crate) proof: Vec<u8>,
}

impl ClientFinal {
    pub(crate) fn parse(message: &[u8]) -> Result<Self, ExchangeError> {
        let text = text(message)?;
        let (without_proof, proof) = text.rsplit_once(',').ok_or(ExchangeError::Malformed)?;
        let proof = base64(attribute(proof, 'p')?)?;
        let mut parts = without_proof.split(',');
        let binding = base64(attribute(parts.next().unwrap_or_default(), 'c')?)?;
        let nonce = nonce(parts.next().unwrap_or_default())?.to_owned();
        Ok(Self { without_proof: without_proof.to_owned(), binding, nonce, proof })
    }
}

/// `server-final-message = (server-error / verifier) ["," extensions]`: the signature.
pub(crate) fn server_signature(message: &[u8]) -> Result<Vec<u8>, ExchangeError> {
    let first = text(message)?.split(',').next().unwrap_or_default();
    base64(attribute(first, 'v')?)
}

/// A name as it stands in a message: `,` and `=` have another spelling there.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

fn unescaped(name: &str) -> Result<String, ExchangeError> {
    if name.is_empty() {
        return Err(ExchangeError::Malformed);
    }
    if name.len() > MAX_FIELD_OCTETS {
        return Err(ExchangeError::TooLong);
    }
    let mut pieces = name.split('=');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        // RFC 5802 §5.1: any other `=` fails the authentication.
        let (letter, rest) = match (piece.strip_prefix("2C"), piece.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(ExchangeError::Malformed),
        };
        plain.push(letter);
        plain.push_str(rest);
    }
    Ok(plain)
}

fn text(message: &[u8]) -> Result<&str, ExchangeError> {
    // Two names, a nonce and a proof: nothing honest is longer.
    if message.len() > 4 * MAX_FIELD_OCTETS {
        return Err(ExchangeError::TooLong);
    }
    match std::str::from_utf8(message) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(ExchangeError::Malformed),
    }
}

fn attribute(part: &str, letter: char) -> Result<&str, ExchangeError> {
    let value = part.strip_prefix(letter).and_then(|rest| rest.strip_prefix('='));
    value.filter(|value| !value.is_empty()).ok_or(ExchangeError::Malformed)
}

/// `r=`, printable characters but for the comma.
fn nonce(part: &str) -> Result<&str, ExchangeError> {
    let nonce = attribute(part, 'r')?;
    let printable = nonce.bytes().all(|byte| byte.is_ascii_graphic());
    if printable { Ok(nonce) } else { Err(ExchangeError::Malformed) }
}

fn base64(text: &str) -> Result<Vec<u8>, ExchangeError> {
    STANDARD.decode(text).map_err(|_| ExchangeError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_first_messages() {
        let check = |message: &str, expected: Option<(&str, Option<&str>, &str)>| {
            let parsed = ClientFirst::parse(message.as_bytes()).ok();
            let seen =
                parsed.as_ref().map(|m| (m.name.as_str(), m.authorization.as_deref(), &*m.nonce));
            assert_eq!(seen, expected, "{message}");
        };
        // RFC 5802 §5.
        check(
            "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
            Some(("user", None, "fyko+d2lbbFgONRv9qkxdawL")),
        );
        check("y,a=b,n=a,r=x", Some(("a", Some("b"), "x")));
        check("p=tls-exporter,,n=a,r=x,ext=1", Some(("a", None, "x")));
        // RFC 5802 §5.1.
        check("n,a=x=2Cy,n=a=3Db=2C,r=x", Some(("a=b,", Some("x,y"), "x")));
        for bad in [
            "",
            "n",
            "n,",
            "n,,",
            "n,,n=,r=x",
            "n,,n=a",
            "n,,n=a,r=",
            "n,,m=1,n=a,r=x",
            "n,a=,n=a,r=x",
            "n,b=a,n=a,r=x",
            "x,,n=a,r=x",
            "p=,,n=a,r=x",
            "n,,n=a=2c,r=x",
            "n,,n=a=,r=x",
            "n,,r=x,n=a",
            "n,,n=a,r=\u{e9}",
            "n,,n=a,r=a b",
        ] {
            check(bad, None);
        }
        assert!(ClientFirst::parse(b"n,,n=\xff,r=x").is_err());
        assert_eq!(unescaped(&escaped("a=2C,=b")).as_deref(), Ok("a=2C,=b"));
    }

    #[test]
    fn other_messages() {
        let first = ServerFirst::parse(b"r=ab,s=QSXCR+Q6sek8bf92,i=4096").unwrap();
        assert_eq!((first.nonce.as_str(), first.salt.len(), first.iterations), ("ab", 12, 4096));
        for bad in ["r=ab,s=QQ==", "r=ab,s=Q,i=1", "r=ab,s=QQ==,i=x", "m=x,r=ab,s=QQ==,i=1", "e=x"]
        {
            assert!(ServerFirst::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let last = ClientFinal::parse(b"c=biws,r=ab,x=1,p=QQ==").unwrap();
        assert_eq!((&*last.without_proof, &*last.binding), ("c=biws,r=ab,x=1", &b"n,,"[..]));
        for bad in
            ["c=biws,r=ab", "c=biws,p=QQ==", "c=!,r=ab,p=QQ==", "r=ab,c=biws,p=QQ==", "p=QQ=="]
        {
            assert!(ClientFinal::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(server_signature(b"v=QQ==,x=y").unwrap(), b"A");
        assert!(server_signature(b"e=other-error").is_err());
    }
}
