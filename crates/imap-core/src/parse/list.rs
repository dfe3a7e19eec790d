//! LIST and LSUB (RFC 5258 §6, RFC 5819 §4, RFC 6154 §6, RFC 8440 §5, RFC 9590 §5).

use super::{
    SyntaxError,
    cursor::Cursor,
    metadata,
    values::{name_text, status_items},
};
use crate::command::{List, ListReturn, ListSelection, MailboxCommand};

type Parsed<T> = Result<T, SyntaxError>;

/// `list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]`
pub(super) fn list(cursor: &mut Cursor<'_>) -> Parsed<List> {
    let mut list = List::default();
    if cursor.peek() == Some(b'(') {
        list.extended = true;
        list.selection = selection(cursor)?;
        cursor.space()?;
    }
    list.reference = name_text(&cursor.astring("a reference name")?, cursor.dialect())?;
    cursor.space()?;
    if cursor.peek() == Some(b'(') {
        list.extended = true;
        list.patterns = cursor.list("a list of patterns", pattern)?;
    } else {
        list.patterns = vec![pattern(cursor)?];
    }
    if cursor.eat(b' ') {
        list.extended = true;
        list.returns = returns(cursor)?;
    }
    // RFC 5258 §3.1: this selection option implies the return option.
    list.returns.subscribed |= list.selection.subscribed;
    list.returns.special_use |= list.selection.special_use;
    Ok(list)
}

/// `lsub = "LSUB" SP mailbox SP list-mailbox`
pub(super) fn lsub(cursor: &mut Cursor<'_>) -> Parsed<MailboxCommand> {
    let reference = name_text(&cursor.astring("a reference name")?, cursor.dialect())?;
    cursor.space()?;
    Ok(MailboxCommand::Lsub { reference, pattern: pattern(cursor)? })
}

fn pattern(cursor: &mut Cursor<'_>) -> Parsed<String> {
    // Wildcards are ASCII and so never part of a shifted sequence.
    name_text(&cursor.list_mailbox()?, cursor.dialect())
}

fn selection(cursor: &mut Cursor<'_>) -> Parsed<ListSelection> {
    let mut selection = ListSelection::default();
    cursor.list_or_nothing("a list of selection options", |cursor| {
        let word = cursor.word().to_ascii_uppercase();
        match word.as_slice() {
            b"SUBSCRIBED" => selection.subscribed = true,
            b"SPECIAL-USE" => selection.special_use = true,
            b"RECURSIVEMATCH" => selection.recursive_match = true,
            // RFC 5258 §3.1: other servers' mailboxes too. There are none.
            b"REMOTE" => {}
            _ => {
                return Err(SyntaxError::Expected(
                    "SUBSCRIBED, REMOTE, RECURSIVEMATCH or SPECIAL-USE",
                ));
            }
        }
        Ok(())
    })?;
    // RFC 5258 §3.1: it changes the meaning of other options and makes no sense alone.
    if selection.recursive_match && !selection.subscribed && !selection.special_use {
        return Err(SyntaxError::Expected("a selection option besides RECURSIVEMATCH"));
    }
    Ok(selection)
}

fn returns(cursor: &mut Cursor<'_>) -> Parsed<ListReturn> {
    if !cursor.eat_word("RETURN") {
        return Err(SyntaxError::Expected("RETURN or the end of the line"));
    }
    cursor.space()?;
    let mut returns = ListReturn::default();
    cursor.list_or_nothing("a list of return options", |cursor| {
        let word = cursor.word().to_ascii_uppercase();
        match word.as_slice() {
            b"SUBSCRIBED" => returns.subscribed = true,
            b"CHILDREN" => returns.children = true,
            b"SPECIAL-USE" => returns.special_use = true,
            // RFC 8440 §5.
            b"MYRIGHTS" => returns.my_rights = true,
            // RFC 9590 §5.
            b"METADATA" => {
                cursor.space()?;
                returns.metadata = cursor.list("a list of entries", metadata::entry)?;
            }
            b"STATUS" => {
                cursor.space()?;
                returns.status = status_items(cursor)?;
            }
            _ => {
                return Err(SyntaxError::Expected(
                    "SUBSCRIBED, CHILDREN, SPECIAL-USE, STATUS, MYRIGHTS or METADATA",
                ));
            }
        }
        Ok(())
    })?;
    Ok(returns)
}
