//! The answers: each consumes its question. What is sent before it is rendered with
//! [`crate::response`] or by the methods here that only borrow the question.

use conversation::Wire;
use mail_types::{FlagSet, Keyword, ModSeq, Rights, SeqNum, Uid, UidValidity};
use sasl_core::{LastWord, server::Prepared};

use super::{Ask, Changes, GoOn, Prepare, Session, SignIn, SignOut, session::Access};
use crate::{
    ObjectId, UidRuns,
    command::{
        AclCommand, Close, Copy, Expunge, Fetch, FetchItem, MailboxCommand, MetadataCommand,
        Numbering, QuotaCommand, Search, SearchReturn, Select, Store, UrlCommand,
    },
    order::Verb,
    response::{self, Code, Completion, Condition, Correlator, Extended, FoundModSeqs},
};

/// A mailbox that was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// All its UIDs.
    pub uids: UidRuns,
    /// Those this session is the first to be told of (RFC 3501 §2.3.2 `\Recent`).
    pub recent: UidRuns,
    /// The first one without `\Seen`.
    pub first_unseen: Option<Uid>,
    /// The keywords in use.
    pub keywords: Vec<Keyword>,
    /// The epoch of its UIDs.
    pub uid_validity: UidValidity,
    /// Below all UIDs to come.
    pub uid_next: Uid,
    /// The highest mod-sequence of any change (RFC 7162 §3.1.2.1).
    pub highest_mod_seq: ModSeq,
    /// What the mailbox is called for ever, whatever its name (RFC 8474 §4.2).
    pub mailbox_id: ObjectId,
    /// The attributes that LIST has for it; only for a client that speaks IMAP4rev2
    /// ([`Session::is_rev2`]).
    pub attributes: Vec<&'static str>,
    /// Nothing can be changed: EXAMINE, or the agent's decision.
    pub read_only: bool,
    /// What may be done with it: which flags can be changed (RFC 4314 §5.1.1).
    pub rights: Rights,
}

/// A message's flags as they are now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FlagsNow<'f> {
    /// The message.
    pub uid: Uid,
    /// All its flags.
    pub flags: &'f FlagSet,
    /// When they changed last.
    pub mod_seq: ModSeq,
}

/// The answers that end a command and nothing more.
macro_rules! finishes {
    ($($command:ty),*) => { $(
        impl Ask<$command> {
            /// Ends the command.
            pub fn finish(self, session: &mut Session, wire: &mut Wire, completion: Completion) {
                session.finish(self.ticket, wire, completion);
            }
        }
    )* };
}

finishes!(
    Prepare,
    SignIn,
    MailboxCommand,
    MetadataCommand,
    AclCommand,
    QuotaCommand,
    UrlCommand,
    Close,
    Fetch,
    Store,
    Copy,
    Expunge
);

impl Ask<Prepare> {
    /// With this.
    pub fn ready(self, session: &mut Session, wire: &mut Wire, prepared: Prepared) {
        session.prepared(self.ticket, wire, prepared);
    }
}

impl Ask<SignIn> {
    /// It is. The session is signed in, once the client has heard the last word of mechanisms that
    /// have one.
    pub fn welcome(self, session: &mut Session, wire: &mut Wire, last_word: Option<LastWord>) {
        session.welcome(self.ticket, wire, last_word);
    }

    /// It is not. The reply does not say what was wrong (RFC 3501 §11.2).
    pub fn reject(self, session: &mut Session, wire: &mut Wire) {
        session.reject(self.ticket, wire);
    }
}

impl Ask<SignOut> {
    /// It is forgotten.
    pub fn done(self, session: &mut Session, wire: &mut Wire) {
        session.signed_out(self.ticket, wire);
    }
}

impl Ask<Select> {
    /// It is open: all is told that the client must hear. What a client that comes back has missed
    /// ([`Ask::missed`]) follows, then [`Ask::done`].
    pub fn opened(&self, session: &mut Session, wire: &mut Wire, opened: Opened) {
        session.opened_mailbox(wire, &self.command.mailbox, opened);
    }

