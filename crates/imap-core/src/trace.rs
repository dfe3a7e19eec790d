//! A connection's octets as the lines of a transcript that may be shown to others: what happened, and
//! nothing of what the mail says.
//!
//! Of a command or response that is known here, names, numbers, flags and keys stay; strings that
//! may come from a message, and every literal, become as many `x`. Of one that is not known, and of
//! a sign-in, only its name stays. So what is added to the protocol later is hidden until somebody
//! has thought about it.
//!
//! The lines are those that `testkit` replays. What a peer can make grow is bounded: of a line
//! longer than [`LINE_MAX`] the rest is left out.

mod words;

use words::{Keep, kept_of_command, kept_of_response, redacted};

/// Octets of a line that are looked at.
const LINE_MAX: usize = 16 * 1024;
/// Octets at the end of a longer one that are kept to see whether it announces a literal.
const TAIL: usize = 32;

/// Hears both sides of one connection.
#[derive(Debug, Default)]
pub struct Redactor {
    client: Direction,
    server: Direction,
}

/// What one side has said so far.
#[derive(Debug, Default)]
struct Direction {
    line: Vec<u8>,
    /// The end of a line that is longer than what was looked at.
    tail: Vec<u8>,
    /// Octets of a literal that are still to come.
    literal: u64,
    /// The literal that has just ended, if the line goes on behind one.
    behind: Option<u64>,
    /// What is kept of the command or response that goes on.
    keep: Keep,
    /// The tag of the command that goes on.
    tag: Vec<u8>,
    /// The literal comes only if the other side says so, which it has not yet.
    waits: bool,
}

impl Redactor {
    /// The client has sent this: lines are added to `transcript`.
    pub fn client(&mut self, octets: &[u8], transcript: &mut String) {
        self.client.hear(octets, "C: ", kept_of_command, transcript);
    }

    /// The server has sent this.
    pub fn server(&mut self, octets: &[u8], transcript: &mut String) {
        let Self { client, server } = self;
        let kept = |line: &[u8]| {
            client.answered(line);
            kept_of_response(line)
        };
        server.hear(octets, "S: ", kept, transcript);
    }
}

impl Direction {
    fn hear(
        &mut self,
        mut octets: &[u8],
        side: &str,
        mut kept: impl FnMut(&[u8]) -> Keep,
        transcript: &mut String,
    ) {
        while !octets.is_empty() {
            self.waits = false;
            if self.literal > 0 {
                let most = usize::try_from(self.literal).unwrap_or(usize::MAX).min(octets.len());
                octets = octets.get(most..).unwrap_or_default();
                self.literal = self.literal.saturating_sub(most as u64);
                continue;
            }
            let end = octets.iter().position(|octet| *octet == b'\n');
            let (part, rest) = octets.split_at(end.map_or(octets.len(), |end| end + 1));
            octets = rest;
            self.gather(part);
            if end.is_some() {
                self.line_ended(side, &mut kept, transcript);
            }
        }
    }

    fn gather(&mut self, part: &[u8]) {
        let room = LINE_MAX.saturating_sub(self.line.len()).min(part.len());
        let (looked_at, left_out) = part.split_at(room);
        self.line.extend_from_slice(looked_at);
        if left_out.is_empty() {
            return;
        }
        if self.tail.is_empty() {
            self.tail.extend_from_slice(last(&self.line));
        }
        self.tail.extend_from_slice(last(left_out));
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
    }

    /// The other side has said this: a literal that it refuses does not come (RFC 3501 §7.5).
    fn answered(&mut self, line: &[u8]) {
        let word = first_word(line);
        if self.waits && word == self.tag {
            (self.literal, self.behind) = (0, None);
        }
        self.waits &= word != b"+" && word != self.tag;
    }

