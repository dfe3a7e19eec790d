//! SELECT and EXAMINE with their parameters (RFC 3501 §9, RFC 7162 §7).

use mail_types::UidValidity;

use super::{
    SyntaxError,
    cursor::Cursor,
    values::{mailbox, mod_seq, sequence_set},
};
use crate::{
    SequenceSet,
    command::{Command, Resync, Select},
};

type Parsed<T> = Result<T, SyntaxError>;

/// `select = "SELECT" SP mailbox [SP "(" select-param *(SP select-param) ")"]`; EXAMINE likewise.
pub(super) fn select(cursor: &mut Cursor<'_>, read_only: bool) -> Parsed<Command> {
    const WHAT: &str = "(CONDSTORE) or (QRESYNC ..)";
    let mailbox = mailbox(cursor)?;
    let mut select = Select { mailbox, read_only, condstore: false, resync: None };
    if cursor.eat(b' ') {
        cursor.list(WHAT, |cursor| {
            if cursor.eat_word("CONDSTORE") {
                select.condstore = true;
            } else if cursor.eat_word("QRESYNC") && select.resync.is_none() {
                cursor.space()?;
                select.resync = Some(resync(cursor)?);
            } else {
                return Err(SyntaxError::Expected(WHAT));
            }
            Ok(())
        })?;
    }
    Ok(Command::Select(select))
}

/// `"(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"`
fn resync(cursor: &mut Cursor<'_>) -> Parsed<Resync> {
    cursor.expect(b'(', "a list of what is known of the mailbox")?;
    let epoch = UidValidity::new(cursor.nonzero_number()?);
    let uid_validity = epoch.ok_or(SyntaxError::Expected("a UIDVALIDITY"))?;
    cursor.space()?;
    let since = mod_seq(cursor)?;
    let (mut known, mut matches) = (None, None);
    let mut more = cursor.eat(b' ');
    if more && cursor.peek() != Some(b'(') {
        known = Some(known_set(cursor)?);
        more = cursor.eat(b' ');
    }
    if more && cursor.dialect().uid_only {
        // RFC 9586 §3.7.
        return Err(SyntaxError::UidRequired);
    }
    if more {
        matches = Some(seq_match_data(cursor)?);
    }
    cursor.expect(b')', "the closing parenthesis")?;
    Ok(Resync { uid_validity, since, known, matches })
}

/// `known-uids`: a set without `*`.
fn known_set(cursor: &mut Cursor<'_>) -> Parsed<SequenceSet> {
    let set = sequence_set(cursor)?;
    if set.names_largest() || set.is_saved() {
        Err(SyntaxError::Expected("a set of UIDs without *"))
    } else {
        Ok(set)
    }
}

/// `"(" known-sequence-set SP known-uid-set ")"`: both ascend, and belong together one by one.
fn seq_match_data(cursor: &mut Cursor<'_>) -> Parsed<(SequenceSet, SequenceSet)> {
    const WHAT: &str = "two ascending sets of as many numbers, without *";
    cursor.expect(b'(', WHAT)?;
    let numbers = sequence_set(cursor)?;
    cursor.space()?;
    let uids = sequence_set(cursor)?;
    cursor.expect(b')', "the closing parenthesis")?;
    let fit = numbers.is_ascending() && uids.is_ascending() && numbers.count() == uids.count();
    if fit { Ok((numbers, uids)) } else { Err(SyntaxError::Expected(WHAT)) }
}
