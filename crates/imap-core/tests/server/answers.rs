//! The toy account's answers.

use conversation::Wire;
use imap_core::{
    SequenceSet, UidRuns,
    command::{
        Close, Copy, Expunge, Fetch, MailboxCommand, QuotaCommand, Select, StatusItem, Store,
        StoreAction,
    },
    listing,
    response::{self, Code, Completion, Spelling, StatusValue},
    server::{Ask, Changes, FlagsNow, Opened, Question, Session},
    url::MessageUrl,
};
use mail_types::{Flag, FlagSet, MailboxName, Rights, Secret, Timestamp, Uid, UidValidity};
use mime_core::structure::Structure;
use sasl_core::{Claim, CramSecret, DigestSecret, LastWord, ScramVerifier, server::Prepared};

use super::{
    account::{Mailbox, Message},
    content::fetch_item,
    dialogue::ImapDialogue,
};

/// The password is `secret`.
fn judge(claim: &Claim) -> Option<Option<LastWord>> {
    let secret = Secret::new("secret");
    match claim {
        Claim::Password { password, .. } => (*password == secret).then_some(None),
        Claim::Scram(claim) => {
            claim.check(&ScramVerifier::new(claim.hash(), &secret, b"salt", 4096)).map(Some)
        }
        Claim::Cram(claim) => claim.check(&CramSecret::new(&secret)).then_some(None),
        Claim::Digest(claim) => {
            claim.check(&[DigestSecret::new("tim", "localhost", &secret)]).map(Some)
        }
        _ => None,
    }
}

const VALIDITY: u32 = 3_857_529_045;

pub(super) fn validity() -> UidValidity {
    UidValidity::new(VALIDITY).unwrap()
}

fn missing() -> Completion {
    Completion::no(Code::NonExistent, "No such mailbox")
}

