//! NOTIFY (RFC 5465 §8).

use mail_types::MailboxName;

use super::{SyntaxError, cursor::Cursor, fetch, values::mailbox};
use crate::{
    SequenceSet,
    command::{
        Command, EventGroup, Events, Fetch, FetchItem, Notify, NotifyMailboxes, NotifySet,
        Numbering, SelectedEvents,
    },
};

type Parsed<T> = Result<T, SyntaxError>;

/// Groups of one command: each is looked through at every event.
const GROUPS_MAX: usize = 100;
/// Mailboxes that are named in one command.
const NAMES_MAX: usize = 1000;

/// `notify = "NOTIFY" SP (notify-set / notify-none)`,
/// `notify-set = "SET" [SP "STATUS"] SP event-group *(SP event-group)`
pub(super) fn notify(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    if cursor.eat_word("NONE") {
        return Ok(Command::Notify(Notify::None));
    }
    if !cursor.eat_word("SET") {
        return Err(SyntaxError::Expected("SET or NONE"));
    }
    cursor.space()?;
    let mut set = NotifySet { status: cursor.eat_word("STATUS"), ..NotifySet::default() };
    if set.status {
        cursor.space()?;
    }
    let mut names = 0;
    let mut selected = false;
    loop {
        event_group(cursor, &mut set, &mut selected, &mut names)?;
        if set.groups.len() > GROUPS_MAX || names > NAMES_MAX {
            return Err(SyntaxError::TooMuchNotified);
        }
        if !cursor.eat(b' ') {
            return Ok(Command::Notify(Notify::Set(set)));
        }
    }
}

/// `event-group = "(" filter-mailboxes SP events ")"`
fn event_group(
    cursor: &mut Cursor<'_>,
    set: &mut NotifySet,
    selected: &mut bool,
    names: &mut usize,
) -> Parsed<()> {
    const WHAT: &str =
        "selected, selected-delayed, inboxes, personal, subscribed, subtree or mailboxes";
    cursor.expect(b'(', "a group of events")?;
    let filter = cursor.word().to_ascii_lowercase();
    let mailboxes = match filter.as_slice() {
        b"selected" | b"selected-delayed" => {
            // RFC 5465 §6.1: one of the two, once.
            if std::mem::replace(selected, true) {
                return Err(SyntaxError::Expected("selected or selected-delayed once only"));
            }
            cursor.space()?;
            let delayed = filter.ends_with(b"delayed");
            set.selected = selected_events(cursor, delayed)?;
            return cursor.expect(b')', "the end of the group");
        }
        b"inboxes" | b"personal" => NotifyMailboxes::Personal,
        b"subscribed" => NotifyMailboxes::Subscribed,
        b"subtree" => NotifyMailboxes::Subtree(one_or_more(cursor, names)?),
        b"mailboxes" => NotifyMailboxes::Mailboxes(one_or_more(cursor, names)?),
        _ => return Err(SyntaxError::Expected(WHAT)),
    };
    cursor.space()?;
    let told = events(cursor)?;
    if told.fetch.is_some() {
        return Err(SyntaxError::Expected("items of new messages for the selected mailbox only"));
    }
    set.groups.push(EventGroup { mailboxes, events: told.events });
    cursor.expect(b')', "the end of the group")
}

/// `one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")"`
pub(super) fn one_or_more(cursor: &mut Cursor<'_>, names: &mut usize) -> Parsed<Vec<MailboxName>> {
    cursor.space()?;
    let named = if cursor.peek() == Some(b'(') {
        cursor.list("mailboxes", mailbox)?
    } else {
        vec![mailbox(cursor)?]
    };
    *names = names.saturating_add(named.len());
    Ok(named)
}

/// What is told of the selected mailbox: of messages only (RFC 5465 §6.1).
fn selected_events(cursor: &mut Cursor<'_>, delayed: bool) -> Parsed<Option<SelectedEvents>> {
    let Told { events, fetch } = events(cursor)?;
    let of_messages =
        Events { messages: events.messages, flags: events.flags, ..Events::default() };
    if events != of_messages {
        return Err(SyntaxError::Expected("events of messages for the selected mailbox"));
    }
    Ok(events.messages.then_some(SelectedEvents { delayed, flags: events.flags, fetch }))
}

/// What a group is told.
#[derive(Default)]
struct Told {
    events: Events,
    fetch: Option<Fetch>,
}

/// `events = ("(" event *(SP event) ")") / "NONE"`
fn events(cursor: &mut Cursor<'_>) -> Parsed<Told> {
    let mut told = Told::default();
    if cursor.eat_word("NONE") {
        return Ok(told);
    }
    let (mut new, mut expunge) = (false, false);
    cursor.list("events or NONE", |cursor| {
        let event = cursor.atom("an event")?.to_ascii_lowercase();
        let events = &mut told.events;
        match event.as_slice() {
            b"messagenew" => {
                new = true;
                told.fetch = new_message_items(cursor)?;
            }
            b"messageexpunge" => expunge = true,
            b"flagchange" => events.flags = true,
            b"mailboxname" => events.names = true,
            b"subscriptionchange" => events.subscriptions = true,
            b"mailboxmetadatachange" => events.metadata = true,
            b"servermetadatachange" => events.server_metadata = true,
            // RFC 5465 §3.1: NO, not BAD. Annotations of messages (RFC 5257) are not known here.
            _ => return Err(SyntaxError::Event),
        }
        Ok(())
    })?;
    // RFC 5465 §5: both or none, and flags with both.
    if new != expunge || (told.events.flags && !new) {
        return Err(SyntaxError::Expected(
            "MessageNew and MessageExpunge together, and both with FlagChange",
        ));
    }
    told.events.messages = new;
    Ok(told)
}

/// `"MessageNew" [SP "(" fetch-att *(SP fetch-att) ")"]` and `"UPDATE" ["(" ..")"]`, behind the name;
/// the grammar of the second has no space there, its example has.
pub(super) fn new_message_items(cursor: &mut Cursor<'_>) -> Parsed<Option<Fetch>> {
    let mut ahead = cursor.clone();
    ahead.eat(b' ');
    if ahead.peek() != Some(b'(') {
        return Ok(None);
    }
    let mut items: Vec<FetchItem> = Vec::new();
    for item in ahead.list("what to fetch", fetch::item)? {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    *cursor = ahead;
    let messages = SequenceSet::parse(b"1:*");
    let messages = messages.map_err(|_| SyntaxError::Expected("what to fetch"))?;
    Ok(Some(Fetch {
        messages,
        numbering: Numbering::Sequence,
        items,
        changed_since: None,
        vanished: false,
        partial: None,
    }))
}
