//! Plays what a peer sends to a machine, as the driver does: shared by the session targets.

#![allow(dead_code, reason = "no target uses all of it")]

use std::time::Instant;

use conversation::{Machine, Peer, PeerFacts, Step, TlsFacts, Wire};

/// More steps without a wait than this are an endless loop.
const STEPS_MAX: usize = 1_000_000;

/// All that the machine says to `octets`, which come in pieces of this size.
pub fn play<M: Machine>(
    machine: M,
    octets: &[u8],
    size: usize,
    answer: impl FnMut(M::Question, &mut M, &mut Wire),
) -> Vec<u8> {
    play_over(None, machine, octets, size, answer)
}

/// The same over a connection that began with TLS, or without.
pub fn play_over<M: Machine>(
    tls: Option<TlsFacts>,
    mut machine: M,
    octets: &[u8],
    size: usize,
    mut answer: impl FnMut(M::Question, &mut M, &mut Wire),
) -> Vec<u8> {
    let now = Instant::now();
    let mut wire = Wire::default();
    let address = ([127, 0, 0, 1], 1).into();
    machine.opened(&PeerFacts { peer: Peer::Tcp { local: address, remote: address }, tls });
    let mut said = Vec::new();
    for piece in std::iter::once(&[][..]).chain(octets.chunks(size)) {
        wire.input.fill(piece);
        let mut steps = 0;
        loop {
            steps += 1;
            assert!(steps < STEPS_MAX, "the machine does not come to a wait");
            let step = machine.step(&mut wire, now);
            said.append(&mut wire.output);
            match step {
                Step::Ask(question) => answer(question, &mut machine, &mut wire),
                Step::Wait(_) => break,
                Step::Upgrade(_) | Step::Close => return said,
            }
        }
    }
    said
}

/// What a peer says in turns, each ended by this octet, in pieces of this size; and whether more of the
/// turn is to come.
pub fn turns(said: &[u8], end: u8, size: usize) -> impl Iterator<Item = (&[u8], bool)> {
    said.split(move |octet| *octet == end).flat_map(move |turn| {
        let last = turn.len().saturating_sub(1) / size;
        turn.chunks(size).enumerate().map(move |(place, piece)| (piece, place < last))
    })
}
