//! The arguments of each command.

use std::borrow::Cow;

use mail_types::{FlagSet, Secret};

use super::{
    SyntaxError, acl, append,
    cursor::Cursor,
    fetch, list, metadata,
    multi_search::multi_search,
    notify, quota, search,
    select::select,
    sort, urls,
    values::{self, flag, flag_list, mailbox, new_mailbox, sequence_set, status_items, text},
};
use crate::{
    command::{
        Close, Command, Copy, Enable, Expunge, MailboxCommand, Numbering, SpecialUse, Status,
        Store, StoreAction,
    },
    language::is_range,
    order::Verb,
};

type Parsed<T> = Result<T, SyntaxError>;

/// Parses the arguments up to the end of the command.
pub(super) fn parse(verb: Verb, cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let command = arguments(verb, cursor)?;
    cursor.end()?;
    Ok(command)
}

fn arguments(verb: Verb, cursor: &mut Cursor<'_>) -> Parsed<Command> {
    // Commands without arguments first.
    match verb {
        Verb::Capability => return Ok(Command::Capability),
        Verb::Noop | Verb::Check => return Ok(Command::Noop),
        Verb::Logout => return Ok(Command::Logout),
        Verb::StartTls => return Ok(Command::StartTls),
        Verb::Unauthenticate => return Ok(Command::Unauthenticate),
        Verb::Namespace => return Ok(Command::Namespace),
        Verb::Idle => return Ok(Command::Idle),
        Verb::Close => return Ok(Command::Close(Close { expunge: true })),
        Verb::Unselect => return Ok(Command::Close(Close { expunge: false })),
        Verb::Expunge => return Ok(Command::Expunge(Expunge { uids: None })),
        Verb::Language => return language(cursor),
        Verb::ResetKey => return urls::reset(cursor).map(Command::Urls),
        _ => cursor.space()?,
    }
    let numbering = if verb.rule().sequence_numbers { Numbering::Sequence } else { Numbering::Uid };
    Ok(match verb {
        Verb::Append | Verb::Replace | Verb::UidReplace => append::whole(verb, cursor)?,
        Verb::Id => id(cursor)?,
        Verb::Login => login(cursor)?,
        Verb::Authenticate => authenticate(cursor)?,
        Verb::Enable => enable(cursor)?,
        Verb::Compress => compress(cursor)?,
        Verb::Select | Verb::Examine => select(cursor, verb == Verb::Examine)?,
        Verb::GetMetadata => metadata::get(cursor)?,
        Verb::SetMetadata => metadata::set(cursor)?,
        Verb::Notify => notify::notify(cursor)?,
        Verb::SetAcl | Verb::DeleteAcl | Verb::GetAcl | Verb::ListRights | Verb::MyRights => {
            acl::acl(verb, cursor)?
        }
        Verb::GetQuota => quota::of_root(cursor)?,
        Verb::GetQuotaRoot => quota::of_mailbox(cursor)?,
        Verb::SetQuota => quota::set(cursor)?,
        Verb::GenUrlAuth => Command::Urls(urls::authorize(cursor)?),
        Verb::UrlFetch => Command::Urls(urls::fetch(cursor)?),
        Verb::UidExpunge => Command::Expunge(Expunge { uids: Some(sequence_set(cursor)?) }),
        Verb::Fetch | Verb::UidFetch => Command::Fetch(fetch::fetch(cursor, numbering)?),
        Verb::Store | Verb::UidStore => store(cursor, numbering)?,
        Verb::CancelUpdate => cancel_update(cursor)?,
        Verb::Esearch => Command::MultiSearch(multi_search(cursor)?),
        Verb::Search | Verb::UidSearch => Command::Search(search::search(cursor, numbering)?),
        Verb::Sort | Verb::UidSort => Command::Search(sort::sort(cursor, numbering)?),
        Verb::Thread | Verb::UidThread => Command::Search(sort::thread(cursor, numbering)?),
        Verb::Copy | Verb::UidCopy => copy(cursor, numbering, false)?,
        Verb::Move | Verb::UidMove => copy(cursor, numbering, true)?,
        _ => Command::Mailboxes(mailboxes(verb, cursor)?),
    })
}

