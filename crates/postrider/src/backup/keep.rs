//! Which backups are kept: the last ones, and of days, weeks and months before the last one of
//! each.
//!
//! Backups are judged beside those of the same accounts only: one of a single account is no reason
//! for one of everything to go.

use super::manifest::{BackupId, Scope};

/// How many are kept of each sort; a backup may count for several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct Keep {
    /// Keep this many, the last ones
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) keep_last: usize,
    /// Keep the last one of this many days that have any
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) keep_daily: usize,
    /// Keep the last one of this many weeks that have any
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) keep_weekly: usize,
    /// Keep the last one of this many months that have any
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) keep_monthly: usize,
}

impl Keep {
    /// Whether nothing would be kept.
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Those of the backups, the oldest first, that are not kept: of each scope by itself.
    pub(crate) fn outdated(&self, backups: Vec<(BackupId, Scope)>) -> Vec<BackupId> {
        let mut scopes: Vec<(Scope, Vec<BackupId>)> = Vec::new();
        for (id, mut scope) in backups {
            if let Scope::Accounts(addresses) = &mut scope {
                addresses.sort_unstable();
            }
            match scopes.iter_mut().find(|(known, _)| *known == scope) {
                Some((_, ids)) => ids.push(id),
                None => scopes.push((scope, vec![id])),
            }
        }
        let mut outdated: Vec<_> = scopes.iter().flat_map(|(_, ids)| self.of_one(ids)).collect();
        outdated.sort_unstable();
        outdated
    }

    fn of_one(&self, backups: &[BackupId]) -> Vec<BackupId> {
        let mut kept = vec![false; backups.len()];
        let rules: [(usize, Period); 4] = [
            (self.keep_last, |id| Some(id.to_string())),
            (self.keep_daily, |id| id.as_str().get(..8).map(str::to_owned)),
            (self.keep_weekly, week),
            (self.keep_monthly, |id| id.as_str().get(..6).map(str::to_owned)),
        ];
        for (count, period) in rules {
            let mut seen = Vec::new();
            for (id, kept) in backups.iter().zip(&mut kept).rev() {
                // A name without a date is not ours to judge.
                let Some(period) = period(id) else {
                    *kept = true;
                    continue;
                };
                if seen.len() < count && seen.last() != Some(&period) {
                    seen.push(period);
                    *kept = true;
                }
            }
        }
        backups.iter().zip(kept).filter(|(_, kept)| !kept).map(|(id, _)| id.clone()).collect()
    }
}

/// What a backup is the last one of; none for a name that tells no date.
type Period = fn(&BackupId) -> Option<String>;

/// The week of ISO 8601 that a backup is of.
fn week(id: &BackupId) -> Option<String> {
    let text = id.as_str();
    let (year, month) = (text.get(..4)?.parse().ok()?, text.get(4..6)?.parse().ok()?);
    let date = jiff::civil::Date::new(year, month, text.get(6..8)?.parse().ok()?).ok()?;
    let week = date.iso_week_date();
    Some(format!("{}-{}", week.year(), week.week()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_each_period_stays() {
        let check = |keep: Keep, expected: &[&str]| {
            // Weeks: the 15th and the 22nd of November 2026 are Sundays.
            let all = [
                "20261001T02",
                "20261031T02",
                "20261115T02",
                "20261121T02",
                "20261122T02",
                "20261122T14",
                "20261123T02",
            ];
            let all = all.map(|text| BackupId::parse(&format!("{text}0000Z")).unwrap());
            let outdated = keep.of_one(&all);
            let kept = all.iter().filter(|id| !outdated.contains(id));
            let kept: Vec<&str> = kept.map(|id| &id.as_str()[4..11]).collect();
            assert_eq!(kept, expected, "{keep:?}");
        };
        let none = Keep::default();
        assert!(none.is_nothing());
        check(Keep { keep_last: 2, ..none }, &["1122T14", "1123T02"]);
        check(
            Keep { keep_last: 99, ..none },
            &["1001T02", "1031T02", "1115T02", "1121T02", "1122T02", "1122T14", "1123T02"],
        );
        check(Keep { keep_daily: 3, ..none }, &["1121T02", "1122T14", "1123T02"]);
        check(Keep { keep_weekly: 3, ..none }, &["1115T02", "1122T14", "1123T02"]);
        check(Keep { keep_monthly: 2, ..none }, &["1031T02", "1123T02"]);
        check(Keep { keep_last: 1, keep_monthly: 9, ..none }, &["1031T02", "1123T02"]);
    }

    #[test]
    fn a_part_is_no_reason_for_the_whole_to_go() {
        let of =
            |addresses: &[&str]| Scope::Accounts(addresses.iter().map(|&a| a.into()).collect());
        let all = [
            ("20261122T020000Z", Scope::Everything),
            ("20261122T030000Z", of(&["a@x", "b@x"])),
            ("20261122T040000Z", of(&["b@x", "a@x"])),
            ("20261122T050000Z", Scope::Everything),
            ("20261122T060000Z", of(&["a@x"])),
        ];
        let all = all.map(|(id, scope)| (BackupId::parse(id).unwrap(), scope));
        let outdated = Keep { keep_daily: 1, ..Keep::default() }.outdated(all.into());
        let outdated: Vec<&str> = outdated.iter().map(BackupId::as_str).collect();
        assert_eq!(outdated, ["20261122T020000Z", "20261122T030000Z"]);
    }
}
