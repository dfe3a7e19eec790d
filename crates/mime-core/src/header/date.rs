//! Dates (RFC 5322 §3.3, obsolete forms of §4.3).

use mail_types::Timestamp;

/// A date as a header states it: the moment, and the zone it was written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DateTime {
    /// The moment.
    pub at: Timestamp,
    /// East of UTC, in minutes.
    pub offset_minutes: i16,
}

impl DateTime {
    /// Parses a Date field's value, broken ones as well as can be.
    pub fn parse(_value: &[u8]) -> Option<Self> {
        todo!()
    }

    /// `Tue, 15 Jan 2008 16:02:43 -0500`.
    pub fn render(self) -> String {
        todo!()
    }

    /// The date in its own zone, as (year, month, day): what SENTON and its like compare
    /// (RFC 9051 §6.4.4, which disregards time and zone).
    pub fn civil_date(self) -> (i64, u8, u8) {
        todo!()
    }
}