fn mailboxes(verb: Verb, cursor: &mut Cursor<'_>) -> Parsed<MailboxCommand> {
    Ok(match verb {
        Verb::Create => create(cursor)?,
        Verb::Delete => MailboxCommand::Delete(mailbox(cursor)?),
        Verb::Rename => {
            let from = mailbox(cursor)?;
            cursor.space()?;
            MailboxCommand::Rename { from, to: new_mailbox(cursor)? }
        }
        Verb::Subscribe => MailboxCommand::Subscribe(mailbox(cursor)?),
        Verb::Unsubscribe => MailboxCommand::Unsubscribe(mailbox(cursor)?),
        Verb::List => MailboxCommand::List(list::list(cursor)?),
        Verb::Lsub => list::lsub(cursor)?,
        Verb::Status => {
            let mailbox = mailbox(cursor)?;
            cursor.space()?;
            MailboxCommand::Status(Status { mailbox, items: status_items(cursor)? })
        }
        _ => return Err(SyntaxError::Expected("another command")),
    })
}

/// `create = "CREATE" SP mailbox [SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"]`
/// (RFC 6154 §6)
fn create(cursor: &mut Cursor<'_>) -> Parsed<MailboxCommand> {
    const WHAT: &str = "(USE (..))";
    let name = new_mailbox(cursor)?;
    let mut special_uses = Vec::new();
    if cursor.eat(b' ') {
        cursor.expect(b'(', WHAT)?;
        if !cursor.eat_word("USE") {
            return Err(SyntaxError::Expected(WHAT));
        }
        cursor.space()?;
        let uses = cursor.list_or_nothing("a list of uses", |cursor| {
            cursor.expect(b'\\', "a use such as \\Sent")?;
            let word = cursor.atom("a use such as \\Sent")?;
            let is_it = |known: &SpecialUse| {
                known
                    .as_str()
                    .as_bytes()
                    .get(1..)
                    .is_some_and(|name| name.eq_ignore_ascii_case(word))
            };
            SpecialUse::ALL.into_iter().find(is_it).ok_or(SyntaxError::Use)
        })?;
        cursor.expect(b')', "the closing parenthesis")?;
        for special_use in uses {
            if !special_uses.contains(&special_use) {
                special_uses.push(special_use);
            }
        }
    }
    Ok(MailboxCommand::Create { name, special_uses })
}

/// `"ID" SP ("(" [string SP nstring *(SP string SP nstring)] ")" / nil)` (RFC 2971 §4)
fn id(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    if !cursor.eat_word("NIL") {
        cursor.list_or_nothing("NIL or a list", |cursor| {
            cursor.string("a name in quotes")?;
            cursor.space()?;
            if !cursor.eat_word("NIL") {
                cursor.string("NIL or a value in quotes")?;
            }
            Ok(())
        })?;
    }
    Ok(Command::Id)
}

/// `login = "LOGIN" SP userid SP password`
fn login(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let name = text(&cursor.astring("a name")?)?;
    cursor.space()?;
    let password = Secret::new(cursor.astring("a password")?);
    Ok(Command::Login { name, password })
}

/// `authenticate = "AUTHENTICATE" SP auth-type [SP (base64 / "=")]` (RFC 4959 §7). More tolerant than
/// the grammar in one point: either may be a string, as some clients send it.
fn authenticate<'a>(cursor: &mut Cursor<'a>) -> Parsed<Command> {
    let atom_or_string = |cursor: &mut Cursor<'a>, what| match cursor.peek() {
        Some(b'"' | b'{') => cursor.string(what),
        _ => cursor.atom(what).map(Cow::Borrowed),
    };
    let mechanism = text(&atom_or_string(cursor, "a mechanism")?)?;
    let initial = if cursor.eat(b' ') {
        Some(Secret::new(atom_or_string(cursor, "a response in base64")?))
    } else {
        None
    };
    Ok(Command::Authenticate { mechanism, initial })
}

