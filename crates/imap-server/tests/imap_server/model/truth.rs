//! What is really there: mailboxes as tables, changed as the standard says commands change them.

use std::collections::{BTreeMap, BTreeSet};

use super::numbers;

/// Flags and keywords by name; `\Recent` is none of them here.
pub(crate) type Flags = BTreeSet<String>;

/// A mailbox keeps this whatever its name is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct BoxId(u32);

#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// Stands in its Subject: a copy has the same.
    pub(crate) number: u32,
    pub(crate) flags: Flags,
}

#[derive(Clone, Debug)]
pub(crate) struct Mailbox {
    pub(crate) name: String,
    /// Not known before it was told.
    pub(crate) validity: Option<u32>,
    /// All UIDs to come are at least this.
    pub(crate) next: u32,
    pub(crate) messages: BTreeMap<u32, Message>,
    /// The highest mod-sequence of a message that anybody was told of.
    highest: u64,
    /// HIGHESTMODSEQ when it was told last, and whether something changed since.
    asked: u64,
    changed: bool,
    /// What a message's flags were at a mod-sequence, and the last one of each.
    history: BTreeMap<(u32, u64), Flags>,
    last: BTreeMap<u32, u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Truth {
    boxes: BTreeMap<BoxId, Mailbox>,
    count: u32,
}

impl Truth {
    pub(crate) fn create(&mut self, name: &str) -> BoxId {
        self.count += 1;
        let id = BoxId(self.count);
        let mailbox = Mailbox {
            name: name.to_owned(),
            validity: None,
            next: 1,
            messages: BTreeMap::new(),
            highest: 0,
            asked: 0,
            changed: false,
            history: BTreeMap::new(),
            last: BTreeMap::new(),
        };
        self.boxes.insert(id, mailbox);
        id
    }

    pub(crate) fn delete(&mut self, id: BoxId) {
        self.boxes.remove(&id);
    }

    pub(crate) fn named(&self, name: &str) -> Option<BoxId> {
        self.boxes.iter().find(|(_, mailbox)| mailbox.name == name).map(|(id, _)| *id)
    }

    pub(crate) fn is_there(&self, id: BoxId) -> bool {
        self.boxes.contains_key(&id)
    }

    pub(crate) fn all(&self) -> Vec<(BoxId, String)> {
        self.boxes.iter().map(|(id, mailbox)| (*id, mailbox.name.clone())).collect()
    }

    /// A mailbox that is there.
    pub(crate) fn of(&self, id: BoxId) -> &Mailbox {
        &self.boxes[&id]
    }

    pub(crate) fn of_mut(&mut self, id: BoxId) -> &mut Mailbox {
        self.boxes.get_mut(&id).unwrap()
    }

    /// Those of the set that are there go to another mailbox with the UIDs that the server told.
    pub(crate) fn copy(
        &mut self,
        from: BoxId,
        old: &[u32],
        to: BoxId,
        new: &[u32],
    ) -> Result<(), String> {
        if old.len() != new.len() {
            return Err(format!("{old:?} became {new:?}"));
        }
        for (old, new) in old.iter().zip(new) {
            let Message { number, flags } = self.of(from).messages[old].clone();
            self.of_mut(to).add(*new, number, flags)?;
        }
        Ok(())
    }
}

impl Mailbox {
    /// A message comes.
    pub(crate) fn add(&mut self, uid: u32, number: u32, flags: Flags) -> Result<(), String> {
        if uid < self.next {
            return Err(format!("UID {uid} was to be at least {}", self.next));
        }
        self.next = uid + 1;
        self.changed = true;
        self.messages.insert(uid, Message { number, flags });
        Ok(())
    }

    /// Messages go.
    pub(crate) fn remove(&mut self, uids: &BTreeSet<u32>) {
        let before = self.messages.len();
        self.messages.retain(|uid, _| !uids.contains(uid));
        self.changed |= before != self.messages.len();
    }

    pub(crate) fn uids(&self) -> Vec<u32> {
        self.messages.keys().copied().collect()
    }

