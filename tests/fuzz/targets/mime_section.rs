//! Sections of any message: within it, and the same from the stored value.

#![no_main]

#[path = "../checks/section.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| check::check(octets));
