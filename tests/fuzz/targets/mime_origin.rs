//! Fields that tell where a message came from: trace, resent, lists, what machines sent.

#![no_main]

#[path = "../checks/origin.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| check::check(octets));
