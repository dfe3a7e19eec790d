//! COPY and MOVE with their UID forms (RFC 3501 §6.4.7, RFC 6851), and what UIDPLUS tells of them.

use agent_kit::Gone;
use imap_core::{
    UidRuns,
    command::{Copy, Numbering},
    response::{Code, Completion},
    server::Ask,
};
use mail_store::{AccountMailboxes, Copied, StoreError, Want};
use mail_types::{MailVolume, MailboxId, Right, Uid};

use super::copy_across::{copy_across, remove_originals};
use crate::{
    handler::{Conversation, Talk},
    notifying::Key,
    place::Place,
    selected::{Selected, uid_runs, uid_set},
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
            (Some(_), Some(selected)) => match self.copy_some(selected, &ask).await {
                Ok((copied, (account, mailbox))) => {
                    let new = uid_runs(copied.uids.iter().map(|(_, new)| new));
                    self.note_own_arrivals(account, mailbox, &new);
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

    async fn copy_some(
        &self,
        selected: &Selected,
        ask: &Ask<Copy>,
    ) -> Result<(Copied, Key), Completion> {
        let to = self.target(&ask.command().to).await?;
        let remove = ask.command().remove;
        // RFC 6851 §4.2: the rights of STORE \Deleted and of EXPUNGE.
        let may_remove =
            selected.rights.has(Right::DeleteMessages) && selected.rights.has(Right::Expunge);
        if remove && !may_remove {
            return Err(trouble::no_permission());
        }
        let same_account = to.mailboxes.id() == selected.mailboxes.id();
        if !(remove && same_account) {
            self.keep_room(selected, ask.messages(), &to).await?;
        }
        let target = self.limited(&to.mailboxes).await;
        let copied = if same_account && to.own {
            let (from, wanted, into) = (selected.id, uid_set(ask.messages()), to.state()?.id);
            let work = if remove {
                target.move_messages(from, &wanted, into)
            } else {
                target.copy(from, &wanted, into)
            };
            work.await.map_err(|error| trouble::completion_with_try_create(&error))?
        } else {
            let copied = copy_across(selected, ask.messages(), &to, &target).await?;
            if remove {
                let gone = remove_originals(&selected.mailboxes, selected.id, &copied).await;
                gone.map_err(|error| trouble::completion(&error))?;
            }
            copied
        };
        if !copied.uids.is_empty() {
            self.publish_usage_of(&to.mailboxes).await;
            if remove && !same_account {
                self.publish_usage_of(&selected.mailboxes).await;
            }
        }
        Ok((copied, (to.mailboxes.id(), to.state()?.id)))
    }

    /// Whether so much more mail has room where it is to go.
    async fn keep_room(
        &self,
        selected: &Selected,
        messages: &UidRuns,
        to: &Place,
    ) -> Result<(), Completion> {
        if !self.allotment(&to.mailboxes).await.is_limited() {
            return Ok(());
        }
        let room = async {
            let more = volume(&selected.mailboxes, selected.id, messages).await?;
            self.has_room(&to.mailboxes, more).await
        };
        match room.await {
            Ok(true) => Ok(()),
            Ok(false) => {
                let full = "The account has no room for these copies";
                Err(Completion::no(Code::OverQuota, full))
            }
            Err(error) => Err(trouble::completion(&error)),
        }
    }
}

/// How much mail these messages are.
async fn volume(
    mailboxes: &AccountMailboxes,
    mailbox: MailboxId,
    messages: &UidRuns,
) -> Result<MailVolume, StoreError> {
    let (mut rest, mut volume) = (messages.clone(), MailVolume::default());
    while !rest.is_empty() {
        let portion;
        (portion, rest) = rest.split_at(ROWS);
        let rows = mailboxes.fetch(mailbox, &uid_set(&portion), Want::Facts).await?;
        let each = rows.iter().map(|row| MailVolume { octets: row.size, messages: 1 });
        volume = each.fold(volume, MailVolume::plus);
    }
    Ok(volume)
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
    let (session, wire) = talk.parts();
    ask.moved(session, wire, &code);
    for portion in old.rchunks(PORTION) {
        let (session, wire) = talk.parts();
        ask.expunged(session, wire, &uid_runs(portion));
        talk.drain().await?;
    }
    Ok(Completion::ok("MOVE completed"))
}
