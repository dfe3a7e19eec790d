//! Which mailboxes there are, and which one is open: SELECT, CLOSE, CREATE, DELETE, RENAME, STATUS.

use std::collections::BTreeMap;

use super::{
    numbers,
    order::{Mode, NAMES, Resync},
    said::Said,
    truth::BoxId,
    view::{May, View},
    world::{BOB, World, is},
};

impl World {
    pub(crate) async fn select(
        &mut self,
        number: usize,
        mailbox: usize,
        examine: bool,
        resync: Resync,
    ) -> Result<(), String> {
        let name = self.name_for(number, NAMES[mailbox]);
        let verb = if examine { "EXAMINE" } else { "SELECT" };
        self.sessions[number].leave(&self.truth);
        let Some(id) = self.truth.named(NAMES[mailbox]) else {
            let heard = self.ask(number, &format!("{verb} {name}")).await?;
            return is(&heard.tagged, "NO [");
        };
        let status = self.status_of(id).await?;
        let cache = self.sessions[number].cache(id, resync);
        let parameter = cache.as_ref().map_or("", |(_, parameter)| parameter);
        let heard = self.ask(number, &format!("{verb} {name}{parameter}")).await?;
        is(&heard.tagged, if examine { "OK [READ-ONLY]" } else { "OK [READ-WRITE]" })?;
        let mode = self.sessions[number].mode;
        let mut view = View::new(id, mode == Mode::Qresync);
        view.read_only = examine;
        view.told = cache.as_ref().map_or_else(BTreeMap::new, |(cache, _)| cache.flags.clone());
        self.sessions[number].view = Some(view);
        self.opened_like(id, &heard.said, &status)?;
        self.believe(number, &heard.said, May { earlier: cache.is_some(), ..May::ALL })?;
        let Some(view) = &self.sessions[number].view else { return Ok(()) };
        if let Some(lost) = view.told.keys().find(|uid| !view.uids.contains(uid)) {
            return Err(format!("QRESYNC did not tell that {lost} vanished"));
        }
        self.assert_up_to_date(number)?;
        self.fetch_unknown(number).await
    }

    /// SELECT says what STATUS says.
    fn opened_like(
        &mut self,
        id: BoxId,
        said: &[Said],
        status: &BTreeMap<String, u64>,
    ) -> Result<(), String> {
        let messages = &self.truth.of(id).messages;
        let unseen = messages.values().position(|message| !message.flags.contains("\\Seen"));
        let unseen = unseen.map(|place| place as u64 + 1);
        for one in said {
            let (name, told) = match one {
                Said::Exists(count) => ("MESSAGES", u64::from(*count)),
                Said::UidNext(told) => ("UIDNEXT", u64::from(*told)),
                Said::UidValidity(told) => ("UIDVALIDITY", u64::from(*told)),
                Said::HighestModSeq(told) => ("HIGHESTMODSEQ", *told),
                Said::Unseen(told) if unseen != Some(u64::from(*told)) => {
                    return Err(format!("UNSEEN is {unseen:?}, not {told}"));
                }
                _ => continue,
            };
            if status.get(name) != Some(&told) {
                return Err(format!("SELECT has {name} {told}, STATUS has {status:?}"));
            }
        }
        Ok(())
    }

    /// A client that opens a mailbox looks at what it does not know.
    pub(crate) async fn fetch_unknown(&mut self, number: usize) -> Result<(), String> {
        let session = &self.sessions[number];
        let Some(view) = &session.view else { return Ok(()) };
        let unknown = view.unknown();
        if unknown.is_empty() {
            return Ok(());
        }
        let counts = matches!(session.mode, Mode::Condstore | Mode::Qresync);
        let mod_seq = if counts { " MODSEQ" } else { "" };
        let command = format!("UID FETCH {} (FLAGS{mod_seq})", numbers::render(unknown.clone()));
        self.run(number, &command, May::BY_UID).await?;
        let Some(view) = &self.sessions[number].view else { return Ok(()) };
        let messages = &self.truth.of(view.mailbox).messages;
        let untold = unknown.iter().find(|uid| {
            messages.contains_key(uid) && !view.told.contains_key(uid) && view.uids.contains(uid)
        });
        untold.map_or(Ok(()), |uid| Err(format!("FETCH did not tell of {uid}")))
    }

