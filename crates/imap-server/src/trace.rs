//! What is said with an account's clients, written down for a bug report as long as the operator wants
//! it (`postrider account trace`).
//!
//! A trace begins behind the sign-in and ends with the session or UNAUTHENTICATE, so no password can
//! get into it; [`Redactor`] lets nothing through that the mail says.

use std::time::Instant;

use agent_kit::Record;
use imap_core::trace::Redactor;
use mail_store::traces::{TraceFile, Traces};
use mail_types::AccountId;

use crate::service::Service;

/// Silence from this many milliseconds on is written down.
const PAUSE_MS: u128 = 10;

/// The trace of one connection.
struct Trace {
    redactor: Redactor,
    /// None once it is full or over.
    file: Option<TraceFile>,
    last: Instant,
}

impl Service {
    /// The trace of a connection that has signed in, if the operator wants one.
    pub(crate) fn trace(&self, account: AccountId) -> Option<Box<dyn Record>> {
        match Traces::of(&self.mail, account).begin("imap", agent_kit::now()) {
            Ok(file) => {
                let file = Some(file?);
                let trace = Trace { redactor: Redactor::default(), file, last: Instant::now() };
                Some(Box::new(trace))
            }
            Err(error) => {
                tracing::warn!(%account, %error, "no trace can be written");
                None
            }
        }
    }
}

impl Trace {
    fn write(&mut self, redact: impl FnOnce(&mut Redactor, &mut String)) {
        let Some(file) = &mut self.file else { return };
        let (mut lines, paused) = (String::new(), self.last.elapsed().as_millis());
        if paused >= PAUSE_MS {
            lines = format!("@clock +{paused}ms\n");
        }
        self.last = Instant::now();
        redact(&mut self.redactor, &mut lines);
        if !file.write(&lines, agent_kit::now()) {
            self.file = None;
        }
    }
}

impl Record for Trace {
    fn heard(&mut self, octets: &[u8]) {
        if !octets.is_empty() {
            self.write(|redactor, lines| redactor.client(octets, lines));
        }
    }

    fn said(&mut self, octets: &[u8]) {
        self.write(|redactor, lines| redactor.server(octets, lines));
    }
}
