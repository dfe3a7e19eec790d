//! The few forms that stored values are made of: a version octet, numbers of 7 bits an octet, and
//! octet strings with their length in front.
//!
//! What is read may come from a damaged disk: lengths are checked against what is there, so reading
//! allocates no more than the stored octets could fill.

/// A stored value that cannot be what was stored, or is of a version not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stored value is damaged: {0}")]
pub struct Corrupt(pub(crate) &'static str);

/// Appends to a stored value.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// With room for a value of usual size.
    pub(crate) fn new(version: u8) -> Self {
        let mut octets = Vec::with_capacity(256);
        octets.push(version);
        Self(octets)
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    /// Low groups of 7 bits first, the top bit set on all but the last octet.
    pub(crate) fn number(&mut self, mut value: u64) {
        if let Ok(small @ 0..=0x7f) = u8::try_from(value) {
            self.0.push(small);
            return;
        }
        while value > 0x7f {
            self.0.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
            value >>= 7;
        }
        self.0.push(u8::try_from(value).unwrap_or(0));
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.number(u64::try_from(count).unwrap_or(u64::MAX));
    }

    pub(crate) fn octets(&mut self, octets: &[u8]) {
        self.count(octets.len());
        self.0.extend_from_slice(octets);
    }

    /// Zero for nothing, else the length plus one and the octets.
    pub(crate) fn option(&mut self, octets: Option<&[u8]>) {
        match octets {
            None => self.number(0),
            Some(octets) => {
                self.count(octets.len().saturating_add(1));
                self.0.extend_from_slice(octets);
            }
        }
    }
}

/// Reads a stored value from its front.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(stored: &'a [u8], version: u8) -> Result<Self, Corrupt> {
        match stored.split_first() {
            Some((first, rest)) if *first == version => Ok(Self(rest)),
            Some(_) => Err(Corrupt("its version is not known here")),
            None => Err(Corrupt("it is empty")),
        }
    }

    pub(crate) fn end(&self) -> Result<(), Corrupt> {
        if self.0.is_empty() { Ok(()) } else { Err(Corrupt("octets are left over")) }
    }

    pub(crate) fn number(&mut self) -> Result<u64, Corrupt> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (octet, rest) = self.0.split_first().ok_or(Corrupt("a number is cut off"))?;
            self.0 = rest;
            let bits = u64::from(octet & 0x7f);
            if bits.leading_zeros() < shift {
                return Err(Corrupt("a number is too large"));
            }
            value |= bits << shift;
            if octet & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Corrupt("a number is too large"))
    }

    /// A number added to `base`.
    pub(crate) fn sum(&mut self, base: u64) -> Result<u64, Corrupt> {
        base.checked_add(self.number()?).ok_or(Corrupt("an offset is too large"))
    }

    pub(crate) fn octets<O: From<&'a [u8]>>(&mut self) -> Result<O, Corrupt> {
        let length = self.number()?;
        self.exactly(length)
    }

    pub(crate) fn option<O: From<&'a [u8]>>(&mut self) -> Result<Option<O>, Corrupt> {
        match self.number()? {
            0 => Ok(None),
            more => self.exactly(more.saturating_sub(1)).map(Some),
        }
    }

    /// A count, then as many items; each takes an octet at least, so the input bounds the list.
    pub(crate) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Corrupt>,
    ) -> Result<Vec<T>, Corrupt> {
        let count = self.number()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn exactly<O: From<&'a [u8]>>(&mut self, length: u64) -> Result<O, Corrupt> {
        let length = usize::try_from(length).map_err(|_| Corrupt("a length is too large"))?;
        let (octets, rest) =
            self.0.split_at_checked(length).ok_or(Corrupt("octets are cut off"))?;
        self.0 = rest;
        Ok(octets.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, 300, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut writer = Writer::new(7);
            writer.number(value);
            let stored = writer.finish();
            let mut reader = Reader::new(&stored, 7).unwrap();
            assert_eq!(reader.number(), Ok(value));
            assert_eq!(reader.end(), Ok(()));
        }
    }

    #[test]
    fn damage_is_named() {
        assert!(Reader::new(&[], 1).is_err());
        assert!(Reader::new(&[2], 1).is_err());
        assert!(Reader::new(&[1, 0x80], 1).unwrap().number().is_err());
        assert!(Reader::new(&[1, 5, b'a'], 1).unwrap().octets::<&[u8]>().is_err());
        let too_large = [1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert!(Reader::new(&too_large, 1).unwrap().number().is_err());
    }
}