    /// What STATUS tells the watcher, compared with what is there.
    async fn status_of(&mut self, id: BoxId) -> Result<BTreeMap<String, u64>, String> {
        let name = self.truth.of(id).name.clone();
        let items = "MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ";
        let said = self.watch(&format!("STATUS {name} ({items})")).await?;
        self.status_told(id, &said)
    }

    fn status_told(&mut self, id: BoxId, said: &[Said]) -> Result<BTreeMap<String, u64>, String> {
        let told = said.iter().find_map(|said| match said {
            Said::Status(values) => Some(values.iter().cloned().collect::<BTreeMap<_, _>>()),
            _ => None,
        });
        let told = told.ok_or_else(|| format!("no STATUS: {said:?}"))?;
        let number = |name: &str| u32::try_from(told[name]).unwrap();
        self.validity_told(id, number("UIDVALIDITY"))?;
        let mailbox = self.truth.of_mut(id);
        mailbox.next_told(number("UIDNEXT"))?;
        if let Some(highest) = told.get("HIGHESTMODSEQ") {
            mailbox.highest_told(*highest)?;
        }
        let unseen = mailbox.messages.values().filter(|one| !one.flags.contains("\\Seen")).count();
        let there = (mailbox.messages.len() as u64, unseen as u64);
        if there != (told["MESSAGES"], told["UNSEEN"]) {
            return Err(format!("STATUS has {told:?} of {mailbox}, {unseen} unseen"));
        }
        Ok(told)
    }

    pub(crate) async fn status(&mut self, number: usize, mailbox: usize) -> Result<(), String> {
        let name = self.name_for(number, NAMES[mailbox]);
        let highest = match self.sessions[number].mode {
            Mode::Condstore | Mode::Qresync => " HIGHESTMODSEQ",
            Mode::Plain | Mode::Rev2 => "",
        };
        let command = format!("STATUS {name} (MESSAGES UIDNEXT UIDVALIDITY UNSEEN{highest})");
        let heard = self.ask(number, &command).await?;
        self.believe(number, &heard.said, May::ALL)?;
        let Some(id) = self.truth.named(NAMES[mailbox]) else { return is(&heard.tagged, "NO [") };
        is(&heard.tagged, "OK")?;
        self.status_told(id, &heard.said).map(drop)
    }

    /// CLOSE, which removes what is deleted and tells nothing, or UNSELECT, which does neither.
    pub(crate) async fn close(&mut self, number: usize, expunge: bool) -> Result<(), String> {
        let Some(view) = &self.sessions[number].view else { return Ok(()) };
        let (mailbox, read_only) = (view.mailbox, view.read_only);
        let heard = self.ask(number, if expunge { "CLOSE" } else { "UNSELECT" }).await?;
        is(&heard.tagged, "OK")?;
        if let Some(said) = heard.said.first() {
            return Err(format!("{said:?} of what is closed"));
        }
        self.sessions[number].leave(&self.truth);
        if expunge && !read_only {
            let gone = self.truth.of(mailbox).deleted();
            self.truth.of_mut(mailbox).remove(&gone);
        }
        Ok(())
    }

    pub(crate) async fn reconnect(&mut self, number: usize, mode: Mode) -> Result<(), String> {
        let client = self.connect(number, mode).await?;
        let session = &mut self.sessions[number];
        session.leave(&self.truth);
        (session.client, session.mode) = (client, mode);
        Ok(())
    }

    pub(crate) async fn create(&mut self, number: usize, name: usize) -> Result<(), String> {
        if number == BOB {
            return Ok(());
        }
        let name = NAMES[name];
        let heard = self.ask(number, &format!("CREATE {name}")).await?;
        self.believe(number, &heard.said, May::ALL)?;
        if self.truth.named(name).is_some() {
            return is(&heard.tagged, "NO [");
        }
        is(&heard.tagged, "OK")?;
        self.made(name).await
    }

