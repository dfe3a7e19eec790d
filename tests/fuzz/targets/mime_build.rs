//! Messages built from any text are read back as they were meant, whatever it holds.

#![no_main]

#[path = "../checks/build.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| check::check(octets));
