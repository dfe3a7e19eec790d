//! The session's questions, answered from an outbox.

use std::net::IpAddr;

use agent_kit::{Gone, Handler, Stop, Talk};
use conversation::TlsFacts;
use smtp_core::client::{Content, Next, Question, Session};

use crate::{NoTls, Outbox, Pieces, Sheltered, sheltered::by_now};

/// Brings messages from the outbox to the session, and reports back.
pub(crate) struct Courier<'o, O: Outbox> {
    outbox: &'o mut O,
    stop: Stop,
    content: Option<O::Content>,
    addresses: Option<(IpAddr, IpAddr)>,
    /// Whether the outbox knows what TLS came to.
    told: bool,
    /// Whether a message was ever given to the session.
    pub(crate) gave: bool,
}

impl<'o, O: Outbox> Courier<'o, O> {
    pub(crate) fn new(outbox: &'o mut O, stop: Stop, addresses: Option<(IpAddr, IpAddr)>) -> Self {
        Self { outbox, stop, content: None, addresses, told: false, gave: false }
    }

    /// Tells the outbox what TLS came to, if that is known and it was not told before.
    pub(crate) fn tell(&mut self, tls: Option<Result<&TlsFacts, NoTls>>) {
        if let (Some(tls), false) = (tls, self.told) {
            self.told = true;
            self.outbox.sheltered(Sheltered { addresses: self.addresses, tls });
        }
    }

    async fn next(&mut self, mut next: Next, talk: &mut Talk<'_, Session>) {
        self.content = None;
        if let Some(report) = next.report.take() {
            self.outbox.done(report).await;
        }
        self.tell(by_now(talk.parts().0));
        let outgoing = match self.stop.is_asked() {
            true => None,
            false => self.outbox.next(&next.extensions).await,
        };
        let (session, wire) = talk.parts();
        match outgoing {
            Some(outgoing) => {
                self.gave = true;
                self.content = Some(outgoing.content);
                next.send(session, wire, outgoing.message);
            }
            None => next.quit(session, wire),
        }
    }

    async fn content(
        &mut self,
        mut question: Content,
        talk: &mut Talk<'_, Session>,
    ) -> Result<(), Gone> {
        // Without a content the question is dropped, and the session breaks off by itself.
        let Some(mut content) = self.content.take() else { return Ok(()) };
        loop {
            match content.next_piece().await {
                Ok(Some(piece)) => {
                    question.piece(talk.parts().1, &piece);
                    talk.drain().await?;
                }
                Ok(None) => {
                    let (session, wire) = talk.parts();
                    question.end(session, wire);
                    return Ok(());
                }
                Err(error) => {
                    tracing::error!(%error, "a message's content cannot be read");
                    question.give_up(talk.parts().0, "the message could not be read here");
                    return Ok(());
                }
            }
        }
    }
}

impl<O: Outbox> Handler<Session> for Courier<'_, O> {
    async fn answer(
        &mut self,
        question: Question,
        talk: &mut Talk<'_, Session>,
    ) -> Result<(), Gone> {
        match question {
            Question::Next(next) => {
                self.next(next, talk).await;
                Ok(())
            }
            Question::Content(content) => self.content(content, talk).await,
        }
    }
}
