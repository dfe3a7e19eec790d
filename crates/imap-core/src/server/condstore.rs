//! Mod-sequences: from when on the client is told them (RFC 7162 §3.1), and what else ENABLE does.

use conversation::Wire;
use mail_types::Uid;

use super::{Session, session::Access};
use crate::{
    command::Enable,
    order::Verb,
    parse::Dialect,
    response::{self, Code, Completion, Condition, FetchResponse, Spelling},
};

impl Session {
    /// Whether the client knows of mod-sequences: it is told that of each message whose flags it
    /// is told without having asked for them.
    pub fn is_condstore_aware(&self) -> bool {
        self.enabled.condstore
    }

    /// Whether the client wants to hear of what goes as UIDs (RFC 7162 §3.2.3).
    pub fn is_qresync_aware(&self) -> bool {
        self.enabled.qresync
    }

    /// ENABLE: what is known is turned on and told, the rest passed over (RFC 5161 §3.1).
    pub(super) fn enable(&mut self, wire: &mut Wire, mut wanted: Enable) {
        wanted.utf8_accept &= self.options.utf8_accept;
        wanted.uid_only &= self.options.uid_only;
        let out = &mut wire.output;
        out.extend_from_slice(b"* ENABLED");
        for (name, is_wanted) in [
            ("CONDSTORE", wanted.condstore),
            ("QRESYNC", wanted.qresync),
            ("IMAP4rev2", wanted.imap4rev2),
            ("UTF8=ACCEPT", wanted.utf8_accept),
            ("UIDONLY", wanted.uid_only),
        ] {
            if is_wanted {
                out.extend_from_slice(format!(" {name}").as_bytes());
            }
        }
        out.extend_from_slice(b"\r\n");
        self.enabled.qresync |= wanted.qresync;
        self.enabled.imap4rev2 |= wanted.imap4rev2;
        self.enabled.utf8_accept |= wanted.utf8_accept;
        self.enabled.uid_only |= wanted.uid_only;
        if wanted.uid_only {
            self.give_up_numbered_contexts(wire);
        }
    }

    /// Whether the client speaks IMAP4rev2: `\Recent` and UNSEEN are gone, searches are told in
    /// ESEARCH, SELECT tells what LIST would, and names are UTF-8 (RFC 9051 Appendix E).
    pub fn is_rev2(&self) -> bool {
        self.enabled.imap4rev2
    }

    /// How mailbox names are spelled to this client.
    pub fn spelling(&self) -> Spelling {
        if self.takes_utf8() { Spelling::Utf8 } else { Spelling::Utf7 }
    }

    /// Whether the client has said that it takes UTF-8.
    fn takes_utf8(&self) -> bool {
        self.enabled.imap4rev2 || self.enabled.utf8_accept
    }

    /// Whether the header of a message that the client appends must be ASCII: there is a way to say
    /// that it is not, and the client has not gone it (RFC 9755 §4).
    pub fn wants_ascii_header(&self) -> bool {
        self.options.utf8_accept && !self.takes_utf8()
    }

    /// Whether what goes is told as UIDs: to who keeps a cache, and to who has no sequence numbers
    /// (RFC 7162 §3.2.10, RFC 9586 §3.4).
    pub(super) fn hears_of_uids(&self) -> bool {
        self.enabled.qresync || self.enabled.uid_only
    }

    /// Begins the response for a message as the client names it; none if it does not know of it.
    pub fn begin_fetch(&self, out: &mut Vec<u8>, uid: Uid) -> Option<FetchResponse> {
        let number = self.view()?.sequence_number(uid)?;
        let response = if self.enabled.uid_only {
            FetchResponse::begin_by_uid(out, uid)
        } else {
            FetchResponse::begin(out, number)
        };
        Some(response.for_rev2(self.enabled.imap4rev2))
    }

    /// Whether the client is told that a message is `\Recent`.
    pub fn is_recent(&self, uid: Uid) -> bool {
        !self.enabled.imap4rev2 && self.view().is_some_and(|view| view.is_recent(uid))
    }

    /// The grammar that the client uses.
    pub(super) fn dialect(&self) -> Dialect {
        Dialect {
            utf8_names: self.takes_utf8(),
            rev2: self.enabled.imap4rev2,
            utf8_only: self.enabled.utf8_accept,
            uid_only: self.enabled.uid_only,
            message_limit: self.options.message_limit.of_all().is_some(),
        }
    }

    /// From here on, until the connection ends. If a mailbox is open, the client must hear where
    /// it stands (RFC 7162 §3.1).
    pub(super) fn enable_condstore(&mut self, wire: &mut Wire) {
        if std::mem::replace(&mut self.enabled.condstore, true) {
            return;
        }
        if let Access::Selected(selected) = &self.access {
            let mod_seq = selected.mod_seq;
            let highest = Code::HighestModSeq(mod_seq);
            response::untagged_ok(
                &mut wire.output,
                &highest,
                &self.language.say("The last change"),
            );
        }
    }

    /// After messages went by its doing, the client that keeps a cache hears where the mailbox
    /// stands now (RFC 7162 §3.2.7, §3.2.9; RFC 6851 §4.4; RFC 8508 §4.5): all before it was told by then.
    pub(super) fn add_highest_mod_seq(&self, verb: Verb, completion: &mut Completion) {
        if let Access::Selected(selected) = &self.access
            && self.tells_highest_mod_seq(verb)
            && completion.condition == Condition::Ok
            && completion.code.is_none()
        {
            completion.code = Some(Code::HighestModSeq(selected.mod_seq));
        }
    }

    pub(super) fn tells_highest_mod_seq(&self, verb: Verb) -> bool {
        let removes = matches!(
            verb,
            Verb::Expunge
                | Verb::UidExpunge
                | Verb::Move
                | Verb::UidMove
                | Verb::Replace
                | Verb::UidReplace
        );
        self.enabled.qresync && removes
    }

    /// SELECT has come: whatever comes of it, the mailbox before is not selected any more
    /// (RFC 3501 §6.3.1), and all that follows is not of it (RFC 7162 §3.2.11).
    pub(super) fn leave_selected(&mut self, wire: &mut Wire) {
        if let Access::Selected(_) = self.access {
            let text = self.language.say("The mailbox before is closed");
            response::untagged_ok(&mut wire.output, &Code::Closed, &text);
        }
        self.access = Access::Authenticated;
    }
}
