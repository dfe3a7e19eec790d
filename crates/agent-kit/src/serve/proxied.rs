//! The PROXY protocol, versions 1 and 2: a proxy of ours says, before all else, who its client is.
//! The form is HAProxy's `proxy-protocol.txt`.
//!
//! Only networks that the configuration names are believed; from them the header is a must, since a
//! connection without it would count as the proxy's own. It is read to its last octet and no
//! further: what follows is the client's, TLS perhaps.
//!
//! Invariants: a header has an end ([`V1_OCTETS_MAX`], [`V2_OCTETS_MAX`]) and a time; what it does
//! not say stays as it was. [`parse_v1`] and [`parse_v2`] are pure.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use config::{Config, Network};
use conversation::Peer;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

use crate::Connection;

/// How long a proxy may take for its header.
const HEADER_TIME: Duration = Duration::from_secs(5);
/// The longest header of version 1, CRLF included.
const V1_OCTETS_MAX: usize = 107;
/// The longest rest of a header of version 2 that is read: addresses, and what proxies add.
const V2_OCTETS_MAX: usize = 4096;
/// How a header of version 2 begins.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Both ends of the client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    local: SocketAddr,
    remote: SocketAddr,
}

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// Whose connection it is.
    Client(Ends),
    /// The proxy speaks for itself, or does not know.
    Nothing,
}

/// Why a header is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    /// It reads otherwise.
    #[error("no header of the PROXY protocol, but the address is that of a proxy ([proxies])")]
    NoHeader,
    /// It did not come.
    #[error("the header of the PROXY protocol did not come: {0}")]
    Lost(#[from] io::Error),
    /// It did not come in time.
    #[error("the header of the PROXY protocol did not come in time")]
    TooLate,
}

/// Whether a peer may say, in its own protocol, who its client is (`proxies.xclient` of the
/// configuration).
pub fn may_name_clients(config: &Config, peer: Peer) -> bool {
    match peer {
        Peer::Tcp { remote, .. } => {
            config.proxies.xclient.iter().any(|proxy| proxy.contains(remote.ip()))
        }
        Peer::Unix { .. } => false,
    }
}

/// Whether a connection comes from a proxy of ours.
pub(super) fn is_proxied(connection: &Connection, proxies: &[Network]) -> bool {
    match connection.peer() {
        Peer::Tcp { remote, .. } => proxies.iter().any(|proxy| proxy.contains(remote.ip())),
        Peer::Unix { .. } => false,
    }
}

/// Reads the header; from then on the connection's peer is the client.
pub(super) async fn read_header(connection: &mut Connection) -> Result<(), ProxyError> {
    let read = timeout(HEADER_TIME, read(&mut connection.parts.transport));
    let said = read.await.map_err(|_| ProxyError::TooLate)??;
    let peer = &mut connection.parts.facts.peer;
    if let (Said::Client(ends), Peer::Tcp { local, remote }) = (said, peer) {
        (*local, *remote) = (ends.local, ends.remote);
    }
    Ok(())
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Said, ProxyError> {
    let mut start = [0; 12];
    stream.read_exact(&mut start).await?;
    if start == SIGNATURE {
        let mut fixed = [0; 4];
        stream.read_exact(&mut fixed).await?;
        let [command, family, high, low] = fixed;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > V2_OCTETS_MAX {
            return Err(ProxyError::NoHeader);
        }
        let mut addresses = vec![0; length];
        stream.read_exact(&mut addresses).await?;
        return parse_v2(command, family, &addresses).ok_or(ProxyError::NoHeader);
    }
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() >= V1_OCTETS_MAX || !line.starts_with(b"PROXY ") {
            return Err(ProxyError::NoHeader);
        }
        line.push(stream.read_u8().await?);
    }
    parse_v1(&line).ok_or(ProxyError::NoHeader)
}

/// `PROXY TCP4 192.0.2.7 192.0.2.1 40000 25` and CRLF; `UNKNOWN` may be followed by anything.
fn parse_v1(line: &[u8]) -> Option<Said> {
    let text = std::str::from_utf8(line.strip_suffix(b"\r\n")?).ok()?;
    let mut words = text.strip_prefix("PROXY ")?.split(' ');
    let is_v4 = match words.next()? {
        "TCP4" => true,
        "TCP6" => false,
        "UNKNOWN" => return Some(Said::Nothing),
        _ => return None,
    };
    let mut address = || {
        let address = words.next()?.parse::<IpAddr>().ok()?;
        (address.is_ipv4() == is_v4).then_some(address)
    };
    let (remote, local) = (address()?, address()?);
    let mut port = || {
        let word = words.next()?;
        let digits = word.bytes().all(|byte| byte.is_ascii_digit());
        if digits { word.parse::<u16>().ok() } else { None }
    };
    let (remote, local) = (SocketAddr::new(remote, port()?), SocketAddr::new(local, port()?));
    words.next().is_none().then_some(Said::Client(Ends { local, remote }))
}

