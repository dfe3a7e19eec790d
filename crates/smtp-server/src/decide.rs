//! What differs from agent to agent.

use std::future::Future;

use mail_types::{AccountId, Address};
use message_queue::NewRecipient;
use smtp_core::{
    command::{MailFrom, RcptTo},
    reply::Refusal,
    server::{Session, SignIn},
};

/// An agent's decisions about one connection, in the order of the conversation.
pub trait Decide: Send {
    /// Whether the client is who it says it is.
    fn sign_in(
        &mut self,
        ask: &SignIn,
        session: &Session,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Whether mail may come from this sender, and whose account it is.
    fn sender(
        &mut self,
        mail: &MailFrom,
        session: &Session,
    ) -> impl Future<Output = Result<Option<AccountId>, Refusal>> + Send;

    /// Who gets what is sent to this recipient; at least one.
    fn recipient(
        &mut self,
        rcpt: &RcptTo,
    ) -> impl Future<Output = Result<Vec<NewRecipient>, Refusal>> + Send;

    /// What is done to a message on its way in.
    fn fixups(&self) -> Fixups;
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
    /// Date and Message-ID are added (RFC 6409 §8.1, §8.2), and From if there is an address for it.
    Added {
        /// The author, if nobody is named.
        from: Option<Address>,
    },
}
