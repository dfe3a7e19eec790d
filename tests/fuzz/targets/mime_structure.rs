//! The structure of any octets: no panic, ranges within each other, the same for every cut, and
//! stored values that come back.

#![no_main]

#[path = "../checks/structure.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| check::check(octets));
