//! GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208 §7).

use super::{
    SyntaxError,
    cursor::Cursor,
    values::{mailbox, number63, text},
};
use crate::command::{Command, QuotaCommand};

type Parsed<T> = Result<T, SyntaxError>;

/// `getquota = "GETQUOTA" SP quota-root-name`
pub(super) fn of_root(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    Ok(Command::Quota(QuotaCommand::OfRoot(root(cursor)?)))
}

/// `getquotaroot = "GETQUOTAROOT" SP mailbox`
pub(super) fn of_mailbox(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    Ok(Command::Quota(QuotaCommand::OfMailbox(mailbox(cursor)?)))
}

/// `setquota = "SETQUOTA" SP quota-root-name SP "(" [setquota-resource *(SP setquota-resource)]
/// ")"`, `setquota-resource = resource-name SP resource-limit`
pub(super) fn set(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    root(cursor)?;
    cursor.space()?;
    cursor.list_or_nothing("a list of resources and limits", |cursor| {
        cursor.atom("a resource")?;
        cursor.space()?;
        number63(cursor, "a limit below 9223372036854775808")
    })?;
    Ok(Command::SetQuota)
}

/// `quota-root-name = astring`
fn root(cursor: &mut Cursor<'_>) -> Parsed<String> {
    text(&cursor.astring("a quota root")?)
}
