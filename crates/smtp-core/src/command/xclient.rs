//! XCLIENT: what a trusted proxy says of the client behind it. No RFC has it; the form is the one
//! that mail proxies speak: `XCLIENT NAME=value ..`, each value xtext, `[UNAVAILABLE]` for none.
//!
//! A name or a sign-in that somebody else has checked is worth nothing here: NAME is passed over,
//! and a LOGIN refused.

use std::net::{IpAddr, SocketAddr};

use super::{parameter, xtext::decode_xtext};
use crate::reply::PeerError;

/// The argument of XCLIENT.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Xclient {
    /// ADDR.
    address: Option<IpAddr>,
    /// PORT.
    port: Option<u16>,
    /// DESTADDR.
    local_address: Option<IpAddr>,
    /// DESTPORT.
    local_port: Option<u16>,
    /// HELO: the name that the client has given itself.
    pub(crate) hello: Option<Box<str>>,
}

impl Xclient {
    /// Whether it says from where the client comes.
    pub(crate) fn names_client(&self) -> bool {
        self.address.is_some()
    }

    /// The attributes that are taken, as EHLO announces them.
    pub(crate) const ATTRIBUTES: &'static str =
        "XCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT";

    pub(crate) fn parse(argument: &str) -> Result<Self, PeerError> {
        const BAD: PeerError = PeerError::BadParameter("XCLIENT");
        let mut seen = Self::default();
        let mut some = false;
        for attribute in parameter::all(argument) {
            some = true;
            let value = attribute.value.and_then(decode_xtext).ok_or(BAD)?;
            let absent = ["[UNAVAILABLE]", "[TEMPUNAVAIL]"];
            let value = (!absent.iter().any(|word| word.eq_ignore_ascii_case(&value)))
                .then_some(value.as_str());
            match attribute.keyword.to_ascii_uppercase().as_str() {
                "ADDR" => set(&mut seen.address, value, parse_address)?,
                "PORT" => set(&mut seen.port, value, |text| text.parse().ok())?,
                "DESTADDR" => set(&mut seen.local_address, value, parse_address)?,
                "DESTPORT" => set(&mut seen.local_port, value, |text| text.parse().ok())?,
                "HELO" => set(&mut seen.hello, value, parse_name)?,
                "PROTO" => {
                    let known = |word: &str| ["SMTP", "ESMTP"].contains(&word).then_some(());
                    set(&mut None, value.map(str::to_ascii_uppercase).as_deref(), known)?;
                }
                "NAME" => {}
                "LOGIN" if value.is_none() => {}
                _ => return Err(BAD),
            }
        }
        if some { Ok(seen) } else { Err(PeerError::Syntax("XCLIENT NAME=value ..")) }
    }

    /// The client's own ends of the connection, where it is known; the proxy's otherwise.
    pub(crate) fn ends(&self, local: SocketAddr, remote: SocketAddr) -> (SocketAddr, SocketAddr) {
        let end = |address: Option<IpAddr>, port: Option<u16>, was: SocketAddr| match address {
            // A port without its address would be another host's.
            Some(address) => SocketAddr::new(address, port.unwrap_or(0)),
            None => was,
        };
        (end(self.local_address, self.local_port, local), end(self.address, self.port, remote))
    }
}

/// A value, if there is one; no attribute may come twice.
fn set<T>(
    place: &mut Option<T>,
    value: Option<&str>,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<(), PeerError> {
    const BAD: PeerError = PeerError::BadParameter("XCLIENT");
    let Some(value) = value else { return Ok(()) };
    match place.replace(parse(value).ok_or(BAD)?) {
        None => Ok(()),
        Some(_) => Err(BAD),
    }
}

fn parse_address(text: &str) -> Option<IpAddr> {
    match text.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("IPV6:") => {
            text.get(5..)?.parse().ok().map(IpAddr::V6)
        }
        _ => text.parse().ok().map(IpAddr::V4),
    }
}

fn parse_name(text: &str) -> Option<Box<str>> {
    (!text.is_empty() && text.len() <= 255 && !text.contains(' ')).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_who_the_client_is() {
        let proxy: (SocketAddr, SocketAddr) =
            ("192.0.2.1:25".parse().unwrap(), "192.0.2.9:4000".parse().unwrap());
        let cases = [
            ("ADDR=198.51.100.7 PORT=99", "198.51.100.7:99"),
            ("addr=IPV6:2001:db8::7", "[2001:db8::7]:0"),
            ("NAME=spike.example ADDR=[UNAVAILABLE]", "192.0.2.9:4000"),
            ("PORT=99", "192.0.2.9:4000"),
            ("LOGIN=[UNAVAILABLE] PROTO=esmtp", "192.0.2.9:4000"),
        ];
        for (argument, expected) in cases {
            let seen = Xclient::parse(argument).map(|seen| seen.ends(proxy.0, proxy.1).1);
            assert_eq!(seen, Ok(expected.parse().unwrap()), "{argument}");
        }
        let seen = Xclient::parse("HELO=a+2Bb DESTADDR=203.0.113.1 DESTPORT=587").unwrap();
        assert_eq!(seen.hello.as_deref(), Some("a+b"));
        assert_eq!(seen.ends(proxy.0, proxy.1).0, "203.0.113.1:587".parse().unwrap());
    }

    #[test]
    fn refuses_what_it_cannot_be_sure_of() {
        let bad = [
            "ADDR=2001:db8::7",
            "ADDR=localhost",
            "ADDR=192.0.2.1 ADDR=192.0.2.2",
            "PORT=70000",
            "LOGIN=alice@example.org",
            "COLOUR=blue",
            "ADDR",
            "PROTO=LMTP",
            "HELO=a+20b",
        ];
        for argument in bad {
            let expected = Err(PeerError::BadParameter("XCLIENT"));
            assert_eq!(Xclient::parse(argument), expected, "{argument}");
        }
        assert!(matches!(Xclient::parse(""), Err(PeerError::Syntax(_))));
    }
}
