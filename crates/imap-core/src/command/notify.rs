//! What a client wants to hear of without asking (RFC 5465).

use mail_types::MailboxName;

use super::Fetch;

/// NOTIFY (RFC 5465 §3.1): it replaces what an earlier one said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notify {
    /// `NONE`: of nothing.
    None,
    /// `SET`.
    Set(NotifySet),
}

/// What NOTIFY SET asks for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NotifySet {
    /// `STATUS`: tell at once how the mailboxes are.
    pub status: bool,
    /// Of the selected mailbox; none: nothing.
    pub selected: Option<SelectedEvents>,
    /// Of the others.
    pub groups: Vec<EventGroup>,
}

/// What is told of the selected mailbox (RFC 5465 §6.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SelectedEvents {
    /// `SELECTED-DELAYED`: what goes is told only where a command lets it be told.
    pub delayed: bool,
    /// Also flags that change; new messages and such as go are always told.
    pub flags: bool,
    /// What is told of each new message.
    pub fetch: Option<Fetch>,
}

/// Some mailboxes, and what is told of them (RFC 5465 §8).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventGroup {
    /// Which.
    pub mailboxes: NotifyMailboxes,
    /// What; `NONE` is nothing.
    pub events: Events,
}

/// Which mailboxes (RFC 5465 §6.2 to §6.6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotifyMailboxes {
    /// `INBOXES`: where mail may be delivered to, and `PERSONAL`: all of the account's. Mail may be
    /// filed everywhere, so they are the same (RFC 5465 §6.3).
    Personal,
    /// `SUBSCRIBED`.
    Subscribed,
    /// `SUBTREE`: these, and all below them.
    Subtree(Vec<MailboxName>),
    /// `MAILBOXES`: these.
    Mailboxes(Vec<MailboxName>),
}

/// What can be told of a mailbox that is not selected (RFC 5465 §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Events {
    /// `MessageNew` and `MessageExpunge`, which come together.
    pub messages: bool,
    /// `FlagChange`.
    pub flags: bool,
    /// `MailboxName`: it comes, goes, or gets another name.
    pub names: bool,
    /// `SubscriptionChange`.
    pub subscriptions: bool,
    /// `MailboxMetadataChange`.
    pub metadata: bool,
    /// `ServerMetadataChange`.
    pub server_metadata: bool,
}

impl Events {
    /// What is told of either.
    pub fn union(self, other: Self) -> Self {
        Self {
            messages: self.messages || other.messages,
            flags: self.flags || other.flags,
            names: self.names || other.names,
            subscriptions: self.subscriptions || other.subscriptions,
            metadata: self.metadata || other.metadata,
            server_metadata: self.server_metadata || other.server_metadata,
        }
    }

    /// Whether there is anything that mailboxes are looked at for.
    pub fn is_any(self) -> bool {
        self != Self::default()
    }
}
