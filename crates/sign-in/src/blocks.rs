//! The blocks that stand, in memory: looked at before each judgement.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use mail_types::Timestamp;

use crate::{Block, BlockKind};

#[derive(Default)]
pub(crate) struct Blocks(RwLock<HashMap<(BlockKind, String), Timestamp>>);

impl Blocks {
    /// Takes over what stands in the table: others have begun and lifted some.
    pub(crate) fn replace(&self, blocks: Vec<Block>) {
        let blocks = blocks.into_iter().map(|block| ((block.kind, block.subject), block.until));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = blocks.collect();
    }

    /// These begin now.
    pub(crate) fn begin(&self, blocks: Vec<Block>) {
        for block in blocks {
            tracing::warn!(
                kind = block.kind.as_str(),
                subject = block.subject,
                minutes = block.until.since(block.since).as_secs() / 60,
                reason = block.reason,
                "sign-in blocked; `postrider block remove` lifts it"
            );
            let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
            all.insert((block.kind, block.subject), block.until);
        }
    }

    /// For how many minutes an address is blocked.
    pub(crate) fn of_address(&self, network: &str, now: Timestamp) -> Option<u64> {
        self.minutes(BlockKind::Address, network, now)
    }

    /// For how many minutes an account is blocked.
    pub(crate) fn of_account(&self, subject: &str, now: Timestamp) -> Option<u64> {
        self.minutes(BlockKind::Account, subject, now)
    }

    fn minutes(&self, kind: BlockKind, subject: &str, now: Timestamp) -> Option<u64> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            return None;
        }
        let until = all.get(&(kind, subject.to_owned()))?;
        let left = until.millis().saturating_sub(now.millis());
        u64::try_from(left).ok().filter(|left| *left > 0).map(|left| left.div_ceil(60_000))
    }
}
