//! Annotations as they are seen from outside.

use mail_types::AnnotationName;

/// What somebody noted of a mailbox or of the server (RFC 5464 §3.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Annotation {
    /// The entry's name.
    pub name: AnnotationName,
    /// Its value; none if it was removed, which is remembered for a while.
    pub value: Option<Vec<u8>>,
    /// Grows with every change of the mailbox's annotations: whoever knows of all up to one has to
    /// look at those with greater ones.
    pub version: u64,
}

/// An entry that is to have another value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnnotationChange {
    /// The entry's name.
    pub name: AnnotationName,
    /// Its value; none removes it.
    pub value: Option<Vec<u8>>,
}

/// What annotations there may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnnotationLimits {
    /// Octets of a value.
    pub value_octets: usize,
    /// Entries of a mailbox, or of the server, that one account sees.
    pub entries: usize,
}