    fn line_ended(
        &mut self,
        side: &str,
        kept: &mut impl FnMut(&[u8]) -> Keep,
        transcript: &mut String,
    ) {
        let (line, tail) = (std::mem::take(&mut self.line), std::mem::take(&mut self.tail));
        let text = without_end(&line);
        let behind = self.behind.take();
        if behind.is_none() {
            self.keep = kept(text);
        }
        transcript.push_str(side);
        if let Some(octets) = behind.filter(|octets| *octets > 0) {
            transcript.push_str(&format!("\\{{x*{octets}}}"));
        }
        transcript.push_str(&redacted(text, self.keep, behind.is_some()));
        transcript.push('\n');
        let end = if tail.is_empty() {
            text
        } else {
            transcript.push_str("# the rest of this line is left out\n");
            without_end(&tail)
        };
        if let Some(size) = literal_size(end) {
            (self.literal, self.behind) = (size, Some(size));
            self.waits = !end.ends_with(b"+}");
            if behind.is_none() {
                self.tag = first_word(text).to_vec();
            }
        }
    }
}

fn first_word(line: &[u8]) -> &[u8] {
    line.split(|octet| *octet == b' ').next().unwrap_or_default()
}

fn without_end(line: &[u8]) -> &[u8] {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    text.strip_suffix(b"\r").unwrap_or(text)
}

fn last(octets: &[u8]) -> &[u8] {
    octets.get(octets.len().saturating_sub(TAIL)..).unwrap_or_default()
}

