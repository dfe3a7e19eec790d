//! STATUS (RFC 3501 §6.3.10).

use imap_core::{
    command::{Status, StatusItem},
    response::{self, Completion, StatusValue},
};
use mail_store::{AccountMailboxes, MailboxState, StoreError};
use mail_types::Right;

use super::mailbox_id::mailbox_id;
use crate::{
    handler::{Conversation, Talk},
    trouble,
};

impl Conversation {
    pub(super) async fn tell_status(
        &self,
        status: &Status,
        talk: &mut Talk<'_>,
    ) -> Result<Completion, Completion> {
        let place = self.place(&status.mailbox).await?;
        let state = place.allows(Right::Read)?;
        let values = values(&place.mailboxes, &status.items, state, talk).await;
        let values = values.map_err(|error| trouble::completion(&error))?;
        let (session, wire) = talk.parts();
        response::status_line(&mut wire.output, &status.mailbox, &values, session.spelling());
        Ok(Completion::ok("STATUS completed"))
    }
}

/// The values of the items.
pub(super) async fn values(
    mailboxes: &AccountMailboxes,
    items: &[StatusItem],
    state: &MailboxState,
    talk: &mut Talk<'_>,
) -> Result<Vec<StatusValue>, StoreError> {
    let append_max = talk.parts().0.append_max();
    let deleted_octets = if state.deleted > 0 && items.contains(&StatusItem::DeletedStorage) {
        mailboxes.deleted_octets(state.id).await?
    } else {
        0
    };
    let value = |item: &StatusItem| {
        let number = match item {
            StatusItem::Messages => state.messages.into(),
            StatusItem::Recent => state.recent.into(),
            StatusItem::UidNext => state.uid_next.number().into(),
            StatusItem::UidValidity => state.uid_validity.number().into(),
            StatusItem::Unseen => state.unseen.into(),
            StatusItem::Size => state.octets,
            StatusItem::AppendLimit => append_max,
            StatusItem::HighestModSeq => state.highest_modseq.0,
            StatusItem::Deleted => state.deleted.into(),
            StatusItem::DeletedStorage => deleted_octets,
            StatusItem::MailboxId => return StatusValue::MailboxId(mailbox_id(mailboxes, state)),
        };
        StatusValue::Number(*item, number)
    };
    Ok(items.iter().map(value).collect())
}
