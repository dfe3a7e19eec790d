//! A message as a person reads it: which parts, their names, a preview, their text for search.

#![no_main]

#[path = "../checks/reading.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| check::check(octets));
