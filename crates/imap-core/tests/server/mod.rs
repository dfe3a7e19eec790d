//! Transcripts of the server, and what holds for any input.

mod account;
mod answers;
mod content;
mod dialogue;
mod notes;
mod properties;
mod searching;
mod sorting;
mod states;
mod urls;

use dialogue::ImapDialogue;
use testkit::transcript::{Failure, replay_folder};

#[test]
fn transcripts() -> Result<(), Failure> {
    let count = replay_folder::<ImapDialogue>("tests/transcripts")?;
    assert!(count >= 20, "{count} transcripts");
    Ok(())
}

#[test]
fn an_idle_session_is_small() {
    let size = size_of::<imap_core::server::Session>();
    assert!(size < 512, "{size} octets");
}
