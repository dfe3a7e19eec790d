//! Reports about any message, in any words: what is built has no defect and the parts it must have.

#![no_main]

#[path = "../checks/report.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| check::check(octets));
