//! The structure of any octets: no panic, ranges within each other, the same for every cut, and
//! stored values that come back.

use mime_core::{
    BodyStructure, Envelope,
    structure::{Limits, Parser, Structure},
};

pub(crate) fn check(octets: &[u8]) {
    let whole = Structure::of(octets);
    assert_eq!(whole.size, octets.len() as u64);
    whole.body.root.visit(&mut |part| {
        assert!(part.header.start <= part.header.end && part.header.end == part.body.start);
        assert!(part.body.start <= part.body.end && part.body.end <= whole.size);
    });
    assert_eq!(BodyStructure::decode(&whole.body.encode()).as_ref(), Ok(&whole.body));
    assert_eq!(Envelope::decode(&whole.envelope.encode()).as_ref(), Ok(&whole.envelope));

    // The octets themselves say where to cut.
    let sizes = [1, 2, usize::from(octets.first().copied().unwrap_or(3)).max(1)];
    for size in sizes {
        let mut parser = Parser::new(Limits::default());
        octets.chunks(size).for_each(|piece| parser.push(piece));
        assert_eq!(parser.finish(), whole, "by {size}");
    }

    // Any octets as a stored value.
    let _ = BodyStructure::decode(octets);
    let _ = Envelope::decode(octets);
}
