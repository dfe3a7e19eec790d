//! What is written can be read: by a reader that is as strict as the grammar, and by imap-codec's.
//!
//! The data are as bad as data can be ([`data`]): any octets in every header field, names in any script.
//! Whatever they are, no CR, LF or NUL stands outside of a literal, no 8-bit octet where nobody has
//! enabled it, and what is read is what there was, but for NULs, which no string can have
//! (RFC 9051 §4.3).

mod codes;
mod data;
mod expected;
mod from_codec;
mod mailboxes;
mod messages;
mod reader;
mod sets;

use mail_types::Uid;
use testkit::Random;

use super::{astring, string};
use reader::{Value, read, text};

/// Seeds of each test.
const SEEDS: u64 = 400;

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn line(render: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    render(&mut out);
    out
}

/// Reads a line that nobody has enabled anything for.
fn read_plain(out: &[u8]) -> Vec<Value> {
    read(out, false).unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn strings_of_any_octets() {
    for seed in 0..SEEDS * 10 {
        let octets = data::octets(&mut Random::new(seed));
        for may_be_bare in [false, true] {
            let mut out = b"* ".to_vec();
            if may_be_bare {
                astring(&mut out, &octets);
            } else {
                string(&mut out, &octets);
            }
            out.extend_from_slice(b"\r\n");
            match read_plain(&out).pop() {
                Some(Value::Atom(bare)) if may_be_bare => assert_eq!(bare.as_bytes(), &*octets),
                read => assert_eq!(read, Some(text(&octets)), "{seed}"),
            }
        }
    }
}