    /// That is all.
    pub fn done(self, session: &mut Session, wire: &mut Wire) {
        session.opening_done(self.ticket, wire);
    }

    /// It can't be opened, for this reason.
    pub fn finish(self, session: &mut Session, wire: &mut Wire, completion: Completion) {
        session.unselect_if_opening(Verb::Select);
        session.finish(self.ticket, wire, completion);
    }
}

impl Ask<Fetch> {
    /// What the response for a message that was marked `\Seen` by this FETCH tells beside what was
    /// asked for: its flags (RFC 3501 §6.4.5), and to those who know of mod-sequences that and its
    /// UID (RFC 7162 §3.2.4).
    pub fn items_if_marked(&self, session: &Session) -> impl Iterator<Item = &'static FetchItem> {
        let items: &'static [_] = match (session.enabled.condstore, session.enabled.uid_only) {
            (true, false) => &[FetchItem::Uid, FetchItem::Flags, FetchItem::ModSeq],
            (true, true) => &[FetchItem::Flags, FetchItem::ModSeq],
            (false, _) => &[FetchItem::Flags],
        };
        items.iter().filter(|item| !self.command.items.contains(item))
    }
}

impl Ask<Store> {
    /// Tells a message's new flags, unless the client asked for silence. Who knows of
    /// mod-sequences needs the new one all the same (RFC 7162 §3.1.3), and its UID
    /// (RFC 7162 §3.2.4).
    pub fn flags(&self, session: &Session, wire: &mut Wire, message: FlagsNow<'_>) {
        let told = Told {
            uid: session.enabled.condstore || self.command.numbering == Numbering::Uid,
            flags: !self.command.silent,
        };
        if told.flags || session.enabled.condstore {
            tell_flags(session, wire, message, told);
        }
    }

    /// Tells the flags of a message that was left as it was, so that the client needn't ask why
    /// (RFC 7162 §3.1.3).
    pub fn left(&self, session: &Session, wire: &mut Wire, message: FlagsNow<'_>) {
        tell_flags(session, wire, message, Told { uid: true, flags: true });
    }

    /// The code for the messages that were left as they were.
    pub fn modified(&self, session: &Session, uids: &UidRuns) -> Code {
        Code::Modified(numbers(session, self.command.numbering, uids))
    }
}

impl Ask<Search> {
    /// Tells what of the result was asked for (RFC 4731 §3.1), in one response; with a
    /// mod-sequence, if it was a search for them and something was found.
    pub fn extended(
        &self,
        session: &Session,
        wire: &mut Wire,
        wanted: SearchReturn,
        (found, mod_seqs): (&UidRuns, Option<FoundModSeqs>),
    ) {
        let numbering = self.command.numbering;
        let by_uid = numbering == Numbering::Uid;
        let correlator = Correlator { tag: session.running_tag(), by_uid, mailbox: None };
        let response =
            Extended { correlator, wanted, found: &numbers(session, numbering, found), mod_seqs };
        response.render(&mut wire.output);
    }
}

impl Ask<Search> {
    /// Keeps the result for `$`, if that was asked for: with MIN, MAX and PARTIAL alone, only these
    /// (RFC 5182 §2.4, RFC 9394 §3.2). `found` is in the order of the response.
    pub fn save(&self, session: &mut Session, found: &[Uid]) {
        session.save_found(self.command.returns, found);
    }
}

impl Session {
    pub(super) fn save_found(&mut self, wanted: Option<SearchReturn>, found: &[Uid]) {
        let Some(wanted) = wanted.filter(|wanted| wanted.save) else { return };
        let all = wanted.all || wanted.count || !wanted.tells();
        let first = found.first().filter(|_| wanted.min);
        let last = found.last().filter(|_| wanted.max);
        let kept: UidRuns = if all {
            found.iter().copied().collect()
        } else {
            let total = u32::try_from(found.len()).unwrap_or(u32::MAX);
            let part = wanted.partial.and_then(|range| range.within(total));
            let part = part.and_then(|(start, count)| {
                let start = usize::try_from(start).ok()?;
                found.get(start..start.checked_add(usize::try_from(count).ok()?)?)
            });
            first.into_iter().chain(last).chain(part.unwrap_or_default()).copied().collect()
        };
        if let Some(view) = self.view_mut() {
            view.save(&kept);
        }
    }
}

