//! The answers to a session's questions.

use agent_kit::{Gone, Handler, Talk};
use smtp_core::{
    reply::Refusal,
    server::{
        Begin, Complete, Piece, Question, Recipient, Refused, RefusedPart, Sender, Session, SignIn,
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

    async fn sign_in(&mut self, ask: SignIn, talk: &mut Talk<'_, Session>) {
        let (session, wire) = talk.parts();
        match self.decide.sign_in(&ask, session).await {
            Ok(()) => ask.welcome(session, wire),
            Err(refusal) => ask.refuse(session, wire, &refusal),
        }
    }

    async fn sender(&mut self, ask: Sender, talk: &mut Talk<'_, Session>) {
        // An earlier transaction that was reset ends here, with its draft.
        self.transaction = None;
        let (session, wire) = talk.parts();
        match self.decide.sender(ask.mail(), session).await {
            Ok(account) => {
                let mail = ask.accept(session, wire);
                self.transaction = Some(Transaction::new(mail, account));
            }
            Err(refusal) => {
                let from = ask.mail().reverse_path.to_string();
                self.intake.note_refusal(session, &from, None, &refusal);
                ask.refuse(session, wire, &refusal);
            }
        }
    }

    async fn recipient(&mut self, ask: Recipient, talk: &mut Talk<'_, Session>) {
        let (session, wire) = talk.parts();
        let decision = match self.decide.recipient(ask.rcpt()).await {
            // Nobody to deliver to would be a message accepted and lost.
            Ok(targets) if targets.is_empty() => Err(Refusal::Failure),
            decision => decision,
        };
        match (decision, &mut self.transaction) {
            (Ok(targets), Some(transaction)) => {
                let rcpt = ask.accept(session, wire);
                transaction.add(&rcpt, targets);
            }
            (Ok(_), None) => ask.refuse(session, wire, &Refusal::Failure),
            (Err(refusal), _) => {
                let to = ask.rcpt().forward_path.to_string();
                let from = self.reverse_path();
                self.intake.note_refusal(session, &from, Some(&to), &refusal);
                ask.refuse(session, wire, &refusal);
            }
        }
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
        let content = self.transaction.as_mut().and_then(|t| t.content.as_mut());
        let written: Result<(), Trouble> = match content {
            Some(content) => content.write(ask.bytes(wire)).await,
            None => return ask.refuse(session, wire, Refusal::Failure),
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
            Some(transaction) => self.intake.enqueue(transaction, session).await,
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

    /// The session has refused by itself: that is written down as any refusal is.
    fn refused(&mut self, ask: Refused, talk: &mut Talk<'_, Session>) {
        let (session, _) = talk.parts();
        let from = self.reverse_path();
        let (from, to) = match ask.part() {
            RefusedPart::Sender(said) => (path_of(said), None),
            RefusedPart::Recipient(said) => (from.as_str(), Some(path_of(said))),
            RefusedPart::Content => (from.as_str(), None),
        };
        self.intake.note_reply(session, from, to, ask.reply().clone());
        if *ask.part() == RefusedPart::Content {
            // Its draft is of no use any more.
            self.transaction = None;
        }
        ask.noted(session);
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
        match question {
            Question::SignIn(ask) => self.sign_in(ask, talk).await,
            Question::Sender(ask) => self.sender(ask, talk).await,
            Question::Recipient(ask) => self.recipient(ask, talk).await,
            Question::Begin(ask) => self.begin(ask, talk).await,
            Question::Piece(ask) => self.piece(ask, talk).await,
            Question::Complete(ask) => self.complete(ask, talk).await,
            Question::Refused(ask) => self.refused(ask, talk),
        }
        Ok(())
    }
}
