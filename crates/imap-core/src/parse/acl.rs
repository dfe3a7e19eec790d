//! SETACL, DELETEACL, GETACL, LISTRIGHTS and MYRIGHTS (RFC 4314 §7).

use mail_types::Rights;

use super::{
    SyntaxError,
    cursor::Cursor,
    values::{mailbox, text},
};
use crate::{
    command::{AclCommand, Command, Identifier, RightsChange},
    order::Verb,
};

type Parsed<T> = Result<T, SyntaxError>;

/// The arguments of one of these commands: all begin with a mailbox.
pub(super) fn acl(verb: Verb, cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let mailbox = mailbox(cursor)?;
    let mut whom = || {
        cursor.space()?;
        identifier(cursor)
    };
    Ok(Command::Acl(match verb {
        Verb::SetAcl => {
            let identifier = whom()?;
            cursor.space()?;
            AclCommand::Set { mailbox, identifier, change: mod_rights(cursor)? }
        }
        Verb::DeleteAcl => AclCommand::Delete { mailbox, identifier: whom()? },
        Verb::ListRights => AclCommand::ListRights { mailbox, identifier: whom()? },
        Verb::MyRights => AclCommand::MyRights(mailbox),
        _ => AclCommand::Get(mailbox),
    }))
}

/// `identifier = astring`, in UTF-8, prepared as names are that sign in (RFC 4314 §3).
fn identifier(cursor: &mut Cursor<'_>) -> Parsed<Identifier> {
    const WHAT: &str = "a name";
    let written = text(&cursor.astring(WHAT)?)?;
    let (negative, name) = match written.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, written.as_str()),
    };
    let name = sasl_core::prepare(name).into_owned();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(SyntaxError::Expected(WHAT));
    }
    Ok(Identifier { written, name, negative })
}

/// `mod-rights = astring`: `+` or `-` and rights, or rights alone.
fn mod_rights(cursor: &mut Cursor<'_>) -> Parsed<RightsChange> {
    const WHAT: &str = "rights: + or - or neither, and letters of lrswipkxteacd";
    let rights = text(&cursor.astring(WHAT)?)?;
    // RFC 4314 §3.1: a right that is not known is BAD.
    let parse = |text: &str| Rights::parse(text).map_err(|_| SyntaxError::Expected(WHAT));
    Ok(if let Some(more) = rights.strip_prefix('+') {
        RightsChange::Add(parse(more)?)
    } else if let Some(fewer) = rights.strip_prefix('-') {
        RightsChange::Remove(parse(fewer)?)
    } else {
        RightsChange::Replace(parse(&rights)?)
    })
}
