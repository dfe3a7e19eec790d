//! Responses as they come: lines with literals in them (RFC 9051 §9 response, literal).
//!
//! * Nothing but bodies stays in the input: of a line, what has come is taken at once. So whoever
//!   reads from the connection may stop at any length of what was not taken.
//! * What is held is bounded: the line, each literal, and the literals of a response together.

use conversation::Input;

/// The longest line of a response, its short strings apart, in octets. A list of the UIDs of a
/// million messages is shorter.
pub const MAX_LINE: usize = 16 << 20;
/// The longest literal that is held; longer ones must be bodies.
pub const MAX_STRING: usize = 64 << 10;
/// How much the literals of one response may be together, bodies apart, in octets.
pub const MAX_STRINGS: usize = 1 << 20;

/// What each literal counts for beyond its octets: empty ones take room as well.
const LITERAL_COST: usize = 32;

/// What stands in a line for a literal: no octet of a line is zero.
pub(super) const PLACE: u8 = 0;

/// What the server did that no server may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Breach(pub(super) &'static str);

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// More has to come.
    Nothing,
    /// A body begins; what stands before it in its response can be looked at.
    Body,
    /// So many octets of a body are at the front of the input; they are taken by
    /// [`Reader::take`].
    Piece(usize),
    /// A response is whole.
    Whole(Line),
}

/// A response: its line, in which each literal is a [`PLACE`], and the literals in order. A body
/// that was handed on is an empty one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: Vec<u8>,
    pub(super) literals: Vec<Vec<u8>>,
}

impl Line {
    /// How much of it is held.
    pub(super) fn octets(&self) -> usize {
        self.text.len() + self.literals.iter().map(Vec::len).sum::<usize>()
    }
}

/// Reads responses.
#[derive(Debug, Default)]
pub(super) struct Reader {
    line: Line,
    /// What the literals of this response count for, of [`MAX_STRINGS`].
    strings: usize,
    state: State,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Line,
    /// A literal that is held; so much is left of it.
    Literal(usize),
    /// A body; so much is left of it, and whether that was told.
    Body { left: u64, told: bool },
}

impl Reader {
    /// What stands before a body, while one is being read.
    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    /// Goes on as far as the next thing to tell.
    pub(super) fn read(&mut self, input: &mut Input) -> Result<Read, Breach> {
        loop {
            match self.state {
                State::Line => {
                    if !self.part(input)? {
                        return Ok(Read::Nothing);
                    }
                    if !self.literal()? {
                        self.strings = 0;
                        return Ok(Read::Whole(std::mem::take(&mut self.line)));
                    }
                }
                State::Literal(0) | State::Body { left: 0, told: true } => self.state = State::Line,
                State::Literal(left) => {
                    let count = left.min(input.len());
                    if count == 0 {
                        return Ok(Read::Nothing);
                    }
                    let octets = input.bytes().get(..count).unwrap_or_default();
                    if let Some(literal) = self.line.literals.last_mut() {
                        literal.extend_from_slice(octets);
                    }
                    input.consume(count);
                    self.state = State::Literal(left - count);
                }
                State::Body { left, told: false } => {
                    self.state = State::Body { left, told: true };
                    return Ok(Read::Body);
                }
                State::Body { left, told: true } => {
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    return Ok(if count == 0 { Read::Nothing } else { Read::Piece(count) });
                }
            }
        }
    }

    /// The octets of a [`Read::Piece`] were looked at, and go.
    pub(super) fn take(&mut self, input: &mut Input, count: usize) {
        if let State::Body { left, .. } = &mut self.state {
            input.consume(count);
            *left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }

    /// Takes what there is of one line out of the input; whether that is all of it.
    fn part(&mut self, input: &mut Input) -> Result<bool, Breach> {
        let end = memchr::memchr(b'\n', input.bytes());
        let part = input.bytes().get(..end.unwrap_or(input.len())).unwrap_or_default();
        if memchr::memchr(PLACE, part).is_some() {
            return Err(Breach("a NUL octet in a response"));
        }
        if self.line.text.len() + part.len() > MAX_LINE {
            return Err(Breach("a response without an end"));
        }
        self.line.text.extend_from_slice(part);
        let taken = part.len() + usize::from(end.is_some());
        input.consume(taken);
        // Some servers forget the CR now and then. One that came earlier than its LF is in the line.
        if end.is_some() && self.line.text.ends_with(b"\r") {
            self.line.text.pop();
        }
        Ok(end.is_some())
    }

    /// Begins the literal that the line ends with; whether there is one.
    fn literal(&mut self) -> Result<bool, Breach> {
        let Some((before, octets)) = announced(&self.line.text)? else { return Ok(false) };
        let is_body = is_body(self.line.text.get(..before).unwrap_or_default());
        self.line.text.truncate(before);
        self.line.text.push(PLACE);
        self.line.literals.push(Vec::new());
        let held = usize::try_from(octets).ok().filter(|octets| *octets <= MAX_STRING);
        self.state = match held {
            _ if is_body => State::Body { left: octets, told: false },
            Some(octets) => State::Literal(octets),
            None => return Err(Breach("a string that is too long to be held")),
        };
        self.strings += LITERAL_COST + held.filter(|_| !is_body).unwrap_or(0);
        if self.strings > MAX_STRINGS {
            return Err(Breach("more strings than can be held"));
        }
        Ok(true)
    }
}

/// Whether a line ends with a literal's size: where that begins, and the size.
fn announced(line: &[u8]) -> Result<Option<(usize, u64)>, Breach> {
    let Some(inner) = line.strip_suffix(b"}") else { return Ok(None) };
    let Some(open) = memchr::memrchr(b'{', inner) else { return Ok(None) };
    let digits = inner.get(open + 1..).unwrap_or_default();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Ok(None);
    }
    let text = std::str::from_utf8(digits).unwrap_or_default();
    let octets = text.parse().map_err(|_| Breach("a literal of more octets than there are"))?;
    // A tilde marks binary ones (RFC 9051 §4.3.1).
    let start = if inner.get(..open).is_some_and(|before| before.ends_with(b"~")) {
        open - 1
    } else {
        open
    };
    Ok(Some((start, octets)))
}