    pub(crate) fn deleted(&self) -> BTreeSet<u32> {
        let deleted =
            self.messages.iter().filter(|(_, message)| message.flags.contains("\\Deleted"));
        deleted.map(|(uid, _)| *uid).collect()
    }

    /// Flags of a message change.
    pub(crate) fn change(&mut self, uid: u32, change: &FlagOrder) {
        if let Some(message) = self.messages.get_mut(&uid) {
            let before = message.flags.clone();
            change.apply(&mut message.flags);
            self.changed |= before != message.flags;
        }
    }

    /// All that may have changed has, for all that is known.
    pub(crate) fn became(&mut self, messages: BTreeMap<u32, Message>) -> Result<(), String> {
        for (uid, message) in &messages {
            match self.messages.get(uid) {
                Some(before) if before.number != message.number => {
                    return Err(format!("UID {uid} is {message:?} and was {before:?}"));
                }
                Some(_) => {}
                None if *uid < self.next => {
                    return Err(format!("UID {uid} came below {}", self.next));
                }
                None => {}
            }
        }
        self.next = messages.last_key_value().map_or(0, |(uid, _)| uid + 1).max(self.next);
        self.messages = messages;
        Ok(())
    }

    /// Somebody was told a mod-sequence of a message with its flags.
    pub(crate) fn mod_seq_told(
        &mut self,
        uid: u32,
        told: u64,
        flags: &Flags,
    ) -> Result<(), String> {
        let before = self.history.entry((uid, told)).or_insert_with(|| flags.clone());
        if before != flags {
            return Err(format!("at MODSEQ {told} UID {uid} had {before:?} and has {flags:?}"));
        }
        let last = self.last.entry(uid).or_insert(told);
        if *last > told {
            return Err(format!("MODSEQ of UID {uid} went from {last} to {told}"));
        }
        *last = told;
        self.highest = self.highest.max(told);
        Ok(())
    }

    /// Somebody was told the mailbox's HIGHESTMODSEQ of this moment.
    pub(crate) fn highest_told(&mut self, told: u64) -> Result<(), String> {
        let least = self.asked + u64::from(std::mem::take(&mut self.changed));
        let least = least.max(self.highest);
        self.asked = told;
        if told < least { Err(format!("HIGHESTMODSEQ {told} is below {least}")) } else { Ok(()) }
    }

    pub(crate) fn validity_told(&mut self, told: u32) -> Result<(), String> {
        let known = *self.validity.get_or_insert(told);
        if known == told { Ok(()) } else { Err(format!("UIDVALIDITY {told} was {known}")) }
    }

    pub(crate) fn next_told(&mut self, told: u32) -> Result<(), String> {
        if told < self.next {
            return Err(format!("UIDNEXT {told} is below {}", self.next));
        }
        self.next = told;
        Ok(())
    }
}

/// What a STORE does.
#[derive(Clone, Debug)]
pub(crate) struct FlagOrder {
    pub(crate) action: Action,
    pub(crate) flags: Flags,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    Add,
    Remove,
    Replace,
}

impl FlagOrder {
    pub(crate) fn apply(&self, flags: &mut Flags) {
        match self.action {
            Action::Add => flags.extend(self.flags.iter().cloned()),
            Action::Remove => flags.retain(|flag| !self.flags.contains(flag)),
            Action::Replace => flags.clone_from(&self.flags),
        }
    }

    /// As STORE has it.
    pub(crate) fn render(&self, silent: bool) -> String {
        let sign = match self.action {
            Action::Add => "+",
            Action::Remove => "-",
            Action::Replace => "",
        };
        format!("{sign}FLAGS{} {}", if silent { ".SILENT" } else { "" }, render_flags(&self.flags))
    }
}

pub(crate) fn render_flags(flags: &Flags) -> String {
    let all: Vec<&str> = flags.iter().map(String::as_str).collect();
    format!("({})", all.join(" "))
}

/// For who reads of a failure.
impl std::fmt::Display for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} [{}]", self.name, numbers::render(self.messages.keys().copied()))
    }
}
