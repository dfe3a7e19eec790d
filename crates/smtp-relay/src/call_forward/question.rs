//! The question that a host is asked: would you take mail for this address?

use std::io;

use agent_kit::now;
use mail_types::{
    Address, BodyKind, Domain, Handling, Notify, Outcome, Problem, RecipientNumber, ReversePath,
    Scope,
};
use smtp_client::{Extensions, Message, Outbox, Outgoing, Pieces, Recipient, Report};

use super::Answer;

/// One question, for one host after the other.
pub(super) struct Question {
    address: Address,
    /// Whether nobody is to get it now: a host has it, or has answered.
    asked: bool,
    outcome: Option<Outcome>,
}

impl Question {
    pub(super) fn new(address: Address) -> Self {
        Self { address, asked: false, outcome: None }
    }

    pub(super) fn domain(&self) -> &Domain {
        self.address.domain()
    }

    /// Whether a host has said something about the address, or about who asks.
    pub(super) fn is_answered(&self) -> bool {
        match &self.outcome {
            Some(Outcome::Deferred(problem)) => problem.scope != Scope::Host,
            outcome => outcome.is_some(),
        }
    }

    pub(super) fn answer(&self) -> Answer {
        match &self.outcome {
            Some(Outcome::Delivered { .. }) => Answer::Taken,
            Some(Outcome::Failed(problem)) if problem.scope == Scope::Recipient => {
                if is_about_mailbox(problem) {
                    Answer::Refused
                } else {
                    Answer::Unclear
                }
            }
            Some(_) if self.is_answered() => Answer::Unclear,
            _ => Answer::Silence,
        }
    }

    /// What the host said, for the log.
    pub(super) fn reply(&self) -> Option<String> {
        match self.outcome.as_ref()? {
            Outcome::Delivered { reply, .. } => Some(reply.to_string()),
            Outcome::Failed(problem) | Outcome::Deferred(problem) => Some(problem.to_string()),
        }
    }
}

/// Whether it is the address or its mailbox that is refused. All else is rather about us: a server
/// that wants nobody says so at RCPT.
fn is_about_mailbox(problem: &Problem) -> bool {
    // RFC 3463 §3.2: X.1.7 and X.1.8 speak of the sender.
    match (problem.status.subject(), problem.status.detail()) {
        (1, 7 | 8) => false,
        (1 | 2, _) => true,
        // It says nothing: RFC 5321 §4.2.3 has three codes for mailboxes that are not there.
        (0, _) => {
            problem.reply.as_ref().is_some_and(|reply| matches!(reply.code(), 550 | 551 | 553))
        }
        _ => false,
    }
}

/// A question has no content.
pub(super) struct Nothing;

impl Pieces for Nothing {
    async fn next_piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

impl Outbox for Question {
    type Content = Nothing;

    async fn next(&mut self, _offered: &Extensions) -> Option<Outgoing<Nothing>> {
        if std::mem::replace(&mut self.asked, true) {
            return None;
        }
        let recipient = Recipient {
            number: RecipientNumber(0),
            address: self.address.clone(),
            notify: Notify::DEFAULT,
            original: None,
        };
        let message = Message {
            // Whatever comes back, nobody is to be told.
            reverse_path: ReversePath::Null,
            recipients: vec![recipient],
            size: 0,
            body: BodyKind::SevenBit,
            smtputf8: self.address.needs_smtputf8(),
            ret: None,
            envid: None,
            handling: Handling::default(),
            now: now(),
            inquiry: true,
        };
        Some(Outgoing { message, content: Nothing })
    }

    async fn done(&mut self, report: Report) {
        self.outcome = report.outcomes.into_iter().next().map(|(_, outcome)| outcome);
        // Where a host has broken off, the next one is asked.
        self.asked = self.is_answered();
    }

    fn has_more(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use mail_types::{EnhancedStatus, Problem, Reply};

    use super::*;

    #[test]
    fn only_what_is_said_of_the_address_refuses_it() {
        let failed_with = |code: u16, (subject, detail), scope| {
            let status = EnhancedStatus::new(5, subject, detail);
            let problem = Problem::new(status, scope, "no");
            Outcome::Failed(Problem { reply: Reply::new(code, None, "no").into(), ..problem })
        };
        let failed = |code, subject, scope| failed_with(code, (subject, 1), scope);
        let deferred =
            |scope| Outcome::Deferred(Problem::new(EnhancedStatus::new(4, 2, 1), scope, "not now"));
        let reply = Reply::new(250, None, "ok");
        for (outcome, expected) in [
            (Some(Outcome::Delivered { by: String::new(), reply }), Answer::Taken),
            (Some(failed(550, 0, Scope::Recipient)), Answer::Refused),
            (Some(failed(551, 0, Scope::Recipient)), Answer::Refused),
            (Some(failed(553, 0, Scope::Recipient)), Answer::Refused),
            (Some(failed(554, 0, Scope::Recipient)), Answer::Unclear),
            (Some(failed(503, 0, Scope::Recipient)), Answer::Unclear),
            (Some(failed(550, 1, Scope::Recipient)), Answer::Refused),
            (Some(failed(554, 1, Scope::Recipient)), Answer::Refused),
            (Some(failed_with(550, (1, 7), Scope::Recipient)), Answer::Unclear),
            (Some(failed_with(550, (1, 8), Scope::Recipient)), Answer::Unclear),
            (Some(failed_with(550, (1, 10), Scope::Recipient)), Answer::Refused),
            (Some(failed(552, 2, Scope::Recipient)), Answer::Refused),
            (Some(failed(550, 7, Scope::Recipient)), Answer::Unclear),
            (Some(failed(550, 1, Scope::Message)), Answer::Unclear),
            (Some(deferred(Scope::Recipient)), Answer::Unclear),
            (Some(deferred(Scope::Host)), Answer::Silence),
            (None, Answer::Silence),
        ] {
            let mut question = Question::new("a@example.org".parse().unwrap());
            question.outcome = outcome;
            assert_eq!(question.answer(), expected, "{:?}", question.outcome);
        }
    }
}
