//! What the index says of all messages of a mailbox, in memory: what lists of flags, searches and
//! STORE ask of each. Forty octets a message; flags are kept once for all that have the same.
//!
//! Pure: where it comes from, and whether it is of this moment, is `facts_kept`'s business.

use std::{collections::HashMap, ops::RangeInclusive};

use mail_types::{FlagSet, ModSeq, Timestamp, Uid};

use crate::{MessageFlags, UidSet, mailbox::flags_from, naming::file};

/// Combinations of flags that are in no use any more are dropped when there are this many.
const FLAGS_SPARE: usize = 256;

/// What the index says of one message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fact<'f> {
    /// Its UID.
    pub uid: Uid,
    /// Its flags.
    pub flags: &'f FlagSet,
    /// When they changed last, or when it came.
    pub modseq: ModSeq,
    /// Octets in wire form (RFC822.SIZE).
    pub size: u64,
    /// When it was received (INTERNALDATE).
    pub internal_date: Timestamp,
    /// When it was saved in this mailbox, to the second (RFC 8514 §3).
    pub saved: Timestamp,
}

/// What the index says of all messages of a mailbox, at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// By UID.
    rows: Vec<Row>,
    flags: Vec<FlagSet>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Row {
    uid: Uid,
    /// Its place in the list of flags.
    flags: u32,
    modseq: ModSeq,
    size: u64,
    internal_date: Timestamp,
    saved: Timestamp,
}

/// What a row of the index says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FactRow<'r> {
    pub(crate) uid: Uid,
    pub(crate) system: i64,
    pub(crate) keywords: &'r str,
    pub(crate) modseq: ModSeq,
    pub(crate) size: u64,
    pub(crate) internal_date: Timestamp,
    /// Of the file's name; it tells when the message was saved.
    pub(crate) base: &'r str,
}

/// Facts that come from the index, by UID.
#[derive(Default)]
pub(crate) struct Gathered {
    rows: Vec<Row>,
    flags: Interned,
    /// The flags of the last row, and their place: most neighbours have the same.
    last: Option<(i64, String, u32)>,
}

impl Gathered {
    pub(crate) fn add(&mut self, row: &FactRow<'_>) {
        let flags = match &self.last {
            Some((system, keywords, place))
                if (*system, keywords.as_str()) == (row.system, row.keywords) =>
            {
                *place
            }
            _ => {
                let place = self.flags.place(&flags_from(row.system, row.keywords));
                self.last = Some((row.system, row.keywords.to_owned(), place));
                place
            }
        };
        let FactRow { uid, modseq, size, internal_date, .. } = *row;
        // Of what an older tool named without a date: when it came.
        let saved = file::saved_in(row.base).map_or(internal_date, Timestamp::from_secs);
        self.rows.push(Row { uid, flags, modseq, size, internal_date, saved });
    }

    pub(crate) fn facts(self) -> Facts {
        Facts { rows: self.rows, flags: self.flags.list }
    }
}

impl Facts {
    /// How many messages there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The messages of a set, by UID.
    pub fn within<'f>(&'f self, uids: &'f UidSet) -> impl Iterator<Item = Fact<'f>> + 'f {
        uids.ranges().iter().flat_map(|range| self.range(range)).filter_map(|row| self.fact(row))
    }

    fn range(&self, uids: &RangeInclusive<Uid>) -> &[Row] {
        let first = self.rows.partition_point(|row| row.uid < *uids.start());
        let behind = self.rows.partition_point(|row| row.uid <= *uids.end());
        self.rows.get(first..behind).unwrap_or_default()
    }

    fn fact(&self, row: &Row) -> Option<Fact<'_>> {
        let flags = self.flags.get(usize::try_from(row.flags).ok()?)?;
        let Row { uid, modseq, size, internal_date, saved, .. } = *row;
        Some(Fact { uid, flags, modseq, size, internal_date, saved })
    }

    /// The same after messages changed or came, and others went.
    pub(crate) fn with(&self, changed: &Self, gone: &[Uid]) -> Self {
        let mut flags = Interned::of(&self.flags);
        let places: Vec<u32> = changed.flags.iter().map(|set| flags.place(set)).collect();
        let placed = |row: &Row| {
            let place = usize::try_from(row.flags).ok().and_then(|place| places.get(place));
            Row { flags: place.copied().unwrap_or_default(), ..*row }
        };
        let mut new = changed.rows.iter().map(placed).peekable();
        let mut gone = gone.iter().peekable();
        let mut rows = Vec::with_capacity(self.rows.len().saturating_add(changed.len()));
        for row in &self.rows {
            while let Some(next) = new.next_if(|next| next.uid < row.uid) {
                rows.push(next);
            }
            while gone.next_if(|uid| **uid < row.uid).is_some() {}
            if let Some(next) = new.next_if(|next| next.uid == row.uid) {
                rows.push(next);
            } else if gone.peek() != Some(&&row.uid) {
                rows.push(*row);
            }
        }
        rows.extend(new);
        Self { rows, flags: flags.list }.tidied()
    }

    /// The same after flags of some messages changed.
    pub(crate) fn with_flags(&self, changed: &[MessageFlags]) -> Self {
        let (mut flags, mut rows) = (Interned::of(&self.flags), self.rows.clone());
        let mut changed = changed.iter().peekable();
        for row in &mut rows {
            while changed.next_if(|next| next.uid < row.uid).is_some() {}
            if let Some(now) = changed.next_if(|next| next.uid == row.uid) {
                (row.flags, row.modseq) = (flags.place(&now.flags), now.modseq);
            }
        }
        Self { rows, flags: flags.list }.tidied()
    }

    fn tidied(self) -> Self {
        if self.flags.len() < FLAGS_SPARE.max(self.rows.len() / 4) {
            return self;
        }
        let mut flags = Interned::of(&[]);
        let mut rows = self.rows;
        for row in &mut rows {
            let set = usize::try_from(row.flags).ok().and_then(|place| self.flags.get(place));
            row.flags = set.map_or(0, |set| flags.place(set));
        }
        Self { rows, flags: flags.list }
    }
}

