//! Many rows of messages as one text: numbers and texts in a line, each text behind its length.
//!
//! A row that sqlx brings costs a hand-over between threads and a copy of each of its values, ten
//! times what SQLite needs to find it. One long text costs that once.
//!
//! Whatever a text holds (a file's name is another tool's choice), its length says where it ends.

use mail_types::Timestamp;

use super::{FileRow, Place};
use crate::{index::mailboxes::uid, mailbox::flags_from};

/// Of a text that SQL did not make.
pub(in crate::index) fn no_such_rows() -> sqlx::Error {
    sqlx::Error::Decode("rows can't be read".into())
}

/// One row of `messages m`, as [`file_rows`] reads it: an expression for SQL's `group_concat`.
pub(in crate::index) const FILE_ROW: &str = "m.uid || ' ' || m.flags || ' ' || m.modseq || ' ' || m.size || \
    ' ' || m.octets || ' ' || m.internal_date || ' ' || m.place || ' ' || m.behind || ' ' || \
    m.bare_lf || ' ' || octet_length(m.keywords) || ' ' || m.keywords || \
    octet_length(m.base) || ' ' || m.base || octet_length(m.info) || ' ' || m.info";

/// The rows of a text, by UID; none if it isn't what [`FILE_ROW`] makes.
pub(in crate::index) fn file_rows(packed: &str) -> Option<Vec<FileRow>> {
    let (mut rest, mut rows) = (packed, Vec::new());
    while !rest.is_empty() {
        rows.push(file_row(&mut rest)?);
    }
    rows.sort_unstable_by_key(|row| row.uid);
    Some(rows)
}

fn file_row(rest: &mut &str) -> Option<FileRow> {
    let number = uid(next_number(rest)?);
    let system = next_number(rest)?;
    let (modseq, size, octets) = (next_number(rest)?, next_number(rest)?, next_number(rest)?);
    let internal_date = Timestamp::from_millis(next_number(rest)?);
    let place = Place::from(next_number(rest)?);
    let (behind, bare_lf) = (next_number(rest)?, next_number(rest)? != 0);
    let flags = flags_from(system, next_text(rest)?);
    let (base, info) = (next_text(rest)?.to_owned(), next_text(rest)?.to_owned());
    Some(FileRow {
        uid: number,
        flags,
        modseq,
        size,
        octets,
        internal_date,
        base,
        info,
        place,
        behind,
        bare_lf,
    })
}

/// A number and the space behind it.
fn next_number(rest: &mut &str) -> Option<i64> {
    let (number, after) = rest.split_once(' ')?;
    *rest = after;
    number.parse().ok()
}

/// A length, and so many octets.
fn next_text<'t>(rest: &mut &'t str) -> Option<&'t str> {
    let length = usize::try_from(next_number(rest)?).ok()?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_say_where_texts_end() {
        let one = "7 1 5 10 11 12000 1 0 1 6 a work9 7 1 5 한4 :2,S";
        let other = "2 0 5 10 11 12000 0 2 0 0 1 x0 ";
        let rows = file_rows(&format!("{one}{other}")).unwrap();
        let names: Vec<_> =
            rows.iter().map(|row| (row.uid.number(), &*row.base, &*row.info)).collect();
        assert_eq!(names, [(2, "x", ""), (7, "7 1 5 한", ":2,S")]);
    }

    #[test]
    fn what_was_cut_is_no_row() {
        let whole = "2 0 5 10 11 12000 0 2 0 4 work1 x2 :2";
        assert_eq!(file_rows(whole).unwrap().len(), 1);
        for cut in 1..whole.len() {
            assert_eq!(file_rows(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(file_rows(""), Some(Vec::new()));
    }
}
