//! A client that says what a script says: for tests of agents over real connections.
//!
//! The script is a transcript (see [`crate::transcript`]) read from the client's side: `C:` lines
//! are sent; at an `S:` line the client reads until a line of the server's starts with it; `@tls`
//! starts TLS. It is a [`Machine`] like any other, for the one driver.

use std::{
    collections::VecDeque,
    convert::Infallible,
    time::{Duration, Instant},
};

use conversation::{Machine, Notice, PeerFacts, Step, Upgrade, Upgraded, Wait, Wire};

use crate::transcript::{
    Side,
    parse::{self, Event, Kind},
};

/// How long the client waits for an expected line.
const PATIENCE: Duration = Duration::from_secs(20);

/// The client.
#[derive(Debug)]
pub struct ScriptedClient {
    acts: VecDeque<Kind>,
    heard: String,
    deadline: Option<Instant>,
}

impl ScriptedClient {
    /// A client that will follow the script; an error names the line that is none.
    pub fn new(script: &str) -> Result<Self, String> {
        let entries = parse::entries(script, Side::Server);
        let entries = entries.map_err(|(line, why)| format!("{line}: {why}"))?;
        let acts = entries.into_iter().map(|entry| entry.kind);
        let acts = acts.filter(|kind| !matches!(kind, Kind::Comment)).collect();
        Ok(Self { acts, heard: String::new(), deadline: None })
    }

    /// All that was heard, if the script was played to its end.
    pub fn finish(self) -> Result<String, String> {
        match self.acts.front() {
            None => Ok(self.heard),
            Some(act) => Err(format!("stopped before {act:?}; heard:\n{}", self.heard)),
        }
    }

    /// Reads lines until one starts as expected; false if more has to come.
    fn hear(&mut self, expected: &[u8], wire: &mut Wire) -> bool {
        let expected = expected.trim_ascii_end();
        while let Some(end) = wire.input.bytes().iter().position(|byte| *byte == b'\n') {
            let line = wire.input.bytes().get(..=end).unwrap_or_default();
            let found = line.starts_with(expected);
            self.heard.push_str(&String::from_utf8_lossy(line));
            wire.input.consume(end + 1);
            if found {
                return true;
            }
        }
        false
    }
}

impl Machine for ScriptedClient {
    type Question = Infallible;

    fn opened(&mut self, _peer: &PeerFacts) {}

    fn step(&mut self, wire: &mut Wire, now: Instant) -> Step<Infallible> {
        while let Some(act) = self.acts.pop_front() {
            match &act {
                Kind::Client(bytes) => wire.output.extend_from_slice(bytes),
                Kind::Event(Event::Tls) => return Step::Upgrade(Upgrade::Tls),
                Kind::Server(expected) if !self.hear(expected, wire) => {
                    self.acts.push_front(act);
                    let deadline = *self.deadline.get_or_insert(now + PATIENCE);
                    if now >= deadline {
                        return Step::Close;
                    }
                    return Step::Wait(Wait { until: Some(deadline), news: false });
                }
                Kind::Server(_) => self.deadline = None,
                _ => {}
            }
        }
        Step::Close
    }

    fn upgraded(&mut self, _upgraded: Upgraded) {}

    fn notice(&mut self, _notice: Notice) {}
}

/// A script for a [`ScriptedClient`] from a trace of another server's connection: the client says the
/// same, waits for the end of each command where it waited then, and wants it to end alike; what
/// else the server says is its own affair. It begins with these lines.
pub fn replay_of(trace: &str, beginning: &str) -> String {
    let mut script = beginning.to_owned();
    for line in trace.lines() {
        let said = line.strip_prefix("S: ").map(|said| said.splitn(3, ' ').collect::<Vec<_>>());
        match said.as_deref() {
            Some(["+", ..]) => script.push_str("S: +\\-\n"),
            Some([tag, end @ ("OK" | "NO" | "BAD"), ..])
                if script.contains(&format!("\nC: {tag} ")) =>
            {
                script.push_str(&format!("S: {tag} {end}\\-\n"));
            }
            Some(_) => {}
            None if line.starts_with("C: ") => script.push_str(&format!("{line}\n")),
            None => {}
        }
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_played_again() {
        let trace = "S: a OK signed in\n@clock +5ms\nC: b APPEND x {3}\nS: + go\nC: \\{x*3}\n\
                     S: * 1 EXISTS\nS: b NO [TRYCREATE] none\n# the rest is left out\n";
        let expected = "C: l LOGIN\nS: l OK\nC: b APPEND x {3}\nS: +\\-\nC: \\{x*3}\nS: b NO\\-\n";
        assert_eq!(replay_of(trace, "C: l LOGIN\nS: l OK\n"), expected);
        ScriptedClient::new(expected).unwrap();
    }

    #[test]
    fn follows_its_script() {
        let mut client = ScriptedClient::new("S: 220\nC: QUIT\nS: 221\n").unwrap();
        let (mut wire, now) = (Wire::default(), Instant::now());
        assert!(matches!(client.step(&mut wire, now), Step::Wait(_)));
        wire.input.fill(b"219 zero\r\n220 two\r\n");
        assert!(matches!(client.step(&mut wire, now), Step::Wait(_)));
        assert_eq!(wire.output, b"QUIT\r\n");
        wire.input.fill(b"221 Bye\r\n");
        assert!(matches!(client.step(&mut wire, now), Step::Close));
        assert_eq!(client.finish().unwrap(), "219 zero\r\n220 two\r\n221 Bye\r\n");
    }

    #[test]
    fn says_where_it_stopped() {
        let mut client = ScriptedClient::new("S: 250\n").unwrap();
        let (mut wire, now) = (Wire::default(), Instant::now());
        wire.input.fill(b"550 No\r\n");
        assert!(matches!(client.step(&mut wire, now), Step::Wait(_)));
        assert!(matches!(client.step(&mut wire, now + PATIENCE), Step::Close));
        assert!(client.finish().unwrap_err().contains("550 No"));
    }
}
