//! Transcripts of the server's side, and what holds for any input.

mod dialogue;
mod large_maildrop;
mod properties;

use dialogue::Pop3Dialogue;
use testkit::transcript::{Failure, replay_folder};

#[test]
fn transcripts() -> Result<(), Failure> {
    let count = replay_folder::<Pop3Dialogue>("tests/transcripts")?;
    assert!(count >= 15, "{count} transcripts");
    Ok(())
}
