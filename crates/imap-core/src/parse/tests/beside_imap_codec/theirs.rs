//! What a command means to imap-codec, in the common form.

use imap_codec::imap_types::{
    command::{Command, CommandBody},
    core::AString,
    datetime::NaiveDate,
    fetch::{MacroOrMessageDataItemNames, MessageDataItemName, Part, Section},
    flag::{Flag, StoreResponse, StoreType},
    mailbox::{ListMailbox, Mailbox},
    search::SearchKey,
    sequence::{SeqOrUid, Sequence, SequenceSet},
};

use super::form::{Form, date, fetch_items, flags, key, keys, named, new_name, text, wire_name};

/// The command in the common form.
pub(super) fn form(command: &Command<'_>) -> Form {
    let uid = |name: &str, uid: bool| if uid { format!("UID {name}") } else { name.to_owned() };
    match &command.body {
        // Nothing but news is told by either.
        CommandBody::Check => named("NOOP", []),
        CommandBody::Login { username, password } => {
            named("LOGIN", [string(username), string(password.declassify())])
        }
        CommandBody::Authenticate { mechanism, initial_response } => {
            let initial = initial_response.as_ref();
            let initial = initial.map_or("none".to_owned(), |octets| text(octets.declassify()));
            named("AUTHENTICATE", [mechanism.to_string().to_ascii_uppercase(), initial])
        }
        CommandBody::Enable { capabilities } => {
            let mut names: Vec<String> =
                capabilities.as_ref().iter().map(|one| one.to_string().to_uppercase()).collect();
            let known = ["CONDSTORE", "QRESYNC", "IMAP4REV2", "UTF8=ACCEPT", "UIDONLY"];
            names.retain(|name| known.contains(&name.as_str()));
            names.sort_unstable();
            names.dedup();
            named("ENABLE", names)
        }
        CommandBody::Select { mailbox } => named("SELECT", [name(mailbox)]),
        CommandBody::Examine { mailbox } => named("EXAMINE", [name(mailbox)]),
        CommandBody::Create { mailbox } => named("CREATE", [new_name(&name(mailbox))]),
        CommandBody::Delete { mailbox } => named("DELETE", [name(mailbox)]),
        CommandBody::Rename { from, to } => named("RENAME", [name(from), new_name(&name(to))]),
        CommandBody::Subscribe { mailbox } => named("SUBSCRIBE", [name(mailbox)]),
        CommandBody::Unsubscribe { mailbox } => named("UNSUBSCRIBE", [name(mailbox)]),
        CommandBody::List { reference, mailbox_wildcard } => {
            named("LIST", [as_written(reference), pattern(mailbox_wildcard)])
        }
        CommandBody::Lsub { reference, mailbox_wildcard } => {
            named("LSUB", [as_written(reference), pattern(mailbox_wildcard)])
        }
        CommandBody::Status { mailbox, item_names } => {
            let mut items: Vec<String> = Vec::new();
            for item in item_names.iter().map(|item| format!("{item:?}").to_ascii_uppercase()) {
                if !items.contains(&item) {
                    items.push(item);
                }
            }
            named("STATUS", [name(mailbox), items.join(" ")])
        }
        CommandBody::Append { mailbox, flags: given, date, message } => named(
            "APPEND",
            [
                name(mailbox),
                flag_names(given),
                date.as_ref()
                    .map_or("now".to_owned(), |date| date.as_ref().timestamp().to_string()),
                message.data().len().to_string(),
            ],
        ),
        CommandBody::Search { charset: _, criteria, uid: by_uid } => {
            named(&uid("SEARCH", *by_uid), [search_key(criteria)])
        }
        CommandBody::Fetch { sequence_set, macro_or_item_names, uid: by_uid } => {
            let items = match macro_or_item_names {
                MacroOrMessageDataItemNames::Macro(short) => short.expand(),
                MacroOrMessageDataItemNames::MessageDataItemNames(items) => items.clone(),
            };
            let items = fetch_items(items.iter().map(item), *by_uid);
            named(&uid("FETCH", *by_uid), [set(sequence_set), items])
        }
        CommandBody::Store { sequence_set, kind, response, flags, uid: by_uid } => {
            let sign = match kind {
                StoreType::Replace => "=",
                StoreType::Add => "+",
                StoreType::Remove => "-",
            };
            let silent = (*response == StoreResponse::Silent).to_string();
            let given = flag_names(flags);
            named(&uid("STORE", *by_uid), [set(sequence_set), sign.to_owned(), silent, given])
        }
        CommandBody::Copy { sequence_set, mailbox, uid: by_uid } => {
            named(&uid("COPY", *by_uid), [set(sequence_set), name(mailbox)])
        }
        CommandBody::Move { sequence_set, mailbox, uid: by_uid } => {
            named(&uid("MOVE", *by_uid), [set(sequence_set), name(mailbox)])
        }
        CommandBody::GetQuota { root } => named("GETQUOTA", [string(root)]),
        CommandBody::GetQuotaRoot { mailbox } => named("GETQUOTAROOT", [name(mailbox)]),
        plain => named(plain.name(), []),
    }
}

fn string(string: &AString<'_>) -> String {
    text(string.as_ref())
}

/// As it stands on the wire, but for `INBOX`.
fn as_written(mailbox: &Mailbox<'_>) -> String {
    match mailbox {
        Mailbox::Inbox => text(b"INBOX"),
        Mailbox::Other(other) => wire_name(other.as_ref()),
    }
}

/// Likewise, and a mailbox below the inbox, which has the name `INBOX` in any case too.
fn name(mailbox: &Mailbox<'_>) -> String {
    let written = as_written(mailbox);
    match written.split_at_checked(6) {
        Some((inbox, below)) if inbox.eq_ignore_ascii_case("INBOX/") => format!("INBOX/{below}"),
        _ => written,
    }
}

