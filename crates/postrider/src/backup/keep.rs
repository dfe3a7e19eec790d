//! Which backups are kept: the last ones, and of days, weeks and months before the last one of
//! each.

use super::manifest::BackupId;

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

    /// Those of the backups, the oldest first, that are not kept.
    pub(crate) fn outdated(&self, backups: &[BackupId]) -> Vec<BackupId> {
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
            let outdated = keep.outdated(&all);
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
}
