//! The open mailbox, beyond the sequence numbers that the session keeps.

use std::collections::HashMap;

use imap_core::{UidRuns, server::FlagsNow};
use mail_store::{AccountMailboxes, MailboxState, MessageFlags, UidSet, Watch};
use mail_types::{FlagSet, Keyword, MailboxId, MailboxName, ModSeq, Rights, Uid, UidValidity};

use crate::place::Place;

/// The open mailbox.
pub(crate) struct Selected {
    /// Those of its account.
    pub(crate) mailboxes: AccountMailboxes,
    /// Whether that is the account that is signed in.
    pub(crate) own: bool,
    /// What may be done with it.
    pub(crate) rights: Rights,
    /// What of that the client was told.
    pub(crate) told_rights: Rights,
    /// What it was called when it was opened.
    pub(crate) name: MailboxName,
    pub(crate) id: MailboxId,
    pub(crate) uid_validity: UidValidity,
    pub(crate) watch: Watch,
    /// The watch has rung since the session last asked for news.
    pub(crate) rung: bool,
    /// All changes up to this one were put into the session's view.
    pub(crate) seen: ModSeq,
    /// Messages from this UID on are new to the session.
    pub(crate) uid_next: Uid,
    /// Keywords that the client was told of.
    pub(crate) keywords: Vec<Keyword>,
    /// Messages that this session put there, and has not been told of yet.
    pub(crate) own_arrivals: UidRuns,
    /// The last reset of the account's key of the mailbox that the client knows of.
    pub(crate) key_reset: u32,
    /// Flags that this session stored and that need not be told again, with their modseq.
    pub(crate) own_changes: HashMap<Uid, ModSeq>,
}

impl Selected {
    /// The mailbox at the moment of `state`.
    pub(crate) fn new(
        (name, place): (&MailboxName, &Place),
        state: &MailboxState,
        watch: Watch,
        keywords: Vec<Keyword>,
    ) -> Self {
        Self {
            mailboxes: place.mailboxes.clone(),
            own: place.own,
            rights: place.rights,
            told_rights: place.rights,
            name: name.clone(),
            id: state.id,
            uid_validity: state.uid_validity,
            watch,
            rung: false,
            seen: state.highest_modseq,
            uid_next: state.uid_next,
            keywords,
            own_arrivals: UidRuns::new(),
            key_reset: 0,
            own_changes: HashMap::new(),
        }
    }
}

impl Selected {
    /// Whether the mailbox may have changed since this was last asked.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.rung) | self.watch.take_news()
    }

    /// Whether a message has keywords that the client has not been told of; now it will be.
    pub(crate) fn learns_keywords(&mut self, flags: &FlagSet) -> bool {
        let known = self.keywords.len();
        for keyword in flags.keywords() {
            if !self.keywords.contains(keyword) {
                self.keywords.push(keyword.clone());
            }
        }
        self.keywords.len() > known
    }
}

/// Flags as the session takes them.
pub(crate) fn flags_now(message: &MessageFlags) -> FlagsNow<'_> {
    FlagsNow { uid: message.uid, flags: &message.flags, mod_seq: message.modseq }
}

/// Runs as the store takes them.
pub(crate) fn uid_set(runs: &UidRuns) -> UidSet {
    runs.ranges().map(|(first, last)| first..=last).collect()
}

/// The store's set as the session takes it.
pub(crate) fn runs_of(set: &UidSet) -> UidRuns {
    UidRuns::from_ranges(set.ranges().iter().map(|range| (*range.start(), *range.end())))
}

/// UIDs as the session takes them.
pub(crate) fn uid_runs<'u>(uids: impl IntoIterator<Item = &'u Uid>) -> UidRuns {
    UidRuns::from_ranges(uids.into_iter().map(|uid| (*uid, *uid)))
}
