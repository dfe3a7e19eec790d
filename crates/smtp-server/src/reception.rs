//! The answers to a session's questions.

use std::time::Duration;

use agent_kit::{Gone, Handler, Talk};
use smtp_core::{
    reply::Refusal,
    server::{
        Begin, Client, Complete, Etrn, Piece, Prepare, Question, Recipient, Refused, RefusedPart,
        Sender, Session, SignIn, Verify,
    },
};

use crate::{Decide, Intake, content::Trouble, intake, transaction::Transaction};

/// One connection's receptionist: the agent decides, the intake takes, this brings them together.
#[derive(Debug)]
pub struct Reception<D> {
    intake: Intake,
    decide: D,
    transaction: Option<Transaction>,
}

impl<D: Decide> Reception<D> {
    /// For a connection about which `decide` decides.
    pub fn new(intake: Intake, decide: D) -> Self {
        Self { intake, decide, transaction: None }
    }

    async fn prepare(&mut self, ask: Prepare, talk: &mut Talk<'_, Session>) {
        let (session, wire) = talk.parts();
        match self.decide.prepare(ask.wanted(), session).await {
            Ok(prepared) => ask.ready(session, wire, prepared),
            Err(refusal) => ask.refuse(session, wire, &refusal),
        }
    }

    async fn sign_in(&mut self, ask: SignIn, talk: &mut Talk<'_, Session>) {
        let (session, wire) = talk.parts();
        match self.decide.sign_in(&ask, session).await {
            Ok(last_word) => ask.welcome(session, wire, last_word),
            Err(refusal) => ask.refuse(session, wire, &refusal),
        }
    }

    async fn sender(&mut self, ask: Sender, talk: &mut Talk<'_, Session>) {
        // An earlier transaction that was reset ends here, with its draft.
        self.transaction = None;
        let (session, wire) = talk.parts();
        match self.decide.sender(ask.mail(), session).await {
            Ok(account) => {
                let mail = ask.accept_at_most(session, wire, self.decide.priority_max());
                self.transaction = Some(Transaction::new(mail, account, agent_kit::now()));
            }
            Err(refusal) => {
                let from = ask.mail().reverse_path.to_string();
                self.intake.note_refusal(session, &from, None, &refusal);
                ask.refuse(session, wire, &refusal);
            }
        }
    }

    async fn recipient(
        &mut self,
        ask: Recipient,
        talk: &mut Talk<'_, Session>,
    ) -> Result<(), Gone> {
        let decision = match self.decide.recipient(ask.rcpt()).await {
            // Nobody to deliver to would be a message accepted and lost.
            Ok(targets) if targets.is_empty() => Err(Refusal::Failure),
            decision => decision,
        };
        let refusal = match (decision, &mut self.transaction) {
            (Ok(targets), Some(transaction)) if transaction.has_room(targets.len()) => {
                let (session, wire) = talk.parts();
                let rcpt = ask.accept(session, wire);
                transaction.add(&rcpt, targets);
                return Ok(());
            }
            (Ok(_), Some(_)) => Refusal::TooManyRecipients,
            (Ok(_), None) => Refusal::Failure,
            (Err(refusal), _) => refusal,
        };
        self.tarpit(talk).await?;
        let (session, wire) = talk.parts();
        let to = ask.rcpt().forward_path.to_string();
        let from = self.reverse_path();
        self.intake.note_refusal(session, &from, Some(&to), &refusal);
        ask.refuse(session, wire, &refusal);
        Ok(())
    }

    async fn begin(&mut self, ask: Begin, talk: &mut Talk<'_, Session>) {
        let (session, wire) = talk.parts();
        let fixups = self.decide.fixups();
        let begun = match &mut self.transaction {
            Some(transaction) => self.intake.begin(transaction, &fixups, session).await,
            None => Err(Refusal::Failure),
        };
        match begun {
            Ok(()) => ask.accept(session, wire),
            Err(refusal) => {
                let from = self.reverse_path();
                self.intake.note_refusal(session, &from, None, &refusal);
                ask.refuse(session, wire, refusal);
            }
        }
    }

    async fn piece(&mut self, ask: Piece, talk: &mut Talk<'_, Session>) {
        let (session, wire) = talk.parts();
        let transaction = self.transaction.as_mut().map(|t| (&mut t.content, &t.recipients));
        let written: Result<(), Trouble> = match transaction {
            Some((Some(content), recipients)) => {
                content.write(ask.bytes(wire), (&mut self.decide, recipients)).await
            }
            _ => return ask.refuse(session, wire, Refusal::Failure),
        };
        match written.map_err(intake::refusal) {
            Ok(()) => ask.taken(session, wire),
            Err(refusal) => {
                let from = self.reverse_path();
                self.intake.note_refusal(session, &from, None, &refusal);
                self.transaction = None;
                ask.refuse(session, wire, refusal);
            }
        }
    }

