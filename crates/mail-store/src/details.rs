//! What was parsed of messages when they came: in the stored form, as one query brings it for many.
//!
//! It is read where it lies, a message at a time: texts of their own for each address and parameter
//! cost more than finding, reading and telling them together.

use std::ops::Range;

use mail_types::{AccountId, Uid};
use mime_core::{BodyStructure, Corrupt, Envelope, Octets};

use crate::StoreError;

/// What was parsed when a message came. Its texts are its own, or those of [`StoredDetails`].
#[derive(Clone, Debug)]
pub struct Details<O = Octets> {
    /// The header fields of ENVELOPE.
    pub envelope: Envelope<O>,
    /// The parts, with their places in the wire form.
    pub structure: BodyStructure<O>,
}

/// Envelopes of messages.
#[derive(Debug)]
pub struct StoredEnvelopes(pub(crate) Stored<1>);

impl StoredEnvelopes {
    /// That of a message, if it was there.
    pub fn of(&self, uid: Uid) -> Result<Option<Envelope<&[u8]>>, StoreError> {
        let Some([envelope]) = self.0.of(uid) else { return Ok(None) };
        Envelope::decode_in_place(envelope).map(Some).map_err(|error| self.0.corrupt(error))
    }
}

/// Envelopes and structures of messages.
#[derive(Debug)]
pub struct StoredDetails(pub(crate) Stored<2>);

impl StoredDetails {
    /// Those of a message, if it was there.
    pub fn of(&self, uid: Uid) -> Result<Option<Details<&[u8]>>, StoreError> {
        let Some([envelope, structure]) = self.0.of(uid) else { return Ok(None) };
        let corrupt = |error| self.0.corrupt(error);
        let envelope = Envelope::decode_in_place(envelope).map_err(corrupt)?;
        let structure = BodyStructure::decode_in_place(structure).map_err(corrupt)?;
        Ok(Some(Details { envelope, structure }))
    }

    /// The same, to be kept.
    pub(crate) fn own(&self, uid: Uid) -> Result<Option<Details>, StoreError> {
        let Some([envelope, structure]) = self.0.of(uid) else { return Ok(None) };
        let corrupt = |error| self.0.corrupt(error);
        let envelope = Envelope::decode(envelope).map_err(corrupt)?;
        let structure = BodyStructure::decode(structure).map_err(corrupt)?;
        Ok(Some(Details { envelope, structure }))
    }
}

/// Some columns of messages, each column's values one behind the other.
#[derive(Debug)]
pub(crate) struct Stored<const N: usize> {
    account: AccountId,
    /// By UID.
    places: Vec<(Uid, [Range<usize>; N])>,
    values: [Vec<u8>; N],
}

impl<const N: usize> Stored<N> {
    /// Of no message yet.
    pub(crate) fn none(account: AccountId) -> Self {
        Self { account, places: Vec::new(), values: [const { Vec::new() }; N] }
    }

    /// Adds those of the next message, by UID.
    pub(crate) fn add(&mut self, uid: Uid, columns: [&[u8]; N]) {
        let mut place = [const { 0..0 }; N];
        for ((values, column), range) in self.values.iter_mut().zip(columns).zip(&mut place) {
            range.start = values.len();
            values.extend_from_slice(column);
            range.end = values.len();
        }
        self.places.push((uid, place));
    }

    fn of(&self, uid: Uid) -> Option<[&[u8]; N]> {
        let at = self.places.binary_search_by_key(&uid, |(uid, _)| *uid).ok()?;
        let (_, place) = self.places.get(at)?;
        let mut found = [&[][..]; N];
        for ((value, range), values) in found.iter_mut().zip(place).zip(&self.values) {
            *value = values.get(range.clone())?;
        }
        Some(found)
    }

    fn corrupt(&self, error: Corrupt) -> StoreError {
        let operation = "read what was parsed of a message";
        StoreError::Index { account: self.account, operation, source: Box::new(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_has_its_values() {
        let mut stored = Stored::none(AccountId(1));
        let uid = |number| Uid::new(number).unwrap();
        for (number, columns) in [(7, [&b"\0 \xff"[..], b"\n"]), (12, [b"", b"9 "])] {
            stored.add(uid(number), columns);
        }
        assert_eq!(stored.of(uid(7)), Some([&b"\0 \xff"[..], b"\n"]));
        assert_eq!(stored.of(uid(12)), Some([&b""[..], b"9 "]));
        assert_eq!(stored.of(uid(8)), None);
    }
}
