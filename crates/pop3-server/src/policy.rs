//! What the operator wants of a maildrop: which mailbox it is, what of it is shown, what becomes of
//! what is deleted or was read, and how often it is opened.
//!
//! What is hidden keeps its place, its UID and so its unique-id: it shows again, as what it was,
//! once the setting is gone.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use config::{Config, Pop3Deleted};
use mail_store::MessageRow;
use mail_types::{AccountId, Flag, MailboxName, Timestamp};

/// The wishes for every maildrop.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// The mailbox that is the maildrop.
    pub(crate) mailbox: MailboxName,
    /// Whether DELE moves a message away and keeps it.
    pub(crate) to_trash: bool,
    hide_older_than: Option<Duration>,
    show_at_most: Option<usize>,
    keep_read_for: Option<Duration>,
}

impl Policy {
    pub(crate) fn new(config: &Config) -> Self {
        let pop3 = &config.pop3;
        let wanted = |duration: Duration| (!duration.is_zero()).then_some(duration);
        let at_most = usize::try_from(pop3.show_at_most).unwrap_or(usize::MAX);
        Self {
            mailbox: pop3.mailbox.clone(),
            to_trash: pop3.deleted == Pop3Deleted::Trash,
            hide_older_than: wanted(pop3.hide_older_than),
            show_at_most: (at_most > 0).then_some(at_most),
            keep_read_for: wanted(pop3.keep_read_for),
        }
    }

    /// Whether a message is shown, whatever the limit of their number.
    pub(crate) fn shows(&self, received: Timestamp, now: Timestamp) -> bool {
        self.hide_older_than.is_none_or(|age| received >= now.minus(age))
    }

    /// Takes away those before the newest ones that are shown.
    pub(crate) fn limit<T>(&self, oldest_first: &mut Vec<T>) {
        let too_many = oldest_first.len().saturating_sub(self.show_at_most.unwrap_or(usize::MAX));
        oldest_first.drain(..too_many);
    }

    /// Whether any message is ever removed for its age.
    pub(crate) fn expires(&self) -> bool {
        self.keep_read_for.is_some()
    }

    /// Whether a message's time is over: never one that nobody has read.
    pub(crate) fn is_over(&self, row: &MessageRow, now: Timestamp) -> bool {
        self.keep_read_for.is_some_and(|age| {
            row.flags.contains(&Flag::Seen) && row.internal_date < now.minus(age)
        })
    }

    /// As clients are told (RFC 2449 §6.7).
    pub(crate) fn expire_days(&self) -> Option<u32> {
        let days = self.keep_read_for?.as_secs() / (24 * 60 * 60);
        Some(u32::try_from(days).unwrap_or(u32::MAX))
    }
}

/// How often each account signs in: a sign-in is let through while the account has any left of a
/// minute's worth, and its delay is over.
#[derive(Debug)]
pub(crate) struct Pace {
    /// What one sign-in takes of a minute.
    share: Duration,
    /// RFC 2449 §6.5.
    delay: Duration,
    accounts: Mutex<HashMap<AccountId, Cell>>,
}

/// An account's recent past.
#[derive(Debug, Clone, Copy)]
struct Cell {
    /// When all that was taken will have come back.
    whole_again: Instant,
    last: Instant,
}

/// What is given out again and again.
const MINUTE: Duration = Duration::from_secs(60);
/// More accounts than this are not remembered: those that rest are forgotten.
const ACCOUNTS_MAX: usize = 10_000;

impl Pace {
    pub(crate) fn new(config: &Config) -> Self {
        let pop3 = &config.pop3;
        Self {
            share: MINUTE / pop3.sign_ins_per_minute.max(1),
            delay: pop3.login_delay,
            accounts: Mutex::default(),
        }
    }

    /// Whether the account may sign in now; if so, that counts.
    pub(crate) fn takes(&self, account: AccountId, now: Instant) -> bool {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= ACCOUNTS_MAX {
            let delay = self.delay;
            accounts.retain(|_, cell| cell.whole_again > now || cell.last + delay > now);
        }
        let cell = accounts.get(&account).copied();
        if cell.is_some_and(|cell| now < cell.last + self.delay) {
            return false;
        }
        let whole_again = cell.map_or(now, |cell| cell.whole_again.max(now)) + self.share;
        if whole_again > now + MINUTE {
            return false;
        }
        accounts.insert(account, Cell { whole_again, last: now });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(keys: &str) -> Pace {
        let text = format!("hostname = \"mx.example.org\"\ndata_dir = \".\"\n{keys}");
        let text = format!(
            "{text}\nsubmission.listen_tls = []\nimap.listen_tls = []\npop3.listen_tls = []\n"
        );
        Pace::new(&Config::parse(&text, std::path::Path::new("/")).unwrap())
    }

    #[test]
    fn a_minutes_worth_then_one_by_one() {
        let pace = pace("pop3.sign_ins_per_minute = 3");
        let (account, now) = (AccountId(1), Instant::now());
        for _ in 0..3 {
            assert!(pace.takes(account, now));
        }
        assert!(!pace.takes(account, now + Duration::from_secs(19)));
        assert!(pace.takes(account, now + Duration::from_secs(20)));
        assert!(!pace.takes(account, now + Duration::from_secs(20)));
        assert!(pace.takes(AccountId(2), now), "accounts don't know each other");
        assert!(pace.takes(account, now + Duration::from_secs(300)));
    }

    #[test]
    fn the_delay_counts_from_the_last_that_was_let_through() {
        let pace = pace("pop3.login_delay = \"30s\"");
        let (account, now) = (AccountId(1), Instant::now());
        assert!(pace.takes(account, now));
        assert!(!pace.takes(account, now + Duration::from_secs(29)));
        assert!(pace.takes(account, now + Duration::from_secs(30)));
    }
}