impl ImapDialogue {
    pub(crate) fn answer_usual(
        &mut self,
        connection: usize,
        question: Question,
        session: &mut Session,
        wire: &mut Wire,
        refuse: bool,
    ) {
        let refusal = refuse.then(Completion::unavailable);
        match question {
            Question::Prepare(ask) => match refusal {
                Some(refusal) => ask.finish(session, wire, refusal),
                None => {
                    let salt = Some((b"salt".to_vec(), 4096));
                    ask.ready(session, wire, Prepared { nonce: [0; 18], salt });
                }
            },
            Question::SignIn(ask) => match (judge(&ask.command().claim), refusal) {
                (_, Some(refusal)) => ask.finish(session, wire, refusal),
                (Some(last_word), None) => ask.welcome(session, wire, last_word),
                (None, None) => ask.reject(session, wire),
            },
            Question::SignOut(ask) => {
                self.selected.remove(&connection);
                ask.done(session, wire);
            }
            Question::Mailboxes(ask) => {
                let spelling = session.spelling();
                let done = refusal.unwrap_or_else(|| self.mailboxes(ask.command(), wire, spelling));
                ask.finish(session, wire, done);
            }
            Question::Metadata(ask) => {
                let spelling = session.spelling();
                let done =
                    refusal.unwrap_or_else(|| self.notes.metadata(ask.command(), wire, spelling));
                ask.finish(session, wire, done);
            }
            Question::Acl(ask) => {
                let spelling = session.spelling();
                let done = refusal.unwrap_or_else(|| self.notes.acl(ask.command(), wire, spelling));
                ask.finish(session, wire, done);
            }
            Question::Urls(ask) => match refusal {
                Some(refusal) => ask.finish(session, wire, refusal),
                None => self.urls(ask, session, wire),
            },
            Question::Notify(ask) => {
                let done = refusal.unwrap_or_else(|| Completion::ok("Done"));
                ask.finish(session, wire, done);
            }
            Question::Elsewhere(ask) => {
                if refuse {
                    ask.overflow(session, wire);
                } else {
                    let values = [StatusValue::Number(StatusItem::Messages, 7)];
                    let lists = MailboxName::parse("Lists").unwrap();
                    response::status_line(&mut wire.output, &lists, &values, session.spelling());
                    ask.finish(session);
                }
            }
            Question::Quota(ask) => {
                let done = refusal.unwrap_or_else(|| self.quota(ask.command(), wire));
                ask.finish(session, wire, done);
            }
            Question::Select(ask) => match refusal {
                Some(refusal) => ask.finish(session, wire, refusal),
                None => self.select(connection, ask, session, wire),
            },
            Question::Close(ask) => self.close(connection, ask, session, wire),
            Question::Fetch(ask) => self.fetch(connection, ask, session, wire),
            Question::Store(ask) => self.store(connection, ask, session, wire),
            Question::Search(ask) => match refusal {
                Some(refusal) => ask.finish(session, wire, refusal),
                None => self.search(connection, ask, session, wire),
            },
            Question::MultiSearch(ask) => match refusal {
                Some(refusal) => ask.finish(session, wire, refusal),
                None => self.multi_search(connection, ask, session, wire),
            },
            Question::Copy(ask) => self.copy(connection, ask, session, wire),
            Question::Expunge(ask) => self.expunge(connection, ask, session, wire),
            Question::AppendBegin(ask) => {
                let missing = (!self.account.mailboxes.contains_key(&ask.command().mailbox))
                    .then(|| Completion::no(Code::TryCreate, "No such mailbox"));
                match refusal.or(missing) {
                    Some(refusal) => ask.refuse(session, wire, refusal),
                    None => {
                        let head = ask.command().clone();
                        if !head.further {
                            self.drafts.clear();
                        }
                        self.drafts.push((head, vec![]));
                        ask.accept(session, wire);
                    }
                }
            }
            Question::AppendPiece(ask) => match refusal {
                Some(refusal) => ask.refuse(session, wire, refusal),
                None => {
                    self.drafts.last_mut().unwrap().1.extend_from_slice(ask.octets(wire));
                    ask.taken(session, wire);
                }
            },
            Question::AppendUrl(ask) => match refusal {
                Some(refusal) => ask.refuse(session, wire, refusal),
                None => match self.octets_of(&ask.command().url) {
                    Some(octets) if octets.len() as u64 > ask.command().room => {
                        let large = Completion::no(Code::TooBig, "The message is too large");
                        ask.refuse(session, wire, large);
                    }
                    Some(octets) => {
                        self.drafts.last_mut().unwrap().1.extend_from_slice(&octets);
                        ask.taken(session, octets.len() as u64);
                    }
                    None => {
                        let bad = ask.bad_url();
                        ask.refuse(session, wire, bad);
                    }
                },
            },
            Question::AppendComplete(ask) => match refusal {
                Some(refusal) => ask.finish(session, wire, refusal),
                None => {
                    let replaced = ask.messages().clone();
                    let mut uids = vec![];
                    for (head, content) in self.drafts.drain(..) {
                        let date = head.internal_date.unwrap_or(Timestamp::from_secs(0));
                        let mailbox = self.account.mailboxes.get_mut(&head.mailbox).unwrap();
                        uids.push(mailbox.append(head.flags, date, content));
                    }
                    let uids = uids.into_iter().collect();
                    if replaced.is_empty() {
                        ask.stored(session, wire, validity(), uids);
                    } else {
                        self.selected(connection).remove(&replaced);
                        ask.replaced(session, wire, validity(), uids);
                    }
                }
            },
            Question::AppendAbandoned(ask) => {
                self.drafts.clear();
                ask.forgotten(session);
            }
            Question::GoOn(ask) => {
                if refuse {
                    session.dismiss(None, "The account has changed");
                }
                ask.finish(session);
            }
            Question::Changes(_) => {}
        }
    }

    /// What a URL means.
    fn octets_of(&mut self, url: &str) -> Option<Vec<u8>> {
        self.octets_at(MessageUrl::parse(url)?)
    }

    pub(super) fn octets_at(&mut self, url: MessageUrl) -> Option<Vec<u8>> {
        let known = url.uid_validity.is_none_or(|epoch| epoch == validity());
        let mailbox = self.account.mailboxes.get_mut(&url.mailbox).filter(|_| known)?;
        let message = mailbox.message(url.uid)?;
        let range = Structure::of(&message.content).body.resolve(&url.section)?;
        let octets = &message.content[range.start as usize..range.end as usize];
        let (start, length) = match url.partial {
            Some(partial) => partial.within(octets.len() as u64),
            None => (0, octets.len() as u64),
        };
        Some(octets[start as usize..(start + length) as usize].to_vec())
    }

