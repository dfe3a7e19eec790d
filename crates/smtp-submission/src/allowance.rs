//! How much an account may send to other servers, before its mail is held for the operator.
//!
//! A pure function of what was counted: the queue counts, the configuration says how much is usual.
//! Whoever got hold of a password controls what is counted here, and how fast.

use config::Sending;
use mail_types::Timestamp;
use message_queue::SentHour;

/// How far back the busiest hour is looked for, in hours.
pub(crate) const MEMORY_HOURS: i64 = 24 * 31;
/// A day, in hours.
const DAY_HOURS: i64 = 24;
/// Beyond so many times a limit mail is not even held.
const HELD_UP_TO: u64 = 2;

/// Which figure of an hour is meant.
type Figure = fn(&SentHour) -> u64;

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes its way.
    Fine,
    /// It is held, for this reason.
    Hold(String),
    /// It is not taken for now: enough is held already.
    Refuse,
}

/// Whether nothing is limited, and nothing has to be looked up.
pub(crate) fn is_unlimited(limits: &Sending) -> bool {
    let Sending {
        messages_per_hour,
        recipients_per_hour,
        messages_per_day,
        recipients_per_day,
        jump_factor,
        jump_from: _,
    } = limits;
    let all =
        [messages_per_hour, recipients_per_hour, messages_per_day, recipients_per_day, jump_factor];
    all.into_iter().all(|limit| *limit == 0)
}

/// Judges a message to so many recipients at other servers. `hours` is what was sent before, as far
/// as it is remembered.
pub(crate) fn judge(
    limits: &Sending,
    hours: &[SentHour],
    now: Timestamp,
    recipients: u64,
) -> Verdict {
    let this = SentHour::of(now);
    let sum = |from: i64, of: Figure| {
        hours.iter().filter(|sent| sent.hour > from).map(of).fold(0, u64::saturating_add)
    };
    let (messages, to): (Figure, Figure) = (|sent| sent.messages, |sent| sent.recipients);
    let (hour, day) = (this.saturating_sub(1), this.saturating_sub(DAY_HOURS));
    let mut verdict = Verdict::Fine;
    for (limit, before, more, what) in [
        (limits.messages_per_hour, sum(hour, messages), 1, "messages in an hour"),
        (limits.recipients_per_hour, sum(hour, to), recipients, "recipients in an hour"),
        (limits.messages_per_day, sum(day, messages), 1, "messages in a day"),
        (limits.recipients_per_day, sum(day, to), recipients, "recipients in a day"),
    ] {
        let limit = u64::from(limit);
        if limit == 0 {
            continue;
        }
        if before >= limit.saturating_mul(HELD_UP_TO) {
            return Verdict::Refuse;
        }
        let after = before.saturating_add(more);
        if after > limit && verdict == Verdict::Fine {
            verdict = Verdict::Hold(format!("{after} {what}, and the limit is {limit}"));
        }
    }
    match verdict {
        Verdict::Fine => jump(limits, hours, this, sum(hour, to).saturating_add(recipients)),
        held => held,
    }
}

/// Whether so many recipients in this hour are far from what is usual. The past day does not count
/// as usual: what was held yesterday must not open the door today.
fn jump(limits: &Sending, hours: &[SentHour], this: i64, recipients: u64) -> Verdict {
    let (from, factor) = (u64::from(limits.jump_from), u64::from(limits.jump_factor));
    if factor == 0 || from == 0 || recipients <= from {
        return Verdict::Fine;
    }
    let usual = hours.iter().filter(|sent| sent.hour <= this.saturating_sub(DAY_HOURS));
    let busiest = usual.map(|sent| sent.recipients).max().unwrap_or_default();
    if recipients <= busiest.saturating_mul(factor) {
        return Verdict::Fine;
    }
    Verdict::Hold(format!(
        "{recipients} recipients in an hour, and in the busiest hour of the month before there \
         were {busiest}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 500_000;

    /// Hours before now, messages, recipients.
    fn sent(hours: &[(i64, u64, u64)]) -> Vec<SentHour> {
        let hour =
            |&(ago, messages, recipients)| SentHour { hour: HOUR - ago, messages, recipients };
        hours.iter().map(hour).collect()
    }

    #[test]
    fn what_is_usual_passes_and_what_is_not_is_held() {
        let limits = Sending {
            messages_per_hour: 10,
            recipients_per_hour: 100,
            messages_per_day: 50,
            recipients_per_day: 400,
            jump_factor: 3,
            jump_from: 20,
        };
        let now = Timestamp::from_secs(HOUR * 3600 + 1800);
        let check = |hours: &[(i64, u64, u64)], recipients, expected: &str| {
            let verdict = match judge(&limits, &sent(hours), now, recipients) {
                Verdict::Fine => "fine".to_owned(),
                Verdict::Hold(why) => why,
                Verdict::Refuse => "refused".to_owned(),
            };
            assert!(verdict.contains(expected), "{hours:?} + {recipients}: {verdict}");
        };
        check(&[], 1, "fine");
        check(&[], 20, "fine");
        check(&[], 21, "21 recipients in an hour, and in the busiest hour");
        check(&[(0, 9, 9)], 1, "fine");
        check(&[(0, 10, 10)], 1, "11 messages in an hour, and the limit is 10");
        check(&[(1, 10, 10)], 1, "fine");
        // A month's habit is no jump; yesterday's flood is none.
        check(&[(300, 1, 30)], 90, "fine");
        check(&[(300, 1, 30)], 91, "91 recipients in an hour, and in the busiest hour");
        check(&[(23, 1, 90)], 30, "30 recipients in an hour, and in the busiest hour");
        check(&[(300, 1, 90), (0, 1, 90)], 11, "101 recipients in an hour, and the limit");
        check(&[(1, 10, 1), (2, 20, 1), (23, 20, 1)], 1, "51 messages in a day");
        check(&[(1, 10, 1), (2, 20, 1), (24, 20, 1)], 1, "fine");
        check(&[(3, 1, 395)], 6, "401 recipients in a day");
        // Enough is held: but one message alone, however large, is held.
        check(&[], 5000, "the limit is 100");
        check(&[(0, 19, 19)], 1, "20 messages in an hour");
        check(&[(0, 20, 20)], 1, "refused");
        check(&[(0, 1, 200)], 1, "refused");
    }

    #[test]
    fn nothing_is_a_limit_of_zero() {
        let none = Sending {
            messages_per_hour: 0,
            recipients_per_hour: 0,
            messages_per_day: 0,
            recipients_per_day: 0,
            jump_factor: 0,
            jump_from: 1,
        };
        assert!(is_unlimited(&none) && is_unlimited(&Sending::default()));
        assert!(!is_unlimited(&Sending { jump_factor: 1, ..none.clone() }));
        let hours = sent(&[(0, 1_000_000, 1_000_000)]);
        let now = Timestamp::from_secs(HOUR * 3600);
        assert_eq!(judge(&none, &hours, now, 1_000_000), Verdict::Fine);
    }
}
