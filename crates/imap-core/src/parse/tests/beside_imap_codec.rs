//! The parser beside imap-codec's, which others wrote: what both have the grammar of they must take or
//! refuse alike, and mean the same by it.
//!
//! A command that both take is brought into one common form by each, which must be the same text.
//! Where only one takes it, a rule of [`RULES`] must say why; a line that no rule explains fails the
//! test, and so does a rule that explains nothing any more.

mod form;
mod lines;
mod ours;
mod rules;
mod theirs;

use std::collections::BTreeMap;

use imap_codec::{CommandCodec, decode::Decoder as _};
use testkit::Random;

use super::*;
use crate::frame::{Framed, Framer};
use form::Form;
use ours::Beyond;
use rules::{Difference, RULES};

/// Commands that are made by the grammar, and changes of each command, one octet each.
const MADE: usize = 6000;
const CHANGES: usize = 6;

/// The form of a command that is taken, or what of it imap-codec does not know.
type Taken = Result<Form, Beyond>;

/// What this crate makes of a line.
fn ours(line: &str) -> Result<Taken, String> {
    let attempt = |state| framed(format!("a1 {line}\r\n").as_bytes(), state);
    attempt(State::Selected).or_else(|first| {
        attempt(State::NotAuthenticated)
            .map_err(|second| if second == "Sign in first" { first } else { second })
    })
}

/// A command that is all there; the literal of an APPEND is not held, as in a session.
fn framed(text: &[u8], state: State) -> Result<Taken, String> {
    let why = |completion: Completion| completion.text.into_owned();
    let (mut input, mut framer) = (conversation::Input::default(), Framer::new(8192));
    input.fill(text);
    loop {
        let literal = match framer.next(&mut input) {
            Framed::Announced(literal) => literal,
            Framed::Complete => break,
            other => return Err(format!("{other:?}")),
        };
        match announced(framer.text(&input), literal, state, PLAIN) {
            Err(rejected) => return Err(why(rejected.completion)),
            Ok(Announced::Argument { .. }) => framer.accept(literal),
            Ok(Announced::Append { steps, catenating, .. }) => {
                let Some(AppendStep::Begin(head)) = steps.front() else { panic!("{steps:?}") };
                framer.finish(&mut input);
                let message = usize::try_from(literal.size).unwrap();
                let behind = input.bytes().get(message..).ok_or("an incomplete message")?;
                if !behind.ends_with(b"\r\n") {
                    return Err("an incomplete message".to_owned());
                }
                if catenating || head.binary || head.replaces.is_some() {
                    return Ok(Err(Beyond::Appending));
                }
                behind_literal(behind, None, head.mailbox.clone(), (false, PLAIN)).map_err(why)?;
                return Ok(Ok(ours::append(head)));
            }
        }
    }
    let parsed = command(framer.text(&input), state, PLAIN);
    let parsed = parsed.map_err(|rejected| why(rejected.completion))?;
    framer.finish(&mut input);
    if input.is_empty() { Ok(ours::form(&parsed.command)) } else { Err("two commands".to_owned()) }
}

/// What imap-codec makes of it.
fn theirs(line: &str) -> Result<Form, String> {
    match CommandCodec::default().decode(format!("a1 {line}\r\n").as_bytes()) {
        Ok(([], command)) => Ok(theirs::form(&command)),
        Ok((rest, _)) => Err(format!("{} octets are left", rest.len())),
        Err(error) => Err(format!("{error:?}")),
    }
}

/// Where the two differ, if they do.
fn difference(line: &str) -> Option<Difference> {
    match (ours(line), theirs(line)) {
        (Ok(Ok(ours)), Ok(theirs)) if ours == theirs => None,
        (Err(_), Err(_)) => None,
        (ours, theirs) => Some(Difference { line: line.to_owned(), ours, theirs }),
    }
}

#[test]
fn what_both_know_is_the_same_to_both() {
    let mut random = Random::new(1);
    let mut commands: Vec<String> = (0..MADE).map(|_| lines::by_grammar(&mut random)).collect();
    commands.extend(lines::of_transcripts());
    let (mut seen, mut unexplained) = (BTreeMap::new(), Vec::new());
    let mut alike = 0;
    for command in commands {
        let changes = (0..CHANGES).map(|_| lines::changed(&command, &mut random));
        for line in std::iter::once(command.clone()).chain(changes) {
            let Some(difference) = difference(&line) else {
                alike += usize::from(theirs(&line).is_ok());
                continue;
            };
            match RULES.iter().find(|rule| (rule.explains)(&difference)) {
                Some(rule) => *seen.entry(rule.reason).or_insert(0) += 1,
                None => unexplained.push(difference.to_string()),
            }
        }
    }
    assert!(
        unexplained.is_empty(),
        "{} lines differ for no reason that is known:\n{}",
        unexplained.len(),
        unexplained.join("\n")
    );
    for rule in RULES {
        assert!(seen.contains_key(rule.reason), "explains nothing any more: {}", rule.reason);
    }
    // Not because both refuse it all.
    assert!(alike > 5000, "{alike}");
}
