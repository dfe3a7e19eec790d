//! One connection to a machine, driven without a socket. Property tests use it directly.

use std::time::{Duration, Instant};

use conversation::{Machine, Notice, Step, TlsFacts, Upgrade, Upgraded, Wait, Wire};

use super::{Answers, Dialogue};

/// Steps in a row without waiting: more means the machine runs in a circle.
const STEPS_MAX: usize = 1_000_000;

/// A machine and its wire, driven as the real driver does it.
pub struct Connection<D: Dialogue> {
    number: usize,
    machine: D::Machine,
    wire: Wire,
    now: Instant,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting(Wait),
    Upgrading(Upgrade),
    Closed,
}

impl<D: Dialogue> Connection<D> {
    /// Opens a connection and lets the machine say its greeting.
    pub fn open(number: usize, now: Instant, dialogue: &mut D, answers: &mut Answers) -> Self {
        let (mut machine, facts) = dialogue.open(number);
        machine.opened(&facts);
        let state = State::Waiting(Wait { until: None, news: false });
        let mut this = Self { number, machine, wire: Wire::default(), now, state };
        this.run(dialogue, answers);
        this
    }

    /// The peer sends bytes. Those behind a command that asked for an upgrade close the
    /// connection, and nobody reads what is sent to a closed one.
    pub fn send(&mut self, bytes: &[u8], dialogue: &mut D, answers: &mut Answers) {
        match self.state {
            State::Closed => {}
            State::Upgrading(_) => self.state = State::Closed,
            State::Waiting(_) => {
                self.wire.input.fill(bytes);
                self.run(dialogue, answers);
            }
        }
    }

    /// The machine itself, for a look at its state.
    pub fn machine(&self) -> &D::Machine {
        &self.machine
    }

    /// Takes what the server has said since the last time.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.wire.output)
    }

    /// Whether the server has closed the connection.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether the machine waits for an upgrade.
    pub fn is_upgrading(&self) -> bool {
        matches!(self.state, State::Upgrading(_))
    }

    /// Whether the machine would listen to news now.
    pub fn wants_news(&self) -> bool {
        matches!(self.state, State::Waiting(Wait { news: true, .. }))
    }

    /// Makes the upgrade the machine asked for; an error if it asked for no such one.
    pub fn upgrade(
        &mut self,
        upgrade: Upgrade,
        dialogue: &mut D,
        answers: &mut Answers,
    ) -> Result<(), String> {
        if self.state != State::Upgrading(upgrade) {
            return Err(format!("the machine has not asked for {upgrade:?}"));
        }
        self.machine.upgraded(match upgrade {
            Upgrade::Deflate => Upgraded::Deflate,
            Upgrade::Tls => Upgraded::Tls(TlsFacts {
                version: "TLSv1.3",
                cipher: "TLS_AES_256_GCM_SHA384",
                server_name: None,
                verified: true,
                ..TlsFacts::default()
            }),
        });
        self.run(dialogue, answers);
        Ok(())
    }

    /// Time passes; the machine is called at each moment that it asked to be called at.
    pub fn pass(&mut self, time: Duration, dialogue: &mut D, answers: &mut Answers) {
        let target = self.now + time;
        while let State::Waiting(Wait { until: Some(until), .. }) = self.state {
            if until > target {
                break;
            }
            let before = until.max(self.now);
            self.now = before;
            self.run(dialogue, answers);
            if self.state == State::Waiting(Wait { until: Some(until), news: self.wants_news() }) {
                break; // It does not care that the time has come.
            }
        }
        self.now = target;
    }

    /// The agent speaks to the machine.
    pub fn notice(&mut self, notice: Notice, dialogue: &mut D, answers: &mut Answers) {
        if self.is_closed() || (notice == Notice::Changed && !self.wants_news()) {
            return;
        }
        self.machine.notice(notice);
        if !self.is_upgrading() {
            self.run(dialogue, answers);
        }
    }

    fn run(&mut self, dialogue: &mut D, answers: &mut Answers) {
        for _ in 0..STEPS_MAX {
            self.state = match self.machine.step(&mut self.wire, self.now) {
                Step::Ask(question) => {
                    let (machine, wire) = (&mut self.machine, &mut self.wire);
                    dialogue.answer(self.number, question, machine, wire, answers);
                    continue;
                }
                Step::Upgrade(_) if !self.wire.input.is_empty() => State::Closed,
                Step::Upgrade(upgrade) => State::Upgrading(upgrade),
                Step::Wait(wait) => State::Waiting(wait),
                Step::Close => State::Closed,
            };
            return;
        }
        self.wire.output.extend_from_slice(b"(the machine runs in a circle)\r\n");
        self.state = State::Closed;
    }
}
