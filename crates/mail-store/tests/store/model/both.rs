//! A store in two processes, and the rules, done the same to.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use mail_store::{AccountMailboxes, MailStore, StoreOptions};

use super::{
    Fault,
    compare::{Allowed, Difference, demand, equal, observe, same},
    disk::{Disk, Way, remove_index},
    operations::{Do, Folder, Operation, PROCESSES, SESSIONS, Touch},
    orders::{Answer, NOW, Order, queue_id},
    outside::{Tool, flag_of},
    rules::{Flags, Outside, Rules},
    sessions::Session,
};
use crate::world::ALICE;

pub(super) struct Both {
    folder: tempfile::TempDir,
    root: PathBuf,
    disk: Arc<Disk>,
    processes: Vec<Option<Process>>,
    boots: u32,
    tool: Tool,
    pub(super) rules: Rules,
    /// All states so far.
    history: Vec<Rules>,
    /// From this state on not all file names may follow the index.
    followed: usize,
    serial: u32,
    /// How many queue entries there were, and those that are known to be served.
    entries: usize,
    served: BTreeSet<usize>,
    /// Whether the last one was tried before.
    again: bool,
    sessions: Vec<Option<Session>>,
    /// Names whose subscription was being changed when somebody stopped: nobody was told.
    doubtful: BTreeSet<String>,
    /// What every UID of every epoch ever meant.
    told: BTreeMap<(u32, u32), String>,
    fault: Fault,
}

struct Process {
    store: MailStore,
    way: Arc<Way>,
}

impl Both {
    pub(super) async fn new(fault: Fault) -> Result<Self, String> {
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.unwrap();
        let root = folder.path().join("mail").join(ALICE.to_string());
        let disk = Disk::new(&root, &folder.path().join("kept"), fault);
        let mut both = Self {
            tool: Tool::at(&root),
            root,
            disk,
            folder,
            processes: (0..PROCESSES).map(|_| None).collect(),
            boots: 0,
            rules: Rules::default(),
            history: Vec::new(),
            followed: 0,
            serial: 0,
            entries: 0,
            served: BTreeSet::new(),
            again: false,
            sessions: (0..SESSIONS).map(|_| None).collect(),
            doubtful: BTreeSet::new(),
            told: BTreeMap::new(),
            fault,
        };
        both.open_all().await;
        both.take_over(true).await?;
        Ok(both)
    }

    fn account(&self, process: usize) -> AccountMailboxes {
        self.processes[process].as_ref().unwrap().store.account(ALICE)
    }

    async fn open(&mut self, process: usize) {
        let way = Way::to(&self.disk);
        let options = StoreOptions {
            boot: format!("boot {}", self.boots),
            open_accounts_max: 2,
            // Names follow when a process ends as it should, and never by themselves.
            follow_after: Duration::from_secs(1_000_000),
            // One of them takes every folder for a large one.
            large_folder: if process == 0 { 1000 } else { 0 },
            ..StoreOptions::new(self.folder.path().join("mail"), || NOW)
        };
        let store = MailStore::open(options, way.files()).await.unwrap();
        self.processes[process] = Some(Process { store, way });
        self.account(process).states().await.unwrap();
    }

    async fn open_all(&mut self) {
        for process in 0..PROCESSES {
            self.open(process).await;
        }
    }

    /// What the store shows is what the rules say from now on.
    async fn take_over(&mut self, forgets: bool) -> Result<(), String> {
        let shown = observe(&self.account(0), true).await?;
        let facts = std::fs::read_to_string(self.root.join("postrider-account")).unwrap();
        let fact = |key: &str| {
            facts.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim().parse().unwrap()
        };
        let (last_id, last_validity) = (fact("last-mailbox"), fact("last-uidvalidity"));
        self.rules =
            Rules { last_id, last_validity: u32::try_from(last_validity).unwrap(), ..shown };
        self.disk.settle(false);
        self.history.push(self.rules.clone());
        self.disk.picture(self.history.len() - 1);
        self.know_served(forgets);
        Ok(())
    }

