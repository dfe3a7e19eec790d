//! Which command does what, and those that change nothing.

use std::collections::BTreeSet;

use super::{
    numbers,
    order::{Act, Key, Mode, NAMES, Set, Shape},
    said::{Fetched, Said},
    view::{May, View},
    world::{World, is},
};

/// Some messages as a session's client names them.
pub(crate) struct Named {
    pub(crate) text: String,
    /// Those of them that it knows.
    pub(crate) uids: BTreeSet<u32>,
    /// It names a number that no message has.
    pub(crate) beyond: bool,
}

impl Set {
    pub(crate) fn named(self, view: &View) -> Named {
        let size = u32::try_from(view.uids.len()).unwrap();
        let last = if self.by_uid { view.uids.last().copied().unwrap_or(0) } else { size };
        let (a, b) = (self.a % (last + 1) + 1, self.b % (last + 1) + 1);
        let (text, ranges) = match self.shape {
            Shape::All => ("1:*".to_owned(), vec![(1, last)]),
            Shape::Last => ("*".to_owned(), vec![(last, last)]),
            Shape::One => (a.to_string(), vec![(a, a)]),
            Shape::Two => (format!("{a},{b}"), vec![(a, a), (b, b)]),
            Shape::Range => (format!("{a}:{b}"), vec![(a.min(b), a.max(b))]),
            Shape::ToLast => (format!("{a}:*"), vec![(a.min(last), a.max(last))]),
        };
        let is_in = |n: u32| ranges.iter().any(|(first, last)| (*first..=*last).contains(&n));
        let number = |(place, uid): (usize, &u32)| {
            if self.by_uid { *uid } else { u32::try_from(place + 1).unwrap() }
        };
        let known = view.uids.iter().enumerate().filter(|one| is_in(number(*one)));
        let uids = known.map(|(_, uid)| *uid).collect();
        let beyond = size == 0 || ranges.iter().any(|(_, last)| *last > size);
        Named { text, uids, beyond: beyond && !self.by_uid }
    }
}

impl World {
    pub(crate) async fn act(&mut self, number: usize, act: &Act) -> Result<(), String> {
        match act {
            Act::Noop => {
                self.run(number, "NOOP", May::ALL).await?;
                self.assert_up_to_date(number)
            }
            Act::Check if self.sessions[number].view.is_some() => {
                self.run(number, "CHECK", May::ALL).await.map(drop)
            }
            Act::Idle => self.idle(number).await,
            Act::Select { mailbox, examine, resync } => {
                self.select(number, *mailbox, *examine, *resync).await
            }
            Act::Reconnect { mode } => self.reconnect(number, *mode).await,
            Act::Append { mailbox, change, count } => {
                self.append(number, *mailbox, &change.flags, *count).await
            }
            Act::Status { mailbox } => self.status(number, *mailbox).await,
            Act::Create { name } => self.create(number, *name).await,
            Act::Delete { mailbox } => self.delete(number, *mailbox).await,
            Act::Rename { mailbox, to } => self.rename(number, *mailbox, *to).await,
            act => match self.sessions[number].view.clone() {
                Some(view) => self.act_on(number, &view, act).await,
                None => Ok(()),
            },
        }
    }

    /// What is done to the open mailbox.
    async fn act_on(&mut self, number: usize, view: &View, act: &Act) -> Result<(), String> {
        match act {
            Act::Close => self.close(number, true).await,
            Act::Unselect => self.close(number, false).await,
            Act::Store { set, change, silent, unchanged_since } => {
                let how = (*silent, *unchanged_since);
                self.store(number, view, *set, change, how).await
            }
            Act::Expunge => self.expunge(number, view, None).await,
            Act::UidExpunge(set) => self.expunge(number, view, Some(*set)).await,
            Act::Copy { set, to } => self.copy(number, view, *set, (NAMES[*to], false)).await,
            Act::Move { set, to } => self.copy(number, view, *set, (NAMES[*to], true)).await,
            Act::Fetch { set, mark } => self.fetch(number, view, *set, *mark).await,
            Act::ChangedSince => self.changed_since(number, view).await,
            Act::Search { set, key, extended } => {
                self.search(number, view, *set, key, *extended).await
            }
            _ => Ok(()),
        }
    }

    async fn idle(&mut self, number: usize) -> Result<(), String> {
        let tag = self.send(number, "IDLE").await;
        loop {
            let line = self.sessions[number].client.response().await;
            self.tell(format!("{number} S: {}", String::from_utf8_lossy(&line)));
            let Some(untagged) = line.strip_prefix(b"* ") else { break };
            let said = super::said::parse(untagged)?;
            self.believe(number, &[said], May::IDLE)?;
        }
        self.sessions[number].idle = Some(tag);
        Ok(())
    }