fn pattern(pattern: &ListMailbox<'_>) -> String {
    match pattern {
        ListMailbox::Token(token) => wire_name(token.as_ref()),
        ListMailbox::String(string) => wire_name(string.as_ref()),
    }
}

fn flag_names(given: &[Flag<'_>]) -> String {
    flags(given.iter().map(ToString::to_string))
}

fn set(set: &SequenceSet) -> String {
    let bound = |bound: &SeqOrUid| match bound {
        SeqOrUid::Value(number) => number.to_string(),
        SeqOrUid::Asterisk => "*".to_owned(),
    };
    let ranges = set.0.as_ref().iter().map(|range| match range {
        Sequence::Range(first, last) if first != last => {
            format!("{}:{}", bound(first), bound(last))
        }
        Sequence::Single(one) | Sequence::Range(one, _) => bound(one),
    });
    ranges.collect::<Vec<_>>().join(",")
}

fn item(item: &MessageDataItemName<'_>) -> String {
    use MessageDataItemName as Item;
    match item {
        Item::Body => "BODY".to_owned(),
        Item::BodyStructure => "BODYSTRUCTURE".to_owned(),
        Item::Envelope => "ENVELOPE".to_owned(),
        Item::Flags => "FLAGS".to_owned(),
        Item::InternalDate => "INTERNALDATE".to_owned(),
        Item::Rfc822 => "RFC822".to_owned(),
        Item::Rfc822Header => "RFC822.HEADER".to_owned(),
        Item::Rfc822Size => "RFC822.SIZE".to_owned(),
        Item::Rfc822Text => "RFC822.TEXT".to_owned(),
        Item::Uid => "UID".to_owned(),
        Item::BodyExt { section: of, partial, peek } => {
            let part =
                partial.map_or(String::new(), |(origin, length)| format!("<{origin}.{length}>"));
            let peek = if *peek { ".PEEK" } else { "" };
            format!("BODY{peek}[{}]{part}", of.as_ref().map_or(String::new(), section))
        }
    }
}

fn section(section: &Section<'_>) -> String {
    let path =
        |part: &Part| part.0.as_ref().iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
    let inside = |part: &Option<Part>, word: &str| match part {
        Some(part) => format!("{}.{word}", path(part)),
        None => word.to_owned(),
    };
    let fields = |names: &[AString<'_>]| names.iter().map(string).collect::<Vec<_>>().join(" ");
    match section {
        Section::Part(part) => path(part),
        Section::Header(part) => inside(part, "HEADER"),
        Section::Text(part) => inside(part, "TEXT"),
        Section::Mime(part) => format!("{}.MIME", path(part)),
        Section::HeaderFields(part, names) => {
            inside(part, &format!("HEADER.FIELDS ({})", fields(names.as_ref())))
        }
        Section::HeaderFieldsNot(part, names) => {
            inside(part, &format!("HEADER.FIELDS.NOT ({})", fields(names.as_ref())))
        }
    }
}

fn day(day: &NaiveDate) -> String {
    date(day.as_ref().signed_duration_since(Default::default()).num_days())
}

fn search_key(one: &SearchKey<'_>) -> String {
    use SearchKey as K;
    let unset = |flag: &str| key("NOT", [key("FLAG", [flag.to_owned()])]);
    let is_set = |flag: &str| key("FLAG", [flag.to_owned()]);
    match one {
        K::And(all) => keys(all.as_ref().iter().map(search_key)),
        K::Or(one, other) => key("OR", [search_key(one), search_key(other)]),
        K::Not(one) => key("NOT", [search_key(one)]),
        K::SequenceSet(numbers) => key("SEQUENCE", [set(numbers)]),
        K::Uid(numbers) => key("UID", [set(numbers)]),
        K::All => key("ALL", []),
        K::Answered => is_set("\\Answered"),
        K::Deleted => is_set("\\Deleted"),
        K::Draft => is_set("\\Draft"),
        K::Flagged => is_set("\\Flagged"),
        K::Seen => is_set("\\Seen"),
        K::Unanswered => unset("\\Answered"),
        K::Undeleted => unset("\\Deleted"),
        K::Undraft => unset("\\Draft"),
        K::Unflagged => unset("\\Flagged"),
        K::Unseen => unset("\\Seen"),
        K::Recent => key("RECENT", []),
        K::Old => key("NOT", [key("RECENT", [])]),
        K::New => keys([key("RECENT", []), unset("\\Seen")]),
        K::Keyword(word) => key("KEYWORD", [word.inner().to_owned()]),
        K::Unkeyword(word) => key("NOT", [key("KEYWORD", [word.inner().to_owned()])]),
        K::Before(date) => key("BEFORE", [day(date)]),
        K::On(date) => key("ON", [day(date)]),
        K::Since(date) => key("SINCE", [day(date)]),
        K::SentBefore(date) => key("SENTBEFORE", [day(date)]),
        K::SentOn(date) => key("SENTON", [day(date)]),
        K::SentSince(date) => key("SENTSINCE", [day(date)]),
        K::Larger(octets) => key("LARGER", [octets.to_string()]),
        K::Smaller(octets) => key("SMALLER", [octets.to_string()]),
        K::Header(name, value) => key("HEADER", [string(name), string(value)]),
        K::Bcc(value) => key("BCC", [string(value)]),
        K::Cc(value) => key("CC", [string(value)]),
        K::From(value) => key("FROM", [string(value)]),
        K::Subject(value) => key("SUBJECT", [string(value)]),
        K::To(value) => key("TO", [string(value)]),
        K::Body(value) => key("BODY", [string(value)]),
        K::Text(value) => key("TEXT", [string(value)]),
    }
}