    /// A mailbox was made, and those above it that were missing; bob may use them.
    async fn made(&mut self, name: &str) -> Result<(), String> {
        let above = name.rsplit_once('/').map(|(above, _)| above);
        for name in above.into_iter().chain([name]) {
            if self.truth.named(name).is_none() {
                self.truth.create(name);
                self.watch(&format!("SETACL {name} bob@example.org lrswipkxtea")).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn delete(&mut self, number: usize, mailbox: usize) -> Result<(), String> {
        if number == BOB {
            return Ok(());
        }
        let name = NAMES[mailbox];
        let heard = self.ask(number, &format!("DELETE {name}")).await?;
        let found = self.truth.named(name).filter(|_| name != "INBOX");
        let Some(id) = found else {
            self.believe(number, &heard.said, May::ALL)?;
            return is(&heard.tagged, "NO [");
        };
        is(&heard.tagged, "OK")?;
        self.truth.delete(id);
        for other in 0..self.sessions.len() {
            self.sessions[other].caches.remove(&id);
            if self.sessions[other].view.as_ref().is_some_and(|view| view.mailbox == id) {
                self.sent_away(other, other == number).await?;
            } else if other == number {
                self.believe(number, &heard.said, May::ALL)?;
            }
        }
        Ok(())
    }

    /// Whose mailbox is gone hears BYE, at the next command at the latest.
    async fn sent_away(&mut self, number: usize, by_itself: bool) -> Result<(), String> {
        if !by_itself && self.sessions[number].idle.take().is_none() {
            self.send(number, "NOOP").await;
        }
        loop {
            let line = self.sessions[number].client.line().await;
            self.tell(format!("{number} S: {line}"));
            if line.starts_with("* BYE") {
                break;
            }
        }
        self.sessions[number].view = None;
        let mode = self.sessions[number].mode;
        self.reconnect(number, mode).await
    }

    pub(crate) async fn rename(
        &mut self,
        number: usize,
        mailbox: usize,
        to: usize,
    ) -> Result<(), String> {
        let (from, to) = (NAMES[mailbox], NAMES[to]);
        let Some(id) = self.truth.named(from).filter(|_| number != BOB) else { return Ok(()) };
        let heard = self.ask(number, &format!("RENAME {from} {to}")).await?;
        let below = format!("{from}/");
        let renamed: Vec<(BoxId, String)> = self
            .truth
            .all()
            .into_iter()
            .filter(|(_, name)| name == from || from != "INBOX" && name.starts_with(&below))
            .map(|(id, name)| (id, format!("{to}{}", &name[from.len()..])))
            .collect();
        let taken = renamed.iter().any(|(_, name)| self.truth.named(name).is_some());
        if taken || to.starts_with(&below) || to == "INBOX" {
            is(&heard.tagged, "NO [")?;
            return self.believe(number, &heard.said, May::ALL);
        }
        is(&heard.tagged, "OK")?;
        if from == "INBOX" {
            self.inbox_renamed(id, to).await?;
        } else {
            for (id, name) in renamed {
                self.truth.of_mut(id).name = name;
            }
            if let Some((above, _)) = to.rsplit_once('/') {
                self.made(above).await?;
            }
        }
        self.believe(number, &heard.said, May::ALL)
    }

    /// RFC 3501 §6.3.5: its messages are in the new mailbox, and INBOX is empty.
    async fn inbox_renamed(&mut self, inbox: BoxId, to: &str) -> Result<(), String> {
        self.made(to).await?;
        let new = self.truth.named(to).unwrap();
        let there = self.probe(new).await?;
        let before = &self.truth.of(inbox).messages;
        let same = before.len() == there.len()
            && before
                .values()
                .zip(there.values())
                .all(|(before, (now, _))| before.number == now.number && before.flags == now.flags);
        if !same {
            return Err(format!("{before:?} became {there:?}"));
        }
        let gone = before.keys().copied().collect();
        self.truth.of_mut(inbox).remove(&gone);
        for (uid, (message, _)) in there {
            self.truth.of_mut(new).add(uid, message.number, message.flags)?;
        }
        Ok(())
    }
}
