//! What the store shows, as a value of the rules; and what may differ after a disaster.

use std::collections::{BTreeMap, BTreeSet};

use mail_store::{AccountMailboxes, MessageRow, UidSet, Want};

use super::{
    operations::LETTERS,
    orders::words,
    rules::{Flags, Mailbox, Message, Outside, Rules},
};

/// What differs.
pub(super) type Difference = Result<(), String>;

pub(super) fn demand(it: bool, what: impl FnOnce() -> String) -> Difference {
    if it { Ok(()) } else { Err(what()) }
}

pub(super) fn same<T: PartialEq + std::fmt::Debug>(what: &str, real: T, rules: T) -> Difference {
    demand(real == rules, || format!("{what}:\nthe store: {real:?}\nthe rules: {rules:?}"))
}

/// All that a store shows of an account. Its counters agree with its messages, and if it `reads`,
/// the messages' bytes with what is known of them.
pub(super) async fn observe(account: &AccountMailboxes, reads: bool) -> Result<Rules, String> {
    let mut rules = Rules::default();
    let (mut messages, mut octets, all) = (0, 0, UidSet::all());
    for state in account.states().await.map_err(|e| format!("states: {e}"))? {
        let want = if reads { Want::Details } else { Want::Facts };
        let rows = account.fetch(state.id, &all, want).await.unwrap();
        let facts = account.facts(state.id, rows.len()).await.unwrap().ok_or("no facts")?;
        let facts: Vec<_> = facts.within(&all).collect();
        same("facts", facts, rows.iter().map(MessageRow::fact).collect())?;
        let mut mailbox = Mailbox {
            name: state.name.to_string(),
            special: state.special_use.map(|special| special.as_str().to_owned()),
            validity: state.uid_validity.number(),
            next: state.uid_next.number(),
            modseq: state.highest_modseq.0,
            recent_from: state.recent_from.number(),
            messages: BTreeMap::new(),
            touched: false,
            put: Vec::new(),
        };
        for row in &rows {
            let mut text = String::new();
            if reads {
                let reader = account.read(&row.file).await.map_err(|e| format!("read: {e}"))?;
                let content = reader.read_at(0, 1 << 20).await.unwrap();
                let subject = row.details.clone().unwrap().envelope.subject.unwrap_or_default();
                String::from_utf8_lossy(&subject).trim().clone_into(&mut text);
                same("bytes", content, crate::world::message(&text))?;
            }
            let message = Message {
                text,
                flags: words(&row.flags),
                modseq: row.modseq.0,
                date: row.internal_date.millis(),
                size: row.size,
                outside: None,
            };
            mailbox.messages.insert(row.uid.number(), message);
        }
        let seen = |message: &Message| message.flags.contains("\\Seen");
        let counted = |wanted: &dyn Fn(&Message) -> bool| mailbox.count(wanted);
        same("messages", state.messages, counted(&|_| true))?;
        same("unseen", state.unseen, counted(&|message| !seen(message)))?;
        same("deleted", state.deleted, counted(&|message| message.flags.contains("\\Deleted")))?;
        let recent = mailbox.messages.range(mailbox.recent_from..).count();
        same("recent", state.recent as usize, recent)?;
        let first_unseen = mailbox.messages.iter().find(|(_, one)| !seen(one)).map(|(uid, _)| *uid);
        same("first unseen", state.first_unseen.map(|uid| uid.number()), first_unseen)?;
        same("octets", state.octets, mailbox.messages.values().map(|one| one.size).sum())?;
        messages += u64::from(state.messages);
        octets += state.octets;
        rules.mailboxes.insert(state.id.0, mailbox);
    }
    let totals = account.totals().await.unwrap();
    same("the totals", (totals.messages, totals.octets), (messages, octets))?;
    for listed in account.list().await.unwrap() {
        let id = listed.id.map(|id| id.0);
        same("an id of the list", id, rules.by_name(listed.name.as_str()))?;
        if listed.subscribed {
            rules.subscribed.insert(listed.name.to_string());
        }
    }
    Ok(rules)
}

/// Whether what is shown is what the rules say. Texts are compared if they were read.
pub(super) fn equal(shown: &Rules, rules: &Rules, texts: bool) -> Difference {
    same("subscriptions", &shown.subscribed, &rules.subscribed)?;
    let ids =
        |of: &Rules| of.mailboxes.iter().map(|(id, m)| (*id, m.name.clone())).collect::<Vec<_>>();
    same("mailboxes", ids(shown), ids(rules))?;
    for (id, rule) in &rules.mailboxes {
        let seen = |message: &Message| {
            let text = if texts { message.text.clone() } else { String::new() };
            Message { text, outside: None, ..message.clone() }
        };
        let messages = rule.messages.iter().map(|(uid, message)| (*uid, seen(message))).collect();
        let rule = Mailbox { messages, touched: false, put: Vec::new(), ..rule.clone() };
        same(&format!("mailbox {}", rule.name), &shown.mailboxes[id], &rule)?;
    }
    Ok(())
}

/// What is allowed to be there after a disaster.
pub(super) struct Allowed {
    /// States that were told, the oldest first, one of which each single fact is of.
    pub(super) told: Vec<Rules>,
    /// The last one, when what other tools did is seen.
    pub(super) seen: Rules,
    /// What would have been next, had what was going on come to its end.
    pub(super) perhaps: Option<Rules>,
    /// Names whose subscription nobody knows.
    pub(super) doubtful: BTreeSet<String>,
}

