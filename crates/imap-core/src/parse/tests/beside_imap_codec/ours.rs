//! What a command means to this crate, in the common form; or what of it imap-codec does not know.

use mail_types::Timestamp;

use super::form::{Form, date, fetch_items, flags, key, keys, named, text};
use crate::{
    command::{
        AppendHead, Arrange, Command, EnvelopeField, Fetch, FetchItem, FieldChoice, List,
        ListReturn, MailboxCommand, Numbering, QuotaCommand, Search, SearchKey, Section, SectionOf,
        Status, StatusItem, Store, StoreAction,
    },
    utf7,
};

/// What imap-codec 1.0 has no values for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Beyond {
    /// ID (RFC 2971), NAMESPACE, LANGUAGE, ACL, METADATA, NOTIFY, UNAUTHENTICATE, and others.
    Command,
    /// SORT, THREAD and their like (RFC 5256).
    Arrangement,
    /// UID EXPUNGE (RFC 4315 §2.1).
    UidExpunge,
    /// REPLACE, CATENATE, and APPEND of several messages.
    Appending,
    /// Parameters of SELECT, FETCH, STORE (RFC 7162, RFC 9394).
    Modifier,
    /// Uses of a new mailbox (RFC 6154 §3).
    SpecialUse,
    /// LIST-EXTENDED (RFC 5258).
    ExtendedList,
    /// Items of STATUS.
    StatusItem,
    /// Items of FETCH.
    FetchItem,
    /// RETURN of SEARCH (RFC 4731).
    SearchReturn,
    /// Keys of SEARCH.
    SearchKey,
    /// `$` (RFC 5182).
    Saved,
}

type Known<T> = Result<T, Beyond>;

/// The command in the common form.
pub(super) fn form(command: &Command) -> Known<Form> {
    Ok(match command {
        Command::Capability => named("CAPABILITY", []),
        Command::Noop => named("NOOP", []),
        Command::Logout => named("LOGOUT", []),
        Command::StartTls => named("STARTTLS", []),
        Command::Idle => named("IDLE", []),
        Command::Compress => named("COMPRESS", []),
        Command::SetQuota => named("SETQUOTA", []),
        Command::Close(close) => named(if close.expunge { "CLOSE" } else { "UNSELECT" }, []),
        Command::Expunge(expunge) if expunge.uids.is_some() => return Err(Beyond::UidExpunge),
        Command::Expunge(_) => named("EXPUNGE", []),
        Command::Login { name, password } => {
            named("LOGIN", [text(name.as_bytes()), text(password.reveal())])
        }
        Command::Authenticate { mechanism, initial } => {
            let initial = initial.as_ref().map(|secret| initial_response(secret.reveal()));
            let initial = initial.unwrap_or_else(|| "none".to_owned());
            named("AUTHENTICATE", [mechanism.to_ascii_uppercase(), initial])
        }
        Command::Enable(enable) => {
            let all = [
                (enable.condstore, "CONDSTORE"),
                (enable.imap4rev2, "IMAP4REV2"),
                (enable.qresync, "QRESYNC"),
                (enable.uid_only, "UIDONLY"),
                (enable.utf8_accept, "UTF8=ACCEPT"),
            ];
            named("ENABLE", all.iter().filter(|(is, _)| *is).map(|(_, name)| (*name).to_owned()))
        }
        Command::Select(select) if select.condstore || select.resync.is_some() => {
            return Err(Beyond::Modifier);
        }
        Command::Select(select) => {
            let verb = if select.read_only { "EXAMINE" } else { "SELECT" };
            named(verb, [name(select.mailbox.as_str())])
        }
        Command::Mailboxes(command) => mailboxes(command)?,
        Command::Quota(QuotaCommand::OfRoot(root)) => named("GETQUOTA", [text(root.as_bytes())]),
        Command::Quota(QuotaCommand::OfMailbox(mailbox)) => {
            named("GETQUOTAROOT", [name(mailbox.as_str())])
        }
        Command::Fetch(command) => fetch(command)?,
        Command::Store(command) => store(command)?,
        Command::Search(command) => search(command)?,
        Command::Copy(copy) => {
            let verb = if copy.remove { "MOVE" } else { "COPY" };
            let to = name(copy.to.as_str());
            named(&numbered(verb, copy.numbering), [set(&copy.messages)?, to])
        }
        Command::Append(_) => return Err(Beyond::Appending),
        _ => return Err(Beyond::Command),
    })
}

