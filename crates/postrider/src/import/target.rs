//! The account's side of an import: messages are written and synced several at once, then filed by
//! one transaction.

use std::collections::BTreeMap;

use anyhow::Context as _;
use mail_store::{AccountMailboxes, Delivery, Incoming, SpecialUse, StoreError, Written};
use mail_types::{FlagSet, MailboxId, MailboxName, QueueId, RecipientNumber, Uid, UniqueId};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;

use super::{
    Plan,
    report::FolderReport,
    source::{Facts, Folder, Item},
};

/// How many messages are synced at once.
const SYNCING: usize = 16;

/// How many unique-ids are kept together.
const IDS_HELD: usize = 5000;

/// Imports serve the first recipient of what they make up.
const RECIPIENT: RecipientNumber = RecipientNumber(0);

/// Where mail is brought to.
pub(crate) struct Target {
    account: AccountMailboxes,
    current: Option<Current>,
    /// How many messages were begun.
    begun: usize,
    syncing: JoinSet<(Done, Result<Written, StoreError>)>,
    written: Vec<(Done, Written)>,
    skipped: Vec<String>,
    /// What POP3 called messages that were filed, where that is not kept yet.
    ids: BTreeMap<MailboxId, BTreeMap<Uid, UniqueId>>,
    /// The mailboxes of the account by what they are for; none before they are asked for.
    uses: Option<BTreeMap<SpecialUse, MailboxName>>,
}

/// A message that is being handed over.
struct Current {
    incoming: Incoming,
    digest: WireDigest,
    done: Done,
}

/// What is known of a message once its octets are written.
struct Done {
    /// Its place among those that were handed over: UIDs are given in this order.
    place: usize,
    key: QueueId,
    unique_id: Option<UniqueId>,
    flags: FlagSet,
    octets: u64,
    digest: [u8; 32],
}

/// The SHA-256 of a message whose line ends are CRLF, however they came.
#[derive(Default)]
pub(crate) struct WireDigest {
    hash: Sha256,
    octets: u64,
    after_cr: bool,
}

impl WireDigest {
    pub(crate) fn update(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some(at) = rest.iter().position(|octet| *octet == b'\n') {
            let (line, behind) = rest.split_at(at);
            let has_cr = line.last().map_or(self.after_cr, |last| *last == b'\r');
            self.add(line);
            self.add(if has_cr { b"\n" } else { b"\r\n" });
            self.after_cr = false;
            rest = behind.get(1..).unwrap_or_default();
        }
        self.add(rest);
        if let Some(last) = rest.last() {
            self.after_cr = *last == b'\r';
        }
    }

    fn add(&mut self, octets: &[u8]) {
        self.hash.update(octets);
        self.octets = self.octets.saturating_add(u64::try_from(octets.len()).unwrap_or(u64::MAX));
    }

    /// The octets in that form, and their digest.
    pub(crate) fn finish(self) -> (u64, [u8; 32]) {
        (self.octets, self.hash.finalize().into())
    }
}

impl Target {
    pub(super) fn new(account: AccountMailboxes) -> Self {
        Self {
            account,
            current: None,
            begun: 0,
            syncing: JoinSet::new(),
            written: Vec::new(),
            skipped: Vec::new(),
            ids: BTreeMap::new(),
            uses: None,
        }
    }

    /// The mailbox that a folder's mail goes to; made and subscribed if it is not there. Why there
    /// can be none, if so.
    pub(super) async fn place(
        &mut self,
        folder: &Folder,
        plan: &Plan,
    ) -> anyhow::Result<Result<MailboxName, String>> {
        let by_use = self.by_use(folder.special_use).await?;
        let name = match plan.name_for(folder, by_use) {
            Ok(name) => name,
            Err(why) => return Ok(Err(format!("{why:#}"))),
        };
        match self.account.mailbox(&name).await {
            Ok(_) => {}
            Err(StoreError::NoSuchMailbox(_)) => {
                let free = folder.special_use.filter(|special| !self.has(*special));
                self.account.create(&name, free).await?;
                self.account.subscribe(&name, true).await?;
                self.uses = None;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Ok(name))
    }

    async fn by_use(&mut self, special: Option<SpecialUse>) -> anyhow::Result<Option<MailboxName>> {
        if self.uses.is_none() {
            let listed = self.account.list().await?;
            let used = listed.into_iter().filter_map(|one| Some((one.special_use?, one.name)));
            self.uses = Some(used.collect());
        }
        let uses = self.uses.as_ref();
        Ok(special.and_then(|special| uses?.get(&special)).cloned())
    }

    fn has(&self, special: SpecialUse) -> bool {
        self.uses.as_ref().is_some_and(|uses| uses.contains_key(&special))
    }

    /// Those of the messages that were not taken over before.
    pub(super) async fn fresh(&self, items: &[Item]) -> anyhow::Result<Vec<Item>> {
        let pairs: Vec<_> = items.iter().map(|item| (item.key, RECIPIENT)).collect();
        let known = self.account.delivered_before(&pairs).await?;
        Ok(items.iter().filter(|item| !known.contains(&(item.key, RECIPIENT))).cloned().collect())
    }

    /// A message begins; one that was not ended is dropped.
    pub(super) fn begin(&mut self, item: &Item, facts: Facts) {
        let Facts { flags, internal_date } = facts;
        let incoming = self.account.incoming_delivery(item.key, RECIPIENT, internal_date);
        self.begun += 1;
        let done = Done {
            place: self.begun,
            key: item.key,
            unique_id: item.unique_id.clone(),
            flags,
            octets: 0,
            digest: [0; 32],
        };
        self.current = Some(Current { incoming, digest: WireDigest::default(), done });
    }

    /// A piece of it.
    pub(super) async fn piece(&mut self, piece: &[u8]) -> anyhow::Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        current.digest.update(piece);
        current.incoming.write(piece).await.context("cannot write a message")
    }

