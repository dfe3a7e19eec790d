//! All SQL of the queue: the tables, and one function for each thing that is asked of them.
//!
//! A statement through sqlx costs two changes of thread, rows cost almost nothing. So each
//! function here is one round for any number of rows: several statements in one text that share
//! their numbered parameters, rows as JSON arrays (read by `json_each`), octets as one blob with
//! offsets. Parameters are spelled `$1`, not `?1`: the latter leave holes in the numbering of a
//! statement that doesn't use all of them, and sqlx fills holes with what comes next.

mod enqueue;
mod operate;
mod schema;
mod story;
mod turn;

pub(crate) use enqueue::{EntryParameters, enqueue};
pub(crate) use operate::{
    Choice, Chosen, Operation, SummaryRow, change, choose, content_files, counts, list, oldest,
    show, summaries,
};
pub(crate) use schema::{MIGRATIONS, event, state};
pub(crate) use story::{
    By, EventRow, RefusalRow, StoryRow, events, note_refusals, prune, refusals, stories,
};
pub(crate) use turn::{
    EntryRow, LeaseParameters, LeaseRows, RecipientRow, SettleParameters, SettledRows, free_dead,
    lease, set_aside, settle,
};
