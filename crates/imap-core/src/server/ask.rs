//! The questions a session asks its agent.

use conversation::Ticket;
use sasl_core::{Claim, server::Preparation};

use super::{
    append::{AppendAbandoned, AppendComplete, AppendPiece, AppendUrl},
    notify::Elsewhere,
};
use crate::{
    UidRuns,
    command::{
        AclCommand, AppendHead, Close, Copy, Expunge, Fetch, MailboxCommand, MetadataCommand,
        MultiSearch, Notify, QuotaCommand, Search, Select, Store, UrlCommand,
    },
};

/// What the agent has to decide or do; one variant for each family of commands.
#[derive(Debug)]
pub enum Question {
    /// What is the client to be challenged with?
    Prepare(Ask<Prepare>),
    /// Is this who it claims to be?
    SignIn(Ask<SignIn>),
    /// Forget who is signed in, and all that is known of it.
    SignOut(Ask<SignOut>),
    /// Create, delete, rename, subscribe, list, status.
    Mailboxes(Ask<MailboxCommand>),
    /// What is noted of a mailbox, or of the server?
    Metadata(Ask<MetadataCommand>),
    /// Who may do what with a mailbox?
    Acl(Ask<AclCommand>),
    /// Let messages be read by URL, or read them so.
    Urls(Ask<UrlCommand>),
    /// What is to be told without being asked for?
    Notify(Ask<Notify>),
    /// What is new in mailboxes that are not selected?
    Elsewhere(Ask<Elsewhere>),
    /// How much room is there?
    Quota(Ask<QuotaCommand>),
    /// Open a mailbox; whatever was open is closed.
    Select(Ask<Select>),
    /// Close the mailbox.
    Close(Ask<Close>),
    /// Send message data.
    Fetch(Ask<Fetch>),
    /// Change flags.
    Store(Ask<Store>),
    /// Find messages.
    Search(Ask<Search>),
    /// Find messages in many mailboxes.
    MultiSearch(Ask<MultiSearch>),
    /// Copy or move messages.
    Copy(Ask<Copy>),
    /// Remove messages for good.
    Expunge(Ask<Expunge>),
    /// May a message be appended?
    AppendBegin(Ask<AppendHead>),
    /// Take this piece of it.
    AppendPiece(Ask<AppendPiece>),
    /// Take what this URL means.
    AppendUrl(Ask<AppendUrl>),
    /// It is whole: store it.
    AppendComplete(Ask<AppendComplete>),
    /// It will not be whole: forget it.
    AppendAbandoned(Ask<AppendAbandoned>),
    /// What is new in the selected mailbox?
    Changes(Ask<Changes>),
    /// There is news while no command is in progress: may the session go on?
    GoOn(Ask<GoOn>),
}

/// A question: the command, and the right to answer it once. Dropped, it is a temporary failure.
#[derive(Debug)]
#[must_use = "a question that is dropped is answered with a temporary failure"]
pub struct Ask<T> {
    pub(super) ticket: Ticket,
    pub(super) command: T,
    pub(super) messages: UidRuns,
}

impl<T> Ask<T> {
    /// What is asked for.
    pub fn command(&self) -> &T {
        &self.command
    }

    /// The messages of the selected mailbox that the command names, resolved; empty for commands
    /// that name none. Some may be gone meanwhile, which the client does not know yet.
    pub fn messages(&self) -> &UidRuns {
        &self.messages
    }
}

/// A SASL exchange has begun whose challenge is not the same for everybody.
#[derive(Debug)]
pub struct Prepare {
    /// What the challenge is made of.
    pub wanted: Preparation,
}

/// A sign-in (RFC 3501 §6.2.2, §6.2.3).
#[derive(Debug)]
pub struct SignIn {
    /// The claim to verify.
    pub claim: Claim,
    /// How it was made: `LOGIN`, or the SASL mechanism, for the log.
    pub method: &'static str,
}

/// UNAUTHENTICATE (RFC 8437 §3): whatever mailbox was open is closed, and nothing removed from it.
#[derive(Debug)]
pub struct SignOut(pub(super) ());

/// Whether the session may go on. It may if the answer does not dismiss it
/// ([`super::Session::dismiss`]).
#[derive(Debug)]
pub struct GoOn(pub(super) ());

/// What of the news of the selected mailbox may be told now. What may not is put in as well and
/// told later.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    /// EXPUNGE (RFC 3501 §7.4.1).
    pub may_expunge: bool,
    /// EXISTS and RECENT.
    pub may_exists: bool,
    /// Flags that changed; otherwise they are passed over (RFC 5465 §5.1).
    pub flags: bool,
    /// What is told of each new message (RFC 5465 §5.2).
    pub fetch: Option<Fetch>,
}