    /// It is whole.
    pub(super) async fn end(&mut self) -> anyhow::Result<()> {
        let Some(Current { incoming, digest, mut done }) = self.current.take() else {
            return Ok(());
        };
        (done.octets, done.digest) = digest.finish();
        self.syncing.spawn(async move { (done, incoming.finish().await) });
        while self.syncing.len() >= SYNCING {
            self.synced().await?;
        }
        Ok(())
    }

    async fn synced(&mut self) -> anyhow::Result<()> {
        if let Some(joined) = self.syncing.join_next().await {
            let (done, written) = joined.context("a message was not synced")?;
            self.written.push((done, written.context("cannot sync a message")?));
        }
        Ok(())
    }

    /// A message cannot be taken over, for this reason.
    pub(super) fn skip(&mut self, why: String) {
        self.current = None;
        self.skipped.push(why);
    }

    /// Files what has come into a mailbox.
    pub(super) async fn file(
        &mut self,
        mailbox: &MailboxName,
        report: &mut FolderReport,
    ) -> anyhow::Result<()> {
        while !self.syncing.is_empty() {
            self.synced().await?;
        }
        for why in self.skipped.drain(..) {
            report.skipped(why);
        }
        if self.written.is_empty() {
            return Ok(());
        }
        self.written.sort_by_key(|(done, _)| done.place);
        let mut counted = Vec::new();
        let mut deliveries = Vec::new();
        for (done, written) in self.written.drain(..) {
            let Done { key, unique_id, flags, octets, digest, .. } = done;
            counted.push((octets, digest, unique_id));
            deliveries.push(Delivery {
                queue_id: key,
                recipient: RECIPIENT,
                written,
                file_into: Some(mailbox.clone()),
                or_inbox: false,
                flags,
            });
        }
        let filed = self.account.deliver(deliveries).await.context("cannot file messages")?;
        for ((octets, digest, unique_id), delivered) in counted.into_iter().zip(filed.delivered) {
            if let Some(unique_id) = unique_id {
                self.ids.entry(delivered.mailbox).or_default().insert(delivered.uid, unique_id);
            }
            if delivered.before {
                report.before(1);
            } else {
                report.brought(octets, digest);
            }
        }
        if self.ids.values().map(BTreeMap::len).sum::<usize>() >= IDS_HELD {
            self.keep_ids().await?;
        }
        Ok(())
    }

    /// Keeps what POP3 called the messages that were filed. It is a file that is written anew each
    /// time: some thousand at once, and what is left at the end of a folder.
    pub(super) async fn keep_ids(&mut self) -> anyhow::Result<()> {
        for (mailbox, ids) in std::mem::take(&mut self.ids) {
            self.account.keep_unique_ids(mailbox, ids).await.context("cannot keep unique-ids")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_do_not_depend_on_line_ends_and_pieces() {
        let digest = |pieces: &[&[u8]]| {
            let mut digest = WireDigest::default();
            pieces.iter().for_each(|piece| digest.update(piece));
            digest.finish()
        };
        let wire = digest(&[b"a\r\n\r\nb\r\n"]);
        assert_eq!(wire.0, 8);
        assert_eq!(digest(&[b"a\n\nb\n"]), wire);
        assert_eq!(digest(&[b"a\r", b"\n", b"\r\n", b"b", b"\n"]), wire);
        assert_ne!(digest(&[b"a\n\nb"]), wire);
    }
}