    /// An entry is served for certain if its own file is there; what was known before is still
    /// known unless the index `forgets`.
    fn know_served(&mut self, forgets: bool) {
        let names = self.tool.names();
        for entry in 0..self.entries {
            let id = format!(".{}_0.", queue_id(entry));
            if names.iter().any(|name| name.contains(&id)) {
                self.served.insert(entry);
            } else if forgets {
                self.served.remove(&entry);
            }
        }
    }

    pub(super) async fn perform(&mut self, operation: &Operation) -> Difference {
        let before = self.history.len();
        match operation {
            Operation::By(process, what) => self.one(*process, what).await?,
            Operation::Outside(mailbox, touches) => self.touch(*mailbox, touches),
            Operation::Folder(mailbox, what) => self.folder_by_hand(*mailbox, *what).await?,
            Operation::Select(session, mailbox) => {
                let id = self.rules.at(*mailbox);
                self.sessions[*session] = Some(Session::select(&self.account(0), id).await);
            }
            Operation::Look(session, process) => self.look(*session, *process).await?,
            Operation::Reopen(process) => {
                self.notice(*process).await?;
                self.processes[*process].take().unwrap().store.close().await;
                self.open(*process).await;
            }
            Operation::Kill(process) => {
                drop(self.processes[*process].take());
                self.open(*process).await;
            }
            Operation::KillIn(process, at, what) => self.kill_in(*process, *at, what).await?,
            Operation::LoseIndex { followed, damaged } => {
                self.lose_index(*followed, *damaged).await?;
            }
            Operation::PowerCut { process, at, what, lost } => {
                self.power_cut(*process, *at, what, *lost).await?;
            }
        }
        if self.history.len() == before {
            self.history.push(self.rules.clone());
            self.disk.picture(self.history.len() - 1);
        }
        let place = self.history.len();
        let reads =
            place.is_multiple_of(8) && self.rules.mailboxes.values().all(|one| !one.touched);
        let shown = observe(&self.account(place % PROCESSES), reads).await?;
        equal(&shown, &self.rules, reads)?;
        self.remember()
    }

    /// A UID never means another message than it did.
    fn remember(&mut self) -> Difference {
        for mailbox in self.rules.mailboxes.values() {
            for (uid, message) in &mailbox.messages {
                let known =
                    self.told.entry((mailbox.validity, *uid)).or_insert(message.text.clone());
                let what = || format!("UID {uid} of {} was {known}", mailbox.name);
                demand(*known == message.text, what)?;
            }
        }
        Ok(())
    }

    fn order(&mut self, what: &Do) -> Order {
        let order = Order::of(what, &self.rules, self.entries, &mut self.serial);
        if let Order::Deliver { entry, .. } = order {
            self.again = entry < self.entries;
            self.entries = self.entries.max(entry + 1);
        }
        order
    }

    async fn one(&mut self, process: usize, what: &Do) -> Difference {
        let order = self.order(what);
        self.perhaps_notice(process, &order).await?;
        let real = order.perform(&self.account(process)).await;
        let real = real.map_err(|error| format!("{order:?}: {error} {error:?}"))?;
        self.done(&order, real)
    }

    /// What was done is done to the rules.
    fn done(&mut self, order: &Order, real: Answer) -> Difference {
        if let Order::Deliver { entry, .. } = order {
            // Where the index was lost, nobody can say whether what is not there was.
            if self.again && real == Answer::Before {
                self.served.insert(*entry);
            }
        }
        let mut rules = self.rules.clone();
        let answer = order.apply(&mut rules, &self.served);
        match order {
            Order::Deliver { entry, .. } => drop(self.served.insert(*entry)),
            Order::Subscribe(name, _) => drop(self.doubtful.remove(name)),
            _ => {}
        }
        let forgotten = matches!(&answer, Answer::Stored(done, _) if done.len() > 1);
        if self.fault != Fault::ARule || !forgotten {
            self.rules = rules;
        }
        same(&format!("{order:?}"), real, answer)
    }

    /// A delivery that stopped half way looks for what it left, in all folders. And a file that got
    /// another name since it was last seen comes back if it is expunged by the old one.
    async fn perhaps_notice(&mut self, process: usize, order: &Order) -> Difference {
        match order {
            Order::Deliver { .. } | Order::Expunge { .. } | Order::Delete(_) => {
                self.notice(process).await
            }
            _ => Ok(()),
        }
    }