impl Allowed {
    fn states(&self) -> impl Iterator<Item = &Rules> {
        self.told.iter().chain([&self.seen]).chain(&self.perhaps)
    }

    /// Whether a store may show this.
    pub(super) fn check(&self, shown: &Rules) -> Difference {
        let last = &self.seen;
        let wrong: BTreeSet<&String> =
            shown.subscribed.symmetric_difference(&last.subscribed).collect();
        demand(wrong.iter().all(|name| self.doubtful.contains(*name)), || {
            format!("subscribed is {:?}, not {:?}", shown.subscribed, last.subscribed)
        })?;
        for (id, mailbox) in &last.mailboxes {
            if self.perhaps.iter().all(|state| state.mailboxes.contains_key(id)) {
                let there = shown.mailboxes.get(id);
                let there = there.ok_or_else(|| format!("{} is lost", mailbox.name))?;
                same(&format!("the epoch of {}", mailbox.name), there.validity, mailbox.validity)?;
                demand(there.next >= mailbox.next && there.modseq >= mailbox.modseq, || {
                    let (next, modseq) = (there.next, there.modseq);
                    format!("{} goes back to UID {next}, modseq {modseq}", mailbox.name)
                })?;
            }
        }
        for (id, mailbox) in &shown.mailboxes {
            let mut names = last
                .mailboxes
                .get(id)
                .into_iter()
                .chain(self.perhaps.iter().flat_map(|state| state.mailboxes.values()));
            demand(names.any(|one| one.name == mailbox.name), || {
                format!("mailbox {id} {} comes from nowhere", mailbox.name)
            })?;
            for (uid, message) in &mailbox.messages {
                self.check_message(*id, *uid, message)?;
            }
        }
        self.check_presence(shown)?;
        self.check_copies(shown)
    }

    /// Messages that were there all the time are there.
    fn check_presence(&self, shown: &Rules) -> Difference {
        for (id, mailbox) in &self.told[0].mailboxes {
            for (uid, message) in &mailbox.messages {
                let in_it = |state: &Rules| {
                    state.mailboxes.get(id).is_some_and(|one| one.messages.contains_key(uid))
                };
                demand(!self.states().all(in_it) || in_it(shown), || {
                    format!("{} of {}, {}, is lost", uid, mailbox.name, message.text)
                })?;
            }
        }
        Ok(())
    }

    /// What is known of a message by its number is true of it.
    fn check_message<'a>(&'a self, id: i64, uid: u32, shown: &Message) -> Difference {
        let of = |state: &'a Rules| state.mailboxes.get(&id)?.messages.get(&uid);
        // What was not told had no number yet.
        if self.told.iter().all(|state| of(state).is_none()) {
            return Ok(());
        }
        let known: Vec<&Message> = self.states().filter_map(of).collect();
        let Some(one) = known.first() else { return Ok(()) };
        let facts = |of: &Message| (of.text.clone(), of.date, of.size);
        same("the facts of a message", facts(shown), facts(one))?;
        // What was expunged and is back has the letters that another tool gave it before, though
        // nobody was told of them.
        let renamed = |choose: fn(&Outside) -> Option<&Flags>, flag: &String| {
            let mut names = known.iter().filter_map(|one| choose(one.outside.as_ref()?));
            names.any(|flags| flags.contains(flag))
        };
        let had = |flag: &String| {
            known.iter().any(|one| one.flags.contains(flag)) || renamed(Outside::more, flag)
        };
        // A message that came meanwhile has in its name what letters tell, and not the rest.
        let old =
            self.told[0].mailboxes.get(&id).is_some_and(|one| one.messages.contains_key(&uid));
        let in_name = |flag: &String| LETTERS.iter().any(|(_, named)| *named == flag);
        let always = |flag: &String| {
            (old || in_name(flag))
                && known.iter().all(|one| one.flags.contains(flag))
                && !renamed(Outside::fewer, flag)
        };
        let lost = one.flags.iter().filter(|flag| always(flag) && !shown.flags.contains(*flag));
        let new = shown.flags.iter().filter(|flag| !had(flag));
        let wrong: BTreeSet<&String> = lost.chain(new).collect();
        demand(wrong.is_empty(), || {
            format!("flags {wrong:?} of {}: it has {:?}", shown.text, shown.flags)
        })
    }

    /// No message is there more often or less often than it was.
    fn check_copies(&self, shown: &Rules) -> Difference {
        let all: Vec<BTreeMap<&str, usize>> = self.states().map(Rules::copies).collect();
        let there = shown.copies();
        let texts: BTreeSet<&str> = all.iter().chain([&there]).flatten().map(|(t, _)| *t).collect();
        for text in texts {
            let count = |of: &BTreeMap<&str, usize>| of.get(text).copied().unwrap_or(0);
            let (least, most) =
                all.iter().map(count).fold((usize::MAX, 0), |(l, m), n| (l.min(n), m.max(n)));
            demand((least..=most).contains(&count(&there)), || {
                format!("{text} is there {} times, not {least} to {most}", count(&there))
            })?;
        }
        Ok(())
    }
}
