//! Transfer encodings: any octets decode, the same for every cut, and what is encoded comes back.

#![no_main]

#[path = "../checks/transfer.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| check::check(octets));
