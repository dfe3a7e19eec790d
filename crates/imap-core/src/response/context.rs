//! What became of a search's result (RFC 5267 §4.3.2).

use super::{
    number,
    search::{Correlator, ranges},
};

/// Which way a message goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// It belongs to the result now.
    AddTo,
    /// It no longer does.
    RemoveFrom,
}

/// `* ESEARCH` with ADDTO or REMOVEFROM: places in the result, and what comes or goes there, in the
/// order in which a client takes it.
pub(crate) fn context_change(
    out: &mut Vec<u8>,
    correlator: &Correlator<'_>,
    change: Change,
    places: &[(u32, Vec<(u32, u32)>)],
) {
    correlator.begin(out);
    out.extend_from_slice(match change {
        Change::AddTo => b" ADDTO (",
        Change::RemoveFrom => b" REMOVEFROM (",
    });
    for (nth, (place, messages)) in places.iter().enumerate() {
        if nth > 0 {
            out.push(b' ');
        }
        number(out, (*place).into());
        out.push(b' ');
        ranges(out, messages);
    }
    out.extend_from_slice(b")\r\n");
}