/// An APPEND of one message, of which this is known before it comes.
pub(super) fn append(head: &AppendHead) -> Form {
    let date =
        head.internal_date.map_or("now".to_owned(), |date: Timestamp| date.secs().to_string());
    let given = flags(head.flags.iter().map(|flag| flag.as_str().to_owned()));
    let size = head.size.map_or(String::new(), |size| size.to_string());
    named("APPEND", [name(head.mailbox.as_str()), given, date, size])
}

/// `=` is an empty one (RFC 4959 §3).
fn initial_response(base64: &[u8]) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    if base64 == b"=" {
        return String::new();
    }
    BASE64_STANDARD.decode(base64).map_or("no base64".to_owned(), |octets| text(&octets))
}

fn numbered(verb: &str, numbering: Numbering) -> String {
    match numbering {
        Numbering::Uid => format!("UID {verb}"),
        Numbering::Sequence => verb.to_owned(),
    }
}

fn name(name: &str) -> String {
    text(utf7::encode(name).as_bytes())
}

fn set(set: &crate::SequenceSet) -> Known<String> {
    if set.is_saved() { Err(Beyond::Saved) } else { Ok(set.to_string()) }
}

fn mailboxes(command: &MailboxCommand) -> Known<Form> {
    Ok(match command {
        MailboxCommand::Create { special_uses, .. } if !special_uses.is_empty() => {
            return Err(Beyond::SpecialUse);
        }
        MailboxCommand::Create { name: new, .. } => named("CREATE", [name(new.as_str())]),
        MailboxCommand::Delete(mailbox) => named("DELETE", [name(mailbox.as_str())]),
        MailboxCommand::Rename { from, to } => {
            named("RENAME", [name(from.as_str()), name(to.as_str())])
        }
        MailboxCommand::Subscribe(mailbox) => named("SUBSCRIBE", [name(mailbox.as_str())]),
        MailboxCommand::Unsubscribe(mailbox) => named("UNSUBSCRIBE", [name(mailbox.as_str())]),
        MailboxCommand::Lsub { reference, pattern } => {
            named("LSUB", [reference_name(reference), name(pattern)])
        }
        MailboxCommand::List(list) if list.extended => return Err(Beyond::ExtendedList),
        MailboxCommand::List(List { reference, patterns, returns, .. }) => {
            assert_eq!(returns, &ListReturn::default());
            let patterns = patterns.iter().map(|pattern| name(pattern)).collect();
            named("LIST", [reference_name(reference), patterns])
        }
        MailboxCommand::Status(Status { mailbox, items }) => {
            let items: Known<Vec<_>> = items.iter().map(|item| status_item(*item)).collect();
            named("STATUS", [name(mailbox.as_str()), items?.join(" ")])
        }
    })
}

/// `INBOX` is one name to imap-codec, here as well.
fn reference_name(reference: &str) -> String {
    if reference.eq_ignore_ascii_case("INBOX") { "INBOX".to_owned() } else { name(reference) }
}

fn status_item(item: StatusItem) -> Known<&'static str> {
    match item {
        StatusItem::DeletedStorage => Ok("DELETEDSTORAGE"),
        StatusItem::Size | StatusItem::AppendLimit | StatusItem::MailboxId => {
            Err(Beyond::StatusItem)
        }
        item => Ok(item.as_str()),
    }
}

fn fetch(fetch: &Fetch) -> Known<Form> {
    if fetch.changed_since.is_some() || fetch.vanished || fetch.partial.is_some() {
        return Err(Beyond::Modifier);
    }
    let items: Known<Vec<_>> = fetch.items.iter().map(fetch_item).collect();
    let by_uid = fetch.numbering == Numbering::Uid;
    let items = fetch_items(items?.into_iter(), by_uid);
    Ok(named(&numbered("FETCH", fetch.numbering), [set(&fetch.messages)?, items]))
}