impl Ask<Search> {
    /// Ends the command. One that fails and was to save its result leaves none
    /// (RFC 5182 §2.1).
    pub fn finish(self, session: &mut Session, wire: &mut Wire, completion: Completion) {
        let failed = completion.condition == Condition::No;
        if failed
            && self.command.returns.is_some_and(|wanted| wanted.save)
            && let Some(view) = session.view_mut()
        {
            view.save(&UidRuns::new());
        }
        session.finish(self.ticket, wire, completion);
    }

    /// As [`Ask::extended`], of a SORT: MIN is the first, MAX the last in its order (RFC 5267 §3.1). These are
    /// the numbers that [`Ask::number`] gives.
    pub fn extended_sorted(
        &self,
        session: &Session,
        wire: &mut Wire,
        wanted: SearchReturn,
        (found, mod_seqs): (&[u32], Option<FoundModSeqs>),
    ) {
        let by_uid = self.command.numbering == Numbering::Uid;
        let correlator = Correlator { tag: session.running_tag(), by_uid, mailbox: None };
        let found = &in_order(found.iter().copied());
        let response = Extended { correlator, wanted, found, mod_seqs };
        response.render(&mut wire.output);
    }

    /// What a message is called in the response; none if the client does not know of it.
    pub fn number(&self, session: &Session, uid: Uid) -> Option<u32> {
        match self.command.numbering {
            Numbering::Uid => Some(uid.number()),
            Numbering::Sequence => session.view()?.sequence_number(uid).map(SeqNum::number),
        }
    }
}

impl Ask<Expunge> {
    /// Tells that these are gone. For many, call it in portions and let the output drain between.
    pub fn expunged(&self, session: &mut Session, wire: &mut Wire, uids: &UidRuns) {
        tell_vanished(session, wire, uids, true);
    }
}

impl Ask<Copy> {
    /// For MOVE, before the first [`Ask::expunged`]: which messages became which (RFC 6851 §4.3).
    pub fn moved(&self, session: &Session, wire: &mut Wire, copy_uid: &Code) {
        response::untagged_ok(&mut wire.output, copy_uid, &session.language.say("Moved"));
    }

    /// For MOVE: tells that these are gone from here. For many, call it in portions.
    pub fn expunged(&self, session: &mut Session, wire: &mut Wire, uids: &UidRuns) {
        tell_vanished(session, wire, uids, true);
    }
}

impl<T> Ask<T> {
    /// The mailbox has new keywords: all there are. It comes before the first message with one, so
    /// that no client meets a keyword that it can't know.
    pub fn keywords(&self, session: &Session, wire: &mut Wire, keywords: &[Keyword]) {
        response::mailbox_flags(&mut wire.output, keywords);
        let (rights, language) = (session.flag_rights(), session.language);
        response::permanent_flags(&mut wire.output, keywords, rights, language);
    }
}

impl Ask<Changes> {
    /// A message's flags are others now. Messages the client does not know of are passed over.
    pub fn flags(&self, session: &Session, wire: &mut Wire, message: FlagsNow<'_>) {
        tell_flags(session, wire, message, Told { uid: true, flags: true });
    }

    /// What may be done with the mailbox is something else now (RFC 4314 §5.1.1).
    pub fn rights(
        &self,
        session: &mut Session,
        wire: &mut Wire,
        keywords: &[Keyword],
        rights: Rights,
    ) {
        if let Access::Selected(selected) = &mut session.access {
            selected.rights = rights;
        }
        self.keywords(session, wire, keywords);
    }

    /// Messages have come; `recent` if this session is the first to know.
    pub fn arrived(&self, session: &mut Session, uids: &UidRuns, recent: bool) {
        if let Some(view) = session.view_mut() {
            view.arrived(uids, recent);
        }
    }

