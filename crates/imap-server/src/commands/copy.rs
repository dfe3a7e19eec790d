//! COPY and MOVE with their UID forms (RFC 3501 §6.4.7, RFC 6851), and what UIDPLUS tells of them.

use agent_kit::Gone;
use imap_core::{
    UidRuns,
    command::{Copy, Numbering},
    response::{Code, Completion},
    server::Ask,
};
use mail_store::{AccountMailboxes, Copied, StoreError, Want};
use mail_types::{MailboxId, Uid};

use crate::{
    handler::{Conversation, SignedIn, Talk},
    selected::{uid_runs, uid_set},
    trouble,
};

/// Messages whose removal is told between two looks at the client's pace.
const PORTION: usize = 500;
/// Messages whose size is asked for at once.
const ROWS: u32 = 1000;

impl Conversation {
    pub(crate) async fn copy(&mut self, ask: Ask<Copy>, talk: &mut Talk<'_>) -> Result<(), Gone> {
        let read_only = talk.parts().0.is_read_only();
        let completion = match (&self.signed_in, &self.selected) {
            _ if ask.command().remove && read_only => trouble::read_only(),
            (Some(signed_in), Some(selected)) => match copy(signed_in, selected.id, &ask).await {
                Ok(copied) => {
                    if !copied.uids.is_empty() {
                        self.publish_usage().await;
                    }
                    tell(&ask, &copied, talk).await?
                }
                Err(refused) => refused,
            },
            _ => trouble::out_of_order(),
        };
        let (session, wire) = talk.parts();
        ask.finish(session, wire, completion);
        Ok(())
    }
}

async fn copy(
    signed_in: &SignedIn,
    from: MailboxId,
    ask: &Ask<Copy>,
) -> Result<Copied, Completion> {
    let (mailboxes, wanted) = (&signed_in.mailboxes, uid_set(ask.messages()));
    let work = async {
        let to = mailboxes.mailbox(&ask.command().to).await?.id;
        if ask.command().remove {
            mailboxes.move_messages(from, &wanted, to).await.map(Ok)
        } else {
            if signed_in.has_quota() {
                let octets = octets(mailboxes, from, ask.messages()).await?;
                if signed_in.is_over_quota_with(octets).await? {
                    let full = "The account has no room for these copies";
                    return Ok(Err(Completion::no(Code::OverQuota, full)));
                }
            }
            mailboxes.copy(from, &wanted, to).await.map(Ok)
        }
    };
    work.await.unwrap_or_else(|error: StoreError| Err(trouble::completion_with_try_create(&error)))
}

/// How large messages are together.
async fn octets(
    mailboxes: &AccountMailboxes,
    mailbox: MailboxId,
    messages: &UidRuns,
) -> Result<u64, StoreError> {
    let (mut rest, mut octets) = (messages.clone(), 0_u64);
    while !rest.is_empty() {
        let portion;
        (portion, rest) = rest.split_at(ROWS);
        let rows = mailboxes.fetch(mailbox, &uid_set(&portion), Want::Facts).await?;
        octets = rows.iter().fold(octets, |sum, row| sum.saturating_add(row.size));
    }
    Ok(octets)
}

/// Tells which messages became which, and of MOVE that they are gone from here.
async fn tell(ask: &Ask<Copy>, copied: &Copied, talk: &mut Talk<'_>) -> Result<Completion, Gone> {
    let wanted = usize::try_from(ask.messages().len()).unwrap_or(usize::MAX);
    if copied.uids.is_empty() {
        let missing = wanted > 0 && ask.command().numbering == Numbering::Sequence;
        let done = Completion::ok("No messages to copy");
        return Ok(if missing { trouble::expunge_issued() } else { done });
    }
    let old: Vec<Uid> = copied.uids.iter().map(|(old, _)| *old).collect();
    // Both ascend: the n-th of one set became the n-th of the other (RFC 4315 §3).
    let code = Code::CopyUid {
        validity: copied.uid_validity,
        from: uid_runs(&old),
        to: uid_runs(copied.uids.iter().map(|(_, new)| new)),
    };
    if !ask.command().remove {
        return Ok(Completion::ok("COPY completed").with(code));
    }
    ask.moved(talk.parts().1, &code);
    for portion in old.chunks(PORTION) {
        let (session, wire) = talk.parts();
        ask.expunged(session, wire, &uid_runs(portion));
        talk.drain().await?;
    }
    Ok(Completion::ok("MOVE completed"))
}
