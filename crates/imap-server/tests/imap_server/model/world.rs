//! The agents, the sessions and what is there; and what is done that is no command.

use std::{collections::BTreeMap, net::SocketAddr};

use mail_store::{FlagChange, NewMessage};
use mail_types::{Flag, FlagSet, MailboxName, Uid};

use super::{
    Story,
    caches::Cache,
    order::{Act, Mode, NAMES, Order, SESSIONS},
    said::{self, Said},
    tamper::{self, Fault},
    truth::{Action, BoxId, FlagOrder, Flags, Message, Truth},
    view::{May, View},
};
use crate::{
    client::Client,
    house::{House, RECEIVED, small},
};

/// What alice's mailboxes are called for bob.
const ALICES: &str = "Other Users/alice@example.org/";
/// The session of bob, who may do all with alice's mailboxes.
pub(crate) const BOB: usize = SESSIONS - 1;
/// Five digits, so that none stands in another.
const FIRST_NUMBER: u32 = 10_000;

/// A client.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) mode: Mode,
    pub(crate) view: Option<View>,
    /// The tag of IDLE.
    pub(crate) idle: Option<String>,
    /// What it keeps of mailboxes that it has left.
    pub(crate) caches: BTreeMap<BoxId, Cache>,
}

pub(crate) struct World {
    pub(crate) house: House,
    second: SocketAddr,
    pub(crate) truth: Truth,
    pub(crate) sessions: Vec<Session>,
    /// Looks at mailboxes beside the sessions.
    watcher: Client,
    /// The next message's.
    pub(crate) number: u32,
    /// Whom a mailbox's name and UIDVALIDITY have meant.
    pub(crate) epochs: BTreeMap<(String, u32), BoxId>,
    fault: Fault,
    story: Story,
}

/// What a command was answered, before it is believed.
pub(crate) struct Heard {
    pub(crate) said: Vec<Said>,
    pub(crate) tagged: String,
}

impl World {
    pub(crate) async fn new(fault: Fault, story: Story) -> Result<Self, String> {
        let house = House::new().await;
        house.add_account("bob@example.org").await;
        let second = house.second_agent();
        let mut watcher = house.sign_in().await;
        watcher.run("CREATE One").await.ok();
        let mut truth = Truth::default();
        for name in ["INBOX", "One"] {
            truth.create(name);
            watcher.run(format!("SETACL {name} bob@example.org lrswipkxtea")).await.ok();
        }
        let mut world = Self {
            house,
            second,
            truth,
            sessions: Vec::new(),
            watcher,
            number: FIRST_NUMBER,
            epochs: BTreeMap::new(),
            fault,
            story,
        };
        let modes = [Mode::Plain, Mode::Condstore, Mode::Qresync, Mode::Plain];
        for (number, mode) in modes.into_iter().enumerate() {
            let client = world.connect(number, mode).await?;
            let caches = BTreeMap::new();
            world.sessions.push(Session { client, mode, view: None, idle: None, caches });
        }
        Ok(world)
    }

    /// Signed in, by one agent or the other.
    pub(crate) async fn connect(&mut self, number: usize, mode: Mode) -> Result<Client, String> {
        let address = if number.is_multiple_of(2) { self.house.address() } else { self.second };
        let mut client = Client::connect(address).await;
        let name = if number == BOB { "bob" } else { "alice" };
        client.run(format!("LOGIN {name} secret")).await.ok();
        let capability = match mode {
            Mode::Plain => None,
            Mode::Condstore => Some("CONDSTORE"),
            Mode::Qresync => Some("QRESYNC"),
            Mode::Rev2 => Some("IMAP4rev2"),
        };
        self.tell(format!("{number} connects as {name} {mode:?}"));
        if let Some(capability) = capability {
            client.run(format!("ENABLE {capability}")).await.ok();
        }
        Ok(client)
    }

    pub(crate) fn tell(&self, line: String) {
        self.story.borrow_mut().push(line);
    }

    pub(crate) async fn perform(&mut self, order: &Order) -> Result<(), String> {
        self.tell(format!("-- {order:?}"));
        match order {
            Order::Deliver { mailbox, count } => self.deliver(*mailbox, *count).await?,
            Order::RemoveElsewhere { mailbox, which } => {
                self.remove_elsewhere(*mailbox, *which).await?;
            }
            Order::FlagElsewhere { mailbox, which, change } => {
                self.flag_elsewhere(*mailbox, *which, change).await?;
            }
            Order::Session(number, act) => {
                self.awake(*number).await?;
                self.act(*number, act).await?;
            }
            Order::Race { acts, deliver } => self.race(acts, *deliver).await?,
        }
        self.hear_idle().await
    }

