//! Flags: the index first, file names within seconds.

use std::sync::Arc;

use mail_types::{AccountId, FlagSet, MailboxId, ModSeq, Uid};

use crate::{
    Fact, Facts, FlagChange, FlagsStored, MessageFlags, StoreError, UidSet,
    facts_kept::{FactsKept, Moment},
    index::{
        Here, KEYWORDS_BEHIND, NAME_BEHIND, Turned,
        messages::{FileRow, modseq},
        rows::FlagUpdate,
    },
    maildir::Maildir,
    naming::file,
    open_account::OpenAccount,
    store::Shared,
};

/// Changes the flags of messages.
pub(crate) async fn store(
    account: &OpenAccount,
    (shared, id): (&Arc<Shared>, AccountId),
    (mailbox, uids): (MailboxId, &UidSet),
    wanted: FlagChange,
    unchanged_since: Option<ModSeq>,
) -> Result<FlagsStored, StoreError> {
    let (maildir, kept) = (account.maildir.clone(), shared.facts.clone());
    let order = Order { key: (id, mailbox), uids: uids.clone(), wanted, unchanged_since };
    let key = order.key;
    let store = move |here: &Here| {
        let (stored, after) = order.carry_out(here, &maildir, &kept)?;
        Ok((stored, after, kept))
    };
    // What is kept of a moment is kept once that is committed.
    let end =
        move |(stored, after, kept): (FlagsStored, Option<(Moment, Facts)>, Arc<FactsKept>)| {
            if let Some((moment, facts)) = after {
                kept.keep(key, moment, facts.into());
            }
            stored
        };
    account.index.change_here(store, end).await
}

/// What is to be done.
struct Order {
    key: (AccountId, MailboxId),
    uids: UidSet,
    wanted: FlagChange,
    unchanged_since: Option<ModSeq>,
}

impl Order {
    fn carry_out(
        self,
        here: &Here,
        maildir: &Maildir,
        kept: &FactsKept,
    ) -> Result<(FlagsStored, Option<(Moment, Facts)>), StoreError> {
        let Self { key, uids, wanted, unchanged_since } = self;
        let mailbox = key.1;
        let mut row = here.mailbox_with(mailbox)?;
        let (before, now) = (Moment::of(here.file(), &row), row.modseq.saturating_add(1));
        let bits = Bits::of(&wanted);
        let facts = match bits {
            Some(_) => kept.at(here, key, uids.numbers())?,
            None => None,
        };
        let mut storing =
            Storing { wanted: &wanted, unchanged_since, now, stored: FlagsStored::default() };
        let mut after = None;
        if let Some((facts, bits)) = facts.zip(bits) {
            let (changed, turned) = storing.change_all(facts.within(&uids));
            let changing: UidSet = changed.iter().map(|message| message.uid).collect();
            here.make_room_for(changed.len())?;
            here.update_bits(mailbox, (&changing, turned), (bits.set, bits.cleared), now)?;
            after = Some((before.at(now), facts.with_flags(&changed)));
        } else {
            let mut updates = Vec::new();
            for message in here.file_rows(mailbox, &uids)? {
                let seen = (message.uid, &message.flags, modseq(message.modseq));
                if let Some(MessageFlags { uid, flags, .. }) =
                    storing.change(seen.0, seen.1, seen.2)
                {
                    let behind = behind(&message, &flags);
                    updates.push(FlagUpdate { uid, flags, behind });
                }
            }
            here.make_room_for(updates.len())?;
            here.update_flags(mailbox, &updates, now)?;
        }
        if !storing.any_changed() {
            return Ok((storing.stored, None));
        }
        storing.stored.span = Some((modseq(row.modseq), modseq(now)));
        row.modseq = now;
        maildir.reserve(&mut row)?;
        here.raise(&row)?;
        Ok((storing.stored, after))
    }
}

/// A STORE in progress.
struct Storing<'s> {
    wanted: &'s FlagChange,
    unchanged_since: Option<ModSeq>,
    /// The modseq of what changes.
    now: i64,
    stored: FlagsStored,
}

impl Storing<'_> {
    /// What a message becomes, if it is changed.
    fn change(&mut self, uid: Uid, flags: &FlagSet, before: ModSeq) -> Option<MessageFlags> {
        if self.unchanged_since.is_some_and(|since| before > since) {
            self.stored.modified.push(uid);
            return None;
        }
        let new = self.wanted.applied_to(flags);
        let changed = new != *flags;
        let now = if changed { modseq(self.now) } else { before };
        let message = MessageFlags { uid, flags: new, modseq: now };
        self.stored.before.push(before);
        self.stored.done.push(message.clone());
        changed.then_some(message)
    }

    /// The same for many; and how often a flag changed that is counted.
    fn change_all<'f>(
        &mut self,
        seen: impl Iterator<Item = Fact<'f>>,
    ) -> (Vec<MessageFlags>, Turned) {
        let (mut changed, mut turned) = (Vec::new(), Turned::default());
        for it in seen {
            if let Some(message) = self.change(it.uid, it.flags, it.modseq) {
                turned.add(it.flags.system_bits(), message.flags.system_bits());
                changed.push(message);
            }
        }
        (changed, turned)
    }

    fn any_changed(&self) -> bool {
        self.stored
            .done
            .iter()
            .zip(&self.stored.before)
            .any(|(done, before)| done.modseq != *before)
    }
}

/// A change that is the same for all messages, whatever flags they have: of system flags.
struct Bits {
    set: u8,
    cleared: u8,
}

impl Bits {
    fn of(wanted: &FlagChange) -> Option<Self> {
        let (flags, adds) = match wanted {
            FlagChange::Add(flags) => (flags, true),
            FlagChange::Remove(flags) => (flags, false),
            FlagChange::Replace(_) | FlagChange::ReplaceWithin(..) => return None,
        };
        let bits = flags.system_bits();
        let (set, cleared) = if adds { (bits, 0) } else { (0, bits) };
        flags.keywords().is_empty().then_some(Self { set, cleared })
    }
}

/// What of a message's file will not say these flags. A name that says them already is left.
pub(crate) fn behind(message: &FileRow, flags: &FlagSet) -> i64 {
    let name = file::info(flags, &message.info) != message.info;
    let keywords = file::keywords_beside(flags) != file::keywords_beside(&message.flags);
    let bit = |is: bool, bit: i64| if is { bit } else { 0 };
    bit(name, NAME_BEHIND) | bit(keywords, KEYWORDS_BEHIND)
}