    async fn complete(&mut self, ask: Complete, talk: &mut Talk<'_, Session>) {
        let (session, wire) = talk.parts();
        let from = self.reverse_path();
        let queued = match self.transaction.take() {
            Some(transaction) => self.intake.enqueue(transaction, session, &mut self.decide).await,
            None => Err(Refusal::Failure),
        };
        match queued {
            Ok(id) => ask.queued(session, wire, id),
            Err(refusal) => {
                self.intake.note_refusal(session, &from, None, &refusal);
                ask.refuse(session, wire, &refusal);
            }
        }
    }

    async fn client(&mut self, ask: Client, talk: &mut Talk<'_, Session>) {
        // What the proxy said of itself is void, and a transaction of its own as well.
        self.transaction = None;
        let (session, wire) = talk.parts();
        match self.decide.client(session).await {
            Ok(()) => ask.welcome(session, wire),
            Err(refusal) => ask.refuse(session, wire, &refusal),
        }
    }

    async fn verify(&mut self, ask: Verify, talk: &mut Talk<'_, Session>) {
        let (session, wire) = talk.parts();
        match self.decide.verify(&ask, session).await {
            Ok(None) => ask.untold(session, wire),
            Ok(Some(mailboxes)) => ask.found(session, wire, &mailboxes),
            Err(refusal) => ask.refuse(session, wire, &refusal),
        }
    }

    async fn etrn(&mut self, ask: Etrn, talk: &mut Talk<'_, Session>) {
        let (session, wire) = talk.parts();
        match self.decide.etrn(ask.node(), session).await {
            Ok(started) => ask.started(session, wire, started),
            Err(refusal) => ask.refuse(session, wire, &refusal),
        }
    }

    /// The session has refused by itself: that is written down as any refusal is.
    async fn refused(&mut self, ask: Refused, talk: &mut Talk<'_, Session>) -> Result<(), Gone> {
        // The reply is on its way; the next command is what waits.
        if *ask.part() != RefusedPart::Content {
            self.tarpit(talk).await?;
        }
        let (session, _) = talk.parts();
        let from = self.reverse_path();
        let reply = ask.reply().clone();
        match ask.part() {
            RefusedPart::Sender(said) => {
                self.intake.note_reply(session, path_of(said), None, reply);
            }
            RefusedPart::Recipient(said) => {
                self.intake.note_reply(session, &from, Some(path_of(said)), reply);
            }
            RefusedPart::Content => {
                self.intake.note_reply(session, &from, None, reply);
                // Its draft is of no use any more.
                self.transaction = None;
            }
            // No message is refused by it.
            RefusedPart::Command => {}
        }
        ask.noted(session);
        Ok(())
    }

    /// A client that is refused again and again hears of it later and later: whoever searches for
    /// addresses or passwords has no use for that, and others hardly notice.
    async fn tarpit(&mut self, talk: &mut Talk<'_, Session>) -> Result<(), Gone> {
        let (session, _) = talk.parts();
        match self.decide.tarpit(session.faults()) {
            Duration::ZERO => Ok(()),
            time => talk.pause(time).await,
        }
    }

    fn reverse_path(&self) -> String {
        let transaction = self.transaction.as_ref();
        transaction.map(|t| t.mail.reverse_path.to_string()).unwrap_or_default()
    }
}

/// The path in `FROM:<path> parameters`, as it was said: it may be none.
fn path_of(said: &str) -> &str {
    let path = said.split_once(':').map_or(said, |(_, path)| path).trim_start();
    path.strip_prefix('<').and_then(|path| path.split_once('>')).map_or(path, |(path, _)| path)
}

impl<D: Decide> Handler<Session> for Reception<D> {
    async fn answer(
        &mut self,
        question: Question,
        talk: &mut Talk<'_, Session>,
    ) -> Result<(), Gone> {
        // What is rare or large is boxed by itself: the memory of this is asked for with each question.
        match question {
            Question::Prepare(ask) => Box::pin(self.prepare(ask, talk)).await,
            Question::SignIn(ask) => Box::pin(self.sign_in(ask, talk)).await,
            Question::Sender(ask) => self.sender(ask, talk).await,
            Question::Recipient(ask) => self.recipient(ask, talk).await?,
            Question::Begin(ask) => self.begin(ask, talk).await,
            Question::Piece(ask) => self.piece(ask, talk).await,
            Question::Complete(ask) => Box::pin(self.complete(ask, talk)).await,
            Question::Client(ask) => Box::pin(self.client(ask, talk)).await,
            Question::Verify(ask) => Box::pin(self.verify(ask, talk)).await,
            Question::Etrn(ask) => Box::pin(self.etrn(ask, talk)).await,
            Question::Refused(ask) => Box::pin(self.refused(ask, talk)).await?,
        }
        Ok(())
    }

    async fn news(&mut self) {
        self.decide.signed_out().await;
    }
}
