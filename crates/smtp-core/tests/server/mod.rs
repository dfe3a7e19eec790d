//! Transcripts of the server side, and what holds for any input.

mod dialogue;
mod prefixes;
mod properties;
mod states;

use dialogue::SmtpDialogue;
use testkit::transcript::{Failure, replay_folder};

#[test]
fn transcripts() -> Result<(), Failure> {
    let count = replay_folder::<SmtpDialogue>("tests/transcripts")?;
    assert!(count >= 20, "{count} transcripts");
    Ok(())
}
