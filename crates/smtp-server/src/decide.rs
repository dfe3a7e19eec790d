//! What differs from agent to agent.

use std::{future::Future, time::Duration};

use mail_types::{AccountId, Address, Priority, QueueId};
use message_queue::{NewEntry, NewRecipient};
use mime_core::fixup::Seen;
use smtp_core::{
    command::{MailFrom, Node, RcptTo},
    reply::Refusal,
    server::{LastWord, Preparation, Prepared, Session, SignIn, Started, Verify},
};

/// An agent's decisions about one connection, in the order of the conversation.
pub trait Decide: Send {
    /// What the client is challenged with, where people sign in.
    fn prepare(
        &mut self,
        _wanted: &Preparation,
        _session: &Session,
    ) -> impl Future<Output = Result<Prepared, Refusal>> + Send {
        async { Err(Refusal::Failure) }
    }

    /// Whether the client is who it says it is, and what is said to prove that we are as well.
    fn sign_in(
        &mut self,
        ask: &SignIn,
        session: &Session,
    ) -> impl Future<Output = Result<Option<LastWord>, Refusal>> + Send;

    /// Returns when whoever signed in may stay no longer; can be dropped and called again.
    fn signed_out(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Whether mail may come from this sender, and whose account it is.
    fn sender(
        &mut self,
        mail: &MailFrom,
        session: &Session,
    ) -> impl Future<Output = Result<Option<AccountId>, Refusal>> + Send;

    /// The highest priority that the client may give to its messages: none above the usual from
    /// whom nobody trusts (RFC 6710 §4.1).
    fn priority_max(&self) -> Priority {
        Priority::NORMAL
    }

    /// Who gets what is sent to this recipient; at least one.
    fn recipient(
        &mut self,
        rcpt: &RcptTo,
    ) -> impl Future<Output = Result<Vec<NewRecipient>, Refusal>> + Send;

    /// Whether the client that a trusted proxy speaks for is welcome; the session knows its address.
    fn client(&mut self, _session: &Session) -> impl Future<Output = Result<(), Refusal>> + Send {
        async { Ok(()) }
    }

    /// Who is behind an address that VRFY or EXPN names; nothing if the client is not to know.
    fn verify(
        &mut self,
        _ask: &Verify,
        _session: &Session,
    ) -> impl Future<Output = Result<Option<Vec<Address>>, Refusal>> + Send {
        async { Ok(None) }
    }

    /// Starts what ETRN asks for, if this client may (RFC 1985 §5.1).
    fn etrn(
        &mut self,
        _node: &Node,
        _session: &Session,
    ) -> impl Future<Output = Result<Started, Refusal>> + Send {
        async { Err(Refusal::NodeNotAllowed) }
    }

    /// What is done to a message on its way in.
    fn fixups(&self) -> Fixups;

    /// How much later than usual a refusal is said to a client with whom so much went wrong
    /// already.
    fn tarpit(&self, _faults: u32) -> Duration {
        Duration::ZERO
    }

    /// Whether content with this header may come from the client, to these recipients; and whom a
    /// Sender field is to name, if one is to be added (RFC 6409 §8.1).
    fn header(
        &mut self,
        _seen: &Seen,
        _recipients: &[NewRecipient],
    ) -> impl Future<Output = Result<Option<Address>, Refusal>> + Send {
        async { Ok(None) }
    }

    /// A complete message is about to be queued: the last word about whether it is, and the time
    /// to hold its recipients or to add some.
    fn complete(
        &mut self,
        _entry: &mut NewEntry,
    ) -> impl Future<Output = Result<(), Refusal>> + Send {
        async { Ok(()) }
    }

    /// It is on stable storage.
    fn queued(&mut self, _id: QueueId) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// What is done to a message on its way in.
#[derive(Debug, Clone, Default)]
pub struct Fixups {
    /// Header fields that are dropped.
    pub dropped: &'static [&'static str],
    /// Whether missing fields are added.
    pub missing: Missing,
    /// Whether the Received field keeps the client's address to itself.
    pub hide_client: bool,
    /// Whether a message that leaves this house is made 7-bit clean, unless it is signed: once,
    /// for all its recipients, so that no next hop has to change it (RFC 6152 §3).
    pub seven_bit: bool,
}

/// What becomes of a header without the fields that every message must have (RFC 5322 §3.6).
#[derive(Debug, Clone, Default)]
pub enum Missing {
    /// It stays as it is.
    #[default]
    Stays,
    /// Date and Message-ID are added (RFC 6409 §8.2, §8.3), `To: undisclosed-recipients:;` to a
    /// message that names no recipient (RFC 6409 §8 lets us mend what is plainly wrong, and some
    /// receivers distrust a header without), and From if there is an address for it.
    Added {
        /// The author, if nobody is named.
        from: Option<Address>,
    },
}
