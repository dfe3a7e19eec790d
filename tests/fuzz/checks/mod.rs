//! What must hold of mime-core for any octets: a function for each fuzz target, which the tests of
//! mime-core call too, with the corpus and what deterministic mutation makes of it.

pub(crate) mod build;
pub(crate) mod charset;
pub(crate) mod conversion;
pub(crate) mod header;
pub(crate) mod origin;
pub(crate) mod reading;
pub(crate) mod report;
pub(crate) mod section;
pub(crate) mod structure;
pub(crate) mod thread;
pub(crate) mod transfer;
pub(crate) mod words;

/// A check and its name.
pub(crate) type Check = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) const ALL: &[Check] = &[
    ("build", build::check),
    ("charset", charset::check),
    ("conversion", conversion::check),
    ("header", header::check),
    ("origin", origin::check),
    ("reading", reading::check),
    ("report", report::check),
    ("section", section::check),
    ("structure", structure::check),
    ("thread", thread::check),
    ("transfer", transfer::check),
    ("words", words::check),
];
