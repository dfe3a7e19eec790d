//! APPEND (RFC 3501 §6.3.11, RFC 3502 §6.3.11) and REPLACE (RFC 8508): each message goes into a file
//! as it comes.

use imap_core::{
    UidRuns,
    command::AppendHead,
    response::{Code, Completion},
    server::{AppendAbandoned, AppendComplete, AppendPiece, Ask},
};
use mail_store::{AccountMailboxes, Appended, Gathering, Incoming, StoreError, UidSet, Want};
use mail_types::{FlagSet, MailVolume, MailboxId, Right, Rights, Uid};

use crate::{
    handler::{Conversation, Talk},
    place::Place,
    selected::uid_runs,
    trouble,
};

/// Messages that are on their way into a mailbox: the last one comes just now.
pub(crate) struct Appending {
    batch: Batch,
    flags: FlagSet,
    /// It may have NULs as far as IMAP is concerned.
    binary: bool,
    /// Looks for what is not ASCII in its header, if that is not allowed.
    header: Option<HeaderScan>,
    incoming: Incoming,
}

/// Where the messages of one command go, and those that are whole.
struct Batch {
    /// The mailboxes of the account.
    mailboxes: AccountMailboxes,
    mailbox: MailboxId,
    /// What may be done there.
    rights: Rights,
    /// The message whose place it takes, for REPLACE.
    replaces: Option<Replacing>,
    whole: Gathering,
    /// Their octets, and those that the last one was announced with.
    octets: u64,
}

/// A message of the selected mailbox that is to go (RFC 8508 §3.4).
#[derive(Clone, Copy)]
struct Replacing {
    from: MailboxId,
    uid: Uid,
    octets: u64,
}