    /// `vanished SET; arrived COUNT; flags UID FLAGS; gone`.
    pub(crate) fn tell_news(
        &mut self,
        connection: usize,
        ask: Ask<Changes>,
        session: &mut Session,
        wire: &mut Wire,
        news: Option<&str>,
    ) {
        let mailbox = self.selected(connection);
        for part in news.unwrap_or_default().split(';').map(str::trim).filter(|p| !p.is_empty()) {
            match part.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["key-reset"] => ask.key_was_reset(session, wire),
                ["gone"] => return ask.mailbox_gone(session, wire),
                ["vanished", set] => {
                    let uids = uids(set);
                    mailbox.remove(&uids);
                    ask.vanished(session, wire, &uids);
                }
                ["arrived", count] => {
                    let count: u32 = count.parse().unwrap();
                    let new: UidRuns = (0..count)
                        .map(|_| {
                            mailbox.append(
                                FlagSet::new(),
                                Timestamp::from_secs(0),
                                b"\r\n".to_vec(),
                            )
                        })
                        .collect();
                    ask.arrived(session, &new, true);
                }
                ["flags", ..] if !ask.command().flags => {}
                ["flags", uid, flags @ ..] => {
                    let uid = Uid::new(uid.parse().unwrap()).unwrap();
                    let flags: FlagSet = flags.iter().map(|f| Flag::parse(f).unwrap()).collect();
                    mailbox.set_flags(uid, flags);
                    ask.flags(session, wire, flags_now(mailbox.message(uid).unwrap()));
                }
                ["keywords", keywords @ ..] => {
                    let flags: FlagSet = keywords.iter().map(|f| Flag::parse(f).unwrap()).collect();
                    ask.keywords(session, wire, flags.keywords());
                }
                other => panic!("no such news: {other:?}"),
            }
        }
        // What it has appended itself is news as well; told news is passed over.
        ask.arrived(session, &mailbox.uids(), true);
        ask.up_to(session, mailbox.mod_seq);
        ask.tell(session, wire);
        self.tell_contexts(connection, &ask, session, wire);
        ask.finish(session, wire);
    }

    pub(super) fn selected(&mut self, connection: usize) -> &mut Mailbox {
        let name = self.selected.get(&connection).unwrap();
        self.account.mailboxes.get_mut(name).unwrap()
    }

    fn mailboxes(
        &mut self,
        command: &MailboxCommand,
        wire: &mut Wire,
        spelling: Spelling,
    ) -> Completion {
        let mailboxes = &mut self.account.mailboxes;
        let out = &mut wire.output;
        match command {
            MailboxCommand::Create { name, .. } if mailboxes.contains_key(name) => {
                return Completion::no(Code::AlreadyExists, "There is one already");
            }
            MailboxCommand::Create { name, special_uses } => {
                self.account.add(name.as_str(), 0);
                let made = self.account.mailboxes.get_mut(name).unwrap();
                made.special_use = special_uses.first().copied().or(made.special_use);
                return Completion::ok("Done").with(Code::MailboxId(made.id.clone()));
            }
            MailboxCommand::Delete(name) => {
                if mailboxes.remove(name).is_none() {
                    return missing();
                }
            }
            MailboxCommand::Rename { from, to } => match mailboxes.remove(from) {
                Some(mailbox) => drop(mailboxes.insert(to.clone(), mailbox)),
                None => return missing(),
            },
            MailboxCommand::Subscribe(name) | MailboxCommand::Unsubscribe(name) => {
                let Some(mailbox) = mailboxes.get_mut(name) else { return missing() };
                mailbox.subscribed = matches!(command, MailboxCommand::Subscribe(_));
            }
            MailboxCommand::List(wanted) => {
                let names = self.account.listed();
                for listing::Line { line, status } in listing::list(&names, wanted) {
                    response::list_line(out, &line, spelling);
                    let Some(name) = status else { continue };
                    let returns = &wanted.returns;
                    if !returns.status.is_empty() {
                        self.status(name, &returns.status, out, spelling);
                    }
                    if returns.my_rights {
                        response::my_rights(out, name, Rights::ALL, spelling);
                    }
                    self.notes.tell_listed(name, &returns.metadata, out, spelling);
                }
            }
            MailboxCommand::Lsub { reference, pattern } => {
                for line in listing::lsub(&self.account.listed(), reference, pattern) {
                    response::lsub_line(out, &line, spelling);
                }
            }
            MailboxCommand::Status(status) if !mailboxes.contains_key(&status.mailbox) => {
                return missing();
            }
            MailboxCommand::Status(status) => {
                self.status(&status.mailbox, &status.items, out, spelling);
            }
        }
        Completion::ok("Done")
    }

    /// One quota root over all, if there is a limit.
    fn quota(&self, command: &QuotaCommand, wire: &mut Wire) -> Completion {
        const ROOT: &str = "all";
        let (held, out) = (self.account.volume(), &mut wire.output);
        let limits = self.account.quota;
        if let QuotaCommand::OfMailbox(name) = command {
            response::quota_root(out, name, limits.is_some().then_some(ROOT), Spelling::Utf7);
        }
        match command {
            QuotaCommand::OfRoot(root) if root != ROOT || !limits.is_some() => missing(),
            QuotaCommand::OfMailbox(_) if !limits.is_some() => Completion::ok("Done"),
            _ => {
                response::quota(out, ROOT, held, &limits);
                Completion::ok("Done")
            }
        }
    }

    fn status(
        &self,
        name: &MailboxName,
        items: &[StatusItem],
        out: &mut Vec<u8>,
        spelling: Spelling,
    ) {
        let mailbox = &self.account.mailboxes[name];
        let unseen = mailbox.messages.iter().filter(|m| !m.flags.contains(&Flag::Seen)).count();
        let deleted = || mailbox.messages.iter().filter(|m| m.flags.contains(&Flag::Deleted));
        let number = |item: &StatusItem| match item {
            StatusItem::Messages => mailbox.messages.len() as u64,
            StatusItem::Recent => 0,
            StatusItem::UidNext => mailbox.next.into(),
            StatusItem::UidValidity => VALIDITY.into(),
            StatusItem::Unseen => unseen as u64,
            StatusItem::Size => mailbox.messages.iter().map(|m| m.content.len() as u64).sum(),
            StatusItem::AppendLimit => 1000,
            StatusItem::HighestModSeq => mailbox.mod_seq.0,
            StatusItem::Deleted => deleted().count() as u64,
            StatusItem::DeletedStorage => deleted().map(|m| m.content.len() as u64).sum(),
            StatusItem::MailboxId => 0,
        };
        let value = |item: &StatusItem| match item {
            StatusItem::MailboxId => StatusValue::MailboxId(mailbox.id.clone()),
            item => StatusValue::Number(*item, number(item)),
        };
        let values: Vec<StatusValue> = items.iter().map(value).collect();
        response::status_line(out, name, &values, spelling);
    }

    fn select(
        &mut self,
        connection: usize,
        ask: Ask<Select>,
        session: &mut Session,
        wire: &mut Wire,
    ) {
        let Select { mailbox: name, read_only, .. } = ask.command().clone();
        let Some(mailbox) = self.account.mailboxes.get(&name) else {
            return ask.finish(session, wire, missing());
        };
        let unseen = mailbox.messages.iter().find(|m| !m.flags.contains(&Flag::Seen));
        let recent = mailbox.messages.iter().rev().take(2).map(|m| m.uid).collect();
        let opened = Opened {
            uids: mailbox.uids(),
            recent,
            first_unseen: unseen.map(|m| m.uid),
            keywords: vec![],
            uid_validity: validity(),
            uid_next: Uid::new(mailbox.next).unwrap(),
            highest_mod_seq: mailbox.mod_seq,
            mailbox_id: mailbox.id.clone(),
            attributes: vec!["\\HasNoChildren"],
            rights: Rights::ALL,
            read_only,
        };
        let uid_next = opened.uid_next;
        ask.opened(session, wire, opened);
        if let Some(missed) = ask.missed(session, validity(), uid_next) {
            ask.vanished(wire, &mailbox.vanished(&missed));
            for message in &mailbox.messages {
                if missed.messages.contains(message.uid) && message.mod_seq > missed.since {
                    ask.flags(session, wire, flags_now(message));
                }
            }
        }
        self.selected.insert(connection, name);
        ask.done(session, wire);
    }

    fn close(
        &mut self,
        connection: usize,
        ask: Ask<Close>,
        session: &mut Session,
        wire: &mut Wire,
    ) {
        if ask.command().expunge {
            let mailbox = self.selected(connection);
            let deleted = mailbox.messages.iter().filter(|m| m.flags.contains(&Flag::Deleted));
            let deleted: UidRuns = deleted.map(|m| m.uid).collect();
            mailbox.remove(&deleted);
        }
        self.selected.remove(&connection);
        ask.finish(session, wire, Completion::ok("Closed"));
    }

    fn fetch(
        &mut self,
        connection: usize,
        ask: Ask<Fetch>,
        session: &mut Session,
        wire: &mut Wire,
    ) {
        let mailbox = self.selected(connection);
        let uid_next = Uid::new(mailbox.next).unwrap();
        if let Some(missed) = ask.missed(session, uid_next) {
            ask.vanished(wire, &mailbox.vanished(&missed));
        }
        let mut gone = false;
        for uid in in_order(ask.messages(), session) {
            let Some(message) = mailbox.message(uid) else {
                gone = true;
                continue;
            };
            let fetch = ask.command();
            if fetch.changed_since.is_some_and(|since| message.mod_seq <= since) {
                continue;
            }
            let mut items = fetch.items.clone();
            let mut flags = message.flags.clone();
            if fetch.marks_seen() && !session.is_read_only() && flags.insert(Flag::Seen) {
                mailbox.set_flags(uid, flags);
                items.extend(ask.items_if_marked(session).cloned());
            }
            let message = mailbox.message(uid).unwrap();
            let out = &mut wire.output;
            let mut response = session.begin_fetch(out, uid).unwrap();
            for item in &items {
                fetch_item(&mut response, out, item, message, session.is_recent(uid));
            }
            response.end(out);
        }
        let done = if gone {
            Completion::no(Code::ExpungeIssued, "Some of the messages are gone")
        } else {
            Completion::ok("FETCH completed")
        };
        ask.finish(session, wire, done);
    }

    fn store(
        &mut self,
        connection: usize,
        ask: Ask<Store>,
        session: &mut Session,
        wire: &mut Wire,
    ) {
        let mailbox = self.selected(connection);
        let Store { flags, action, unchanged_since, .. } = ask.command().clone();
        let mut modified = UidRuns::new();
        for uid in in_order(ask.messages(), session) {
            let Some(message) = mailbox.message(uid) else { continue };
            if unchanged_since.is_some_and(|since| message.mod_seq > since) {
                modified = modified.union(&UidRuns::from_iter([uid]));
                ask.left(session, wire, flags_now(message));
                continue;
            }
            let flags = match action {
                StoreAction::Replace => flags.clone(),
                StoreAction::Add => message.flags.iter().chain(flags.iter()).collect(),
                StoreAction::Remove => {
                    message.flags.iter().filter(|f| !flags.contains(f)).collect()
                }
            };
            mailbox.set_flags(uid, flags);
            ask.flags(session, wire, flags_now(mailbox.message(uid).unwrap()));
        }
        let mut done = Completion::ok("STORE completed");
        if !modified.is_empty() {
            done = done.with(ask.modified(session, &modified));
        }
        ask.finish(session, wire, done);
    }

    fn copy(&mut self, connection: usize, ask: Ask<Copy>, session: &mut Session, wire: &mut Wire) {
        let Copy { to, remove, .. } = ask.command().clone();
        let from = ask.messages().clone();
        let messages: Vec<Message> =
            from.iter().filter_map(|uid| self.selected(connection).message(uid).cloned()).collect();
        let Some(target) = self.account.mailboxes.get_mut(&to) else {
            let create = Completion::no(Code::TryCreate, "No such mailbox");
            return ask.finish(session, wire, create);
        };
        let added =
            messages.into_iter().map(|m| target.append(m.flags, m.date, m.content)).collect();
        let code = Code::CopyUid { validity: validity(), from: from.clone(), to: added };
        if remove {
            ask.moved(session, wire, &code);
            self.selected(connection).remove(&from);
            ask.expunged(session, wire, &from);
            return ask.finish(session, wire, Completion::ok("MOVE completed"));
        }
        ask.finish(session, wire, Completion::ok("COPY completed").with(code));
    }

    fn expunge(
        &mut self,
        connection: usize,
        ask: Ask<Expunge>,
        session: &mut Session,
        wire: &mut Wire,
    ) {
        let mailbox = self.selected(connection);
        let deleted = mailbox.messages.iter().filter(|m| m.flags.contains(&Flag::Deleted));
        let gone: UidRuns = deleted.map(|m| m.uid).collect();
        let gone = ask.keep_to_limit(session, gone.intersection(ask.messages()));
        mailbox.remove(&gone);
        ask.expunged(session, wire, &gone);
        ask.finish(session, wire, Completion::ok("EXPUNGE completed"));
    }
}

fn flags_now(message: &Message) -> FlagsNow<'_> {
    FlagsNow { uid: message.uid, flags: &message.flags, mod_seq: message.mod_seq }
}

/// The messages that a command works on, the first first.
fn in_order(messages: &UidRuns, session: &Session) -> Vec<Uid> {
    let mut uids: Vec<Uid> = messages.iter().collect();
    if session.highest_first() {
        uids.reverse();
    }
    uids
}

fn uids(set: &str) -> UidRuns {
    let ranges = SequenceSet::parse(set.as_bytes()).unwrap().ranges(u32::MAX);
    UidRuns::from_ranges(
        ranges.into_iter().map(|(a, b)| (Uid::new(a).unwrap(), Uid::new(b).unwrap())),
    )
}
