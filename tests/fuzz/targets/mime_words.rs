//! Encoded words and parameters, both ways.

#![no_main]

#[path = "../checks/words.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| check::check(octets));
