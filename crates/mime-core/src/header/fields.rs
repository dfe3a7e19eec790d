//! The fields of a header that is in memory.

use std::borrow::Cow;

/// One field with its place in the header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field<'a> {
    /// The name as written, without white space before the colon.
    pub name: &'a [u8],
    /// What follows the colon up to the field's last line end, folded as it stands.
    pub value: &'a [u8],
    /// The whole field with its line ends.
    pub raw: &'a [u8],
}

impl<'a> Field<'a> {
    /// Whether the name is this; case does not count (RFC 5322 §1.2.2).
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value in one line (RFC 5322 §2.2.3), without white space around it.
    pub fn unfolded(&self) -> Cow<'a, [u8]> {
        todo!()
    }
}

/// Iterates over fields; see [`fields`].
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

/// The fields of a header, to the blank line or the end. Lines that are no field are passed over.
pub fn fields(header: &[u8]) -> Fields<'_> {
    Fields { rest: header }
}

/// The first field of this name.
pub fn find<'a>(header: &'a [u8], name: &str) -> Option<Field<'a>> {
    fields(header).find(|field| field.is(name))
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let _ = self.rest;
        todo!()
    }
}