/// `enable = "ENABLE" 1*(SP capability)` (RFC 5161 §4)
fn enable(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let mut enable = Enable::default();
    loop {
        match cursor.atom("a capability")?.to_ascii_uppercase().as_slice() {
            b"CONDSTORE" => enable.condstore = true,
            b"QRESYNC" => enable.qresync = true,
            b"IMAP4REV2" => enable.imap4rev2 = true,
            b"UTF8=ACCEPT" => enable.utf8_accept = true,
            b"UIDONLY" => enable.uid_only = true,
            _ => {}
        }
        if !cursor.eat(b' ') {
            return Ok(Command::Enable(enable));
        }
    }
}

/// `language-cmd = "LANGUAGE" *(SP lang-range-quoted)` (RFC 5255 §3.5)
fn language(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    const WHAT: &str = "a language such as en or ko-KR";
    let mut ranges = Vec::new();
    while cursor.eat(b' ') {
        let range = text(&cursor.astring(WHAT)?)?;
        if !is_range(&range) {
            return Err(SyntaxError::Expected(WHAT));
        }
        ranges.push(range);
    }
    Ok(Command::Language(ranges))
}

/// `compress = "COMPRESS" SP algorithm`, `algorithm = "DEFLATE"` (RFC 4978 §5)
fn compress(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    if cursor.eat_word("DEFLATE") {
        Ok(Command::Compress)
    } else {
        Err(SyntaxError::Expected("DEFLATE, the only algorithm"))
    }
}

/// `store = "STORE" SP sequence-set SP ["(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")" SP]
/// (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))`
fn store(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Command> {
    let messages = sequence_set(cursor)?;
    cursor.space()?;
    let mut unchanged_since = None;
    if cursor.peek() == Some(b'(') {
        unchanged_since = Some(values::unchanged_since(cursor)?);
        cursor.space()?;
    }
    let action = if cursor.eat(b'+') {
        StoreAction::Add
    } else if cursor.eat(b'-') {
        StoreAction::Remove
    } else {
        StoreAction::Replace
    };
    let silent = cursor.eat_word("FLAGS.SILENT");
    if !silent && !cursor.eat_word("FLAGS") {
        return Err(SyntaxError::Expected("FLAGS, +FLAGS or -FLAGS"));
    }
    cursor.space()?;
    let flags = if cursor.peek() == Some(b'(') { flag_list(cursor)? } else { bare_flags(cursor)? };
    let store = Store { messages, numbering, unchanged_since, action, silent, flags };
    Ok(Command::Store(store))
}

fn bare_flags(cursor: &mut Cursor<'_>) -> Parsed<FlagSet> {
    let mut flags = FlagSet::new();
    flags.insert(flag(cursor)?);
    while cursor.eat(b' ') {
        flags.insert(flag(cursor)?);
    }
    Ok(flags)
}

/// `"CANCELUPDATE" 1*(SP quoted)` (RFC 5267 §5)
fn cancel_update(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let mut tags = Vec::new();
    loop {
        tags.push(text(&cursor.string("a tag in quotes")?)?.into());
        if !cursor.eat(b' ') {
            return Ok(Command::CancelUpdate(tags));
        }
    }
}

/// `copy = "COPY" SP sequence-set SP mailbox`; MOVE likewise (RFC 6851 §5).
fn copy(cursor: &mut Cursor<'_>, numbering: Numbering, remove: bool) -> Parsed<Command> {
    let messages = sequence_set(cursor)?;
    cursor.space()?;
    Ok(Command::Copy(Copy { messages, numbering, to: mailbox(cursor)?, remove }))
}
