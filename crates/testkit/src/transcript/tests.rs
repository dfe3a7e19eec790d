//! The runner run on a toy: a protocol that says back what it hears.

use std::time::{Duration, Instant};

use conversation::{
    Machine, Notice, OpenQuestion, Peer, PeerFacts, Step, Ticket, Upgrade, Upgraded, Wait, Wire,
};

use super::*;

struct Echo {
    open: OpenQuestion,
    greeted: bool,
    stopping: bool,
    until: Option<Instant>,
}

struct MayI(Ticket);

impl Machine for Echo {
    type Question = MayI;

    fn opened(&mut self, _peer: &PeerFacts) {}

    fn step(&mut self, wire: &mut Wire, now: Instant) -> Step<MayI> {
        if !self.greeted {
            self.greeted = true;
            wire.output.extend_from_slice(b"hello\r\n");
        }
        if self.stopping || self.until.is_some_and(|until| now >= until) {
            wire.output.extend_from_slice(b"bye\r\n");
            return Step::Close;
        }
        let Some(end) = wire.input.bytes().iter().position(|byte| *byte == b'\n') else {
            let until = *self.until.get_or_insert(now + Duration::from_secs(60));
            return Step::Wait(Wait { until: Some(until), news: false });
        };
        self.until = None;
        let line = wire.input.bytes()[..=end].to_vec();
        wire.input.consume(end + 1);
        match line.as_slice() {
            b"tls\r\n" => Step::Upgrade(Upgrade::Tls),
            b"ask\r\n" => Step::Ask(MayI(self.open.ask())),
            _ => {
                wire.output.extend_from_slice(&line);
                self.step(wire, now)
            }
        }
    }

    fn upgraded(&mut self, _upgraded: Upgraded) {}

    fn notice(&mut self, notice: Notice) {
        self.stopping |= notice == Notice::Shutdown;
    }
}

#[derive(Default)]
struct Test;

impl Dialogue for Test {
    type Machine = Echo;

    fn open(&mut self, _connection: usize) -> (Echo, PeerFacts) {
        let open = OpenQuestion::new(1);
        let machine = Echo { open, greeted: false, stopping: false, until: None };
        (machine, PeerFacts { peer: Peer::Unix { uid: 0 }, tls: None })
    }

    fn answer(
        &mut self,
        _: usize,
        question: MayI,
        machine: &mut Echo,
        wire: &mut Wire,
        answers: &mut Answers,
    ) {
        assert!(machine.open.answered(question.0));
        let answer = answers.take("may").unwrap_or("yes".to_owned());
        wire.output.extend_from_slice(format!("{answer}\r\n").as_bytes());
    }
}

const GOOD: &str = r"# A dialogue with everything in it.
S: hello
C: one\\
S: one\\
C: ask
S: yes
A: may no, not now
C: ask
S: no, not now
C: half\-
C:  and \{ab*2}\x41
S: half and ababA
C: tls
@tls
C: two
S: two
# Once more.
@clock +59s
@clock +1s
S: bye
@close
";

#[test]
fn a_good_dialogue_passes_and_is_rewritten_as_it_is() {
    replay::check::<Test>(GOOD).unwrap();
    assert_eq!(replay::rewrite::<Test>(GOOD).unwrap(), GOOD);
}

#[test]
fn rewriting_restores_what_the_machine_says() {
    let lines = GOOD.lines().filter(|line| !line.starts_with("S:") && *line != "@close");
    let bare = lines.collect::<Vec<_>>().join("\n");
    assert_eq!(replay::rewrite::<Test>(&bare).unwrap(), GOOD);
}

#[test]
fn every_difference_is_found() {
    let cases = [
        ("a wrong line", GOOD.replace("S: two", "S: three"), 15),
        ("a missing line", GOOD.replace("S: one\\\\\n", ""), 3),
        ("a missing close", GOOD.replace("@close\n", ""), 19),
        ("an upgrade nobody asked for", GOOD.replace("C: tls", "C: slt"), 13),
        ("an answer nobody asked for", GOOD.replace("A: may", "A: can"), 8),
        ("talk after the end", format!("{GOOD}C: more\n"), 22),
        ("an unknown line", format!("{GOOD}X: more\n"), 22),
    ];
    for (name, text, line) in cases {
        let (found, message) = replay::check::<Test>(&text).expect_err(name);
        assert_eq!(found, line, "{name}: {message}");
    }
}

#[test]
fn bytes_behind_an_upgrade_close_the_connection_in_every_replay() {
    replay::check::<Test>("# Injection.\nS: hello\nC: tls\\r\\none\n@close\n").unwrap();
}

#[test]
fn connections_are_numbered() {
    let text = "# Two.\n1S: hello\n2C: b\n2S: hello\n2S: b\n1C: a\n1S: a\n@shutdown\n\
                1S: bye\n1@close\n2S: bye\n2@close\n";
    replay::check::<Test>(text).unwrap();
    assert_eq!(replay::rewrite::<Test>(text).unwrap(), text);
}
