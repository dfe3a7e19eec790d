//! Flags: the index first, file names within seconds.

use mail_types::{AccountId, FlagSet, MailboxId, ModSeq, Uid};

use crate::{
    FlagChange, FlagsStored, MessageFlags, StoreError, UidSet,
    facts_kept::{FactsKept, Moment},
    index::{
        KEYWORDS_BEHIND, NAME_BEHIND, mailboxes,
        messages::{self, FileRow, Which, modseq},
        rows::{self, FlagUpdate},
    },
    naming::file,
    open_account::OpenAccount,
};

/// Changes the flags of messages.
pub(crate) async fn store(
    account: &OpenAccount,
    (kept, id): (&FactsKept, AccountId),
    (mailbox, uids): (MailboxId, &UidSet),
    wanted: &FlagChange,
    unchanged_since: Option<ModSeq>,
) -> Result<FlagsStored, StoreError> {
    let mut change = account.change().await?;
    let mut row = mailboxes::by_id(&mut change, mailbox).await?;
    let now = row.modseq.saturating_add(1);
    let before = Moment::of(&change, &row);
    let facts = match Bits::of(wanted) {
        Some(bits) => {
            let messages = mailboxes::messages(&mut change, mailbox).await?;
            let number = uids.numbers().min(messages);
            kept.at(&mut change, id, (&row, messages), number).await?.zip(Some(bits))
        }
        None => None,
    };
    let mut storing = Storing { wanted, unchanged_since, now, stored: FlagsStored::default() };
    let mut after = None;
    if let Some((facts, bits)) = facts {
        let seen = facts.within(uids);
        let changed: Vec<MessageFlags> =
            seen.filter_map(|it| storing.change(it.uid, it.flags, it.modseq)).collect();
        let uids: UidSet = changed.iter().map(|message| message.uid).collect();
        rows::update_bits(&mut change, mailbox, &uids, (bits.set, bits.cleared), now).await?;
        after = Some(facts.with_flags(&changed));
    } else {
        let mut updates = Vec::new();
        for message in messages::file_rows(&mut change, mailbox, Which::In(uids)).await? {
            let seen = (message.uid, &message.flags, modseq(message.modseq));
            if let Some(MessageFlags { uid, flags, .. }) = storing.change(seen.0, seen.1, seen.2) {
                let behind = behind(&message, &flags);
                updates.push(FlagUpdate { uid, flags, behind });
            }
        }
        rows::update_flags(&mut change, mailbox, &updates, now).await?;
    }
    if !storing.any_changed() {
        change.undo().await?;
        return Ok(storing.stored);
    }
    storing.stored.span = Some((modseq(row.modseq), modseq(now)));
    row.modseq = now;
    let row = account.reserve(row).await?;
    mailboxes::save(&mut change, &row).await?;
    change.commit().await?;
    if let Some(after) = after {
        kept.keep((id, mailbox), before.at(now), after.into());
    }
    Ok(storing.stored)
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
