//! A DNS server on loopback that answers from a table (RFC 1035 §4): MX and A, nothing else.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{Arc, Mutex},
    thread,
};

/// What is known of a name.
#[derive(Clone, Default)]
pub(crate) struct Zone {
    mx: HashMap<String, Vec<(u16, String)>>,
    a: HashMap<String, Ipv4Addr>,
    /// Names whose questions fail (SERVFAIL).
    broken: Vec<String>,
}

impl Zone {
    pub(crate) fn mx(mut self, domain: &str, preference: u16, host: &str) -> Self {
        self.mx.entry(domain.into()).or_default().push((preference, host.into()));
        self
    }

    pub(crate) fn a(mut self, host: &str, ip: &str) -> Self {
        self.a.insert(host.into(), ip.parse().expect("an address"));
        self
    }

    pub(crate) fn broken(mut self, name: &str) -> Self {
        self.broken.push(name.into());
        self
    }
}

/// A running server; its thread ends with the process.
pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

impl Dns {
    pub(crate) fn start(zone: Zone) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = socket.local_addr().expect("an address");
        let zone = Arc::new(Mutex::new(zone));
        let shared = Arc::clone(&zone);
        thread::spawn(move || {
            let mut buffer = [0; 1500];
            while let Ok((count, from)) = socket.recv_from(&mut buffer) {
                if let Some(reply) = answer(&buffer[..count], &shared.lock().expect("no poison")) {
                    let _ = socket.send_to(&reply, from);
                }
            }
        });
        Self { address, zone }
    }

    /// Replaces all that is known.
    pub(crate) fn change(&self, zone: Zone) {
        *self.zone.lock().expect("no poison") = zone;
    }
}

/// The answer to one question.
fn answer(query: &[u8], zone: &Zone) -> Option<Vec<u8>> {
    let (name, end) = question_name(query)?;
    let kind = u16::from_be_bytes([*query.get(end)?, *query.get(end + 1)?]);
    let mut records: Vec<(u16, Vec<u8>)> = Vec::new();
    match kind {
        1 => records.extend(zone.a.get(&name).map(|ip| (1, ip.octets().to_vec()))),
        15 => {
            for (preference, host) in zone.mx.get(&name).into_iter().flatten() {
                records.push((15, [&preference.to_be_bytes()[..], &encode_name(host)].concat()));
            }
        }
        _ => {}
    }
    let known = zone.a.contains_key(&name) || zone.mx.contains_key(&name);
    let code: u8 = if zone.broken.contains(&name) {
        2
    } else if known {
        0
    } else {
        3
    };
    let mut reply = Vec::new();
    reply.extend_from_slice(query.get(..2)?);
    reply.extend_from_slice(&[0x85, 0x80 | code, 0, 1, 0]);
    reply.push(u8::try_from(records.len()).ok()?);
    reply.extend_from_slice(&[0, 0, 0, 0]);
    reply.extend_from_slice(query.get(12..end + 4)?);
    for (kind, data) in records {
        reply.extend_from_slice(&[0xc0, 12]);
        reply.extend_from_slice(&kind.to_be_bytes());
        // Class IN, and a TTL of one second: a story may change its mind.
        reply.extend_from_slice(&[0, 1, 0, 0, 0, 1]);
        reply.extend_from_slice(&u16::try_from(data.len()).ok()?.to_be_bytes());
        reply.extend_from_slice(&data);
    }
    Some(reply)
}

/// The name asked for, without its final dot, and where it ends.
fn question_name(query: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), 12);
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8(query.get(at..at + length)?.to_ascii_lowercase()).ok()?);
        at += length;
    }
}

fn encode_name(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        wire.push(u8::try_from(label.len()).expect("a short label"));
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}
