//! What a client wants to hear of mailboxes that are not selected (RFC 5465), and what it knows of them:
//! of two moments, which events lie between.
//!
//! Nothing is gathered between two looks but that there was a ring: however much happens, a session
//! holds one line for each mailbox.

use std::{
    collections::{BTreeMap, BTreeSet},
    task::Poll,
};

use imap_core::command::{EventGroup, Events, NotifyMailboxes};
use mail_store::{MailboxState, Watch};
use mail_types::{AccountId, MailboxId, MailboxName, ModSeq, Uid, UidValidity};

/// Mailboxes that are looked after for one session.
pub(crate) const MAILBOXES_MAX: usize = 5000;

/// A mailbox, wherever it is.
pub(crate) type Key = (AccountId, MailboxId);

/// What the last NOTIFY asks for, and how things were when the client was last told.
pub(crate) struct Notifying {
    pub(crate) groups: Vec<EventGroup>,
    /// On all that happens in an account: the own one, and those that share something.
    pub(crate) watches: BTreeMap<AccountId, Watch>,
    pub(crate) known: Moment,
    /// A watch has rung since the last look.
    pub(crate) rung: bool,
    /// Names that this session itself changed something about since then.
    pub(crate) own: Vec<MailboxName>,
}

/// How things are at a moment.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) mailboxes: BTreeMap<Key, Seen>,
    pub(crate) subscribed: BTreeSet<MailboxName>,
    /// The last change of what was noted of the server.
    pub(crate) server_notes: u64,
}

/// A mailbox at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) name: MailboxName,
    /// It may be opened, so that more than its name may be told.
    pub(crate) readable: bool,
    pub(crate) uid_validity: UidValidity,
    pub(crate) uid_next: Uid,
    pub(crate) messages: u32,
    pub(crate) unseen: u32,
    pub(crate) mod_seq: ModSeq,
    /// The last change of its annotations, if these are looked after.
    pub(crate) notes: u64,
}

/// Something that is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Messages came or went.
    Messages(Key),
    /// Flags changed.
    Flags(Key),
    /// A name is to be listed: it is new, or gone, or stands above such a one.
    Name(MailboxName),
    /// A mailbox has another name.
    Renamed { from: MailboxName, to: MailboxName },
    /// A name was subscribed or is no longer.
    Subscription(MailboxName),
    /// Annotations changed since this version.
    Metadata(Key, u64),
    /// What is noted of the server changed since this version.
    ServerMetadata(u64),
}

