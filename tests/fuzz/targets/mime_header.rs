//! What stands in headers: fields, addresses, dates, ids, encoded words; and their editing.

#![no_main]

#[path = "../checks/header.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| check::check(octets));