    /// At last all must agree, and each message be what it was.
    pub(crate) async fn end(&mut self) -> Result<(), String> {
        for number in 0..SESSIONS {
            self.awake(number).await?;
            self.act(number, &Act::Noop).await?;
        }
        for (mailbox, _) in self.truth.all() {
            let there = self.probe(mailbox).await?;
            let known = &self.truth.of(mailbox).messages;
            let same = there.len() == known.len()
                && known.iter().zip(&there).all(|((uid, known), (there, (message, _)))| {
                    uid == there && known.number == message.number && known.flags == message.flags
                });
            if !same {
                return Err(format!("{known:?} is expected, and there is {there:?}"));
            }
        }
        Ok(())
    }

    /// What a mailbox is called for a session.
    pub(crate) fn name_for(&self, session: usize, name: &str) -> String {
        if session == BOB { format!("\"{ALICES}{name}\"") } else { name.to_owned() }
    }

    /// Ends IDLE, if the session is there: all must have been told.
    pub(crate) async fn awake(&mut self, number: usize) -> Result<(), String> {
        let Some(tag) = self.sessions[number].idle.take() else { return Ok(()) };
        self.tell(format!("{number} C: DONE"));
        self.sessions[number].client.write(b"DONE\r\n").await;
        let heard = self.read(number, &tag, "DONE").await?;
        self.believe(number, &heard.said, May::IDLE)?;
        self.assert_up_to_date(number)
    }

    /// Who idles is told of all that happened, without asking.
    async fn hear_idle(&mut self) -> Result<(), String> {
        for number in 0..SESSIONS {
            while let Some(view) = &self.sessions[number].view
                && self.sessions[number].idle.is_some()
                && view.difference(&self.truth).is_some()
            {
                let line = self.sessions[number].client.response().await;
                self.tell(format!("{number} S: {}", String::from_utf8_lossy(&line)));
                let said = said::parse(line.strip_prefix(b"* ").unwrap_or(&line))?;
                self.believe(number, &[said], May::IDLE)?;
            }
        }
        Ok(())
    }

    pub(crate) fn assert_up_to_date(&mut self, number: usize) -> Result<(), String> {
        match &mut self.sessions[number].view {
            Some(view) => view.assert_up_to_date(&self.truth),
            None => Ok(()),
        }
    }

    /// Sends a command; answers its tag.
    pub(crate) async fn send(&mut self, number: usize, command: &str) -> String {
        self.tell(format!("{number} C: {command}"));
        let command = tamper::command(self.fault, command);
        self.sessions[number].client.send(command).await
    }

    /// Reads to the end of a command.
    pub(crate) async fn read(
        &mut self,
        number: usize,
        tag: &str,
        command: &str,
    ) -> Result<Heard, String> {
        let mut answer = self.sessions[number].client.answer(tag).await;
        tamper::answer(self.fault, command, &mut answer);
        let mut said = Vec::new();
        for line in &answer.untagged {
            self.tell(format!("{number} S: * {}", String::from_utf8_lossy(line)));
            said.push(said::parse(line)?);
        }
        self.tell(format!("{number} S: {}", answer.tagged));
        if answer.tagged.contains("[UNAVAILABLE]") {
            return Err(format!("{command}: {}", answer.tagged));
        }
        Ok(Heard { said, tagged: answer.tagged })
    }

    /// Sends a command and reads its answer, which is not believed yet.
    pub(crate) async fn ask(&mut self, number: usize, command: &str) -> Result<Heard, String> {
        let tag = self.send(number, command).await;
        self.read(number, &tag, command).await
    }

    /// The session's client takes what was said, in a world that is known.
    pub(crate) fn believe(&mut self, number: usize, said: &[Said], may: May) -> Result<(), String> {
        for one in said {
            if *one == Said::Bye {
                return Err(format!("{number} was sent away"));
            }
            if let Some(view) = &mut self.sessions[number].view {
                view.take(one, may, Some(&mut self.truth))?;
            }
        }
        Ok(())
    }

    /// Does a command of which nothing is expected beyond that it goes well.
    pub(crate) async fn run(
        &mut self,
        number: usize,
        command: &str,
        may: May,
    ) -> Result<Heard, String> {
        let heard = self.ask(number, command).await?;
        self.believe(number, &heard.said, may)?;
        is(&heard.tagged, "OK")?;
        Ok(heard)
    }

    /// What the watcher is told by a command.
    pub(crate) async fn watch(&mut self, command: &str) -> Result<Vec<Said>, String> {
        let mut answer = self.watcher.run(command).await;
        is(&answer.tagged, "OK").map_err(|why| format!("the watcher: {command}: {why}"))?;
        tamper::answer(self.fault, "watch", &mut answer);
        answer.untagged.iter().map(|line| said::parse(line)).collect()
    }