impl Conversation {
    pub(crate) async fn append_begin(&mut self, ask: Ask<AppendHead>, talk: &mut Talk<'_>) {
        let before = self.appending.take().filter(|_| ask.command().further);
        let begun = self.begin(ask.command(), ask.messages(), before).await;
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

    async fn begin(
        &self,
        head: &AppendHead,
        replaced: &UidRuns,
        before: Option<Box<Appending>>,
    ) -> Result<Appending, Completion> {
        let mut batch = match before {
            Some(before) => before.whole().await.map_err(|e| failed(&e))?,
            None => self.batch(head, replaced).await?,
        };
        // What is put together is measured when it is whole.
        batch.octets = batch.octets.saturating_add(head.size.unwrap_or(0));
        // RFC 8508 §3.4: only what is more than before counts.
        let more = match batch.replaces {
            Some(old) => {
                MailVolume { octets: batch.octets.saturating_sub(old.octets), messages: 0 }
            }
            // RFC 3502 §6.3.11: all of them or none.
            None => {
                MailVolume { octets: batch.octets, messages: batch.whole.count().saturating_add(1) }
            }
        };
        if !self.has_room(&batch.mailboxes, more).await.map_err(|e| failed(&e))? {
            return Err(Completion::no(Code::OverQuota, "The account has no room for it"));
        }
        let date = head.internal_date.unwrap_or_else(agent_kit::now);
        let incoming = batch.mailboxes.incoming(date).map_err(|e| failed(&e))?;
        // RFC 4314 §4: flags that may not be set are left out.
        let (flags, binary) = (batch.rights.permitted(&head.flags), head.binary);
        Ok(Appending { batch, flags, binary, header: None, incoming })
    }

    /// Where the first message of a command goes, and with it all of them.
    async fn batch(&self, head: &AppendHead, replaced: &UidRuns) -> Result<Batch, Completion> {
        let place = self.target(&head.mailbox).await?;
        let mailbox = place.state()?.id;
        let replaces = self.replacing(&place, replaced).await?;
        let Place { mailboxes, rights, .. } = place;
        Ok(Batch { mailboxes, mailbox, rights, replaces, whole: Gathering::default(), octets: 0 })
    }

    /// The message that a REPLACE is to remove. Who may do that has the rights for marking it and
    /// for expunging (RFC 8508 §4.1).
    async fn replacing(
        &self,
        place: &Place,
        replaced: &UidRuns,
    ) -> Result<Option<Replacing>, Completion> {
        let Some(uid) = replaced.first() else { return Ok(None) };
        let Some(selected) = &self.selected else { return Err(trouble::out_of_order()) };
        let rights = selected.rights;
        if !(rights.has(Right::DeleteMessages) && rights.has(Right::Expunge)) {
            return Err(trouble::no_permission());
        }
        if selected.mailboxes.id() != place.mailboxes.id() {
            let apart = "Both mailboxes must be of one account; append and expunge instead";
            return Err(Completion::no(Code::Cannot, apart));
        }
        let rows = selected.mailboxes.fetch(selected.id, &UidSet::from(uid), Want::Facts).await;
        match rows.map_err(|error| trouble::completion(&error))?.pop() {
            Some(row) => Ok(Some(Replacing { from: selected.id, uid, octets: row.size })),
            None => Err(trouble::expunge_issued()),
        }
    }

    pub(crate) async fn append_piece(&mut self, ask: Ask<AppendPiece>, talk: &mut Talk<'_>) {
        let written = match &mut self.appending {
            Some(appending) => appending.take(ask.octets(talk.parts().1)).await,
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
            Ok(Appended { uid_validity, uids, .. }) if ask.messages().is_empty() => {
                ask.stored(session, wire, uid_validity, uid_runs(&uids));
            }
            Ok(Appended { uid_validity, uids, .. }) => {
                ask.replaced(session, wire, uid_validity, uid_runs(&uids));
            }
            Err(completion) => ask.finish(session, wire, completion),
        }
    }

    async fn finish_append(&mut self) -> Result<Appended, Completion> {
        let Some(appending) = self.appending.take() else { return Err(trouble::out_of_order()) };
        let batch = appending.whole().await.map_err(|e| failed(&e))?;
        let rights = self.rights_now(&batch).await?;
        let Batch { mailboxes, mailbox, replaces, whole, .. } = batch;
        let limited = self.limited(&mailboxes).await;
        let work = async {
            let mut whole = whole.finish().await?;
            // RFC 4314 §4: of each message, as the rights are when it is stored.
            for message in &mut whole {
                message.flags = rights.permitted(&message.flags);
            }
            match (replaces, whole.pop()) {
                (Some(old), Some(new)) => limited.replace(old.from, old.uid, mailbox, new).await,
                (_, last) => {
                    whole.extend(last);
                    limited.append(mailbox, whole).await
                }
            }
        };
        let appended = work.await.map_err(|e| failed(&e))?;
        self.publish_totals_of(&mailboxes, appended.totals).await;
        self.note_own_arrivals(mailboxes.id(), mailbox, &uid_runs(&appended.uids));
        Ok(appended)
    }

    /// What may be done with the target once the messages have come, which may take long: another's
    /// rights can have gone meanwhile.
    async fn rights_now(&self, batch: &Batch) -> Result<Rights, Completion> {
        let Some(signed_in) = &self.signed_in else { return Err(trouble::out_of_order()) };
        let (mailboxes, id) = (&batch.mailboxes, signed_in.account.id);
        if mailboxes.id() == id {
            return Ok(batch.rights);
        }
        let rights = async |mailbox| {
            let list = mailboxes.access(mailbox).await;
            let list = list.map_err(|e| failed(&e))?;
            Ok::<_, Completion>(self.service.rights(&list, id))
        };
        let of_target = rights(batch.mailbox).await?;
        if !of_target.has(Right::Insert) {
            return Err(trouble::refusal(of_target));
        }
        if let Some(old) = batch.replaces {
            let rights = rights(old.from).await?;
            if !(rights.has(Right::DeleteMessages) && rights.has(Right::Expunge)) {
                return Err(trouble::refusal(rights));
            }
        }
        Ok(of_target)
    }

    pub(crate) fn append_abandoned(&mut self, ask: Ask<AppendAbandoned>, talk: &mut Talk<'_>) {
        self.appending = None;
        ask.forgotten(talk.parts().0);
    }
}

impl Appending {
    /// Adds octets to the message, if they may stand in it.
    pub(super) async fn take(&mut self, octets: &[u8]) -> Result<(), Completion> {
        if self.binary && octets.contains(&0) {
            // RFC 3516 §4.4: no FETCH could show it as it is, and no other tool read it.
            let nul = "Messages with NULs are not kept here; encode their parts";
            return Err(Completion::no(Code::UnknownCte, nul));
        }
        if self.header.as_mut().is_some_and(|scan| !scan.is_ascii(octets)) {
            // RFC 9755 §4.
            let utf8 = "A header in UTF-8 needs ENABLE UTF8=ACCEPT";
            return Err(Completion::no(Code::Cannot, utf8));
        }
        let written = self.incoming.write(octets).await;
        written.map_err(|error| trouble::completion(&error))
    }

    /// The last one is whole too.
    async fn whole(self) -> Result<Batch, StoreError> {
        let Self { mut batch, flags, incoming, .. } = self;
        batch.whole.add(incoming, flags).await?;
        Ok(batch)
    }
}

fn failed(error: &StoreError) -> Completion {
    match error {
        // It was there when the first message began.
        StoreError::MailboxGone(_) => trouble::try_create(),
        error => trouble::completion_with_try_create(error),
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