impl Notifying {
    /// Returns when something may have happened.
    pub(crate) async fn rings(&mut self) {
        let mut waits: Vec<_> =
            self.watches.values_mut().map(|watch| Box::pin(watch.changed())).collect();
        std::future::poll_fn(|context| {
            let any = waits.iter_mut().any(|wait| wait.as_mut().poll(context).is_ready());
            if any { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        drop(waits);
        self.rung = true;
    }
}

impl Seen {
    /// As it stands in its account; `name` is what it is called here.
    pub(crate) fn new(name: MailboxName, readable: bool, state: &MailboxState) -> Self {
        Self {
            name,
            readable,
            uid_validity: state.uid_validity,
            uid_next: state.uid_next,
            messages: state.messages,
            unseen: state.unseen,
            mod_seq: state.highest_modseq,
            notes: 0,
        }
    }
}

/// What is asked for of a mailbox of this name; several groups may be about it (RFC 5465 §6).
pub(crate) fn wanted(
    groups: &[EventGroup],
    own: bool,
    name: &MailboxName,
    subscribed: &BTreeSet<MailboxName>,
) -> Events {
    let about = groups.iter().filter(|group| match &group.mailboxes {
        NotifyMailboxes::Personal => own,
        NotifyMailboxes::Subscribed => subscribed.contains(name),
        NotifyMailboxes::Mailboxes(names) => names.contains(name),
        NotifyMailboxes::Subtree(tops) => tops.iter().any(|top| name == top || name.is_below(top)),
    });
    about.fold(Events::default(), |all, group| all.union(group.events))
}

/// What happened between two moments that is asked for, in the order in which it is told.
pub(crate) fn events(
    groups: &[EventGroup],
    own_account: AccountId,
    before: &Moment,
    now: &Moment,
) -> Vec<Event> {
    let mut events = Vec::new();
    let asked = |key: &Key, name: &MailboxName, moment: &Moment| {
        wanted(groups, key.0 == own_account, name, &moment.subscribed)
    };
    names(before, now, &asked, &mut events);
    for name in before.subscribed.symmetric_difference(&now.subscribed) {
        let either: BTreeSet<_> = before.subscribed.union(&now.subscribed).cloned().collect();
        if wanted(groups, true, name, &either).subscriptions {
            events.push(Event::Subscription(name.clone()));
        }
    }
    for (key, seen) in &now.mailboxes {
        let Some(old) = before.mailboxes.get(key) else { continue };
        let asked = asked(key, &seen.name, now);
        if !seen.readable {
            continue;
        }
        let other_messages = (old.uid_validity, old.uid_next, old.messages)
            != (seen.uid_validity, seen.uid_next, seen.messages);
        if asked.messages && other_messages {
            events.push(Event::Messages(*key));
        } else if asked.flags && old.mod_seq != seen.mod_seq {
            events.push(Event::Flags(*key));
        }
        if asked.metadata && old.notes < seen.notes {
            events.push(Event::Metadata(*key, old.notes));
        }
    }
    let server = groups.iter().any(|group| group.events.server_metadata);
    if server && before.server_notes < now.server_notes {
        events.push(Event::ServerMetadata(before.server_notes));
    }
    events
}

/// Mailboxes that came, went, or got another name (RFC 5465 §5.4).
fn names(
    before: &Moment,
    now: &Moment,
    asked: &impl Fn(&Key, &MailboxName, &Moment) -> Events,
    events: &mut Vec<Event>,
) {
    let renamed: Vec<(&MailboxName, &MailboxName)> = now
        .mailboxes
        .iter()
        .filter_map(|(key, seen)| Some((&before.mailboxes.get(key)?.name, &seen.name)))
        .filter(|(from, to)| from != to)
        .collect();
    // Those below a mailbox that was renamed were renamed with it.
    let with_another = |from: &MailboxName, to: &MailboxName| {
        renamed.iter().any(|(above, new)| {
            from.is_below(above) && from.renamed(above, new).as_ref() == Some(to)
        })
    };
    let mut affected = BTreeSet::new();
    for (key, seen) in &now.mailboxes {
        match before.mailboxes.get(key) {
            Some(old) if old.name == seen.name => {}
            Some(old) => {
                let is_asked =
                    asked(key, &old.name, before).names || asked(key, &seen.name, now).names;
                if is_asked && !with_another(&old.name, &seen.name) {
                    let (from, to) = (old.name.clone(), seen.name.clone());
                    events.push(Event::Renamed { from, to });
                }
            }
            None => affect(key, &seen.name, now, asked, &mut affected),
        }
    }
    for (key, old) in &before.mailboxes {
        if !now.mailboxes.contains_key(key) {
            affect(key, &old.name, before, asked, &mut affected);
        }
    }
    events.extend(affected.into_iter().map(Event::Name));
}

/// The mailbox itself and what stands right above it, as far as they are asked for.
fn affect(
    key: &Key,
    name: &MailboxName,
    moment: &Moment,
    asked: &impl Fn(&Key, &MailboxName, &Moment) -> Events,
    affected: &mut BTreeSet<MailboxName>,
) {
    for name in [Some(name.clone()), name.parent()].into_iter().flatten() {
        if asked(key, &name, moment).names {
            affected.insert(name);
        }
    }
}

impl Event {
    /// Whether this session's own doing explains it (RFC 5465 §5).
    pub(crate) fn is_own(&self, own: &[MailboxName], moment: &Moment) -> bool {
        let touched = |name: &MailboxName| own.iter().any(|own| own == name || own.is_below(name));
        match self {
            Self::Name(name) | Self::Subscription(name) => touched(name),
            Self::Renamed { from, to } => touched(from) && touched(to),
            Self::Metadata(key, _) => {
                moment.mailboxes.get(key).is_some_and(|seen| own.contains(&seen.name))
            }
            Self::Messages(_) | Self::Flags(_) | Self::ServerMetadata(_) => false,
        }
    }
}

#[cfg(test)]
#[path = "notifying_tests.rs"]
mod tests;
