//! What is told of URLs that may be read (RFC 4467).

use conversation::Wire;

use super::{Ask, Changes, Session};
use crate::{
    command::UrlCommand,
    response::{self, Code},
};

impl Ask<UrlCommand> {
    /// Tells the URLs with their proofs.
    pub fn authorized<'u>(&self, wire: &mut Wire, urls: impl IntoIterator<Item = &'u str>) {
        response::authorized_urls(&mut wire.output, urls);
    }
}

impl Ask<Changes> {
    /// The key of the selected mailbox is another one, by another session of the same account
    /// (RFC 4467 §7, RESETKEY).
    pub fn key_was_reset(&self, session: &Session, wire: &mut Wire) {
        session.say_url_mechanisms(wire);
    }
}

impl Session {
    /// RFC 4467 §8: of a mailbox that is opened too. Not where others listen (RFC 4467 §10).
    pub(super) fn say_url_mechanisms(&self, wire: &mut Wire) {
        if let Some(code) = self.url_mechanisms() {
            let text = self.language.say("How URLs are authorized");
            response::untagged_ok(&mut wire.output, &code, &text);
        }
    }

    /// The code for that, if it may be told.
    pub fn url_mechanisms(&self) -> Option<Code> {
        (self.options.sharing && self.may_send_password()).then_some(Code::UrlMech)
    }
}
