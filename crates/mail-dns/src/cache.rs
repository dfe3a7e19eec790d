//! What name servers have said, for as long as they said that it holds. Pure: the time is an
//! argument.
//!
//! Invariant: never more than [`ENTRIES_MAX`] answers of at most [`OCTETS_MAX`] octets each, which
//! is the upper bound of its memory whatever is asked and answered.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use hickory_resolver::proto::rr::{Name, RecordType};

/// Most answers.
pub(crate) const ENTRIES_MAX: usize = 4096;
/// The largest answer, as it came over the wire; larger ones are asked for again.
pub(crate) const OCTETS_MAX: usize = 4096;
/// The longest that anything is believed.
const POSITIVE_MAX: Duration = Duration::from_secs(24 * 3600);
/// The longest that something is believed not to be there (RFC 2308 §5 finds one to three hours
/// good): mail that waits for a record to appear must not wait a day.
const NEGATIVE_MAX: Duration = Duration::from_secs(3600);

/// Answers by question.
#[derive(Debug)]
pub(crate) struct Cache<T> {
    entries: HashMap<(Name, RecordType), Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    answer: T,
    until: Instant,
}

/// Whether an answer says what is there, or that there is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Positive,
    Negative,
}

impl<T: Clone> Cache<T> {
    pub(crate) fn new() -> Self {
        Self { entries: HashMap::new() }
    }

    /// The answer, if it still holds.
    pub(crate) fn get(&self, name: &Name, kind: RecordType, now: Instant) -> Option<T> {
        // Names compare without case (RFC 1035 §2.3.3), and hash so too.
        let entry = self.entries.get(&(name.clone(), kind))?;
        (now < entry.until).then(|| entry.answer.clone())
    }

    /// Keeps an answer of so many octets for so many seconds, or less.
    pub(crate) fn put(
        &mut self,
        (name, kind): (&Name, RecordType),
        (answer, sort, octets): (T, Sort, usize),
        ttl: u32,
        now: Instant,
    ) {
        let longest = match sort {
            Sort::Positive => POSITIVE_MAX,
            Sort::Negative => NEGATIVE_MAX,
        };
        let lasts = Duration::from_secs(u64::from(ttl)).min(longest);
        if lasts.is_zero() || octets > OCTETS_MAX {
            return;
        }
        if self.entries.len() >= ENTRIES_MAX {
            self.make_room(now);
        }
        let until = now + lasts;
        self.entries.insert((name.clone(), kind), Entry { answer, until });
    }

    /// Drops what is over, and if that is not enough, the quarter that would be over first.
    fn make_room(&mut self, now: Instant) {
        self.entries.retain(|_, entry| now < entry.until);
        if self.entries.len() < ENTRIES_MAX {
            return;
        }
        let mut ends: Vec<Instant> = self.entries.values().map(|entry| entry.until).collect();
        let quarter = ENTRIES_MAX / 4;
        let (_, end, _) = ends.select_nth_unstable(quarter);
        let end = *end;
        let mut equal_left = self.entries.len().saturating_sub(quarter);
        self.entries.retain(|_, entry| {
            let keep = entry.until >= end && equal_left > 0;
            equal_left = equal_left.saturating_sub(usize::from(keep));
            keep
        });
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_str(&format!("{text}.")).unwrap()
    }

    fn put(cache: &mut Cache<u32>, key: &str, sort: Sort, octets: usize, ttl: u32, now: Instant) {
        cache.put((&name(key), RecordType::MX), (7, sort, octets), ttl, now);
    }

    #[test]
    fn an_answer_holds_as_long_as_it_says() {
        let (mut cache, start) = (Cache::new(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        put(&mut cache, "a", Sort::Positive, 100, 30, start);
        for (key, kind, seconds, expected) in [
            ("a", RecordType::MX, 29, Some(7)),
            ("A", RecordType::MX, 29, Some(7)),
            ("a", RecordType::MX, 30, None),
            ("a", RecordType::A, 1, None),
            ("b", RecordType::MX, 1, None),
        ] {
            assert_eq!(cache.get(&name(key), kind, after(seconds)), expected, "{key} {seconds}");
        }
        put(&mut cache, "zero", Sort::Positive, 100, 0, start);
        put(&mut cache, "huge", Sort::Positive, OCTETS_MAX + 1, 30, start);
        for key in ["zero", "huge"] {
            assert_eq!(cache.get(&name(key), RecordType::MX, start), None, "{key}");
        }
    }

    #[test]
    fn nothing_is_believed_for_ever() {
        let (mut cache, start) = (Cache::new(), Instant::now());
        put(&mut cache, "there", Sort::Positive, 100, u32::MAX, start);
        put(&mut cache, "gone", Sort::Negative, 100, u32::MAX, start);
        let get = |key, at| cache.get(&name(key), RecordType::MX, at).is_some();
        assert!(get("there", start + POSITIVE_MAX / 2) && !get("there", start + POSITIVE_MAX));
        assert!(get("gone", start + NEGATIVE_MAX / 2));
        assert!(!get("gone", start + NEGATIVE_MAX));
    }

    #[test]
    fn it_is_bounded() {
        let (mut cache, start) = (Cache::new(), Instant::now());
        for number in 0..ENTRIES_MAX * 3 {
            // Half of them end together: equals are no way around the bound.
            let ttl = if number % 2 == 0 { 60 } else { 61 + u32::try_from(number).unwrap() };
            put(&mut cache, &format!("n{number}"), Sort::Positive, 100, ttl, start);
            assert!(cache.entries.len() <= ENTRIES_MAX);
        }
        let last = format!("n{}", ENTRIES_MAX * 3 - 1);
        assert_eq!(cache.get(&name(&last), RecordType::MX, start), Some(7), "the newest is kept");
    }
}
