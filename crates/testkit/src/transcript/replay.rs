//! Replays parsed transcripts: whole, by line, by byte; or writes down what was said.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use conversation::{Notice, Upgrade};

use super::{
    Answers, Connection, Dialogue, Side, escape,
    parse::{self, Entry, Event, Kind},
};

/// The number of a line and what is wrong there.
type Blame = (usize, String);

/// How client bytes are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Whole,
    Lines,
    Bytes,
}

/// Compares what the machine says with what the file says, three times.
pub(super) fn check<D: Dialogue>(text: &str) -> Result<(), Blame> {
    let entries = parse::entries(text, D::SIDE)?;
    // By line first: its messages name the line.
    for cut in [Cut::Lines, Cut::Whole, Cut::Bytes] {
        let mut stage = Stage::<D>::new(&entries)?;
        let mut rest = entries.as_slice();
        while !rest.is_empty() {
            let (scene, next) = rest.split_at(scene_length(rest, cut));
            rest = next;
            stage.play(scene, cut)?;
            stage.compare(scene, cut)?;
        }
        stage.finish(entries.len())?;
    }
    Ok(())
}

/// The text with the server's lines as the machine says them now.
pub(super) fn rewrite<D: Dialogue>(text: &str) -> Result<String, Blame> {
    let entries = parse::entries(text, D::SIDE)?;
    let speaker = if D::SIDE == Side::Client { 'C' } else { 'S' };
    let numbered = entries.iter().any(|entry| entry.connection > 1);
    let mut stage = Stage::<D>::new(&entries)?;
    let mut lines = Vec::new();
    let mut rest = entries.as_slice();
    while !rest.is_empty() {
        let (scene, next) = rest.split_at(scene_length(rest, Cut::Lines));
        rest = next;
        let spoken = |entry: &&Entry| !matches!(entry.kind, Kind::Server(_) | Kind::Close);
        // Comments behind the server's lines stay behind them; without such lines yet, they come
        // behind the cause, or for a greeting behind all.
        let caused = scene.first().is_some_and(is_cause);
        let first_time = if caused { 1 } else { scene.len() };
        let told = scene.iter().rposition(|entry| !spoken(&entry));
        let (front, behind) = scene.split_at(told.map_or(first_time, |last| last + 1));
        lines.extend(front.iter().filter(spoken).map(|entry| entry.text.clone()));
        stage.play(scene, Cut::Lines)?;
        for (number, said, closed) in stage.take_said() {
            let prefix = if numbered { number.to_string() } else { String::new() };
            for line in escape::encode(&said) {
                lines.push(format!("{prefix}{speaker}: {line}").trim_end().to_owned());
            }
            if closed {
                lines.push(format!("{prefix}@close"));
            }
        }
        lines.extend(behind.iter().filter(spoken).map(|entry| entry.text.clone()));
    }
    stage.finish(entries.len())?;
    Ok(lines.join("\n") + "\n")
}

/// How many entries belong together: what causes output, and the output it causes. For
/// [`Cut::Lines`] a scene has one cause; otherwise it has all client lines in a row, answers and
/// expected lines between them included.
fn scene_length(entries: &[Entry], cut: Cut) -> usize {
    let Some(first) = entries.first() else { return 0 };
    let mut talking = matches!(first.kind, Kind::Client(_)) && cut != Cut::Lines;
    let seen_cause = is_cause(first);
    for (place, entry) in entries.iter().enumerate().skip(1) {
        if !is_cause(entry) {
            // An answer behind something said is for what comes next, not for what came before.
            if seen_cause && matches!(entry.kind, Kind::Answer(_)) {
                return place;
            }
            continue;
        }
        let same = matches!(entry.kind, Kind::Client(_)) && entry.connection == first.connection;
        if !seen_cause {
            return place; // Leading comments with the greeting, or answers.
        }
        talking &= same;
        if !talking {
            return place;
        }
    }
    entries.len()
}

/// Whether the server may have something to say to it.
fn is_cause(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::Client(_) | Kind::Event(_))
}

/// The machines of one replay.
struct Stage<D: Dialogue> {
    dialogue: D,
    answers: Answers,
    connections: BTreeMap<usize, Connection<D>>,
    told_closed: BTreeMap<usize, bool>,
    start: Instant,
    elapsed: Duration,
}

impl<D: Dialogue> Stage<D> {
    fn new(entries: &[Entry]) -> Result<Self, Blame> {
        let mut dialogue = D::default();
        for entry in entries {
            if let Kind::Given(words) = &entry.kind {
                dialogue.given(words).map_err(|error| (entry.line, error))?;
            }
        }
        Ok(Self {
            dialogue,
            answers: Answers::default(),
            connections: BTreeMap::new(),
            told_closed: BTreeMap::new(),
            start: Instant::now(),
            elapsed: Duration::ZERO,
        })
    }

