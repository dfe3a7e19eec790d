//! NOTIFY, and what it has told of mailboxes that are not selected (RFC 5465).

use std::collections::BTreeMap;

use agent_kit::Gone;
use imap_core::{
    UidRuns,
    command::{
        EventGroup, List, ListReturn, MailboxCommand, MetadataCommand, Notify, NotifyMailboxes,
        StatusItem,
    },
    listing,
    response::{self, Code, Completion, ListLine, OTHERS, StatusValue},
    server::{Ask, Elsewhere},
};
use mail_store::{Annotation, StoreError};
use mail_types::{AccountId, AnnotationName, MailboxId, MailboxName, Right};

use super::list::{Names, names};
use crate::{
    handler::{Conversation, SignedIn, Talk},
    notifying::{Event, Key, MAILBOXES_MAX, Moment, Notifying, Seen, events, wanted},
    service::Service,
    trouble::{self, Failure},
};

/// Accounts of others that are listened to.
const OTHERS_MAX: usize = 100;

impl Conversation {
    pub(crate) async fn notify(
        &mut self,
        ask: Ask<Notify>,
        talk: &mut Talk<'_>,
    ) -> Result<(), Gone> {
        self.notifying = None;
        let completion = match ask.command() {
            Notify::None => Completion::ok("NOTIFY completed"),
            Notify::Set(set) => {
                match self.begin_notifying(set.groups.clone(), set.status, talk).await? {
                    Ok(completion) => completion,
                    Err(failure) => failure.completion(),
                }
            }
        };
        let (session, wire) = talk.parts();
        ask.finish(session, wire, completion);
        Ok(())
    }

    async fn begin_notifying(
        &mut self,
        groups: Vec<EventGroup>,
        status: bool,
        talk: &mut Talk<'_>,
    ) -> Result<Result<Completion, Failure>, Gone> {
        let Some(signed_in) = &self.signed_in else { return Ok(Ok(trouble::out_of_order())) };
        let done = Completion::ok("NOTIFY completed");
        if !groups.iter().any(|group| group.events.is_any()) {
            return Ok(Ok(done));
        }
        let mut notifying = Notifying {
            groups,
            watches: BTreeMap::new(),
            known: Moment::default(),
            rung: false,
            own: Vec::new(),
        };
        // The watches first: what happens from here on is news.
        listen(&self.service, signed_in, &mut notifying, &[]);
        notifying.known = match moment(&self.service, signed_in, &mut notifying).await {
            Ok(known) => known,
            Err(error) => return Ok(Err(error)),
        };
        if notifying.known.mailboxes.len() > MAILBOXES_MAX {
            let many = "These are more mailboxes than can be looked after";
            return Ok(Ok(Completion::no(Code::NotificationOverflow, many)));
        }
        self.tell_how_they_are(&notifying, status, talk).await?;
        self.notifying = Some(Box::new(notifying));
        Ok(Ok(done))
    }

    /// Before the end of NOTIFY SET: which mailboxes can't be looked into, and how the others are, if
    /// that was asked for (RFC 5465 §3.1).
    async fn tell_how_they_are(
        &self,
        notifying: &Notifying,
        status: bool,
        talk: &mut Talk<'_>,
    ) -> Result<(), Gone> {
        let (me, selected) = (self.account_id(), self.selected_key());
        for (key, seen) in &notifying.known.mailboxes {
            let own = Some(key.0) == me;
            let asked = wanted(&notifying.groups, own, &seen.name, &notifying.known.subscribed);
            let (session, wire) = talk.parts();
            let (out, spelling) = (&mut wire.output, session.spelling());
            if asked.is_any() && !seen.readable {
                let attributes = vec!["\\NoAccess"];
                let line = ListLine { attributes, name: seen.name.as_str(), child_info: vec![] };
                response::list_line(out, &line, spelling);
            } else if status && asked.messages && selected != Some(*key) {
                let mut values = values(
                    seen,
                    &[StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity],
                );
                if asked.flags {
                    values.extend(self::values(seen, &[StatusItem::HighestModSeq]));
                }
                response::status_line(out, &seen.name, &values, spelling);
            }
            talk.drain().await?;
        }
        Ok(())
    }