fn is_body(before: &[u8]) -> bool {
    let tail = before.get(before.len().saturating_sub(7)..).unwrap_or_default();
    tail.eq_ignore_ascii_case(b"BODY[] ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that is read of a stream that comes in steps of a size: lines, and bodies as `<..>`.
    fn read(stream: &[u8], step: usize) -> Result<Vec<String>, Breach> {
        let (mut reader, mut input) = (Reader::default(), Input::default());
        let (mut told, mut body) = (Vec::new(), Vec::new());
        for piece in stream.chunks(step) {
            input.fill(piece);
            loop {
                match reader.read(&mut input)? {
                    Read::Nothing => break,
                    Read::Body => {
                        told.push(format!("{}<", String::from_utf8_lossy(&reader.line().text)))
                    }
                    Read::Piece(count) => {
                        body.extend_from_slice(&input.bytes()[..count]);
                        reader.take(&mut input, count);
                    }
                    Read::Whole(line) => {
                        let literals: Vec<_> =
                            line.literals.iter().map(|l| String::from_utf8_lossy(l)).collect();
                        let text = String::from_utf8_lossy(&line.text).replace('\0', "_");
                        let body = String::from_utf8(std::mem::take(&mut body)).unwrap();
                        told.push(format!("{text}|{}|{body}", literals.join(",")));
                    }
                }
            }
        }
        Ok(told)
    }

    #[test]
    fn lines_literals_and_bodies_however_they_come() {
        let stream = b"* OK hello\r\n* LIST () {1}\r\n/ {3}\r\na\nb\r\n\
            * 1 FETCH (UID 7 BODY[] {5}\r\nab\r\n) FLAGS ())\r\n* 2 FETCH (BODY[] {0}\r\n UID 8)\r\n\
            * OK {x}\r\na1 OK done {3+}\n";
        let expected = [
            "* OK hello||",
            "* LIST () _ _|/,a\nb|",
            "* 1 FETCH (UID 7 BODY[] \0<",
            "* 1 FETCH (UID 7 BODY[] _ FLAGS ())||ab\r\n)",
            "* 2 FETCH (BODY[] \0<",
            "* 2 FETCH (BODY[] _ UID 8)||",
            "* OK {x}||",
            "a1 OK done {3+}||",
        ];
        for step in [1, 2, 3, 7, 1000] {
            assert_eq!(read(stream, step).unwrap(), expected, "steps of {step}");
        }
    }

    /// The beginning of a response with so many literals of a length.
    fn many_strings(count: usize, octets: usize) -> Vec<u8> {
        let one = [format!("{{{octets}}}\r\n").as_bytes(), &vec![b'x'; octets]].concat();
        [b"* LIST () ", one.repeat(count).as_slice()].concat()
    }

    /// How much of a stream that comes in steps stays in the input at most.
    fn untaken(stream: &[u8], step: usize) -> usize {
        let (mut reader, mut input) = (Reader::default(), Input::default());
        let left = stream.chunks(step).map(|piece| {
            input.fill(piece);
            while reader.read(&mut input).unwrap() != Read::Nothing {}
            input.len()
        });
        left.max().unwrap()
    }

    #[test]
    fn of_a_line_nothing_stays_in_the_input() {
        let search = format!("* SEARCH{}\r\n", " 1000000".repeat(100_000));
        assert_eq!(untaken(search.as_bytes(), 4096), 0);
        assert_eq!(read(search.as_bytes(), 4096).unwrap(), [format!("{}||", search.trim_end())]);
        for stream in [&b"* LIST () {3}\r\nabc x\r\n* OK\n"[..], b"* OK a\rb\r\r\n"] {
            assert_eq!(untaken(stream, 1), 0);
        }
    }

    #[test]
    fn only_the_carriage_return_at_the_end_goes() {
        for step in [1, 2, 3, 100] {
            let told = read(b"* OK a\rb\r\r\n* OK {1}\r\n\r\n", step).unwrap();
            assert_eq!(told, ["* OK a\rb\r||", "* OK _|\r|"], "steps of {step}");
        }
    }

    #[test]
    fn the_strings_of_each_response_count_by_themselves() {
        let one = [many_strings(10, MAX_STRING), b"\r\n".to_vec()].concat();
        assert_eq!(read(&one.repeat(3), 1 << 20).unwrap().len(), 3);
    }

    #[test]
    fn what_no_server_may_do() {
        for (stream, why) in [
            (b"* OK a\0b\r\n".to_vec(), "a NUL octet in a response"),
            (b"* X {70000}\r\n".to_vec(), "a string that is too long to be held"),
            (
                b"* 1 FETCH (BODY[] {99999999999999999999}\r\n".to_vec(),
                "a literal of more octets than there are",
            ),
            (vec![b'x'; MAX_LINE + 2], "a response without an end"),
            (
                many_strings(1 + MAX_STRINGS / MAX_STRING, MAX_STRING),
                "more strings than can be held",
            ),
            (many_strings(1 + MAX_STRINGS / LITERAL_COST, 0), "more strings than can be held"),
        ] {
            assert_eq!(read(&stream, 1 << 20), Err(Breach(why)));
        }
    }
}
