//! Framing, cut in every way.

use proptest::prelude::*;

use super::*;

/// What framing makes of an input, literals up to 99 octets accepted: commands as text, `!` for
/// what was discarded, `^` for a line that is too long.
fn frame(input: &[u8], chunk: usize) -> Vec<String> {
    let mut framer = Framer::new(40);
    let mut wire = Input::default();
    let mut found = Vec::new();
    for piece in input.chunks(chunk) {
        wire.fill(piece);
        loop {
            match framer.next(&mut wire) {
                Framed::Incomplete => break,
                Framed::Announced(literal) if literal.size < 100 => framer.accept(literal),
                Framed::Announced(literal) if literal.synchronising => {
                    framer.finish(&mut wire);
                    found.push("refused".to_owned());
                }
                Framed::Announced(literal) => framer.discard(literal.size),
                Framed::Complete => {
                    found.push(framer.text(&wire).escape_ascii().to_string());
                    framer.finish(&mut wire);
                }
                Framed::TooLong => {
                    found.push("^".to_owned());
                    framer.discard_line();
                }
                Framed::Discarded => found.push("!".to_owned()),
            }
        }
    }
    found
}

fn check(input: &[u8], expected: &[&str]) {
    for chunk in [usize::MAX, 1, 2, 3, 7] {
        assert_eq!(frame(input, chunk.min(input.len())), expected, "pieces of {chunk}");
    }
}

#[test]
fn lines() {
    check(b"a noop\r\nb noop\r\nc no", &["a noop\\r\\n", "b noop\\r\\n"]);
    check(b"a noop\nb\n", &["a noop\\n", "b\\n"]);
    check(b"\r\n", &["\\r\\n"]);
}

#[test]
fn literals_are_counted_and_never_looked_at() {
    check(
        b"a login {3}\r\nx\r\n {4+}\r\n{9}\n\r\n",
        &["a login {3}\\r\\nx\\r\\n {4+}\\r\\n{9}\\n\\r\\n"],
    );
    check(b"a {0}\r\n\r\nb\r\n", &["a {0}\\r\\n\\r\\n", "b\\r\\n"]);
    // None of these announces anything.
    check(
        b"a {}\r\nb {x}\r\nc {3} \r\nd 3}\r\n",
        &["a {}\\r\\n", "b {x}\\r\\n", "c {3} \\r\\n", "d 3}\\r\\n"],
    );
}

#[test]
fn what_is_refused_is_eaten_to_its_end() {
    check(b"a {200}\r\nb\r\n", &["refused", "b\\r\\n"]);
    let mut large = b"a x {200+}\r\n".to_vec();
    large.extend_from_slice(&[b'x'; 200]);
    large.extend_from_slice(b" {101+}\r\n");
    large.extend_from_slice(&[b'\n'; 101]);
    large.extend_from_slice(b" tail\r\nb\r\n");
    check(&large, &["!", "b\\r\\n"]);
    // A synchronising literal behind it is not sent: the line is the end.
    let mut asking = b"a {100+}\r\n".to_vec();
    asking.extend_from_slice(&[b'x'; 100]);
    asking.extend_from_slice(b" {5}\r\nb\r\n");
    check(&asking, &["!", "b\\r\\n"]);
}

#[test]
fn lines_have_a_limit() {
    check(&[b'x'; 41], &["^"]);
    let mut long = vec![b'x'; 100];
    long.extend_from_slice(b" {3+}\r\nabc\r\nb\r\n");
    check(&long, &["^", "!", "b\\r\\n"]);
    let mut exact = vec![b'x'; 38];
    exact.extend_from_slice(b"\r\nb\r\n");
    assert_eq!(frame(&exact, 1).len(), 2);
}

proptest! {
    #[test]
    fn any_cut_gives_the_same(
        input in proptest::collection::vec(
            proptest::sample::select(vec![
                "a", "\r\n", "{5}\r\n", "{3+}\r\n", "{120+}\r\n", "xxxxxxxxxxxxxxxxx", "\n", "{",
            ]),
            0..60,
        ),
        chunk in 1usize..20,
    ) {
        let input = input.concat();
        let whole = frame(input.as_bytes(), input.len().max(1));
        prop_assert_eq!(frame(input.as_bytes(), chunk), whole);
    }
}
