//! Decoding of text parts and conversion to 7 bits.

#![no_main]

#[path = "../checks/conversion.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| check::check(octets));
