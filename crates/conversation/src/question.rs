//! Bookkeeping of the one question a machine may have open.

/// Proof that a question was asked by a certain session at a certain moment. A question holds it
/// and gives it back with its answer, so that an answer cannot reach another session, nor a later
/// question of the same one.
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    session: u64,
    serial: u64,
}

/// Whether a question is open, kept by the session.
#[derive(Debug)]
pub struct OpenQuestion {
    session: u64,
    serial: u64,
    open: bool,
}

impl OpenQuestion {
    /// For the session with this number, unique within the process.
    pub fn new(session: u64) -> Self {
        Self { session, serial: 0, open: false }
    }

    /// Opens a question. One that is still open is void from now on.
    pub fn ask(&mut self) -> Ticket {
        self.serial += 1;
        self.open = true;
        Ticket { session: self.session, serial: self.serial }
    }

    /// Takes an answer: true if it belongs to the open question, which is then closed.
    #[must_use]
    pub fn answered(&mut self, ticket: Ticket) -> bool {
        let fits = self.open && ticket.session == self.session && ticket.serial == self.serial;
        if fits {
            self.open = false;
        }
        fits
    }

    /// At the start of a step: true if the open question was dropped without an answer. It is
    /// closed then, and the machine replies with a temporary failure.
    #[must_use]
    pub fn abandoned(&mut self) -> bool {
        std::mem::take(&mut self.open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_open_question_of_this_session_can_be_answered() {
        let (mut one, mut two) = (OpenQuestion::new(1), OpenQuestion::new(2));
        let (first, strange) = (one.ask(), two.ask());
        let second = one.ask();
        assert!(!one.answered(first), "superseded");
        assert!(!one.answered(strange), "another session's");
        assert!(one.answered(second));
        assert!(!one.abandoned());
        let _dropped = one.ask();
        assert!(one.abandoned());
        assert!(!one.abandoned());
    }
}
