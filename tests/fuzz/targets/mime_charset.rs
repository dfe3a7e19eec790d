//! Charsets: any octets under any label become text, the same for every cut.

#![no_main]

#[path = "../checks/charset.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| check::check(octets));