    /// The messages of a mailbox as somebody sees them who opens it now, with their mod-sequences.
    pub(crate) async fn probe(
        &mut self,
        mailbox: BoxId,
    ) -> Result<BTreeMap<u32, (Message, u64)>, String> {
        let name = self.truth.of(mailbox).name.clone();
        for said in self.watch(&format!("EXAMINE {name}")).await? {
            if let Said::UidValidity(told) = said {
                self.validity_told(mailbox, told)?;
            }
        }
        let fetch = "UID FETCH 1:* (FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (SUBJECT)])";
        let mut all = BTreeMap::new();
        let said = self.watch(fetch).await?;
        // Whose mailbox is deleted is sent away.
        self.watch("UNSELECT").await?;
        for said in said {
            if let Said::Fetch(fetched) = said {
                let (Some(uid), Some(flags), Some(mod_seq), Some(number)) =
                    (fetched.uid, fetched.flags, fetched.mod_seq, fetched.subject)
                else {
                    continue;
                };
                all.insert(uid, (Message { number, flags }, mod_seq));
            }
        }
        Ok(all)
    }

    /// A mailbox has this UIDVALIDITY: for ever, and no other one of that name had it before.
    pub(crate) fn validity_told(&mut self, mailbox: BoxId, told: u32) -> Result<(), String> {
        let known = self.truth.of_mut(mailbox);
        known.validity_told(told)?;
        let epoch = (known.name.clone(), told);
        let before = *self.epochs.entry(epoch).or_insert(mailbox);
        let again = format!("UIDVALIDITY {told} of {} once more", self.truth.of(mailbox).name);
        if before == mailbox { Ok(()) } else { Err(again) }
    }

    /// Another message, with its number.
    pub(crate) fn new_message(&mut self) -> (u32, Vec<u8>) {
        self.number += 1;
        (self.number, small(&self.number.to_string()))
    }

    /// Puts messages into a mailbox, as the delivery agent does; their UIDs and numbers.
    pub(crate) async fn put(&mut self, name: &str, count: u32) -> Vec<(u32, u32)> {
        let mailboxes = self.house.mailboxes();
        let (mut all, mut numbers) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let (number, message) = self.new_message();
            numbers.push(number);
            let mut incoming = mailboxes.incoming(RECEIVED).unwrap();
            incoming.write(&message).await.unwrap();
            let written = incoming.finish().await.unwrap();
            all.push(NewMessage { written, flags: FlagSet::default() });
        }
        let id = mailboxes.mailbox(&MailboxName::parse(name).unwrap()).await.unwrap().id;
        let appended = mailboxes.append(id, all).await.unwrap();
        self.tell(format!("delivered to {name}: {numbers:?} as {:?}", appended.uids));
        appended.uids.iter().map(|uid| uid.number()).zip(numbers).collect()
    }

    async fn deliver(&mut self, mailbox: usize, count: u32) -> Result<(), String> {
        let Some(id) = self.truth.named(NAMES[mailbox]) else { return Ok(()) };
        for (uid, number) in self.put(NAMES[mailbox], count).await {
            self.truth.of_mut(id).add(uid, number, Flags::new())?;
        }
        Ok(())
    }

    async fn remove_elsewhere(&mut self, mailbox: usize, which: u32) -> Result<(), String> {
        let Some((id, uid)) = self.some_message(mailbox, which) else { return Ok(()) };
        let mailboxes = self.house.mailboxes();
        let name = MailboxName::parse(NAMES[mailbox]).unwrap();
        let state = mailboxes.mailbox(&name).await.unwrap();
        let gone = Uid::new(uid).unwrap();
        mailboxes.remove(state.id, &std::iter::once(gone..=gone).collect()).await.unwrap();
        self.tell(format!("removed from {name}: {uid}"));
        self.truth.of_mut(id).remove(&std::iter::once(uid).collect());
        Ok(())
    }

    async fn flag_elsewhere(
        &mut self,
        mailbox: usize,
        which: u32,
        change: &FlagOrder,
    ) -> Result<(), String> {
        let Some((id, uid)) = self.some_message(mailbox, which) else { return Ok(()) };
        let mailboxes = self.house.mailboxes();
        let name = MailboxName::parse(NAMES[mailbox]).unwrap();
        let state = mailboxes.mailbox(&name).await.unwrap();
        let flags: FlagSet = change.flags.iter().map(|flag| Flag::parse(flag).unwrap()).collect();
        let stored = match change.action {
            Action::Add => FlagChange::Add(flags),
            Action::Remove => FlagChange::Remove(flags),
            Action::Replace => FlagChange::Replace(flags),
        };
        let one = Uid::new(uid).unwrap();
        let set = std::iter::once(one..=one).collect();
        mailboxes.store_flags(state.id, &set, stored, None).await.unwrap();
        self.tell(format!("{name} {uid} changed elsewhere: {change:?}"));
        self.truth.of_mut(id).change(uid, change);
        Ok(())
    }

    fn some_message(&self, mailbox: usize, which: u32) -> Option<(BoxId, u32)> {
        let id = self.truth.named(NAMES[mailbox])?;
        let uids = self.truth.of(id).uids();
        let place = (which as usize).checked_rem(uids.len())?;
        Some((id, uids[place]))
    }
}

/// Asserts the beginning of a tagged response.
pub(crate) fn is(tagged: &str, expected: &str) -> Result<(), String> {
    if tagged.starts_with(expected) {
        Ok(())
    } else {
        Err(format!("{expected} was expected: {tagged}"))
    }
}