    /// What other tools did is seen.
    async fn notice(&mut self, process: usize) -> Difference {
        let touched = self.rules.mailboxes.iter().find(|(_, mailbox)| mailbox.touched);
        if let Some((id, _)) = touched {
            let order = Order::Refresh(*id);
            order.perform(&self.account(process)).await.unwrap();
            order.apply(&mut self.rules, &self.served);
        }
        Ok(())
    }

    fn touch(&mut self, mailbox: usize, touches: &[Touch]) {
        let id = self.rules.at(mailbox);
        for touch in touches {
            self.serial += 1;
            let (serial, mailbox) = (self.serial, self.rules.mailbox(id));
            let there = mailbox.messages.iter_mut();
            let mut there: Vec<_> =
                there.filter(|(_, one)| one.outside != Some(Outside::Removed)).collect();
            let places = there.len();
            match touch {
                Touch::Put { lf, new, letter } => {
                    mailbox.put.push(self.tool.put(id, serial, *lf, *new, *letter));
                }
                Touch::Letter(place, letter) if places > 0 => {
                    let (uid, message) = &mut there[place % places];
                    let (path, new_path) =
                        (self.tool.file(id, **uid), self.tool.toggle(id, **uid, *letter));
                    let (flag, now) = flag_of(&new_path, *letter);
                    let (from, mut more, mut fewer) = match message.outside.take() {
                        Some(Outside::Renamed { from, more, fewer }) => (from, more, fewer),
                        _ => (path, Flags::new(), Flags::new()),
                    };
                    let (to, other) =
                        if now { (&mut more, &mut fewer) } else { (&mut fewer, &mut more) };
                    if !other.remove(&flag) {
                        to.insert(flag);
                    }
                    // It may be called again what it was called.
                    message.outside =
                        (from != new_path).then_some(Outside::Renamed { from, more, fewer });
                }
                Touch::Remove(place) if places > 0 => {
                    let (uid, message) = &mut there[place % places];
                    self.tool.remove(id, **uid);
                    message.outside = Some(Outside::Removed);
                }
                Touch::Letter(..) | Touch::Remove(_) => continue,
            }
            self.rules.mailbox(id).touched = true;
            self.tool.leave(id);
        }
        self.disk.settle(false);
    }

    async fn folder_by_hand(&mut self, place: usize, what: Folder) -> Difference {
        let inbox = self.rules.by_name("INBOX").unwrap();
        let before = self.rules.mailboxes.len();
        match what {
            Folder::Make => {
                let name = ["D", "New"][place % 2];
                if self.rules.by_name(name).is_none() {
                    self.tool.make_folder(name);
                    self.rules.create(name).unwrap();
                }
            }
            Folder::Remove => {
                let id = self.rules.at(place);
                if id != inbox {
                    self.tool.remove_folder(id);
                    self.rules.mailboxes.remove(&id);
                }
            }
        }
        self.disk.settle(false);
        self.account(0).refresh(mail_types::MailboxId(inbox)).await.unwrap();
        if self.rules.mailboxes.len() != before || self.rules.mailboxes[&inbox].touched {
            self.rules.compare();
        }
        Ok(())
    }

    async fn look(&mut self, session: usize, process: usize) -> Difference {
        let account = self.account(process);
        let Some(session) = &mut self.sessions[session] else { return Ok(()) };
        session.look(&account, &self.rules).await
    }

    /// Everything that is left behind by who stopped is found by who looks.
    async fn look_everywhere(&mut self) {
        for _ in 0..2 {
            for state in self.account(0).states().await.unwrap() {
                // One may go while another is looked at.
                let _ = self.account(0).refresh(state.id).await;
            }
        }
    }

