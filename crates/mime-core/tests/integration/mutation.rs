//! The checks of the fuzz targets on stable Rust: over the corpus, and over what deterministic
//! mutation makes of it. `tests/fuzz/run` looks further, for as long as one likes.

use crate::{
    checks::{self, Check},
    corpus::{Sample, messages},
};

/// Larger messages are cut: each check reads its input octet by octet.
const OCTETS_MAX: usize = 4096;
/// How many mutants are made of each message.
const MUTANTS: usize = 2;

/// What means something in messages.
const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\r\n ",
    b"--",
    b"\r\n--",
    b":",
    b";",
    b"=",
    b"\"",
    b"\\",
    b"(",
    b")",
    b"<",
    b">",
    b"@",
    b",",
    b"=?",
    b"?=",
    b"=?utf-8?q?",
    b"=?euc-kr?b?",
    b"\0",
    b"\x1b$)C",
    b"\x0e",
    b"\x0f",
    b"\x1b$B",
    b"\xb0\xa1",
    b"\xea\xb0\x80",
    b"\xff",
    b"Content-Type: multipart/mixed; boundary=a\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"*0*=utf-8''%",
    b"DKIM-Signature: v=1\r\n",
    b"Subject: Re: [a] (fwd)\r\n",
    b"References: <a@b>\r\n",
    b"+",
    b"%",
    b"=\r\n",
];

#[test]
fn checks_hold_for_the_corpus_and_its_mutants() {
    let samples = messages();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for (number, sample) in samples.iter().enumerate() {
        let octets = &sample.octets[..sample.octets.len().min(OCTETS_MAX)];
        // Each check sees each message; the mutants are shared out, for a run of a few seconds.
        run(checks::ALL, &sample.name, octets);
        for _ in 0..MUTANTS {
            let mutant = mutated(octets, &samples, &mut random);
            let (first, second) = (number % checks::ALL.len(), random.below(checks::ALL.len()));
            run(&[checks::ALL[first], checks::ALL[second]], &sample.name, &mutant);
        }
    }
}

fn run(all: &[Check], name: &str, octets: &[u8]) {
    for (check, holds) in all {
        let found = std::panic::catch_unwind(|| holds(octets));
        assert!(found.is_ok(), "{check} of {name}: {}", octets.escape_ascii());
    }
}

/// A few changes at random places: octets altered, left out, doubled; words and pieces of other
/// messages put in.
fn mutated(octets: &[u8], others: &[Sample], random: &mut Random) -> Vec<u8> {
    let mut out = octets.to_vec();
    for _ in 0..=random.below(6) {
        let at = random.below(out.len() + 1);
        let end = (at + 1 + random.below(40)).min(out.len());
        match random.below(6) {
            0 if at < out.len() => out[at] ^= 1 << random.below(8),
            1 => drop(out.drain(at..end)),
            2 => {
                let piece = out[at..end].to_vec();
                out.splice(at..at, piece);
            }
            3 => {
                let other = &others[random.below(others.len())].octets;
                let from = random.below(other.len() + 1);
                let piece = other[from..(from + 200).min(other.len())].to_vec();
                out.splice(at..at, piece);
            }
            _ => {
                let word = WORDS[random.below(WORDS.len())];
                out.splice(at..at, word.iter().copied());
            }
        }
    }
    out
}

/// xorshift64: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}
