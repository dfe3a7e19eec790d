//! Several sessions at once: what happens first is not known, so what is there afterwards is looked
//! at, and all must come to agree about it.

use std::collections::BTreeMap;

use super::{
    commands::by,
    order::{NAMES, Racer},
    said::{self, Placed, Said},
    truth::BoxId,
    view::{May, View},
    world::{BOB, World, is},
};

/// Where COPY and MOVE go from and to.
type Way = (BoxId, BoxId);

/// A command that was sent and not answered.
struct Running {
    number: usize,
    tag: String,
    command: String,
    may: May,
    way: Option<Way>,
}

impl World {
    pub(crate) async fn race(
        &mut self,
        acts: &[(usize, Racer)],
        deliver: Option<usize>,
    ) -> Result<(), String> {
        for number in 0..self.sessions.len() {
            self.awake(number).await?;
        }
        let mut running = Vec::new();
        for (number, racer) in acts {
            let Some(view) = self.sessions[*number].view.clone() else { continue };
            if let Some((command, may, way)) = self.racing(*number, &view, racer) {
                let tag = self.send(*number, &command).await;
                running.push(Running { number: *number, tag, command, may, way });
            }
        }
        if let Some(mailbox) = deliver
            && self.truth.named(NAMES[mailbox]).is_some()
        {
            self.put(NAMES[mailbox], 1).await;
        }
        let before = self.numbers();
        let mut placed = Vec::new();
        for one in &running {
            let heard = self.read(one.number, &one.tag, &one.command).await?;
            let mut told = said::copy_uid(&heard.tagged)?;
            for said in &heard.said {
                if let Said::CopyUid(placed) = said {
                    told = Some(placed.clone());
                }
                if let Some(view) = &mut self.sessions[one.number].view {
                    view.take(said, one.may, None)?;
                }
            }
            if !heard.tagged.starts_with("NO [EXPUNGEISSUED]") {
                is(&heard.tagged, "OK")?;
            }
            placed.extend(one.way.zip(told));
        }
        self.copies_are_true(&placed).await?;
        self.nothing_is_lost(&before, acts)?;
        for number in 0..self.sessions.len() {
            self.agree(number).await?;
        }
        Ok(())
    }

    /// The command, what may be told meanwhile, and from where to where it goes.
    fn racing(
        &mut self,
        number: usize,
        view: &View,
        racer: &Racer,
    ) -> Option<(String, May, Option<Way>)> {
        let change_ok = !view.read_only;
        Some(match racer {
            Racer::Noop => ("NOOP".to_owned(), May::ALL, None),
            Racer::Fetch if !view.uids.is_empty() => {
                ("FETCH 1:* (UID FLAGS)".to_owned(), May::NUMBERED, None)
            }
            Racer::Search => ("SEARCH ALL".to_owned(), May::SEARCH, None),
            Racer::Expunge if change_ok => ("EXPUNGE".to_owned(), May::ALL, None),
            Racer::Store { set, change, silent } if change_ok => {
                let named = set.named(view);
                if named.beyond {
                    return None;
                }
                if let Some(view) = &mut self.sessions[number].view {
                    view.changed(&named.uids, change);
                }
                let verb = if set.by_uid { "UID STORE" } else { "STORE" };
                let command = format!("{verb} {} {}", named.text, change.render(*silent));
                (command, by(*set), None)
            }
            Racer::Copy { set, to } | Racer::Move { set, to } => {
                let remove = matches!(racer, Racer::Move { .. });
                let (named, target) = (set.named(view), self.truth.named(NAMES[*to])?);
                if named.beyond || remove && !change_ok {
                    return None;
                }
                let uid = if set.by_uid { "UID " } else { "" };
                let verb = if remove { "MOVE" } else { "COPY" };
                let name = self.name_for(number, NAMES[*to]);
                let command = format!("{uid}{verb} {} {name}", named.text);
                (command, May::ALL, Some((view.mailbox, target)))
            }
            Racer::Append { mailbox } => {
                self.truth.named(NAMES[*mailbox])?;
                let name = self.name_for(number, NAMES[*mailbox]);
                let (_, content) = self.new_message();
                let content = String::from_utf8_lossy(&content).into_owned();
                let command = format!("APPEND {name} {{{}+}}\r\n{content}", content.len());
                (command, May::ALL, None)
            }
            _ => return None,
        })
    }

    /// How often each message is there.
    fn numbers(&self) -> BTreeMap<u32, usize> {
        let mut numbers = BTreeMap::new();
        for (mailbox, _) in self.truth.all() {
            for message in self.truth.of(mailbox).messages.values() {
                *numbers.entry(message.number).or_default() += 1;
            }
        }
        numbers
    }

    /// What is there now is looked at; COPYUID must have said what became what.
    async fn copies_are_true(&mut self, placed: &[(Way, Placed)]) -> Result<(), String> {
        let mut expected = Vec::new();
        for ((from, to), Placed { from: old, to: new, .. }) in placed {
            if old.len() != new.len() {
                return Err(format!("{old:?} became {new:?}"));
            }
            for (old, new) in old.iter().zip(new) {
                if let Some(message) = self.truth.of(*from).messages.get(old) {
                    expected.push((*to, *new, message.number));
                }
            }
        }
        for (mailbox, _) in self.truth.all() {
            let there = self.probe(mailbox).await?;
            let there = there.into_iter().map(|(uid, (message, _))| (uid, message)).collect();
            self.truth.of_mut(mailbox).became(there)?;
        }
        for (mailbox, uid, number) in expected {
            if let Some(message) = self.truth.of(mailbox).messages.get(&uid)
                && message.number != number
            {
                return Err(format!("COPYUID has {number} as {uid}, which is {message:?}"));
            }
        }
        Ok(())
    }

    /// Who moves or marks loses nothing; and a message that two move is there once, unless it went
    /// into another's account, which is a copy and a removal.
    fn nothing_is_lost(
        &self,
        before: &BTreeMap<u32, usize>,
        acts: &[(usize, Racer)],
    ) -> Result<(), String> {
        let after = self.numbers();
        let any = |is: fn(&(usize, Racer)) -> bool| acts.iter().any(is);
        if !any(|(_, racer)| matches!(racer, Racer::Expunge))
            && let Some((lost, _)) = before.iter().find(|(number, _)| !after.contains_key(number))
        {
            return Err(format!("{lost} is lost"));
        }
        let copies = any(|(number, racer)| *number == BOB || matches!(racer, Racer::Copy { .. }));
        let more = after
            .iter()
            .find(|(number, count)| before.get(number).is_some_and(|before| before < *count));
        match more {
            Some((number, count)) if !copies => Err(format!("{number} is there {count} times")),
            _ => Ok(()),
        }
    }

    /// After a NOOP the session knows what is there.
    async fn agree(&mut self, number: usize) -> Result<(), String> {
        if self.sessions[number].view.is_none() {
            return Ok(());
        }
        let heard = self.ask(number, "NOOP").await?;
        is(&heard.tagged, "OK")?;
        if let Some(view) = &mut self.sessions[number].view {
            for said in &heard.said {
                view.take(said, May::ALL, None)?;
            }
            view.fill(&self.truth)?;
        }
        self.assert_up_to_date(number)?;
        self.fetch_unknown(number).await
    }
}