    async fn kill_in(&mut self, process: usize, at: usize, what: &Do) -> Difference {
        let order = self.order(what);
        self.perhaps_notice(process, &order).await?;
        let way = self.processes[process].as_ref().unwrap().way.clone();
        way.stop_after(at);
        match order.perform(&self.account(process)).await {
            Ok(real) => {
                self.done(&order, real)?;
                drop(self.processes[process].take());
                self.open(process).await;
                Ok(())
            }
            Err(error) => {
                demand(way.stopped(), || format!("{order:?}: {error:?}"))?;
                drop(self.processes[process].take());
                self.open(process).await;
                let allowed = self.allowed(self.history.len() - 1, Some(&order));
                self.doubtful.clone_from(&allowed.doubtful);
                self.recover(&allowed, false).await
            }
        }
    }

    /// What may be there, if each fact is at least as new as a state.
    fn allowed(&self, from: usize, going_on: Option<&Order>) -> Allowed {
        let seen = |rules: &Rules| {
            let mut rules = rules.clone();
            rules.compare();
            rules
        };
        let mut told: Vec<Rules> = self.history[from..].to_vec();
        told.push(self.rules.clone());
        let perhaps = going_on.map(|order| {
            let mut rules = seen(&self.rules);
            order.apply(&mut rules, &self.served);
            rules
        });
        let mut doubtful = self.doubtful.clone();
        if let Some(Order::Subscribe(name, _)) = going_on {
            doubtful.insert(name.clone());
        }
        Allowed { told, seen: seen(&self.rules), perhaps, doubtful }
    }

    async fn recover(&mut self, allowed: &Allowed, forgets: bool) -> Difference {
        self.look_everywhere().await;
        for session in self.sessions.iter_mut().flatten() {
            session.doubts |= forgets;
        }
        self.take_over(forgets).await?;
        allowed.check(&self.rules)
    }

    async fn power_cut(&mut self, process: usize, at: usize, what: &Do, lost: usize) -> Difference {
        let order = self.order(what);
        self.perhaps_notice(process, &order).await?;
        let way = self.processes[process].as_ref().unwrap().way.clone();
        self.disk.watch_closely(self.history.len() - 1);
        way.stop_after(at);
        let going_on = match order.perform(&self.account(process)).await {
            Ok(real) => {
                self.done(&order, real)?;
                self.history.push(self.rules.clone());
                self.disk.picture(self.history.len() - 1);
                None
            }
            Err(error) => {
                demand(way.stopped(), || format!("{order:?}: {error:?}"))?;
                self.disk.picture(self.history.len() - 1);
                Some(&order)
            }
        };
        let witness = self.rules.at(at);
        let session = Session::select(&self.account((process + 1) % PROCESSES), witness).await;
        self.sessions[0] = Some(session);
        self.all_gone().await;
        let from = self.disk.cut(lost);
        let allowed = self.allowed(from, going_on);
        self.boots += u32::from(self.fault != Fault::SameBoot);
        self.open_all().await;
        self.recover(&allowed, true).await?;
        self.look(0, process).await
    }

    async fn lose_index(&mut self, followed: bool, damaged: bool) -> Difference {
        if followed {
            self.notice(0).await?;
            // Whoever opens the account last finds what all others left to do.
            for process in [0, 1, 0] {
                if let Some(process) = self.processes[process].take() {
                    process.store.close().await;
                }
                if process == 1 {
                    self.open(0).await;
                }
            }
            self.followed = self.history.len();
            self.history.push(self.rules.clone());
        }
        self.all_gone().await;
        match damaged {
            false => remove_index(&self.root),
            true => {
                remove_index(&self.root);
                std::fs::write(self.root.join("postrider-index.db"), "no database").unwrap();
            }
        }
        self.disk.settle(true);
        let from = if followed { self.history.len() - 1 } else { self.followed };
        let allowed = self.allowed(from, None);
        self.open_all().await;
        self.recover(&allowed, true).await?;
        self.followed = self.history.len() - 1;
        Ok(())
    }

    /// All processes are killed; waits until nothing of them is left.
    async fn all_gone(&mut self) {
        self.processes.iter_mut().for_each(|process| drop(process.take()));
        let open = || {
            let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
            let paths = descriptors.filter_map(|one| std::fs::read_link(one.path()).ok());
            paths.into_iter().any(|path| path.starts_with(&self.root))
        };
        let gone = tokio::time::timeout(Duration::from_secs(30), async {
            while open() {
                // A connection ends on a thread of its own, a little later.
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        });
        gone.await.unwrap();
    }
}
