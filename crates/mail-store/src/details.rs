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
    /// `lengths`: of each message its UID and the lengths of its values, in the order of the values.
    /// None if they are not what makes up the values.
    pub(crate) fn new(account: AccountId, lengths: &str, values: [Vec<u8>; N]) -> Option<Self> {
        let mut numbers = lengths.split_ascii_whitespace();
        let (mut places, mut ends) = (Vec::new(), [0_usize; N]);
        while let Some(uid) = numbers.next() {
            let mut place = [const { 0..0 }; N];
            for (range, end) in place.iter_mut().zip(&mut ends) {
                let length: usize = numbers.next()?.parse().ok()?;
                *range = *end..end.checked_add(length)?;
                *end = range.end;
            }
            places.push((Uid::new(uid.parse().ok()?)?, place));
        }
        places.sort_unstable_by_key(|(uid, _)| *uid);
        let fits = values.iter().zip(ends).all(|(values, end)| values.len() == end);
        fits.then_some(Self { account, places, values })
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

    fn stored(lengths: &str, values: [&[u8]; 2]) -> Option<Stored<2>> {
        Stored::new(AccountId(1), lengths, values.map(<[u8]>::to_vec))
    }

    #[test]
    fn lengths_say_where_values_end() {
        let found = stored("12 0 2 7 3 1", [b"\0 \xff", b"9 \n"]).unwrap();
        let of = |number| found.of(Uid::new(number).unwrap());
        assert_eq!(of(7), Some([&b"\0 \xff"[..], b"\n"]));
        assert_eq!(of(12), Some([&b""[..], b"9 "]));
        assert_eq!(of(8), None);
        assert!(stored("", [b"", b""]).unwrap().places.is_empty());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for lengths in ["7 3", "7 3 2", "7 4 1", "0 3 1", "7 3 x", "7 3 1 8", ""] {
            assert!(stored(lengths, [b"abc", b"d"]).is_none(), "{lengths}");
        }
        assert!(stored("7 3 1", [b"abc", b"d"]).is_some());
    }
}
