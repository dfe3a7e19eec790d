//! Commands beside the transaction: VRFY, EXPN, ETRN and XCLIENT.

use conversation::Peer;

use super::{
    options::AuthPolicy,
    question::{Client, Etrn, Question, Verify},
    session::{Flow, Session},
    state::State,
};
use crate::{
    command::{Xclient, etrn_node, verify_argument},
    reply::PeerError,
};

impl Session {
    /// VRFY or EXPN (RFC 5321 §4.1.1.6, §4.1.1.7).
    pub(super) fn verify(&mut self, argument: &str, list: bool) -> Result<Flow, PeerError> {
        let usage = if list { "EXPN list" } else { "VRFY address" };
        let (text, smtputf8) = verify_argument(argument, usage)?;
        let ticket = self.open.ask();
        Ok(Flow::Ask(Question::Verify(Verify { ticket, text: text.into(), list, smtputf8 })))
    }

    pub(super) fn etrn(&mut self, argument: &str) -> Result<Flow, PeerError> {
        let node = etrn_node(argument)?;
        Ok(Flow::Ask(Question::Etrn(Etrn { ticket: self.open.ask(), node })))
    }

    /// A proxy speaks of the client behind it. All that was said before was the proxy's own talk:
    /// the session begins anew, but for what is counted, and for TLS, which the proxy ends.
    pub(super) fn xclient(&mut self, argument: &str) -> Result<Flow, PeerError> {
        let said = Xclient::parse(argument)?;
        if let Some(Peer::Tcp { local, remote }) = &mut self.peer {
            (*local, *remote) = said.ends(*local, *remote);
        }
        // Who speaks now may be that client itself, passed on: it does not say who it is.
        self.trusted &= !said.names_client();
        self.named = said.hello;
        self.signed_in = false;
        self.state = State::Opening;
        Ok(Flow::Ask(Question::Client(Client { ticket: self.open.ask() })))
    }

    /// Whether the peer may say who its client is.
    pub(super) fn trusts_peer(&self) -> bool {
        self.trusted
    }

    /// Whether this is one of our own people, who may ask about addresses.
    pub(super) fn is_own(&self) -> bool {
        self.signed_in || self.options.auth == AuthPolicy::Known
    }
}