/// The size of the literal that a line announces (RFC 3501 §4.3, RFC 7888 §3, RFC 3516 §4.4).
fn literal_size(text: &[u8]) -> Option<u64> {
    let inside = text.strip_suffix(b"}")?;
    let inside = inside.strip_suffix(b"+").unwrap_or(inside);
    let open = inside.iter().rposition(|octet| *octet == b'{')?;
    let digits = std::str::from_utf8(inside.get(open + 1..)?).ok()?;
    if digits.starts_with('+') { None } else { digits.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(client: bool, octets: &str, expected: &str) {
        // Cut at every octet, the lines are the same.
        for step in [1, octets.len()] {
            let (mut redactor, mut transcript) = (Redactor::default(), String::new());
            for piece in octets.as_bytes().chunks(step) {
                if client {
                    redactor.client(piece, &mut transcript);
                } else {
                    redactor.server(piece, &mut transcript);
                }
            }
            assert_eq!(transcript, expected);
        }
    }

    #[test]
    fn what_a_client_says() {
        for (line, expected) in [
            ("a1 SELECT \"My mail\"", "a1 SELECT \"My mail\""),
            (
                "a UID FETCH 1:* (FLAGS BODY.PEEK[TEXT]<0.5>)",
                "a UID FETCH 1:* (FLAGS BODY.PEEK[TEXT]<0.5>)",
            ),
            ("a STORE 1 +FLAGS (\\Seen)", "a STORE 1 +FLAGS (\\\\Seen)"),
            ("a LOGIN alice se\\cret", "a LOGIN xxxxx xxxxxxx"),
            ("a login \"alice\" \"s t\"", "a login xxxxxxx xx xx"),
            (
                "a AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==",
                "a AUTHENTICATE xxxxx xxxxxxxxxxxxxxxxxxxx",
            ),
            ("AGFsaWNlAHNlY3JldA==", "xxxxxxxxxxxxxxxxxxxx"),
            ("done", "done"),
            ("a XNEW \"what\" (ever)", "a XNEW xxxxxx xxxxxx"),
            (
                "a UID SEARCH OR SUBJECT \"love \\\" you\" (FROM bob SINCE 1-Feb-2024) UID 1:*",
                "a UID SEARCH OR SUBJECT \"xxxxxxxxxxx\" (FROM xxx SINCE 1-Feb-2024) UID 1:*",
            ),
            ("a SEARCH KEYWORD secret BODY since", "a SEARCH KEYWORD xxxxxx BODY xxxxx"),
            ("a SEARCH HEADER Subject all", "a SEARCH HEADER xxxxxxx xxx"),
            (
                "a SETMETADATA INBOX (/private/comment \"mine\")",
                "a SETMETADATA xxxxx xxxxxxxxxxxxxxxxx xxxxxxx",
            ),
        ] {
            check(true, &format!("{line}\r\n"), &format!("C: {expected}\n"));
        }
        // Messages can be read by whoever knows this.
        for mark in ["URLAUTH=", "urlAuth="] {
            let url = format!("imap://a@h/x/;UID=1;{mark}");
            check(
                true,
                &format!(
                    "a APPEND x CATENATE (URL \"{url}authuser:INTERNAL:01\" TEXT {{2+}}\r\nhi)\r\n"
                ),
                &format!(
                    "C: a APPEND x CATENATE (URL \"{url}{} xxxx {{2+}}\nC: \\{{x*2}})\n",
                    "x".repeat(21)
                ),
            );
            check(
                true,
                &format!(
                    "a REPLACE 1 x CATENATE (TEXT {{2+}}\r\nhi URL {url}user+b:INTERNAL:01)\r\n"
                ),
                &format!(
                    "C: a REPLACE 1 x CATENATE (TEXT {{2+}}\nC: \\{{x*2}} URL {url}{}\n",
                    "x".repeat(19)
                ),
            );
        }
        check(
            true,
            "a APPEND \"x y\" (\\Seen) {11+}\r\nHello\r\nyou!\r\nb NOOP\r\n",
            "C: a APPEND \"x y\" (\\\\Seen) {11+}\nC: \\{x*11}\nC: b NOOP\n",
        );
        check(
            true,
            "a LOGIN {5}\r\nalice {6}\r\nsecret\r\n",
            "C: a LOGIN {5}\nC: \\{x*5} {6}\nC: \\{x*6}\n",
        );
        check(
            true,
            "a SEARCH SUBJECT {2}\r\nhi FROM {2}\r\nme\r\n",
            "C: a SEARCH SUBJECT {2}\nC: \\{x*2} FROM {2}\nC: \\{x*2}\n",
        );
    }

    #[test]
    fn what_the_server_says() {
        for (line, expected) in [
            ("* 3 EXISTS", "* 3 EXISTS"),
            ("* LIST () \"/\" \"Private\"", "* LIST () \"/\" \"Private\""),
            ("a OK [APPENDUID 1 2] Done", "a OK [APPENDUID 1 2] Done"),
            ("+ idling", "+ idling"),
            (
                "a NO [BADURL \"imap://a@h/x/;UID=1;URLAUTH=authuser:INTERNAL:01ab\"] No",
                "a NO [BADURL \"imap://a@h/x/;UID=1;URLAUTH=xxxxxxxxxxxxxxxxxxxxxxxx xx",
            ),
            ("* GENURLAUTH \"imap://a@h/x\"", "* GENURLAUTH xxxxxxxxxxxxxx"),
            (
                "* 1 FETCH (UID 2 ENVELOPE (\"date\" \"Love\" NIL) FLAGS (\\Seen))",
                "* 1 FETCH (UID 2 ENVELOPE (\"xxxx\" \"xxxx\" NIL) FLAGS (\\\\Seen))",
            ),
            (
                "* METADATA INBOX (/private/comment \"mine\")",
                "* METADATA xxxxx xxxxxxxxxxxxxxxxx xxxxxxx",
            ),
        ] {
            check(false, &format!("{line}\r\n"), &format!("S: {expected}\n"));
        }
        check(
            false,
            "* 1 FETCH (BODY[] {9}\r\n\"a\"\r\n(b)x BODY[1] \"secret\" BODY[2] {0}\r\n)\r\n* 2 EXISTS\r\n",
            "S: * 1 FETCH (BODY[] {9}\nS: \\{x*9} BODY[1] \"xxxxxx\" BODY[2] {0}\nS: )\nS: * 2 EXISTS\n",
        );
    }

    #[test]
    fn what_is_too_long() {
        let (mut redactor, mut transcript) = (Redactor::default(), String::new());
        let long = "z".repeat(3 * LINE_MAX);
        redactor.client(format!("a NOOP {long}\r\nb NOOP\r\n").as_bytes(), &mut transcript);
        assert!(transcript.len() < 2 * LINE_MAX && !transcript.contains('z'));
        assert!(transcript.ends_with("left out\nC: b NOOP\n"), "{}", transcript.len());
    }

    #[test]
    fn a_literal_behind_what_is_too_long() {
        // Wherever the announcement is cut, and however the octets come.
        for room in 0..18 {
            for step in [1, 7, 4 * LINE_MAX] {
                let (mut redactor, mut transcript) = (Redactor::default(), String::new());
                let long = "z".repeat(LINE_MAX - room);
                let octets =
                    format!("* 1 FETCH ({long} {{12}}\r\n* 1 secret\r\n)\r\n* 2 EXISTS\r\n");
                for piece in octets.as_bytes().chunks(step) {
                    redactor.server(piece, &mut transcript);
                }
                let expected = "left out\nS: \\{x*12})\nS: * 2 EXISTS\n";
                assert!(transcript.ends_with(expected), "{room} {step}");
            }
        }
    }

    #[test]
    fn a_literal_that_is_refused_does_not_come() {
        let check = |said: &[&str], expected: &str| {
            let (mut redactor, mut transcript) = (Redactor::default(), String::new());
            for line in said {
                match line.split_at(3) {
                    ("C: ", line) => redactor.client(line.as_bytes(), &mut transcript),
                    (_, line) => redactor.server(line.as_bytes(), &mut transcript),
                }
            }
            assert_eq!(transcript, expected);
        };
        let append = "C: a APPEND Sent {5000}\r\n";
        let login = "C: b LOGIN me secret\r\n";
        check(
            &[append, "S: * 1 EXISTS\r\na NO [TRYCREATE] No\r\n", login],
            "C: a APPEND Sent {5000}\nS: * 1 EXISTS\nS: a NO [TRYCREATE] No\nC: b LOGIN xx xxxxxx\n",
        );
        check(
            &["C: a SEARCH TO {20}\r\n", "S: a BAD No\r\n", "C: b NOOP\r\n"],
            "C: a SEARCH TO {20}\nS: a BAD No\nC: b NOOP\n",
        );
        check(
            &["C: a APPEND m {0}\r\n", "S: a NO No\r\n", login],
            "C: a APPEND m {0}\nS: a NO No\nC: b LOGIN xx xxxxxx\n",
        );
        check(
            &["C: a LOGIN {1}\r\n", "S: + Go on\r\n", "C: x {3}\r\n", "S: a NO No\r\n", login],
            "C: a LOGIN {1}\nS: + Go on\nC: \\{x*1} {3}\nS: a NO No\nC: b LOGIN xx xxxxxx\n",
        );
        // Whoever was told to go on, or did not ask, sends it all the same.
        let hidden = "C: my mail\r\nb NOOP\r\n";
        check(
            &["C: a APPEND m {9}\r\n", "S: + Go on\r\na NO No\r\n", hidden],
            "C: a APPEND m {9}\nS: + Go on\nS: a NO No\nC: \\{x*9}b NOOP\n",
        );
        check(
            &["C: a APPEND m {9+}\r\n", "S: a NO No\r\n", hidden],
            "C: a APPEND m {9+}\nS: a NO No\nC: \\{x*9}b NOOP\n",
        );
        check(
            &["C: a APPEND m {9}\r\n", "S: z NO No\r\n", hidden],
            "C: a APPEND m {9}\nS: z NO No\nC: \\{x*9}b NOOP\n",
        );
    }
}
