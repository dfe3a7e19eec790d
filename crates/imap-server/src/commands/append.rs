//! APPEND (RFC 3501 §6.3.11): the message goes into a file as it comes.

use imap_core::{
    command::AppendHead,
    response::{Code, Completion},
    server::{AppendAbandoned, AppendComplete, AppendPiece, Ask},
};
use mail_store::{Incoming, NewMessage, StoreError};
use mail_types::{FlagSet, MailboxId, Uid, UidValidity};

use crate::{
    handler::{Conversation, Talk},
    trouble,
};

/// A message that is on its way into a mailbox.
pub(crate) struct Appending {
    mailbox: MailboxId,
    flags: FlagSet,
    /// It may have NULs as far as IMAP is concerned.
    binary: bool,
    /// Looks for what is not ASCII in its header, if that is not allowed.
    header: Option<HeaderScan>,
    incoming: Incoming,
}

impl Conversation {
    pub(crate) async fn append_begin(&mut self, ask: Ask<AppendHead>, talk: &mut Talk<'_>) {
        let begun = self.begin(ask.command()).await;
        let (session, wire) = talk.parts();
        let header = session.wants_ascii_header().then(HeaderScan::default);
        match begun {
            Ok(mut appending) => {
                appending.header = header;
                self.appending = Some(Box::new(appending));
                ask.accept(session, wire);
            }
            Err(completion) => ask.refuse(session, wire, completion),
        }
    }

    async fn begin(&self, head: &AppendHead) -> Result<Appending, Completion> {
        let Some(signed_in) = &self.signed_in else { return Err(trouble::out_of_order()) };
        let date = head.internal_date.unwrap_or_else(agent_kit::now);
        let work = async {
            let mailbox = signed_in.mailboxes.mailbox(&head.mailbox).await?.id;
            if signed_in.is_over_quota_with(head.size).await? {
                return Ok(Err(Completion::no(Code::OverQuota, "The account has no room for it")));
            }
            let incoming = signed_in.mailboxes.incoming(date)?;
            let (flags, binary) = (head.flags.clone(), head.binary);
            Ok(Ok(Appending { mailbox, flags, binary, header: None, incoming }))
        };
        work.await
            .unwrap_or_else(|error: StoreError| Err(trouble::completion_with_try_create(&error)))
    }

    pub(crate) async fn append_piece(&mut self, ask: Ask<AppendPiece>, talk: &mut Talk<'_>) {
        let written = match &mut self.appending {
            Some(appending) => {
                let octets = ask.octets(talk.parts().1);
                if appending.binary && octets.contains(&0) {
                    // RFC 3516 §4.4: no FETCH could show it as it is, and no other tool read it.
                    let nul = "Messages with NULs are not kept here; encode their parts";
                    Err(Completion::no(Code::UnknownCte, nul))
                } else if appending.header.as_mut().is_some_and(|scan| !scan.is_ascii(octets)) {
                    // RFC 9755 §4.
                    let utf8 = "A header in UTF-8 needs ENABLE UTF8=ACCEPT";
                    Err(Completion::no(Code::Cannot, utf8))
                } else {
                    let written = appending.incoming.write(octets).await;
                    written.map_err(|error| trouble::completion(&error))
                }
            }
            None => Err(trouble::out_of_order()),
        };
        let (session, wire) = talk.parts();
        match written {
            Ok(()) => ask.taken(session, wire),
            Err(completion) => {
                self.appending = None;
                ask.refuse(session, wire, completion);
            }
        }
    }

    pub(crate) async fn append_complete(&mut self, ask: Ask<AppendComplete>, talk: &mut Talk<'_>) {
        let stored = self.finish_append().await;
        let (session, wire) = talk.parts();
        match stored {
            Ok((validity, uid)) => ask.stored(session, wire, validity, uid),
            Err(completion) => ask.finish(session, wire, completion),
        }
    }

    async fn finish_append(&mut self) -> Result<(UidValidity, Uid), Completion> {
        let (Some(signed_in), Some(appending)) = (&self.signed_in, self.appending.take()) else {
            return Err(trouble::out_of_order());
        };
        let Appending { mailbox, flags, incoming, .. } = *appending;
        let work = async {
            let written = incoming.finish().await?;
            let message = NewMessage { written, flags };
            signed_in.mailboxes.append(mailbox, vec![message]).await
        };
        let appended = work.await.map_err(|error| trouble::completion_with_try_create(&error))?;
        self.publish_usage().await;
        match appended.uids.first() {
            Some(uid) => Ok((appended.uid_validity, *uid)),
            None => Err(trouble::out_of_order()),
        }
    }

    pub(crate) fn append_abandoned(&mut self, ask: Ask<AppendAbandoned>, talk: &mut Talk<'_>) {
        self.appending = None;
        ask.forgotten(talk.parts().0);
    }
}

/// Whether a header that comes by pieces is ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeaderScan {
    /// So many octets of a line have come, its end apart.
    InLine(usize),
    /// Behind the header all is allowed.
    Over,
}

impl Default for HeaderScan {
    fn default() -> Self {
        Self::InLine(0)
    }
}

impl HeaderScan {
    /// Takes the next piece.
    fn is_ascii(&mut self, piece: &[u8]) -> bool {
        for octet in piece {
            *self = match (*self, octet) {
                (Self::Over, _) | (Self::InLine(0), b'\n') => {
                    *self = Self::Over;
                    return true;
                }
                (Self::InLine(_), b'\n') => Self::InLine(0),
                (state, b'\r') => state,
                (Self::InLine(_), 128..) => return false,
                (Self::InLine(length), _) => Self::InLine(length.saturating_add(1)),
            };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_are_ascii() {
        let check = |message: &str, expected| {
            for size in [1, 2, 5, message.len().max(1)] {
                let mut scan = HeaderScan::default();
                let all = message.as_bytes().chunks(size).all(|piece| scan.is_ascii(piece));
                assert_eq!(all, expected, "{message:?} by {size}");
            }
        };
        check("", true);
        check("Subject: x\r\n\r\né", true);
        check("Subject: x\n\né", true);
        check("\r\né", true);
        check("Subject: é\r\n\r\nx", false);
        check("Subject: x\r\nTo: é", false);
    }
}
