//! What an HTTPS server answers: whatever it is, no panic, the same response for every cut, and
//! never more of it than may be.
//!
//! The machine is taken in by its file: the crate around it opens sockets.

#![no_main]
#![allow(dead_code, reason = "the rest of the files is for the crate around them")]

#[path = "../../../crates/https-client/src/exchange.rs"]
mod exchange;
#[path = "../../../crates/https-client/src/target.rs"]
mod target;

use std::time::{Duration, Instant};

use conversation::{Machine, Step, Wire};
use exchange::Exchange;
use libfuzzer_sys::fuzz_target;
use mail_types::Domain;
pub(crate) use target::Request;
use target::Target;

/// The largest body.
const BODY_MAX: usize = 4096;

fuzz_target!(|octets: &[u8]| {
    // The first octet says how the connection ends.
    let Some((end, answer)) = octets.split_first() else { return };
    let heard = |size| heard(answer, size, end & 1 == 1);
    let whole = heard(answer.len().max(1));
    assert_eq!(whole, heard(1));
    assert_eq!(whole, heard(7));
    // What a domain wants its reports to be posted to.
    if let Ok(text) = str::from_utf8(answer)
        && let Ok(target) = Target::parse(text)
    {
        assert!(target.port > 0 && target.path.starts_with('/') && target.path.is_ascii());
        assert!(!target.path.contains([' ', '\r', '\n', '#']), "{target:?}");
    }
});

fn heard(answer: &[u8], size: usize, orderly: bool) -> String {
    let target = Target::new(Domain::parse("mta-sts.a.test").unwrap(), 443, "/").unwrap();
    let within = Duration::from_secs(1);
    let request = Request { target, content: None, body_max: BODY_MAX, within };
    let (mut exchange, mut wire) = (Exchange::new(request), Wire::default());
    let now = Instant::now();
    let mut open = matches!(exchange.step(&mut wire, now), Step::Wait(_));
    for piece in answer.chunks(size) {
        if open {
            wire.input.fill(piece);
            open = matches!(exchange.step(&mut wire, now), Step::Wait(_));
        }
    }
    match exchange.finish(orderly) {
        Ok(Some(response)) => {
            assert!(response.body.len() <= BODY_MAX && (200..600).contains(&response.status));
            format!("{response:?}")
        }
        Ok(None) => "nothing".to_owned(),
        // Which of two faults comes first may depend on where it is cut.
        Err(_) => "a fault".to_owned(),
    }
}