fn fetch_item(item: &FetchItem) -> Known<String> {
    let word = match item {
        FetchItem::Uid => "UID",
        FetchItem::Flags => "FLAGS",
        FetchItem::InternalDate => "INTERNALDATE",
        FetchItem::Size => "RFC822.SIZE",
        FetchItem::Envelope => "ENVELOPE",
        FetchItem::Body => "BODY",
        FetchItem::BodyStructure => "BODYSTRUCTURE",
        FetchItem::Rfc822 => "RFC822",
        FetchItem::Rfc822Header => "RFC822.HEADER",
        FetchItem::Rfc822Text => "RFC822.TEXT",
        FetchItem::Section { section: of, partial, peek } => {
            let part =
                partial.map_or(String::new(), |part| format!("<{}.{}>", part.origin, part.length));
            let peek = if *peek { ".PEEK" } else { "" };
            return Ok(format!("BODY{peek}[{}]{part}", section(of)));
        }
        _ => return Err(Beyond::FetchItem),
    };
    Ok(word.to_owned())
}

fn section(section: &Section) -> String {
    let mut words: Vec<String> = section.path.iter().map(ToString::to_string).collect();
    match &section.of {
        SectionOf::Content => {}
        SectionOf::Header => words.push("HEADER".to_owned()),
        SectionOf::Text => words.push("TEXT".to_owned()),
        SectionOf::Mime => words.push("MIME".to_owned()),
        SectionOf::HeaderFields(names, choice) => {
            let not = if *choice == FieldChoice::NotNamed { ".NOT" } else { "" };
            let names: Vec<String> = names.iter().map(|name| text(name.as_bytes())).collect();
            words.push(format!("HEADER.FIELDS{not} ({})", names.join(" ")));
        }
    }
    words.join(".")
}

fn store(store: &Store) -> Known<Form> {
    if store.unchanged_since.is_some() {
        return Err(Beyond::Modifier);
    }
    let sign = match store.action {
        StoreAction::Replace => "=",
        StoreAction::Add => "+",
        StoreAction::Remove => "-",
    };
    let given = flags(store.flags.iter().map(|flag| flag.as_str().to_owned()));
    let arguments = [set(&store.messages)?, sign.to_owned(), store.silent.to_string(), given];
    Ok(named(&numbered("STORE", store.numbering), arguments))
}

fn search(search: &Search) -> Known<Form> {
    if search.arrange != Arrange::Ascending {
        return Err(Beyond::Arrangement);
    }
    if search.returns.is_some() {
        return Err(Beyond::SearchReturn);
    }
    Ok(named(&numbered("SEARCH", search.numbering), [search_key(&search.key)?]))
}

fn search_key(one: &SearchKey) -> Known<String> {
    use SearchKey as K;
    let day = |name: &str, day: &crate::calendar::Date| key(name, [date(day.days())]);
    let about = |name: &str, value: &str| key(name, [text(value.as_bytes())]);
    Ok(match one {
        K::And(all) => keys(all.iter().map(search_key).collect::<Known<Vec<_>>>()?),
        K::Or(pair) => key("OR", [search_key(&pair.0)?, search_key(&pair.1)?]),
        K::Not(one) => key("NOT", [search_key(one)?]),
        K::Sequence(numbers) => key("SEQUENCE", [set(numbers)?]),
        K::Uid(numbers) => key("UID", [set(numbers)?]),
        K::All => key("ALL", []),
        K::Flag(flag) => key("FLAG", [flag.as_str().to_owned()]),
        K::Recent => key("RECENT", []),
        K::Keyword(word) => key("KEYWORD", [word.as_str().to_owned()]),
        K::Before(date) => day("BEFORE", date),
        K::On(date) => day("ON", date),
        K::Since(date) => day("SINCE", date),
        K::SentBefore(date) => day("SENTBEFORE", date),
        K::SentOn(date) => day("SENTON", date),
        K::SentSince(date) => day("SENTSINCE", date),
        K::Larger(octets) => key("LARGER", [octets.to_string()]),
        K::Smaller(octets) => key("SMALLER", [octets.to_string()]),
        K::Header { name, text: value } => {
            key("HEADER", [text(name.as_bytes()), text(value.as_bytes())])
        }
        K::Envelope { field, text: value } => {
            let name = match field {
                EnvelopeField::Bcc => "BCC",
                EnvelopeField::Cc => "CC",
                EnvelopeField::From => "FROM",
                EnvelopeField::Subject => "SUBJECT",
                EnvelopeField::To => "TO",
            };
            about(name, value)
        }
        K::Body(value) => about("BODY", value),
        K::Text(value) => about("TEXT", value),
        _ => return Err(Beyond::SearchKey),
    })
}