    pub(crate) async fn elsewhere(
        &mut self,
        ask: Ask<Elsewhere>,
        talk: &mut Talk<'_>,
    ) -> Result<(), Gone> {
        let (me, selected) = (self.account_id(), self.selected_key());
        let (Some(signed_in), Some(notifying), Some(me)) =
            (&self.signed_in, &mut self.notifying, me)
        else {
            ask.finish(talk.parts().0);
            return Ok(());
        };
        let rung = std::mem::take(&mut notifying.rung);
        let news =
            notifying.watches.values_mut().fold(rung, |news, watch| watch.take_news() | news);
        if !news {
            ask.finish(talk.parts().0);
            return Ok(());
        }
        let own = std::mem::take(&mut notifying.own);
        let now = match moment(&self.service, signed_in, notifying).await {
            Ok(now) => now,
            Err(error) => {
                // It is told with the next news.
                tracing::error!(error = &error as &dyn std::error::Error, "news can't be read");
                ask.finish(talk.parts().0);
                return Ok(());
            }
        };
        if now.mailboxes.len() > MAILBOXES_MAX {
            self.notifying = None;
            let (session, wire) = talk.parts();
            ask.overflow(session, wire);
            return Ok(());
        }
        let mut events = events(&notifying.groups, me, &notifying.known, &now);
        events.retain(|event| !event.is_own(&own, &now) && !is_of(event, selected));
        let before = std::mem::replace(&mut notifying.known, now);
        let telling =
            Telling { service: &self.service, signed_in, before: &before, now: &notifying.known };
        if let Err(error) = telling.tell(&events, talk).await? {
            tracing::error!(error = &error as &dyn std::error::Error, "news can't be told");
        }
        ask.finish(talk.parts().0);
        Ok(())
    }

    /// Remembers that what happens to these names is this session's doing.
    pub(super) fn note_own_names(&mut self, command: &MailboxCommand) {
        let Some(notifying) = &mut self.notifying else { return };
        match command {
            MailboxCommand::Create { name, .. }
            | MailboxCommand::Delete(name)
            | MailboxCommand::Subscribe(name)
            | MailboxCommand::Unsubscribe(name) => notifying.own.push(name.clone()),
            MailboxCommand::Rename { from, to } => {
                notifying.own.extend([from.clone(), to.clone()]);
            }
            MailboxCommand::List(_) | MailboxCommand::Lsub { .. } | MailboxCommand::Status(_) => {}
        }
    }

    /// The same for what is noted of a mailbox.
    pub(super) fn note_own_metadata(&mut self, command: &MetadataCommand) {
        if let (Some(notifying), MetadataCommand::Set { mailbox: Some(name), .. }) =
            (&mut self.notifying, command)
        {
            notifying.own.push(name.clone());
        }
    }

    /// Remembers what this session itself has put into the mailbox that is open.
    pub(super) fn note_own_arrivals(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &UidRuns,
    ) {
        if self.selected_key() == Some((account, mailbox))
            && let Some(selected) = &mut self.selected
        {
            selected.own_arrivals = selected.own_arrivals.union(uids);
        }
    }

    fn account_id(&self) -> Option<AccountId> {
        self.signed_in.as_ref().map(|signed_in| signed_in.account.id)
    }

    fn selected_key(&self) -> Option<Key> {
        self.selected.as_ref().map(|selected| (selected.mailboxes.id(), selected.id))
    }
}

/// What the selected mailbox's messages do is told by itself (RFC 5465 §3.1).
fn is_of(event: &Event, selected: Option<Key>) -> bool {
    matches!(event, Event::Messages(key) | Event::Flags(key) if Some(*key) == selected)
}

