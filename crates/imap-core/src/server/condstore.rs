//! Mod-sequences: from when on the client is told them (RFC 7162 §3.1).

use conversation::Wire;

use super::{
    Session,
    session::{Access, Selected},
};
use crate::response::{self, Code};

impl Session {
    /// Whether the client knows of mod-sequences: it is told that of each message whose flags it
    /// is told without having asked for them.
    pub fn is_condstore_aware(&self) -> bool {
        self.condstore
    }

    /// From here on, until the connection ends. If a mailbox is open, the client must hear where
    /// it stands (RFC 7162 §3.1).
    pub(super) fn enable_condstore(&mut self, wire: &mut Wire) {
        if std::mem::replace(&mut self.condstore, true) {
            return;
        }
        if let Access::Selected(selected) = &self.access {
            let Selected { mod_seq, .. } = **selected;
            let highest = Code::HighestModSeq(mod_seq);
            response::untagged_ok(&mut wire.output, &highest, "The last change");
        }
    }

    /// SELECT has come: whatever comes of it, the mailbox before is not selected any more
    /// (RFC 3501 §6.3.1), and all that follows is not of it (RFC 7162 §3.2.11).
    pub(super) fn leave_selected(&mut self, wire: &mut Wire) {
        if let Access::Selected(_) = self.access {
            response::untagged_ok(&mut wire.output, &Code::Closed, "The mailbox before is closed");
        }
        self.access = Access::Authenticated;
    }
}