    /// Messages are gone. For many, call it in portions and let the output drain between.
    pub fn vanished(&self, session: &mut Session, wire: &mut Wire, uids: &UidRuns) {
        tell_vanished(session, wire, uids, self.command.may_expunge);
    }

    /// All changes up to this one were put in.
    pub fn up_to(&self, session: &mut Session, mod_seq: ModSeq) {
        if let Access::Selected(selected) = &mut session.access {
            selected.mod_seq = mod_seq;
        }
    }

    /// Tells what may be told of what was put in. Answers which messages are new to the client.
    pub fn tell(&self, session: &mut Session, wire: &mut Wire) -> UidRuns {
        if self.command.may_expunge {
            tell_vanished(session, wire, &UidRuns::new(), true);
        }
        let mut new = UidRuns::new();
        if self.command.may_exists
            && let Some(view) = session.view_mut()
        {
            new = view.unheard().clone();
            if let Some(size) = view.tell_arrived() {
                response::exists(&mut wire.output, size.exists);
                if !session.is_rev2() {
                    response::recent(&mut wire.output, size.recent);
                }
            }
        }
        new
    }

    /// That is all.
    pub fn finish(self, session: &mut Session, wire: &mut Wire) {
        self.tell(session, wire);
        session.news_told(self.ticket, wire);
    }

    /// The mailbox is gone, or can't be read any more: the session ends (RFC 2180 §3.3).
    pub fn mailbox_gone(self, session: &mut Session, wire: &mut Wire) {
        session.dismiss(None, "The selected mailbox is gone");
        session.news_told(self.ticket, wire);
    }
}

impl Ask<GoOn> {
    /// It was looked at; whoever may not go on is dismissed.
    pub fn finish(self, session: &mut Session) {
        // Nothing waits for this answer: a lost one changes nothing.
        let _ = session.open.answered(self.ticket);
    }
}

pub(super) fn tell_vanished(session: &mut Session, wire: &mut Wire, uids: &UidRuns, now: bool) {
    let by_uid = session.hears_of_uids();
    // RFC 5267 §4.3.4: before it, as long as sequence numbers are what they were.
    session.leave_contexts(wire, uids);
    let Some(view) = session.view_mut() else { return };
    view.vanished(uids);
    if now && by_uid {
        // RFC 7162 §3.2.10.2: of what the client knows only, as it is with EXPUNGE.
        response::vanished(&mut wire.output, &view.tell_vanished_uids(), false);
    } else if now {
        for number in view.tell_vanished() {
            response::expunge(&mut wire.output, number);
        }
    }
}

/// Numbers in an order of their own, as ascending ranges with both ends (RFC 5267 §3.2).
pub(super) fn in_order(numbers: impl IntoIterator<Item = u32>) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => runs.push((number, number)),
        }
    }
    runs
}

/// Messages as the command has their numbers, as ascending ranges with both ends.
pub(super) fn numbers(session: &Session, numbering: Numbering, uids: &UidRuns) -> Vec<(u32, u32)> {
    match (session.view(), numbering) {
        (Some(view), Numbering::Sequence) => view.sequence_ranges(uids),
        _ => uids.ranges().map(|(a, b)| (a.number(), b.number())).collect(),
    }
}

/// What is told of a message beside its mod-sequence.
#[derive(Clone, Copy)]
pub(super) struct Told {
    pub(super) uid: bool,
    pub(super) flags: bool,
}

pub(super) fn tell_flags(session: &Session, wire: &mut Wire, message: FlagsNow<'_>, told: Told) {
    let out = &mut wire.output;
    let Some(mut response) = session.begin_fetch(out, message.uid) else { return };
    if told.uid && !session.enabled.uid_only {
        response.uid(out, message.uid);
    }
    if told.flags {
        response.flags(out, message.flags, session.is_recent(message.uid));
    }
    // RFC 7162 §3.1.4.2.
    if session.enabled.condstore {
        response.mod_seq(out, message.mod_seq);
    }
    response.end(out);
}
