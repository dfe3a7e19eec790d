//! LOGIN and AUTHENTICATE (RFC 3501 §6.2.2, §6.2.3), UNAUTHENTICATE (RFC 8437).

use std::net::{IpAddr, Ipv4Addr};

use conversation::Peer;
use imap_core::{
    response::{Code, Completion},
    server::{Ask, Prepare, SignIn, SignOut},
};
use sign_in::{Origin, Protocol, SignInResult};

use crate::handler::{Conversation, SignedIn, Talk};

impl Conversation {
    pub(crate) async fn prepare(&mut self, ask: Ask<Prepare>, talk: &mut Talk<'_>) {
        let prepared = self.service.sign_in.prepare(&ask.command().wanted).await;
        let (session, wire) = talk.parts();
        match prepared {
            Some(prepared) => ask.ready(session, wire, prepared),
            None => ask.finish(session, wire, Completion::unavailable()),
        }
    }

    pub(crate) async fn sign_in(&mut self, ask: Ask<SignIn>, talk: &mut Talk<'_>) {
        let (session, _) = talk.parts();
        let origin = Origin {
            protocol: Protocol::Imap,
            address: address(session.peer().map(|facts| &facts.peer)),
            tls: session.tls().is_some(),
        };
        let result = self.service.sign_in.verify(ask.command().claim.clone(), origin).await;
        let (session, wire) = talk.parts();
        match result {
            SignInResult::Welcome { account, last_word } => {
                tracing::Span::current().record("account", tracing::field::display(account.id));
                let mailboxes = self.service.store.account(account.id);
                let trace = self.service.trace(account.id);
                self.signed_in = Some(Box::new(SignedIn { account, mailboxes }));
                ask.welcome(session, wire, last_word);
                if trace.is_some() {
                    talk.record(trace);
                }
            }
            SignInResult::Rejected => ask.reject(session, wire),
            SignInResult::Blocked { minutes } => {
                let text =
                    format!("Too many wrong passwords: sign-in is blocked for {minutes} minutes");
                ask.finish(session, wire, Completion::no(Code::Unavailable, text));
            }
            SignInResult::Unavailable => ask.finish(session, wire, Completion::unavailable()),
        }
    }
}

impl Conversation {
    /// UNAUTHENTICATE (RFC 8437 §3): nothing is left of who was signed in.
    pub(crate) fn sign_out(&mut self, ask: Ask<SignOut>, talk: &mut Talk<'_>) {
        (self.signed_in, self.selected, self.appending) = (None, None, None);
        self.notifying = None;
        // What is said until the next sign-in is nobody's.
        talk.record(None);
        let (session, wire) = talk.parts();
        ask.done(session, wire);
    }
}

fn address(peer: Option<&Peer>) -> IpAddr {
    match peer {
        Some(Peer::Tcp { remote, .. }) => remote.ip(),
        Some(Peer::Unix { .. }) | None => IpAddr::V4(Ipv4Addr::LOCALHOST),
    }
}
