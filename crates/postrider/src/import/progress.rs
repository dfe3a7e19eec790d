//! How far an import is, on a terminal.

use std::{
    cell::Cell,
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

/// How often the line is drawn at most.
const PAUSE: Duration = Duration::from_millis(100);
const WIDTH: usize = 30;

/// A line that is drawn again and again; nothing where standard error is no terminal.
pub(crate) struct Progress {
    name: String,
    all: usize,
    done: Cell<usize>,
    drawn: Cell<Option<Instant>>,
    begun: Instant,
    visible: bool,
}

impl Progress {
    pub(crate) fn begin(name: &str, all: usize) -> Self {
        let visible = io::stderr().is_terminal();
        let name = crate::terminal::one_line(name);
        let (done, drawn) = (Cell::new(0), Cell::new(None));
        let progress = Self { name, all, done, drawn, begun: Instant::now(), visible };
        progress.draw();
        progress
    }

    pub(crate) fn step(&self, count: usize) {
        self.done.set(self.done.get() + count);
        if self.drawn.get().is_none_or(|drawn| drawn.elapsed() >= PAUSE) {
            self.draw();
        }
    }

    pub(crate) fn end(&self) {
        if self.visible {
            // What cannot be drawn is not needed.
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    fn draw(&self) {
        if self.visible {
            self.drawn.set(Some(Instant::now()));
            let line = line(&self.name, self.done.get(), self.all, self.begun.elapsed());
            let _ = write!(io::stderr(), "\r\x1b[K{line}");
            let _ = io::stderr().flush();
        }
    }
}

/// `INBOX [#####.....] 120/240 60/s, 2s left`.
fn line(name: &str, done: usize, all: usize, elapsed: Duration) -> String {
    let filled = (done * WIDTH).checked_div(all).unwrap_or(WIDTH).min(WIDTH);
    let bar = format!("{}{}", "#".repeat(filled), ".".repeat(WIDTH - filled));
    let name = crate::terminal::shortened(name, 30);
    let millis = elapsed.as_millis().max(1);
    let a_second = u128::try_from(done).unwrap_or(0) * 1000 / millis;
    let left = u128::try_from(all.saturating_sub(done)).unwrap_or(0);
    if all < done {
        // Nobody has counted how many there are.
        return format!("{name} {done} {a_second}/s");
    }
    match left.checked_div(a_second) {
        Some(seconds) => format!("{name} [{bar}] {done}/{all} {a_second}/s, {seconds}s left"),
        None => format!("{name} [{bar}] {done}/{all}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line() {
        let shown = line("INBOX", 120, 240, Duration::from_secs(2));
        assert_eq!(
            shown,
            format!("INBOX [{}{}] 120/240 60/s, 2s left", "#".repeat(15), ".".repeat(15))
        );
        assert!(line("x", 0, 0, Duration::ZERO).ends_with("] 0/0"));
        assert_eq!(line("x", 60, 0, Duration::from_secs(2)), "x 60 30/s");
    }
}
