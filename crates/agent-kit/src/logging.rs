//! Logs: one line an event on standard error, key=value or JSON.
//!
//! The line names the agent by its thread, which the [`crate::runtime`] names after it. Nothing
//! here looks at what is logged: that no secret gets into an event is the callers' duty.

use std::io::{IsTerminal, stderr};

use config::{Log, LogFormat, LogLevel};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer, filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

/// Libraries that speak of themselves where we speak of mail; their warnings are enough.
const LIBRARIES: [&str; 5] = ["hickory_proto", "hickory_resolver", "hickory_net", "rustls", "sqlx"];

/// Starts logging for this process. Only the first call counts.
pub fn start(log: &Log) {
    // Nobody may be reading any more (a closed terminal, `| head`). The complaint about that would
    // go to the same place, and panic there.
    let lines = fmt::layer().log_internal_errors(false);
    let lines = lines.with_writer(stderr).with_thread_names(true).with_target(false);
    let lines = match log.format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Auto => lines.with_ansi(stderr().is_terminal()).boxed(),
    };
    // A second call, in a test process, leaves the first in place.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter(log.level))).try_init();
}

fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let quiet = level.min(LevelFilter::WARN);
    Targets::new().with_default(level).with_targets(LIBRARIES.map(|library| (library, quiet)))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn libraries_are_never_louder_than_warnings() {
        let debug = filter(LogLevel::Debug);
        assert!(debug.would_enable("smtp_relay::outbound", &Level::DEBUG));
        assert!(!debug.would_enable("sqlx::query", &Level::INFO));
        assert!(debug.would_enable("sqlx::query", &Level::WARN));
        assert!(!filter(LogLevel::Error).would_enable("sqlx::query", &Level::WARN));
    }
}
