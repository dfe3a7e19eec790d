//! Which keys of mailboxes were reset, so that sessions which have such a mailbox open can tell it
//! (RFC 4467 §7). A process knows of its own resets only: others would tell nothing but that URLs are
//! authorized as before.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use mail_types::{AccountId, MailboxId};

/// Whose key it is, whose mailbox, and which.
pub(crate) type KeyOf = (AccountId, AccountId, MailboxId);

/// Resets that are remembered; beyond them some session may be told twice.
const RESETS_MAX: usize = 10_000;

/// The number of each key's last reset.
#[derive(Default)]
pub(crate) struct KeyResets {
    /// That of the last one. Nearly nobody ever resets a key, and every session asks often.
    last: AtomicU32,
    numbers: Mutex<HashMap<KeyOf, u32>>,
}

impl KeyResets {
    /// It was reset: the number of that.
    pub(crate) fn happened(&self, key: KeyOf) -> u32 {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if numbers.len() >= RESETS_MAX {
            numbers.clear();
        }
        let number = self.last.load(Ordering::Acquire).wrapping_add(1);
        numbers.insert(key, number);
        self.last.store(number, Ordering::Release);
        number
    }

    /// The number of its last one; 0 if there was none.
    pub(crate) fn of(&self, key: KeyOf) -> u32 {
        if self.last.load(Ordering::Acquire) == 0 {
            return 0;
        }
        let numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.get(&key).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reset_has_its_own_number() {
        let resets = KeyResets::default();
        let key = |number| (AccountId(1), AccountId(number), MailboxId(1));
        assert_eq!(resets.of(key(1)), 0);
        assert_eq!(
            (resets.happened(key(1)), resets.happened(key(2)), resets.happened(key(1))),
            (1, 2, 3)
        );
        assert_eq!((resets.of(key(1)), resets.of(key(2)), resets.of(key(3))), (3, 2, 0));
        for number in 10..10_i64 + i64::try_from(RESETS_MAX).unwrap() {
            resets.happened(key(number));
        }
        assert!(resets.numbers.lock().unwrap().len() <= RESETS_MAX);
        assert_eq!(resets.of(key(1)), 0);
        assert!(resets.happened(key(1)) > 10_000);
    }
}
