//! Sections of any message: within it, and the same from the stored value.

use mime_core::{
    BodyStructure,
    section::{Section, SectionOf},
    structure::Structure,
};

pub(crate) fn check(octets: &[u8]) {
    // The first octets are the part number.
    let Some((path, message)) = octets.split_at_checked(4) else { return };
    let structure = Structure::of(message);
    let stored = BodyStructure::decode(&structure.body.encode()).unwrap();
    for length in 0..=path.len() {
        let path: Vec<u32> = path[..length].iter().map(|octet| u32::from(octet % 8)).collect();
        for of in [SectionOf::Content, SectionOf::Header, SectionOf::Text, SectionOf::Mime] {
            let section = Section { path: path.clone(), of };
            let range = structure.body.resolve(&section);
            assert_eq!(stored.resolve(&section), range);
            if let Some(range) = range {
                assert!(range.start <= range.end && range.end <= structure.size);
            }
        }
    }
}