    async fn fetch(
        &mut self,
        number: usize,
        view: &View,
        set: Set,
        mark: bool,
    ) -> Result<(), String> {
        let named = set.named(view);
        let verb = if set.by_uid { "UID FETCH" } else { "FETCH" };
        let body = if mark { "BODY" } else { "BODY.PEEK" };
        let (text, may) = (&named.text, by(set));
        let command = format!("{verb} {text} (UID FLAGS {body}[HEADER.FIELDS (SUBJECT)])");
        let mailbox = self.truth.of_mut(view.mailbox);
        let there: BTreeSet<u32> =
            named.uids.iter().filter(|uid| mailbox.messages.contains_key(uid)).copied().collect();
        if mark && !view.read_only && !named.beyond {
            let seen = super::truth::FlagOrder {
                action: super::truth::Action::Add,
                flags: std::iter::once("\\Seen".to_owned()).collect(),
            };
            there.iter().for_each(|uid| mailbox.change(*uid, &seen));
        }
        let numbers: Vec<(u32, u32)> =
            there.iter().map(|uid| (*uid, mailbox.messages[uid].number)).collect();
        let heard = self.ask(number, &command).await?;
        self.believe(number, &heard.said, may)?;
        if named.beyond {
            return is(&heard.tagged, "BAD");
        }
        let told = heard.said.iter().filter_map(|said| match said {
            Said::Fetch(Fetched { uid: Some(uid), subject: Some(subject), .. }) => {
                Some((*uid, *subject))
            }
            _ => None,
        });
        let told: Vec<(u32, u32)> = told.collect();
        if told != numbers {
            return Err(format!("{numbers:?} were expected, {told:?} told"));
        }
        let missing = there.len() < named.uids.len() && !set.by_uid;
        is(&heard.tagged, if missing { "NO [EXPUNGEISSUED]" } else { "OK" })
    }

    /// RFC 7162 §3.1.4.1, §3.2.6: all that changed since the last that was told.
    async fn changed_since(&mut self, number: usize, view: &View) -> Result<(), String> {
        let vanished = match self.sessions[number].mode {
            Mode::Qresync => " VANISHED",
            Mode::Condstore => "",
            Mode::Plain | Mode::Rev2 => return Ok(()),
        };
        let since = view.highest;
        let command = format!("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {since}{vanished})");
        self.run(number, &command, May::EARLIER).await?;
        let Some(view) = &self.sessions[number].view else { return Ok(()) };
        let messages = &self.truth.of(view.mailbox).messages;
        for (uid, flags) in &view.told {
            if let Some(message) = messages.get(uid)
                && message.flags != *flags
            {
                let is = &message.flags;
                return Err(format!("CHANGEDSINCE {since} did not tell that {uid} has {is:?}"));
            }
        }
        Ok(())
    }

    async fn search(
        &mut self,
        number: usize,
        view: &View,
        set: Set,
        key: &Key,
        extended: bool,
    ) -> Result<(), String> {
        let named = set.named(view);
        let (by_uid, returns) =
            (set.a.is_multiple_of(2), if extended { " RETURN (ALL)" } else { "" });
        let inside = if set.by_uid { format!("UID {}", named.text) } else { named.text.clone() };
        let names_set = matches!(key, Key::In | Key::InOrHas(_));
        let text = match key {
            Key::All => "ALL".to_owned(),
            Key::In => inside,
            Key::Has(flag) => flag_key(flag, true),
            Key::HasNot(flag) => flag_key(flag, false),
            Key::Subject(less) => format!("SUBJECT \"{}\"", self.number.saturating_sub(*less)),
            Key::InOrHas(flag) => format!("OR ({inside}) NOT {}", flag_key(flag, false)),
        };
        let messages = &self.truth.of(view.mailbox).messages;
        let mut expected = Vec::new();
        for (place, uid) in view.uids.iter().enumerate() {
            let Some(message) = messages.get(uid) else { continue };
            let found = match key {
                Key::All => true,
                Key::In => named.uids.contains(uid),
                Key::Has(flag) => message.flags.contains(flag),
                Key::HasNot(flag) => !message.flags.contains(flag),
                Key::Subject(less) => message.number == self.number.saturating_sub(*less),
                Key::InOrHas(flag) => named.uids.contains(uid) || message.flags.contains(flag),
            };
            if found {
                expected.push(if by_uid { *uid } else { u32::try_from(place + 1).unwrap() });
            }
        }
        let counted = !by_uid || names_set && !set.by_uid;
        let may = if counted { May::SEARCH } else { May::ALL };
        let verb = if by_uid { "UID SEARCH" } else { "SEARCH" };
        let heard = self.run(number, &format!("{verb}{returns} {text}"), may).await?;
        let found = heard.said.iter().find_map(|said| match said {
            Said::Found(found) => Some(found),
            _ => None,
        });
        if found == Some(&expected) {
            Ok(())
        } else {
            Err(format!("{found:?} is not {expected:?}"))
        }
    }
}

/// What may be told while FETCH and STORE run.
pub(crate) fn by(set: Set) -> May {
    if set.by_uid { May::BY_UID } else { May::NUMBERED }
}

/// The numbers that a command gives to messages.
pub(crate) fn numbered(view: &View, set: Set, uids: &BTreeSet<u32>) -> BTreeSet<u32> {
    let known = view.uids.iter().enumerate().filter(|(_, uid)| uids.contains(uid));
    known
        .map(|(place, uid)| if set.by_uid { *uid } else { u32::try_from(place + 1).unwrap() })
        .collect()
}

/// The numbers of a code like MODIFIED.
pub(crate) fn in_code(tagged: &str, code: &str) -> Result<BTreeSet<u32>, String> {
    super::said::code(tagged, code).map_or(Ok(BTreeSet::new()), numbers::parse_set)
}

fn flag_key(flag: &str, has: bool) -> String {
    let not = if has { "" } else { "UN" };
    match flag.strip_prefix('\\') {
        Some(flag) => format!("{not}{}", flag.to_ascii_uppercase()),
        None => format!("{not}KEYWORD {flag}"),
    }
}
