//! What an account's mailboxes are, in plain values: no files, no index, no order of steps. Each
//! rule says what an operation changes, and what it answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// The moment at which all happens.
pub(super) const NOW_S: u32 = 1_500_000_000;

/// Flags by their names.
pub(super) type Flags = BTreeSet<String>;

/// An account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rules {
    /// By id.
    pub(super) mailboxes: BTreeMap<i64, Mailbox>,
    pub(super) subscribed: BTreeSet<String>,
    /// The greatest ones that were ever given.
    pub(super) last_id: i64,
    pub(super) last_validity: u32,
}

/// A mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mailbox {
    pub(super) name: String,
    pub(super) special: Option<String>,
    pub(super) validity: u32,
    pub(super) next: u32,
    pub(super) modseq: u64,
    pub(super) recent_from: u32,
    pub(super) messages: BTreeMap<u32, Message>,
    /// Another tool was there and nobody has looked since.
    pub(super) touched: bool,
    /// Messages that another tool put there, unseen yet, in the order of their names.
    pub(super) put: Vec<Message>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// It is known by its subject.
    pub(super) text: String,
    pub(super) flags: Flags,
    pub(super) modseq: u64,
    pub(super) date: i64,
    pub(super) size: u64,
    /// What another tool did to its file, unseen yet.
    pub(super) outside: Option<Outside>,
}

/// What another tool did to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outside {
    /// It has another name, with these letters more and these fewer.
    Renamed {
        from: PathBuf,
        more: Flags,
        fewer: Flags,
    },
    Removed,
}

impl Outside {
    pub(super) fn more(&self) -> Option<&Flags> {
        match self {
            Self::Renamed { more, .. } => Some(more),
            Self::Removed => None,
        }
    }

    pub(super) fn fewer(&self) -> Option<&Flags> {
        match self {
            Self::Renamed { fewer, .. } => Some(fewer),
            Self::Removed => None,
        }
    }
}

/// What STORE does with the flags that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Add,
    Remove,
    Replace,
}

/// The answer of a STORE: done with modseq, and left alone.
pub(super) type Stored = (Vec<(u32, Flags, u64)>, Vec<u32>);

/// Why an operation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    None,
    Taken,
    NotPossible,
}

impl Mailbox {
    /// Messages come: one modseq for all, and the next UIDs.
    pub(super) fn arrive(&mut self, messages: Vec<Message>) -> Vec<u32> {
        self.modseq += 1;
        let mut uids = Vec::new();
        for message in messages {
            let message = Message { modseq: self.modseq, outside: None, ..message };
            self.messages.insert(self.next, message);
            uids.push(self.next);
            self.next += 1;
        }
        uids
    }

    /// Messages go, with one modseq.
    pub(super) fn forget(&mut self, uids: &[u32]) {
        self.modseq += 1;
        self.messages.retain(|uid, _| !uids.contains(uid));
    }

    /// Messages go if there are any; answers which.
    pub(super) fn remove(&mut self, uids: &BTreeSet<u32>, only_deleted: bool) -> Vec<u32> {
        let goes = |message: &Message| !only_deleted || message.flags.contains("\\Deleted");
        let chosen = self.messages.iter().filter(|(uid, one)| uids.contains(uid) && goes(one));
        let going: Vec<u32> = chosen.map(|(uid, _)| *uid).collect();
        if !going.is_empty() {
            self.forget(&going);
        }
        going
    }

    /// Flags change; all that do have one modseq, others keep theirs.
    pub(super) fn store(
        &mut self,
        uids: &BTreeSet<u32>,
        how: How,
        named: &Flags,
        unchanged_since: Option<u64>,
    ) -> Stored {
        let now = self.modseq + 1;
        let (mut done, mut modified) = (Vec::new(), Vec::new());
        for (uid, message) in self.messages.iter_mut().filter(|(uid, _)| uids.contains(uid)) {
            if unchanged_since.is_some_and(|since| message.modseq > since) {
                modified.push(*uid);
                continue;
            }
            let flags: Flags = match how {
                How::Add => message.flags.union(named).cloned().collect(),
                How::Remove => message.flags.difference(named).cloned().collect(),
                How::Replace => named.clone(),
            };
            if flags != message.flags {
                (message.flags, message.modseq) = (flags, now);
                self.modseq = now;
            }
            done.push((*uid, message.flags.clone(), message.modseq));
        }
        (done, modified)
    }

    /// What other tools did is seen: what is gone goes, flags follow, what is new comes.
    fn merge(&mut self) {
        self.touched = false;
        let is_gone = |message: &Message| message.outside == Some(Outside::Removed);
        let missing = self.messages.iter().filter(|(_, message)| is_gone(message));
        let missing: Vec<u32> = missing.map(|(uid, _)| *uid).collect();
        if !missing.is_empty() {
            self.forget(&missing);
        }
        let now = self.modseq + 1;
        for message in self.messages.values_mut() {
            let Some(Outside::Renamed { more, fewer, .. }) = message.outside.take() else {
                continue;
            };
            let flags: Flags = message.flags.difference(&fewer).chain(&more).cloned().collect();
            if flags != message.flags {
                (message.flags, message.modseq) = (flags, now);
                self.modseq = now;
            }
        }
        let put = std::mem::take(&mut self.put);
        if !put.is_empty() {
            self.arrive(put);
        }
    }

    pub(super) fn count(&self, wanted: impl Fn(&Message) -> bool) -> u32 {
        u32::try_from(self.messages.values().filter(|message| wanted(message)).count()).unwrap()
    }
}

