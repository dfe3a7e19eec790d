//! Reads responses back, as strictly as the grammar has them (RFC 9051 §9), and without any knowledge of
//! how they are written.
//!
//! One space between two values and none elsewhere; in quoted strings no CR, LF or NUL, and 8-bit octets
//! only for those who have enabled them, as UTF-8; nothing behind the line's end.

/// A value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Value {
    /// NIL.
    Nil,
    /// An atom: a word, a number, a flag, a set of numbers.
    Atom(String),
    /// A string, quoted or as a literal.
    Text(Vec<u8>),
    /// `"(" .. ")"`, with spaces between.
    List(Vec<Value>),
    /// Lists without a space between them.
    Adjacent(Vec<Value>),
    /// `name "[" .. "]" ["<" number ">"]`
    Section { name: String, inside: Vec<Value>, origin: Option<String> },
}

pub(super) fn atom(text: impl ToString) -> Value {
    Value::Atom(text.to_string())
}

/// A string, or NIL if there is none. No string has a NUL.
pub(super) fn nstring(octets: Option<&[u8]>) -> Value {
    octets.map_or(Value::Nil, text)
}

pub(super) fn text(octets: &[u8]) -> Value {
    Value::Text(octets.iter().copied().filter(|octet| *octet != 0).collect())
}

/// Lists that stand side by side; one alone is itself.
pub(super) fn adjacent(mut lists: Vec<Value>) -> Value {
    if lists.len() == 1 { lists.remove(0) } else { Value::Adjacent(lists) }
}

/// All values of a response that is one line, with its literals.
pub(super) fn read(octets: &[u8], utf8: bool) -> Result<Vec<Value>, String> {
    let mut reader = Reader { rest: octets, utf8 };
    let values = reader.values(None);
    let at = octets.len() - reader.rest.len();
    let values = values.and_then(|values| reader.expect(b"\r\n").map(|()| values));
    let values = values.map_err(|why| format!("{why} at {at} of {}", octets.escape_ascii()))?;
    if reader.rest.is_empty() {
        Ok(values)
    } else {
        Err(format!("more than a line: {}", octets.escape_ascii()))
    }
}

/// `tag SP word SP ["[" code "]" SP] text`: tag and word, the code's values, and the text.
pub(super) fn read_status(line: &[u8]) -> Result<(Vec<Value>, Vec<Value>, String), String> {
    let mut reader = Reader { rest: line, utf8: false };
    let head = vec![reader.value(None)?, { reader.expect(b" ").and(reader.value(None))? }];
    reader.expect(b" ")?;
    let mut code = Vec::new();
    if reader.rest.starts_with(b"[") {
        reader.expect(b"[")?;
        // `url-resp-text` has any octet that is no `]` (RFC 4469 §5).
        let end = reader.rest.iter().position(|octet| *octet == b']').unwrap_or(0);
        if let Some(url) = reader.rest[..end].strip_prefix(b"BADURL ") {
            code = vec![atom("BADURL"), Value::Atom(String::from_utf8_lossy(url).into_owned())];
            reader.rest = &reader.rest[end..];
        } else {
            code = reader.values(Some(b']'))?;
        }
        reader.expect(b"] ")?;
    }
    let text = reader.rest.strip_suffix(b"\r\n").ok_or("no line end")?;
    if text.is_empty() || text.iter().any(|octet| matches!(octet, 0 | b'\r' | b'\n')) {
        return Err(format!("no text: {}", line.escape_ascii()));
    }
    Ok((head, code, String::from_utf8(text.to_vec()).map_err(|error| error.to_string())?))
}

struct Reader<'o> {
    rest: &'o [u8],
    utf8: bool,
}

