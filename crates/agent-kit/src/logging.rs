//! Logs: one line an event on standard error, key=value or JSON.
//!
//! The line names the agent by its thread, which the [`crate::runtime`] names after it. Nothing
//! here looks at what is logged: that no secret gets into an event is the callers' duty.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::{
    Layer, filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

/// The level cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("log level {level:?}: say error, warn, info, debug or trace, or crate=level,..: {reason}")]
pub struct BadLevel {
    level: String,
    reason: String,
}

/// Starts logging for this process. Only the first call counts.
pub fn start(level: &str, json: bool) -> Result<(), BadLevel> {
    let filter: Targets =
        level.parse().map_err(|reason: tracing_subscriber::filter::ParseError| BadLevel {
            level: level.to_owned(),
            reason: reason.to_string(),
        })?;
    let lines = fmt::layer().with_writer(stderr).with_thread_names(true);
    let lines = if json {
        lines.json().flatten_event(true).with_target(false).boxed()
    } else {
        lines.with_ansi(stderr().is_terminal()).with_target(false).boxed()
    };
    // A second call, in a test process, leaves the first in place.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_bad_level_is_named() {
        assert!(super::start("info,smtp_relay=debug", false).is_ok());
        let error = super::start("smtp_relay=loud", false).unwrap_err().to_string();
        assert!(error.contains("loud"), "{error}");
    }
}
