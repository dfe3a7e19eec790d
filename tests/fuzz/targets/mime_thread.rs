//! Base subjects and thread keys (RFC 5256).

#![no_main]

#[path = "../checks/thread.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| check::check(octets));
