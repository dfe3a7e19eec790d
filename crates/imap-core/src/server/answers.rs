//! The answers: each consumes its question. What is sent before it is rendered with
//! [`crate::response`] or by the methods here that only borrow the question.

use conversation::Wire;
use mail_types::{FlagSet, Keyword, Uid, UidValidity};
use sasl_core::{LastWord, server::Prepared};

use super::{Ask, Changes, GoOn, Prepare, Session, SignIn};
use crate::{
    UidRuns,
    command::{
        Close, Copy, Expunge, Fetch, MailboxCommand, Numbering, Search, SearchReturn, Select, Store,
    },
    response::{self, Code, Completion, FetchResponse},
    view::View,
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
    /// Nothing can be changed: EXAMINE, or the agent's decision.
    pub read_only: bool,
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

finishes!(Prepare, SignIn, MailboxCommand, Select, Close, Fetch, Store, Search, Copy, Expunge);

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

impl Ask<Select> {
    /// It is open.
    pub fn opened(self, session: &mut Session, wire: &mut Wire, opened: Opened) {
        session.opened_mailbox(self.ticket, wire, opened);
    }
}

impl Ask<Store> {
    /// Tells a message's new flags, unless the client asked for silence.
    pub fn flags(&self, session: &Session, wire: &mut Wire, uid: Uid, flags: &FlagSet) {
        if !self.command.silent {
            let with_uid = self.command.numbering == Numbering::Uid;
            tell_flags(session, wire, uid, flags, with_uid);
        }
    }
}

impl Ask<Search> {
    /// Tells what of the result was asked for (RFC 4731 §3.1), in one response.
    pub fn extended(
        &self,
        session: &Session,
        wire: &mut Wire,
        wanted: SearchReturn,
        found: &UidRuns,
    ) {
        let by_uid = self.command.numbering == Numbering::Uid;
        let numbers = match session.view() {
            Some(view) if !by_uid => view.sequence_ranges(found),
            _ => found.ranges().map(|(a, b)| (a.number(), b.number())).collect(),
        };
        let tag = session.running_tag();
        response::extended_search(&mut wire.output, tag, by_uid, wanted, &numbers);
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
    pub fn moved(&self, wire: &mut Wire, copy_uid: &Code) {
        response::untagged_ok(&mut wire.output, copy_uid, "Moved");
    }

    /// For MOVE: tells that these are gone from here. For many, call it in portions.
    pub fn expunged(&self, session: &mut Session, wire: &mut Wire, uids: &UidRuns) {
        tell_vanished(session, wire, uids, true);
    }
}

impl Ask<Changes> {
    /// A message's flags are others now. Messages the client does not know of are passed over.
    pub fn flags(&self, session: &Session, wire: &mut Wire, uid: Uid, flags: &FlagSet) {
        tell_flags(session, wire, uid, flags, true);
    }

    /// The mailbox has new keywords: all there are.
    pub fn keywords(&self, session: &Session, wire: &mut Wire, keywords: &[Keyword]) {
        response::mailbox_flags(&mut wire.output, keywords);
        response::permanent_flags(&mut wire.output, keywords, session.is_read_only());
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

    /// That is all.
    pub fn finish(self, session: &mut Session, wire: &mut Wire) {
        if self.command.may_expunge {
            tell_vanished(session, wire, &UidRuns::new(), true);
        }
        if self.command.may_exists
            && let Some(size) = session.view_mut().and_then(View::tell_arrived)
        {
            response::exists(&mut wire.output, size.exists);
            response::recent(&mut wire.output, size.recent);
        }
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

fn tell_vanished(session: &mut Session, wire: &mut Wire, uids: &UidRuns, now: bool) {
    let Some(view) = session.view_mut() else { return };
    view.vanished(uids);
    if now {
        for number in view.tell_vanished() {
            response::expunge(&mut wire.output, number);
        }
    }
}

fn tell_flags(session: &Session, wire: &mut Wire, uid: Uid, flags: &FlagSet, with_uid: bool) {
    let Some(view) = session.view() else { return };
    let Some(number) = view.sequence_number(uid) else { return };
    let out = &mut wire.output;
    let mut response = FetchResponse::begin(out, number);
    if with_uid {
        response.uid(out, uid);
    }
    response.flags(out, flags, view.is_recent(uid));
    response.end(out);
}