    /// Lets happen what a scene's causes say, without looking at what is expected.
    fn play(&mut self, scene: &[Entry], cut: Cut) -> Result<(), Blame> {
        let mut sent = Vec::new();
        let mut speaker = 1;
        for entry in scene {
            if !matches!(entry.kind, Kind::Comment | Kind::Given(_) | Kind::Answer(_)) {
                self.connect(entry.connection);
            }
            match &entry.kind {
                Kind::Answer(words) => self.answers.push(words),
                Kind::Client(bytes) => {
                    if cut == Cut::Lines && self.is_closed(entry.connection) {
                        return Err((entry.line, "the server has closed already".to_owned()));
                    }
                    speaker = entry.connection;
                    sent.extend_from_slice(bytes);
                }
                Kind::Event(event) => {
                    let connection = entry.connection;
                    self.happen(*event, connection).map_err(|error| (entry.line, error))?;
                }
                Kind::Comment | Kind::Given(_) | Kind::Server(_) | Kind::Close => {}
            }
        }
        self.connect(1); // At the latest: the greeting stands before the first client line.
        let chunk = if cut == Cut::Bytes { 1 } else { sent.len().max(1) };
        if let Some(connection) = self.connections.get_mut(&speaker) {
            for piece in sent.chunks(chunk) {
                connection.send(piece, &mut self.dialogue, &mut self.answers);
            }
        }
        Ok(())
    }

    fn connect(&mut self, number: usize) {
        let now = self.start + self.elapsed;
        let (dialogue, answers) = (&mut self.dialogue, &mut self.answers);
        self.connections
            .entry(number)
            .or_insert_with(|| Connection::open(number, now, dialogue, answers));
    }

    fn is_closed(&self, number: usize) -> bool {
        self.connections.get(&number).is_some_and(Connection::is_closed)
    }

    fn happen(&mut self, event: Event, number: usize) -> Result<(), String> {
        let (dialogue, answers) = (&mut self.dialogue, &mut self.answers);
        match event {
            Event::Clock(time) => {
                self.elapsed += time;
                for connection in self.connections.values_mut() {
                    connection.pass(time, dialogue, answers);
                }
            }
            Event::Shutdown => {
                for connection in self.connections.values_mut() {
                    connection.notice(Notice::Shutdown, dialogue, answers);
                }
            }
            Event::Wait => {}
            Event::Tls | Event::Deflate | Event::News => {
                let connection = self.connections.get_mut(&number).ok_or("no such connection")?;
                match event {
                    Event::Tls => connection.upgrade(Upgrade::Tls, dialogue, answers)?,
                    Event::Deflate => connection.upgrade(Upgrade::Deflate, dialogue, answers)?,
                    _ => connection.notice(Notice::Changed, dialogue, answers),
                }
            }
        }
        Ok(())
    }

    /// What each connection said since the last time, and whether it closed then.
    fn take_said(&mut self) -> Vec<(usize, Vec<u8>, bool)> {
        let mut all = Vec::new();
        for (number, connection) in &mut self.connections {
            let told = self.told_closed.entry(*number).or_default();
            let closed = connection.is_closed() && !*told;
            *told |= closed;
            let said = connection.take_output();
            if closed || !said.is_empty() {
                all.push((*number, said, closed));
            }
        }
        all
    }

    fn compare(&mut self, scene: &[Entry], cut: Cut) -> Result<(), Blame> {
        let mut expected: BTreeMap<usize, (Vec<u8>, bool)> = BTreeMap::new();
        for entry in scene {
            match &entry.kind {
                Kind::Server(bytes) => {
                    expected.entry(entry.connection).or_default().0.extend_from_slice(bytes);
                }
                Kind::Close => expected.entry(entry.connection).or_default().1 = true,
                _ => {}
            }
        }
        let said: BTreeMap<_, _> =
            self.take_said().into_iter().map(|(number, said, end)| (number, (said, end))).collect();
        if said == expected {
            return Ok(());
        }
        let line = scene.first().map_or(0, |entry| entry.line);
        let (file, machine) = (told("the file says", &expected), told("the machine says", &said));
        Err((line, format!("replayed by {cut:?}:{file}{machine}")))
    }

    fn finish(&self, line: usize) -> Result<(), Blame> {
        match self.answers.left() {
            Some(words) => Err((line, format!("nobody asked for the answer {words:?}"))),
            None => Ok(()),
        }
    }
}

fn told(title: &str, said: &BTreeMap<usize, (Vec<u8>, bool)>) -> String {
    let mut text = format!("\n  {title}:");
    for (number, (output, closed)) in said {
        for line in escape::encode(output) {
            text.push_str(&format!("\n    {number}S: {line}"));
        }
        if *closed {
            text.push_str(&format!("\n    {number}@close"));
        }
    }
    text
}