impl Reader<'_> {
    fn expect(&mut self, octets: &[u8]) -> Result<(), String> {
        let wanted = || format!("{} expected", octets.escape_ascii());
        self.rest = self.rest.strip_prefix(octets).ok_or_else(wanted)?;
        Ok(())
    }

    fn next(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Values up to a mark that ends atoms as well, or to whatever can't follow one.
    fn values(&mut self, end: Option<u8>) -> Result<Vec<Value>, String> {
        let mut values = vec![self.value(end)?];
        loop {
            let last_is_list = matches!(values.last(), Some(Value::List(_) | Value::Adjacent(_)));
            if self.next() == Some(b'(') && last_is_list {
                let more = self.value(end)?;
                match values.pop() {
                    Some(Value::Adjacent(mut lists)) => {
                        lists.push(more);
                        values.push(Value::Adjacent(lists));
                    }
                    last => values.push(Value::Adjacent(last.into_iter().chain([more]).collect())),
                }
            } else if self.next() == Some(b' ') {
                self.expect(b" ")?;
                values.push(self.value(end)?);
            } else {
                return Ok(values);
            }
        }
    }

    fn value(&mut self, end: Option<u8>) -> Result<Value, String> {
        match self.next() {
            Some(b'(') => {
                self.expect(b"(")?;
                let inside = if self.next() == Some(b')') { vec![] } else { self.values(None)? };
                self.expect(b")").map(|()| Value::List(inside))
            }
            Some(b'"') => self.quoted().map(Value::Text),
            Some(b'{') => self.literal(false).map(Value::Text),
            Some(b'~') if self.rest.starts_with(b"~{") => {
                self.expect(b"~")?;
                self.literal(true).map(Value::Text)
            }
            _ => self.word(end),
        }
    }

    /// An atom, with the `]` that an `astring` may have; a flag; a section.
    fn word(&mut self, end: Option<u8>) -> Result<Value, String> {
        if let Some(name) =
            ["BODY", "BINARY", "BINARY.SIZE"].into_iter().find(|name| self.names_section(name))
        {
            return self.section(name);
        }
        let is_more = |octet: &u8| {
            octet.is_ascii_graphic() && !b"(){%*\"\\".contains(octet) && Some(*octet) != end
        };
        let length = match self.rest {
            // The star of the line, and `flag-perm = flag / "\*"`.
            [b'*', ..] => 1,
            [b'\\', b'*', ..] => 2,
            [b'\\', name @ ..] => 1 + name.iter().take_while(|octet| is_more(octet)).count(),
            name => name.iter().take_while(|octet| is_more(octet)).count(),
        };
        let (word, rest) = self.rest.split_at(length);
        if matches!(word, [] | b"\\") {
            return Err("a value expected".to_owned());
        }
        self.rest = rest;
        let name = String::from_utf8(word.to_vec()).map_err(|error| error.to_string())?;
        Ok(if name == "NIL" { Value::Nil } else { Value::Atom(name) })
    }

    fn names_section(&self, name: &str) -> bool {
        self.rest.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"["))
    }

    /// `"[" section-spec "]" ["<" number ">"]`
    fn section(&mut self, name: &str) -> Result<Value, String> {
        self.expect(name.as_bytes())?;
        self.expect(b"[")?;
        let inside = if self.next() == Some(b']') { vec![] } else { self.values(Some(b']'))? };
        self.expect(b"]")?;
        let mut origin = None;
        if self.next() == Some(b'<') {
            let end = self.rest.iter().position(|octet| *octet == b'>').ok_or("> expected")?;
            origin = Some(String::from_utf8_lossy(&self.rest[1..end]).into_owned());
            self.rest = &self.rest[end + 1..];
        }
        Ok(Value::Section { name: name.to_owned(), inside, origin })
    }

    fn quoted(&mut self) -> Result<Vec<u8>, String> {
        self.expect(b"\"")?;
        let mut content = Vec::new();
        loop {
            let (octet, rest) = self.rest.split_first().ok_or("an endless quoted string")?;
            self.rest = rest;
            match octet {
                b'"' => break,
                b'\\' => match self.next() {
                    Some(escaped @ (b'"' | b'\\')) => {
                        content.push(escaped);
                        self.rest = &self.rest[1..];
                    }
                    _ => return Err("nothing to escape".to_owned()),
                },
                0 | b'\r' | b'\n' => return Err(format!("{octet} in a quoted string")),
                128.. if !self.utf8 => return Err("8-bit octets nobody asked for".to_owned()),
                octet => content.push(*octet),
            }
        }
        match str::from_utf8(&content) {
            Ok(_) => Ok(content),
            Err(error) => Err(error.to_string()),
        }
    }

    fn literal(&mut self, binary: bool) -> Result<Vec<u8>, String> {
        self.expect(b"{")?;
        let digits = self.rest.iter().take_while(|octet| octet.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at(digits);
        let length: usize = String::from_utf8_lossy(digits).parse().map_err(|_| "no number")?;
        self.rest = rest;
        self.expect(b"}\r\n")?;
        let (content, rest) = self.rest.split_at_checked(length).ok_or("a literal cut short")?;
        self.rest = rest;
        if content.contains(&0) && !binary {
            return Err("a NUL in a literal".to_owned());
        }
        Ok(content.to_vec())
    }
}

/// What would make a server wrong must not be read as if it were right.
#[test]
fn what_no_server_may_write() {
    for wrong in [
        "* 1 FETCH (UID 1)",
        "* 1 FETCH (UID 1) \r\n",
        "* 1  FETCH ()\r\n",
        "* 1 FETCH ( UID 1)\r\n",
        "* 1 FETCH (UID 1 )\r\n",
        "* 1 FETCH (UID 1))\r\n",
        "* 1 FETCH (A \"a\u{0}\")\r\n",
        "* 1 FETCH (A \"a\rb\")\r\n",
        "* 1 FETCH (A \"a\nb\")\r\n",
        "* 1 FETCH (A \"\\a\")\r\n",
        "* 1 FETCH (A \"\u{e9}\")\r\n",
        "* 1 FETCH (A {2}\r\na)\r\n",
        "* 1 FETCH (A {1}\r\n\u{0})\r\n",
        "* 1 FETCH (A {1}\na)\r\n",
        "* 1 FETCH (A\"b\")\r\n",
        "* 1 FETCH (BODY[ \"a\")\r\n",
        "* 1 FETCH (\u{e9})\r\n",
        "* OK\r\n* OK\r\n",
    ] {
        assert!(
            read(wrong.as_bytes(), false).is_err(),
            "{wrong:?}: {:?}",
            read(wrong.as_bytes(), false)
        );
    }
    let right =
        b"* 1 FETCH (\\Seen ((a)(b)) BODY[1.HEADER.FIELDS (a]b \"c\")]<7> {2}\r\n\xe9\r)\r\n";
    assert!(read(right, false).is_ok(), "{:?}", read(right, false));
    assert!(read_status(b"* OK [X a]b] c\r\n").is_err() && read_status(b"* OK [X a]\r\n").is_err());
}
