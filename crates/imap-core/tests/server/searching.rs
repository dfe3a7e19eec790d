//! The toy account searches.

use conversation::Wire;
use imap_core::{
    UidRuns,
    calendar::Date,
    command::{Arrange, MultiSearch, Numbering, Search, SearchKey, SearchSource},
    response::{Completion, FoundModSeqs, SearchResponse},
    server::{Ask, Changes, FoundIn, LookedAt, Session},
    view::View,
};
use mail_types::{MailboxName, Uid};

use super::{account::Message, answers::validity, dialogue::ImapDialogue, sorting};

impl ImapDialogue {
    /// Tells what became of the results that are kept up to date: everything is looked at again.
    pub(super) fn tell_contexts(
        &mut self,
        connection: usize,
        ask: &Ask<Changes>,
        session: &mut Session,
        wire: &mut Wire,
    ) {
        let mut place = 0;
        while let Some(search) = session.context(place).cloned() {
            let messages = session.view().unwrap().uids().clone();
            let mailbox = self.selected(connection);
            let known = |uid: &Uid| messages.contains(*uid);
            let all = || mailbox.messages.iter().filter(|message| known(&message.uid));
            let matching =
                all().filter(|it| matches(&search.key, it, session)).map(|it| it.uid).collect();
            let looked_at = LookedAt { messages: messages.clone(), matching };
            let mut order = vec![];
            if let Some(unsorted) = ask.to_be_sorted(session, place, &looked_at) {
                let found: Vec<Message> =
                    all().filter(|it| unsorted.contains(it.uid)).cloned().collect();
                order = sorting::sorted(&found, &search.arrange);
            }
            let is_kept = ask.tell_context(session, wire, place, (&looked_at, &order));
            place += usize::from(is_kept);
        }
    }

    /// Searches the mailboxes that are named, and the one that is open; subtrees are not known here.
    pub(super) fn multi_search(
        &mut self,
        connection: usize,
        ask: Ask<MultiSearch>,
        session: &mut Session,
        wire: &mut Wire,
    ) {
        let selected = self.selected.get(&connection).cloned();
        let names: Vec<MailboxName> = ask
            .command()
            .sources
            .iter()
            .flat_map(|source| match source {
                SearchSource::Selected => selected.iter().cloned().collect(),
                SearchSource::Mailboxes(names) => names.clone(),
                _ => self.account.mailboxes.keys().cloned().collect(),
            })
            .collect();
        let mut saw_selected = false;
        for name in names {
            let Some(mailbox) = self.account.mailboxes.get(&name) else { continue };
            let is_selected = Some(&name) == selected.as_ref();
            saw_selected |= is_selected;
            let key = &ask.command().search.key;
            let found: Vec<Uid> = mailbox
                .messages
                .iter()
                .filter(|message| matches(key, message, session))
                .map(|message| message.uid)
                .collect();
            let (uid_validity, found) = (validity(), found.as_slice());
            let found_in =
                FoundIn { mailbox: &name, uid_validity, found, mod_seqs: None, is_selected };
            ask.found(session, wire, found_in);
        }
        if !saw_selected {
            ask.without_selected(session, wire);
        }
        ask.finish(session, wire, Completion::ok("ESEARCH completed"));
    }

    pub(super) fn search(
        &mut self,
        connection: usize,
        ask: Ask<Search>,
        session: &mut Session,
        wire: &mut Wire,
    ) {
        let mailbox = self.selected(connection);
        let view = session.view().unwrap();
        let key = &ask.command().key;
        let found: Vec<&Message> = mailbox
            .messages
            .iter()
            .filter(|message| ask.messages().contains(message.uid))
            .filter(|message| matches(key, message, session))
            .collect();
        if ask.command().arrange != Arrange::Ascending {
            let found: Vec<Message> = found.into_iter().cloned().collect();
            return sorting::arranged(&found, ask, session, wire);
        }
        let uids: Vec<Uid> = found.iter().map(|message| message.uid).collect();
        let mut mod_seqs = None;
        for message in found.iter().filter(|_| key.names_mod_seq()) {
            mod_seqs.get_or_insert(FoundModSeqs::of(message.mod_seq)).add(message.mod_seq);
        }
        if let Some(wanted) = ask.command().returns {
            let found: UidRuns = found.iter().map(|message| message.uid).collect();
            ask.extended(session, wire, wanted, (&found, mod_seqs));
            ask.save(session, &uids);
            ask.keep_updating(session, wire, &uids);
            return ask.finish(session, wire, Completion::ok("SEARCH completed"));
        }
        let mut found = found;
        if session.highest_first() {
            found.reverse();
        }
        let response = SearchResponse::begin(&mut wire.output);
        for message in found {
            let number = view.sequence_number(message.uid).unwrap();
            let uid = ask.command().numbering == Numbering::Uid;
            let number = if uid { message.uid.number() } else { number.number() };
            response.number(&mut wire.output, number);
        }
        response.end(&mut wire.output, mod_seqs);
        ask.finish(session, wire, Completion::ok("SEARCH completed"));
    }
}

/// The keys that transcripts use.
fn matches(key: &SearchKey, message: &Message, session: &Session) -> bool {
    let none = View::default();
    let view = session.view().unwrap_or(&none);
    match key {
        SearchKey::All => true,
        SearchKey::And(keys) => keys.iter().all(|key| matches(key, message, session)),
        SearchKey::Or(either) => {
            matches(&either.0, message, session) || matches(&either.1, message, session)
        }
        SearchKey::Not(key) => !matches(key, message, session),
        SearchKey::Sequence(set) => view.existing(set, Numbering::Sequence).contains(message.uid),
        SearchKey::Uid(set) => view.existing(set, Numbering::Uid).contains(message.uid),
        SearchKey::Flag(flag) => message.flags.contains(flag),
        SearchKey::Recent => view.is_recent(message.uid),
        SearchKey::ModSeq(least) => message.mod_seq >= *least,
        SearchKey::Older(_) => false,
        SearchKey::Younger(_) => true,
        SearchKey::Larger(size) => message.content.len() > *size as usize,
        SearchKey::SavedBefore(day) => Date::of(message.saved) < *day,
        SearchKey::SavedOn(day) => Date::of(message.saved) == *day,
        SearchKey::SavedSince(day) => Date::of(message.saved) >= *day,
        SearchKey::EmailId(id) => message.email_id() == id.as_str(),
        SearchKey::ThreadId(id) => message.thread_id() == id.as_str(),
        SearchKey::Text(text) => String::from_utf8_lossy(&message.content).contains(text),
        other => panic!("the toy account can't search by {other:?}"),
    }
}
