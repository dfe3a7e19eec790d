//! The smallest pieces of the grammar.

use std::borrow::Cow;

use super::{Dialect, SyntaxError};

/// A place in a command.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    dialect: Dialect,
}

type Parsed<T> = Result<T, SyntaxError>;

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8], dialect: Dialect) -> Self {
        Self { rest: text, dialect }
    }

    /// What the client has enabled of the grammar.
    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The next octet.
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes an octet if it is next.
    pub(super) fn eat(&mut self, octet: u8) -> bool {
        let is_next = self.peek() == Some(octet);
        if is_next {
            self.skip(1);
        }
        is_next
    }

    /// The octet must be next.
    pub(super) fn expect(&mut self, octet: u8, what: &'static str) -> Parsed<()> {
        if self.eat(octet) { Ok(()) } else { Err(SyntaxError::Expected(what)) }
    }

    /// `SP`: exactly one (RFC 3501 §9).
    pub(super) fn space(&mut self) -> Parsed<()> {
        self.expect(b' ', "a space")
    }

    /// The end of the command.
    pub(super) fn end(&self) -> Parsed<()> {
        if self.is_at_end() { Ok(()) } else { Err(SyntaxError::Expected("the end of the line")) }
    }

    /// The octets that fulfil a condition; maybe none.
    pub(super) fn take_while(&mut self, condition: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|b| !condition(*b)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn some(&mut self, what: &'static str, condition: impl Fn(u8) -> bool) -> Parsed<&'a [u8]> {
        let taken = self.take_while(condition);
        if taken.is_empty() { Err(SyntaxError::Expected(what)) } else { Ok(taken) }
    }

    fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    /// `tag = 1*<any ASTRING-CHAR except "+">`, and nothing else up to the next space.
    pub(super) fn tag(&mut self) -> Parsed<Box<str>> {
        const WHAT: &str = "a tag";
        let tag = self.some(WHAT, |b| is_astring_char(b) && b != b'+')?;
        if !matches!(self.peek(), None | Some(b' ')) {
            return Err(SyntaxError::Expected(WHAT));
        }
        std::str::from_utf8(tag).map(Box::from).map_err(|_| SyntaxError::Expected(WHAT))
    }

    /// `atom = 1*ATOM-CHAR`
    pub(super) fn atom(&mut self, what: &'static str) -> Parsed<&'a [u8]> {
        self.some(what, is_atom_char)
    }

    /// Letters, digits, `.` and `-`: what fixed words are made of.
    pub(super) fn word(&mut self) -> &'a [u8] {
        self.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
    }

    /// Takes a fixed word, in any case, if it is next and ends there.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let mut ahead = self.clone();
        let is_next = ahead.word().eq_ignore_ascii_case(word.as_bytes());
        if is_next {
            *self = ahead;
        }
        is_next
    }

    /// `number64` (RFC 9051 §9): 63 bits, for those who know of it; for others as many as
    /// [`Cursor::number`] has.
    pub(super) fn number64(&mut self) -> Parsed<u64> {
        if !self.dialect.rev2 {
            return self.number().map(u64::from);
        }
        const WHAT: &str = "a number below 9223372036854775808";
        let digits = self.some(WHAT, |b| b.is_ascii_digit())?;
        let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<u64>().ok());
        number.filter(|n| i64::try_from(*n).is_ok()).ok_or(SyntaxError::Expected(WHAT))
    }

    /// `number = 1*DIGIT`, of 32 bits.
    pub(super) fn number(&mut self) -> Parsed<u32> {
        const WHAT: &str = "a number below 4294967296";
        let digits = self.some(WHAT, |b| b.is_ascii_digit())?;
        let text = std::str::from_utf8(digits).map_err(|_| SyntaxError::Expected(WHAT))?;
        text.parse().map_err(|_| SyntaxError::Expected(WHAT))
    }

    /// `nz-number = digit-nz *DIGIT`
    pub(super) fn nonzero_number(&mut self) -> Parsed<u32> {
        if self.peek() == Some(b'0') {
            return Err(SyntaxError::Expected("a number that does not begin with 0"));
        }
        self.number()
    }

    /// So many digits.
    pub(super) fn digits(&mut self, count: usize, what: &'static str) -> Parsed<u16> {
        let digits = self.rest.get(..count).filter(|d| d.iter().all(u8::is_ascii_digit));
        let number = digits.and_then(|d| std::str::from_utf8(d).ok()?.parse().ok());
        self.skip(count);
        number.ok_or(SyntaxError::Expected(what))
    }

    /// `astring = 1*ASTRING-CHAR / string`
    pub(super) fn astring(&mut self, what: &'static str) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(what),
            _ => self.some(what, is_astring_char).map(Cow::Borrowed),
        }
    }

    /// `list-mailbox = 1*list-char / string`
    pub(super) fn list_mailbox(&mut self) -> Parsed<Cow<'a, [u8]>> {
        const WHAT: &str = "a mailbox pattern";
        match self.peek() {
            Some(b'"' | b'{') => self.string(WHAT),
            _ => self
                .some(WHAT, |b| is_astring_char(b) || matches!(b, b'%' | b'*'))
                .map(Cow::Borrowed),
        }
    }

    /// `string = quoted / literal`
    pub(super) fn string(&mut self, what: &'static str) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal().map(Cow::Borrowed),
            _ => Err(SyntaxError::Expected(what)),
        }
    }

    /// `quoted = DQUOTE *QUOTED-CHAR DQUOTE`. More tolerant than the grammar in one point: 8-bit
    /// octets may stand in it, as they do in what clients send.
    fn quoted(&mut self) -> Parsed<Cow<'a, [u8]>> {
        const WHAT: &str = "a quoted string with its end";
        self.expect(b'"', WHAT)?;
        let plain = self.take_while(|b| !matches!(b, b'"' | b'\\' | b'\r' | b'\n' | 0));
        if self.eat(b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut content = plain.to_vec();
        while self.eat(b'\\') {
            match self.peek() {
                Some(escaped @ (b'"' | b'\\')) => content.push(escaped),
                _ => return Err(SyntaxError::Expected("\" or \\ behind a \\ in a quoted string")),
            }
            self.skip(1);
            let more = self.take_while(|b| !matches!(b, b'"' | b'\\' | b'\r' | b'\n' | 0));
            content.extend_from_slice(more);
        }
        self.expect(b'"', WHAT)?;
        Ok(Cow::Owned(content))
    }

    /// `literal8 = "~{" number64 ["+"] "}" CRLF *OCTET` (RFC 3516 §7): any octets.
    pub(super) fn literal8(&mut self) -> Parsed<&'a [u8]> {
        self.expect(b'~', "a literal8")?;
        self.octets()
    }

    /// `literal = "{" number64 ["+"] "}" CRLF *CHAR8`, whose octets are all there: the framing has
    /// counted them.
    fn literal(&mut self) -> Parsed<&'a [u8]> {
        let octets = self.octets()?;
        if octets.contains(&0) {
            return Err(SyntaxError::Expected("a literal without NUL"));
        }
        Ok(octets)
    }

    fn octets(&mut self) -> Parsed<&'a [u8]> {
        const BAD: SyntaxError = SyntaxError::Expected("a literal");
        self.expect(b'{', "a literal")?;
        let size = usize::try_from(self.number()?).map_err(|_| BAD)?;
        self.eat(b'+');
        self.expect(b'}', "a literal")?;
        self.eat(b'\r');
        self.expect(b'\n', "the end of the line behind a literal's size")?;
        let (octets, rest) = self.rest.split_at_checked(size).ok_or(BAD)?;
        self.rest = rest;
        Ok(octets)
    }

    /// `"(" item *(SP item) ")"`
    pub(super) fn list<T>(
        &mut self,
        what: &'static str,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        self.expect(b'(', what)?;
        let mut items = vec![item(self)?];
        while self.eat(b' ') {
            items.push(item(self)?);
        }
        self.expect(b')', "a space or the closing parenthesis")?;
        Ok(items)
    }

    /// `"(" [item *(SP item)] ")"`
    pub(super) fn list_or_nothing<T>(
        &mut self,
        what: &'static str,
        item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut ahead = self.clone();
        if ahead.eat(b'(') && ahead.eat(b')') {
            *self = ahead;
            return Ok(Vec::new());
        }
        self.list(what, item)
    }
}

/// `ATOM-CHAR`: no atom-specials, which 8-bit octets are too.
pub(super) fn is_atom_char(b: u8) -> bool {
    b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b)
}

/// `ASTRING-CHAR = ATOM-CHAR / resp-specials`
fn is_astring_char(b: u8) -> bool {
    is_atom_char(b) || b == b']'
}
