//! The answers to the questions of one client's session.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Instant,
};

use agent_kit::{Gone, Handler};
use conversation::Peer;
use mail_store::{MessageReader, StoreError};
use mime_core::surrogate::Surrogate;
use pop3_core::{Listing, Message, Question, Refusal, Sending, Session, Update};
use sign_in::{Origin, Presence, Protocol, SignInResult};

use crate::{
    maildrop::{OpenMaildrop, Opened},
    service::Service,
};

/// The session and its wire, as the answers reach them.
type Talk<'t> = agent_kit::Talk<'t, Session>;

/// A message is read in pieces of this size, in octets.
const PIECE_OCTETS: usize = 64 * 1024;

/// One client's conversation.
pub(crate) struct Conversation {
    service: Arc<Service>,
    /// Boxed: many connections wait before it is there.
    maildrop: Option<Box<OpenMaildrop>>,
    /// Whether whoever signed in may stay.
    presence: Option<Box<Presence>>,
}

impl Conversation {
    pub(crate) fn new(service: Arc<Service>) -> Self {
        Self { service, maildrop: None, presence: None }
    }

    async fn sign_in(&mut self, ask: pop3_core::SignIn, talk: &mut Talk<'_>) {
        let origin = origin(talk.parts().0);
        let result = self.service.sign_in.verify(ask.claim().clone(), origin).await;
        // Of a sign-in that was not acknowledged.
        (self.maildrop, self.presence) = (None, None);
        let mut last = None;
        let opened = match result {
            SignInResult::Welcome { account, last_word } => {
                last = last_word;
                self.presence = Some(Box::new(self.service.sign_in.presence(&account)));
                if self.service.pace.takes(account.id, Instant::now()) {
                    let mailboxes = self.service.store.account(account.id).within(account.quota());
                    let opened = OpenMaildrop::open(mailboxes, &self.service.policy).await;
                    opened.map_err(|error| refusal(&error))
                } else {
                    Err(Refusal::TooSoon)
                }
            }
            SignInResult::Rejected => Err(Refusal::BadCredentials),
            SignInResult::Blocked { .. } => Err(Refusal::Blocked),
            SignInResult::Unavailable => Err(Refusal::Failure),
        };
        let (session, wire) = talk.parts();
        match opened {
            Ok((maildrop, list)) => {
                self.maildrop = Some(Box::new(maildrop));
                ask.welcome(session, wire, list, last);
            }
            Err(refusal) => ask.refuse(session, wire, refusal),
        }
    }

    async fn message(&mut self, ask: Message, talk: &mut Talk<'_>) -> Result<(), Gone> {
        // A session asks for messages only while it has a maildrop; otherwise the dropped question
        // is answered as a failure of ours.
        let Some(maildrop) = &mut self.maildrop else { return Ok(()) };
        let opened = maildrop.message(ask.uid(), ask.takes_utf8()).await;
        let (session, wire) = talk.parts();
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => {
                ask.refuse(session, wire, refusal(&error));
                return Ok(());
            }
        };
        let mut sending = ask.begin(session, wire);
        match opened {
            Opened::Whole(octets) => sending.write_piece(wire, &octets),
            Opened::Reader(reader, surrogate) => {
                if !send(&reader, surrogate, &mut sending, talk).await? {
                    // The connection ends with the dropped `sending`.
                    return Ok(());
                }
            }
        }
        let (session, wire) = talk.parts();
        sending.finish(session, wire);
        // A pipelined batch of many small messages is read no faster than it is taken.
        talk.drain().await
    }

    /// Runs to its end, whether the client still waits or not (RFC 1939 §6). The lock is gone
    /// before the client hears of it.
    async fn update(&mut self, ask: Update, talk: &mut Talk<'_>) {
        let Some(maildrop) = self.maildrop.take() else { return };
        let removed = maildrop.update(&ask, &self.service.policy, &self.service.usage).await;
        drop(maildrop);
        let (session, wire) = talk.parts();
        match removed {
            Ok(()) => ask.done(session, wire),
            Err(error) => {
                refusal(&error);
                ask.failed(session, wire);
            }
        }
    }
}

impl Handler<Session> for Conversation {
    async fn answer(&mut self, question: Question, talk: &mut Talk<'_>) -> Result<(), Gone> {
        match question {
            Question::Prepare(ask) => {
                let prepared = self.service.sign_in.prepare(ask.wanted()).await;
                let (session, wire) = talk.parts();
                // Without an answer it is a failure of ours.
                if let Some(prepared) = prepared {
                    ask.ready(session, wire, prepared);
                }
            }
            Question::SignIn(ask) => self.sign_in(ask, talk).await,
            Question::Listing(ask) => list(ask, talk).await?,
            Question::Message(ask) => self.message(ask, talk).await?,
            Question::Update(ask) => self.update(ask, talk).await,
        }
        Ok(())
    }

    async fn news(&mut self) {
        // POP3 knows none but this: a session sees its maildrop as it was when it was opened.
        match &mut self.presence {
            Some(presence) => presence.ended().await,
            None => std::future::pending().await,
        }
    }
}

/// Sends a message in pieces; false if it could not be read to its end.
async fn send(
    reader: &MessageReader,
    mut surrogate: Option<Surrogate>,
    sending: &mut Sending,
    talk: &mut Talk<'_>,
) -> Result<bool, Gone> {
    let (mut place, mut shown) = (0, Vec::new());
    while place < reader.size() && sending.wants_more() {
        let piece = match reader.read_at(place, PIECE_OCTETS).await {
            Ok(piece) if !piece.is_empty() => piece,
            Ok(_) => {
                tracing::error!("a message's file became shorter while it was read");
                return Ok(false);
            }
            Err(error) => {
                refusal(&error);
                return Ok(false);
            }
        };
        place = place.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        let wire = talk.parts().1;
        match &mut surrogate {
            None => sending.write_piece(wire, &piece),
            Some(surrogate) => {
                surrogate.push(&piece, &mut shown);
                sending.write_piece(wire, &shown);
                shown.clear();
            }
        }
        talk.drain().await?;
    }
    if let Some(surrogate) = surrogate {
        surrogate.finish(&mut shown);
        sending.write_piece(talk.parts().1, &shown);
    }
    Ok(true)
}

async fn list(ask: Listing, talk: &mut Talk<'_>) -> Result<(), Gone> {
    let mut rest = Some(ask);
    while let Some(listing) = rest {
        let (session, wire) = talk.parts();
        rest = listing.write_part(session, wire);
        talk.drain().await?;
    }
    Ok(())
}

fn origin(session: &Session) -> Origin {
    let address = match session.peer() {
        Some(Peer::Tcp { remote, .. }) => remote.ip(),
        Some(Peer::Unix { .. }) | None => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    Origin { protocol: Protocol::Pop3, address, tls: session.has_tls() }
}

/// What the client is told when the store refuses or fails: the one place. Trouble of ours goes to
/// the log.
fn refusal(error: &StoreError) -> Refusal {
    match error {
        StoreError::MaildropInUse(_) => Refusal::InUse,
        StoreError::MessageGone | StoreError::MailboxGone(_) => Refusal::MessageGone,
        error => {
            tracing::error!(error = error as &dyn std::error::Error, "the mail store failed");
            match error {
                StoreError::Unreadable { .. } | StoreError::NoSuchMailbox(_) => Refusal::Broken,
                _ => Refusal::Failure,
            }
        }
    }
}