/// Version and command, family and transport, and what follows the length.
fn parse_v2(command: u8, family: u8, rest: &[u8]) -> Option<Said> {
    match command {
        // LOCAL: the proxy looks whether we are well.
        0x20 => return Some(Said::Nothing),
        0x21 => {}
        _ => return None,
    }
    match family {
        // TCP over IPv4, over IPv6.
        0x11 => {
            let (remote, rest) = rest.split_first_chunk::<4>()?;
            let (local, rest) = rest.split_first_chunk::<4>()?;
            let (remote, local) = (Ipv4Addr::from(*remote), Ipv4Addr::from(*local));
            ends(remote.into(), local.into(), rest).map(Said::Client)
        }
        0x21 => {
            let (remote, rest) = rest.split_first_chunk::<16>()?;
            let (local, rest) = rest.split_first_chunk::<16>()?;
            let (remote, local) = (Ipv6Addr::from(*remote), Ipv6Addr::from(*local));
            ends(remote.into(), local.into(), rest).map(Said::Client)
        }
        // Not told, over a Unix socket, or by datagrams: no address of a client.
        _ => Some(Said::Nothing),
    }
}

fn ends(remote: IpAddr, local: IpAddr, ports: &[u8]) -> Option<Ends> {
    let [high, low, local_high, local_low, ..] = ports else { return None };
    Some(Ends {
        remote: SocketAddr::new(remote, u16::from_be_bytes([*high, *low])),
        local: SocketAddr::new(local, u16::from_be_bytes([*local_high, *local_low])),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(remote: &str, local: &str) -> Option<Said> {
        Some(Said::Client(Ends { local: local.parse().unwrap(), remote: remote.parse().unwrap() }))
    }

    #[test]
    fn version_1() {
        let check =
            |line: &str, expected| assert_eq!(parse_v1(line.as_bytes()), expected, "{line:?}");
        check(
            "PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n",
            known("192.0.2.7:40000", "192.0.2.1:25"),
        );
        check(
            "PROXY TCP6 2001:db8::7 2001:db8::1 65535 1\r\n",
            known("[2001:db8::7]:65535", "[2001:db8::1]:1"),
        );
        check("PROXY UNKNOWN\r\n", Some(Said::Nothing));
        check("PROXY UNKNOWN ff:: what ever\r\n", Some(Said::Nothing));
        for bad in [
            "PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\n",
            "PROXY TCP4 192.0.2.7 192.0.2.1 40000\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.1 40000 25 26\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.1 40000 65536\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.1 +400 25\r\n",
            "PROXY TCP4  192.0.2.7 192.0.2.1 40000 25\r\n",
            "PROXY TCP4 2001:db8::7 2001:db8::1 40000 25\r\n",
            "PROXY TCP6 192.0.2.7 192.0.2.1 40000 25\r\n",
            "PROXY UDP4 192.0.2.7 192.0.2.1 40000 25\r\n",
            "proxy TCP4 192.0.2.7 192.0.2.1 40000 25\r\n",
            "EHLO client.example\r\n",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn version_2() {
        let v4 = [192, 0, 2, 7, 192, 0, 2, 1, 0x9c, 0x40, 0, 25, 0xee, 0, 0];
        assert_eq!(parse_v2(0x21, 0x11, &v4), known("192.0.2.7:40000", "192.0.2.1:25"), "a TLV");
        let mut v6 = [0; 36];
        (v6[0], v6[15], v6[31], v6[33], v6[35]) = (0x20, 7, 1, 9, 25);
        assert_eq!(parse_v2(0x21, 0x21, &v6), known("[2000::7]:9", "[::1]:25"));
        assert_eq!(parse_v2(0x20, 0, &[]), Some(Said::Nothing), "LOCAL");
        assert_eq!(parse_v2(0x21, 0x00, &[]), Some(Said::Nothing), "UNSPEC");
        assert_eq!(parse_v2(0x21, 0x11, &v4[..11]), None, "cut");
        assert_eq!(parse_v2(0x21, 0x21, &v4), None, "too short for IPv6");
        assert_eq!(parse_v2(0x11, 0x11, &v4), None, "another version");
        assert_eq!(parse_v2(0x22, 0x11, &v4), None, "no such command");
    }

    #[tokio::test]
    async fn a_header_is_read_to_its_last_octet() {
        let mut v2 = SIGNATURE.to_vec();
        v2.extend([0x21, 0x11, 0, 12, 192, 0, 2, 7, 192, 0, 2, 1, 0x9c, 0x40, 0, 25]);
        for header in [v2, b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n".to_vec()] {
            let stream = [header.as_slice(), b"EHLO"].concat();
            let mut rest = stream.as_slice();
            let said = read(&mut rest).await.unwrap();
            assert_eq!(Some(said), known("192.0.2.7:40000", "192.0.2.1:25"));
            assert_eq!(rest, b"EHLO");
            for cut in 0..header.len() {
                let error = read(&mut &header[..cut]).await;
                assert!(matches!(error, Err(ProxyError::Lost(_))), "cut at {cut}");
            }
        }
        let mut long = SIGNATURE.to_vec();
        long.extend([0x21, 0x11, 0xff, 0xff]);
        for bad in [
            b"EHLO client.example\r\n".to_vec(),
            [b"PROXY ".to_vec(), vec![b'a'; 200]].concat(),
            long,
        ] {
            assert!(matches!(read(&mut bad.as_slice()).await, Err(ProxyError::NoHeader)));
        }
    }
}