/// Listens to the own account, and to these others.
fn listen(
    service: &Service,
    signed_in: &SignedIn,
    notifying: &mut Notifying,
    others: &[AccountId],
) {
    let mine = std::iter::once(signed_in.account.id);
    let wanted: Vec<AccountId> = mine.chain(others.iter().take(OTHERS_MAX).copied()).collect();
    notifying.watches.retain(|account, _| wanted.contains(account));
    for account in wanted {
        let watch = || service.store.account(account).watch_any();
        notifying.watches.entry(account).or_insert_with(watch);
    }
}

/// How things are now.
async fn moment(
    service: &Service,
    signed_in: &SignedIn,
    notifying: &mut Notifying,
) -> Result<Moment, Failure> {
    let mut now = Moment::default();
    let me = signed_in.account.id;
    let listed = signed_in.mailboxes.list().await?;
    now.subscribed = listed.into_iter().filter(|l| l.subscribed).map(|l| l.name).collect();
    for state in signed_in.mailboxes.states().await? {
        let seen = Seen::new(state.name.clone(), true, &state);
        now.mailboxes.insert((me, state.id), seen);
    }
    if reaches_others(&notifying.groups, &now) {
        let lent = signed_in.lent(service).await?;
        let owners: Vec<AccountId> = lent.iter().map(|lent| lent.mailboxes.id()).collect();
        listen(service, signed_in, notifying, &owners);
        for lent in lent {
            let readable = lent.rights.has(Right::Read);
            let key = (lent.mailboxes.id(), lent.state.id);
            now.mailboxes.insert(key, Seen::new(lent.shown, readable, &lent.state));
        }
    }
    if notifying.groups.iter().any(|group| group.events.server_metadata) {
        now.server_notes = last(&signed_in.mailboxes.server_annotations().await?);
    }
    let subscribed = now.subscribed.clone();
    for (key, seen) in &mut now.mailboxes {
        if wanted(&notifying.groups, key.0 == me, &seen.name, &subscribed).metadata {
            let mailboxes = service.store.account(key.0);
            seen.notes = last(&mailboxes.annotations(key.1, me).await?);
        }
    }
    Ok(now)
}

/// Whether anything that is shared by others can be meant.
fn reaches_others(groups: &[EventGroup], now: &Moment) -> bool {
    let other = |name: &MailboxName| name.as_str().starts_with(OTHERS);
    groups.iter().any(|group| match &group.mailboxes {
        NotifyMailboxes::Personal => false,
        NotifyMailboxes::Subscribed => now.subscribed.iter().any(other),
        NotifyMailboxes::Subtree(names) | NotifyMailboxes::Mailboxes(names) => {
            names.iter().any(other)
        }
    })
}

fn last(annotations: &[Annotation]) -> u64 {
    annotations.iter().map(|annotation| annotation.version).max().unwrap_or(0)
}

/// Tells events.
struct Telling<'t> {
    service: &'t Service,
    signed_in: &'t SignedIn,
    before: &'t Moment,
    now: &'t Moment,
}

