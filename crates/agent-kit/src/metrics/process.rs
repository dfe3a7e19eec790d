//! What the kernel says of this process.

use std::{fs, sync::OnceLock};

use mail_types::Timestamp;

use super::{
    families::{CPU, DESCRIPTORS, MEMORY, START},
    page::Page,
    whole,
};

/// Ticks of a second in /proc, on every Linux.
const TICKS: f64 = 100.0;

/// When it was first asked for, which is when the agent begins.
static STARTED: OnceLock<Timestamp> = OnceLock::new();

/// Notes the start.
pub(super) fn started() -> Timestamp {
    *STARTED.get_or_init(crate::now)
}

/// Writes what is known.
pub(super) fn look(page: &mut Page) {
    if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().and_then(|s| memory(&s)) {
        page.sample(MEMORY, "", whole(bytes));
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // The one that looks is among them.
        page.sample(DESCRIPTORS, "", whole(open.count().saturating_sub(1) as u64));
    }
    if let Some(ticks) = fs::read_to_string("/proc/self/stat").ok().and_then(|s| ticks(&s)) {
        page.sample(CPU, "", whole(ticks) / TICKS);
    }
    let started = u64::try_from(started().secs()).unwrap_or(0);
    page.sample(START, "", whole(started));
}

fn memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Those of the process and of the kernel for it: the 14th and 15th field, and the second may hold
/// anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    next()?.checked_add(next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proc_says_is_read() {
        assert_eq!(memory("VmHWM:\t  9 kB\nVmRSS:\t    8652 kB\nRssAnon: 1 kB\n"), Some(8_859_648));
        let stat = "812 (a b) c) S 1 812 812 0 -1 4194560 2300 0 1 0 31 12 0 0 20 0 9 0 5153";
        assert_eq!(ticks(stat), Some(43));
        assert_eq!((memory(""), ticks("")), (None, None));
    }
}