/// Flags, each combination once.
#[derive(Default)]
struct Interned {
    list: Vec<FlagSet>,
    places: HashMap<FlagSet, u32>,
    /// The place that was asked for last: most neighbours have the same flags.
    last: u32,
}

impl Interned {
    fn of(list: &[FlagSet]) -> Self {
        let places = (0..).zip(list).map(|(place, flags)| (flags.clone(), place)).collect();
        Self { list: list.to_vec(), places, last: 0 }
    }

    fn place(&mut self, flags: &FlagSet) -> u32 {
        let last = usize::try_from(self.last).ok().and_then(|last| self.list.get(last));
        if last == Some(flags) {
            return self.last;
        }
        let new = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.last = *self.places.entry(flags.clone()).or_insert(new);
        if self.last == new {
            self.list.push(flags.clone());
        }
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(number: u32) -> Uid {
        Uid::new(number).unwrap()
    }

    fn facts(rows: &[(u32, u64, &str)]) -> Facts {
        let mut gathered = Gathered::default();
        for (number, modseq, keywords) in rows {
            gathered.add(&FactRow {
                uid: uid(*number),
                system: 0,
                keywords,
                modseq: ModSeq(*modseq),
                size: 100,
                internal_date: Timestamp::from_secs(5),
                base: "7.x",
            });
        }
        gathered.facts()
    }

    fn shown(facts: &Facts, uids: &UidSet) -> Vec<(u32, u64, usize)> {
        let shown =
            |fact: Fact<'_>| (fact.uid.number(), fact.modseq.0, fact.flags.keywords().len());
        facts.within(uids).map(shown).collect()
    }

    #[test]
    fn what_changed_came_and_went() {
        let all = UidSet::all();
        let known = facts(&[(2, 1, ""), (5, 1, "a"), (9, 2, "")]);
        assert_eq!(shown(&known, &all), [(2, 1, 0), (5, 1, 1), (9, 2, 0)]);
        let changed = facts(&[(4, 3, "a b"), (5, 3, ""), (11, 3, "a")]);
        let now = known.with(&changed, &[uid(3), uid(9)]);
        assert_eq!(shown(&now, &all), [(2, 1, 0), (4, 3, 2), (5, 3, 0), (11, 3, 1)]);
        let some = [uid(4)..=uid(5), uid(7)..=uid(11)].into_iter().collect();
        assert_eq!(shown(&now, &some), [(4, 3, 2), (5, 3, 0), (11, 3, 1)]);
        // What came and went before anybody looked is in neither.
        assert_eq!(now.with(&facts(&[]), &[uid(7), uid(11)]).len(), 3);
        assert_eq!(now.with(&facts(&[(1, 4, "")]), &[]).len(), 5);
    }

    #[test]
    fn flags_that_changed() {
        let known = facts(&[(2, 1, ""), (5, 1, "a"), (9, 2, "")]);
        let flags = |number, keywords, modseq| MessageFlags {
            uid: uid(number),
            flags: flags_from(0, keywords),
            modseq: ModSeq(modseq),
        };
        let now = known.with_flags(&[flags(2, "a", 7), flags(3, "a", 7), flags(9, "a b", 8)]);
        assert_eq!(shown(&now, &UidSet::all()), [(2, 7, 1), (5, 1, 1), (9, 8, 2)]);
    }

    #[test]
    fn flags_that_nobody_has_are_dropped() {
        let mut known = facts(&[(1, 1, ""), (2, 1, "kept")]);
        for number in 0..2000 {
            let flags = flags_from(0, &format!("k{number}"));
            known =
                known.with_flags(&[MessageFlags { uid: uid(1), flags, modseq: ModSeq(number) }]);
        }
        assert!(known.flags.len() <= FLAGS_SPARE, "{}", known.flags.len());
        assert_eq!(shown(&known, &UidSet::all()), [(1, 1999, 1), (2, 1, 1)]);
    }
}