impl Rules {
    pub(super) fn by_name(&self, name: &str) -> Option<i64> {
        self.mailboxes.iter().find(|(_, mailbox)| mailbox.name == name).map(|(id, _)| *id)
    }

    /// A mailbox by any number, by its place among the ids.
    pub(super) fn at(&self, place: usize) -> i64 {
        *self.mailboxes.keys().nth(place % self.mailboxes.len()).unwrap()
    }

    pub(super) fn mailbox(&mut self, id: i64) -> &mut Mailbox {
        self.mailboxes.get_mut(&id).unwrap()
    }

    /// Folders are looked at: those where another tool was, and this one.
    pub(super) fn compare(&mut self) {
        self.mailboxes.values_mut().filter(|mailbox| mailbox.touched).for_each(Mailbox::merge);
    }

    /// Whether any of the messages is not where its row says: then its folder is looked at first.
    pub(super) fn compare_if_missing(&mut self, mailbox: i64, uids: &BTreeSet<u32>) {
        let messages = &self.mailboxes[&mailbox].messages;
        if messages.iter().any(|(uid, message)| uids.contains(uid) && message.outside.is_some()) {
            self.compare();
        }
    }

    pub(super) fn copy(&mut self, from: i64, uids: &BTreeSet<u32>, to: i64) -> Vec<(u32, u32)> {
        self.compare_if_missing(from, uids);
        let chosen = self.mailboxes[&from].messages.iter().filter(|(uid, _)| uids.contains(uid));
        let (old, messages): (Vec<u32>, Vec<Message>) =
            chosen.map(|(uid, message)| (*uid, message.clone())).unzip();
        if old.is_empty() {
            return Vec::new();
        }
        let new = self.mailbox(to).arrive(messages);
        old.into_iter().zip(new).collect()
    }

    pub(super) fn move_messages(
        &mut self,
        from: i64,
        uids: &BTreeSet<u32>,
        to: i64,
    ) -> Vec<(u32, u32)> {
        let moved = self.copy(from, uids, to);
        if !moved.is_empty() {
            let old: Vec<u32> = moved.iter().map(|(old, _)| *old).collect();
            self.mailbox(from).forget(&old);
        }
        moved
    }

    /// Makes a mailbox, with what is missing above it.
    pub(super) fn create(&mut self, name: &str) -> Result<(), Refused> {
        if self.by_name(name).is_some() {
            return Err(Refused::Taken);
        }
        self.find_or_create(name);
        Ok(())
    }

    /// The mailbox of this name, made if it is missing, from above.
    pub(super) fn find_or_create(&mut self, name: &str) -> i64 {
        if let Some(id) = self.by_name(name) {
            return id;
        }
        if let Some((above, _)) = name.rsplit_once('/')
            && above != "INBOX"
        {
            self.find_or_create(above);
        }
        self.last_id += 1;
        self.last_validity = (self.last_validity + 1).max(NOW_S);
        let mailbox = Mailbox {
            name: name.to_owned(),
            special: None,
            validity: self.last_validity,
            next: 1,
            modseq: 1,
            recent_from: 1,
            messages: BTreeMap::new(),
            touched: false,
            put: Vec::new(),
        };
        self.mailboxes.insert(self.last_id, mailbox);
        self.last_id
    }

    /// Renames a mailbox with those below it; the messages of INBOX are moved.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<(), Refused> {
        if from == "INBOX" {
            self.create(to)?;
            let (inbox, new) = (self.by_name(from).unwrap(), self.by_name(to).unwrap());
            let all = |rules: &Self| rules.mailboxes[&inbox].messages.keys().copied().collect();
            self.compare_if_missing(inbox, &all(self));
            self.move_messages(inbox, &all(self), new);
            return Ok(());
        }
        if to == "INBOX" || to.starts_with(&format!("{from}/")) {
            return Err(Refused::NotPossible);
        }
        let below = format!("{from}/");
        let renamed = |name: &str| {
            let rest = name.strip_prefix(from).unwrap();
            format!("{to}{rest}")
        };
        let subtree: Vec<(i64, String)> = self
            .mailboxes
            .iter()
            .filter(|(_, mailbox)| mailbox.name == from || mailbox.name.starts_with(&below))
            .map(|(id, mailbox)| (*id, renamed(&mailbox.name)))
            .collect();
        let taken = subtree.iter().any(|(_, name)| self.by_name(name).is_some());
        if taken || self.by_name(to).is_some() {
            return Err(Refused::Taken);
        }
        if subtree.is_empty() {
            return Err(Refused::None);
        }
        if let Some((above, _)) = to.rsplit_once('/')
            && above != "INBOX"
        {
            self.find_or_create(above);
        }
        for (id, name) in subtree {
            self.mailbox(id).name = name;
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, name: &str) -> Result<(), Refused> {
        if name == "INBOX" {
            return Err(Refused::NotPossible);
        }
        let id = self.by_name(name).ok_or(Refused::None)?;
        self.mailboxes.remove(&id);
        Ok(())
    }

    /// How many copies of each message there are.
    pub(super) fn copies(&self) -> BTreeMap<&str, usize> {
        let mut copies = BTreeMap::new();
        for message in self.mailboxes.values().flat_map(|mailbox| mailbox.messages.values()) {
            *copies.entry(message.text.as_str()).or_default() += 1;
        }
        copies
    }
}
