//! What is as good as a password, as octets to be sealed.
//!
//! A version; 32 octets for CRAM-MD5 after a 1, or a 0; the number of digests, and for each name,
//! realm and 16 octets; the password itself, empty for none. Texts have their length in two octets
//! in front.

use mail_types::Secret;
use sasl_core::{CramSecret, DigestSecret};

const VERSION: u8 = 1;

/// What is as good as a password.
#[derive(Debug, Default)]
pub(crate) struct Equivalents {
    /// For CRAM-MD5.
    pub(crate) cram: Option<CramSecret>,
    /// For DIGEST-MD5.
    pub(crate) digest: Vec<DigestSecret>,
    /// For APOP: the password itself.
    pub(crate) password: Option<Secret>,
}

impl Equivalents {
    pub(crate) fn is_empty(&self) -> bool {
        self.cram.is_none() && self.digest.is_empty() && self.password.is_none()
    }
}

/// To octets.
pub(crate) fn pack(equivalents: &Equivalents) -> Secret {
    let mut out = vec![VERSION];
    match &equivalents.cram {
        Some(cram) => {
            out.push(1);
            out.extend_from_slice(&cram.to_bytes());
        }
        None => out.push(0),
    }
    out.push(u8::try_from(equivalents.digest.len()).unwrap_or(u8::MAX));
    for digest in equivalents.digest.iter().take(usize::from(u8::MAX)) {
        text(&mut out, digest.name.as_bytes());
        text(&mut out, digest.realm.as_bytes());
        out.extend_from_slice(&digest.digest);
    }
    text(&mut out, equivalents.password.as_ref().map_or(b"", Secret::reveal));
    Secret::new(out)
}

/// A password is shorter than what two octets count.
fn text(out: &mut Vec<u8>, text: &[u8]) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend(text.iter().take(usize::from(length)));
}

/// From octets; nothing if they are something else.
pub(crate) fn unpack(sealed: &Secret) -> Option<Equivalents> {
    let mut rest = Rest(sealed.reveal());
    if rest.octet()? != VERSION {
        return None;
    }
    let cram = match rest.octet()? {
        0 => None,
        _ => Some(CramSecret::from_bytes(rest.array()?)),
    };
    let mut digest = Vec::new();
    for _ in 0..rest.octet()? {
        let name = String::from_utf8(rest.text()?.to_vec()).ok()?;
        let realm = String::from_utf8(rest.text()?.to_vec()).ok()?;
        digest.push(DigestSecret { name, realm, digest: *rest.array()? });
    }
    let password = Some(rest.text()?).filter(|text| !text.is_empty()).map(Secret::new);
    rest.0.is_empty().then_some(Equivalents { cram, digest, password })
}

/// What is not read yet.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn octet(&mut self) -> Option<u8> {
        self.array::<1>().map(|[octet]| *octet)
    }

    fn array<const N: usize>(&mut self) -> Option<&'b [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    fn text(&mut self) -> Option<&'b [u8]> {
        let length = u16::from_be_bytes(*self.array()?);
        let (taken, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let password = Secret::new("비밀");
        let all = Equivalents {
            cram: Some(CramSecret::new(&password)),
            digest: vec![
                DigestSecret::new("a", "r", &password),
                DigestSecret::new("b", "", &password),
            ],
            password: Some(password),
        };
        for one in [all, Equivalents::default()] {
            let packed = pack(&one);
            let back = unpack(&packed).unwrap();
            assert_eq!((&back.cram, &back.digest), (&one.cram, &one.digest));
            assert_eq!(back.password, one.password);
            for cut in 0..packed.reveal().len() {
                assert!(unpack(&Secret::new(&packed.reveal()[..cut])).is_none(), "{cut}");
            }
            let longer = Secret::new([packed.reveal(), b"x"].concat());
            assert!(unpack(&longer).is_none());
        }
    }
}