impl Telling<'_> {
    async fn tell(
        &self,
        events: &[Event],
        talk: &mut Talk<'_>,
    ) -> Result<Result<(), Failure>, Gone> {
        let named = |event: &Event| {
            matches!(event, Event::Name(_) | Event::Renamed { .. } | Event::Subscription(_))
        };
        let names = if events.iter().any(named) {
            match names(self.service, self.signed_in, true).await {
                Ok(names) => names,
                Err(error) => return Ok(Err(error)),
            }
        } else {
            Names::default()
        };
        for event in events {
            if let Err(error) = self.tell_one(event, &names, talk).await {
                return Ok(Err(error.into()));
            }
            talk.drain().await?;
        }
        Ok(Ok(()))
    }

    async fn tell_one(
        &self,
        event: &Event,
        names: &Names,
        talk: &mut Talk<'_>,
    ) -> Result<(), StoreError> {
        match event {
            Event::Messages(key) => self.tell_messages(key, talk),
            Event::Flags(key) => self.tell_flags(key, talk),
            Event::Name(name) | Event::Subscription(name) => tell_name(names, name, None, talk),
            Event::Renamed { from, to } => tell_name(names, to, Some(from), talk),
            Event::Metadata(key, since) => {
                let Some(seen) = self.now.mailboxes.get(key) else { return Ok(()) };
                let mailboxes = self.service.store.account(key.0);
                let all = mailboxes.annotations(key.1, self.signed_in.account.id).await?;
                tell_changed(Some(&seen.name), &all, *since, talk);
            }
            Event::ServerMetadata(since) => {
                let all = self.signed_in.mailboxes.server_annotations().await?;
                tell_changed(None, &all, *since, talk);
            }
        }
        Ok(())
    }

    /// RFC 5465 §5.2, §5.3.
    fn tell_messages(&self, key: &Key, talk: &mut Talk<'_>) {
        let items = [StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity];
        self.tell_status(key, &items, talk);
    }

    /// RFC 5465 §5.1: without mod-sequences there is only the number of unseen messages to tell.
    fn tell_flags(&self, key: &Key, talk: &mut Talk<'_>) {
        let unseen = |moment: &Moment| moment.mailboxes.get(key).map(|seen| seen.unseen);
        let counted = unseen(self.before) != unseen(self.now);
        if counted || talk.parts().0.is_condstore_aware() {
            self.tell_status(key, &[StatusItem::UidValidity, StatusItem::Unseen], talk);
        }
    }

    fn tell_status(&self, key: &Key, items: &[StatusItem], talk: &mut Talk<'_>) {
        let Some(seen) = self.now.mailboxes.get(key) else { return };
        let (session, wire) = talk.parts();
        let mut values = values(seen, items);
        if session.is_condstore_aware() {
            values.extend(self::values(seen, &[StatusItem::HighestModSeq]));
        }
        response::status_line(&mut wire.output, &seen.name, &values, session.spelling());
    }
}

fn values(seen: &Seen, items: &[StatusItem]) -> Vec<StatusValue> {
    let values = items.iter().filter_map(|item| {
        let value = match item {
            StatusItem::Messages => seen.messages.into(),
            StatusItem::UidNext => seen.uid_next.number().into(),
            StatusItem::UidValidity => seen.uid_validity.number().into(),
            StatusItem::Unseen => seen.unseen.into(),
            StatusItem::HighestModSeq => seen.mod_seq.0,
            _ => return None,
        };
        Some(StatusValue::Number(*item, value))
    });
    values.collect()
}

/// Lists a name as it is now (RFC 5465 §5.4, §5.5).
fn tell_name(names: &Names, name: &MailboxName, old: Option<&MailboxName>, talk: &mut Talk<'_>) {
    let returns = ListReturn { subscribed: true, children: true, ..ListReturn::default() };
    let patterns = vec![name.to_string()];
    let list = List { patterns, extended: true, returns, ..List::default() };
    let mut lines = listing::list(&names.listed, &list);
    // What is only above others, or only subscribed, has no line of its own here.
    let subscribed = names.listed.iter().any(|l| l.name == *name && l.subscribed);
    let line = lines.pop().map_or_else(
        || {
            let mut attributes = vec!["\\NonExistent"];
            attributes.extend(subscribed.then_some("\\Subscribed"));
            ListLine { attributes, name: name.as_str(), child_info: vec![] }
        },
        |line| line.line,
    );
    let (session, wire) = talk.parts();
    let (out, spelling) = (&mut wire.output, session.spelling());
    match old {
        Some(old) => response::renamed_line(out, &line, old, spelling),
        None => response::list_line(out, &line, spelling),
    }
}

/// Names the entries that changed, those that were removed among them (RFC 5465 §5.6, §5.7).
fn tell_changed(
    mailbox: Option<&MailboxName>,
    all: &[Annotation],
    since: u64,
    talk: &mut Talk<'_>,
) {
    let changed: Vec<&AnnotationName> =
        all.iter().filter(|annotation| annotation.version > since).map(|a| &a.name).collect();
    let (session, wire) = talk.parts();
    response::metadata_changed(&mut wire.output, mailbox, &changed, session.spelling());
}
