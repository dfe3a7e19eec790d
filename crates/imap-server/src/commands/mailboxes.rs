//! CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE (RFC 3501 §6.3.3 to §6.3.7, RFC 6154), with the
//! rights that RFC 4314 §4 wants for them.

use agent_kit::Gone;
use imap_core::{
    ObjectId,
    command::{MailboxCommand, SpecialUse},
    response::{Code, Completion, OTHERS},
    server::Ask,
};
use mail_store::StoreError;
use mail_types::{MailboxName, Right};

use super::mailbox_id::mailbox_id;
use crate::{
    handler::{Conversation, SignedIn, Talk},
    place::Place,
    trouble,
};

impl Conversation {
    pub(crate) async fn mailboxes(
        &mut self,
        ask: Ask<MailboxCommand>,
        talk: &mut Talk<'_>,
    ) -> Result<(), Gone> {
        let done = match ask.command() {
            MailboxCommand::List(list) => self.tell_list(list, talk).await?,
            MailboxCommand::Lsub { reference, pattern } => {
                self.tell_lsub(reference, pattern, talk).await?
            }
            MailboxCommand::Status(status) => self.tell_status(status, talk).await,
            change => self.make(change).await,
        };
        if done.is_ok() {
            self.note_own_names(ask.command());
        }
        let completion = done.unwrap_or_else(|refused| refused);
        let (session, wire) = talk.parts();
        ask.finish(session, wire, completion);
        Ok(())
    }

    /// The commands that change which mailboxes there are.
    async fn make(&self, command: &MailboxCommand) -> Result<Completion, Completion> {
        let Some(signed_in) = &self.signed_in else { return Err(trouble::out_of_order()) };
        let failed = |error: StoreError| trouble::completion(&error);
        match command {
            MailboxCommand::Create { name, special_uses } => {
                let id = Code::MailboxId(self.create(signed_in, name, special_uses).await?);
                Ok(Completion::ok("CREATE completed").with(id))
            }
            MailboxCommand::Delete(name) => {
                let place = self.place(name).await?;
                place.allows(Right::Delete)?;
                place.mailboxes.delete(&place.name).await.map_err(failed)?;
                self.publish_usage_of(&place.mailboxes).await;
                Ok(Completion::ok("DELETE completed"))
            }
            MailboxCommand::Rename { from, to } => {
                self.rename(signed_in, from, to).await?;
                Ok(Completion::ok("RENAME completed"))
            }
            // RFC 4314 §4: whether there is such a mailbox is not asked, so no right is needed.
            MailboxCommand::Subscribe(name) => {
                signed_in.mailboxes.subscribe(name, true).await.map_err(failed)?;
                Ok(Completion::ok("SUBSCRIBE completed"))
            }
            MailboxCommand::Unsubscribe(name) => {
                signed_in.mailboxes.subscribe(name, false).await.map_err(failed)?;
                Ok(Completion::ok("UNSUBSCRIBE completed"))
            }
            MailboxCommand::List(_) | MailboxCommand::Lsub { .. } | MailboxCommand::Status(_) => {
                Err(trouble::out_of_order())
            }
        }
    }

    async fn create(
        &self,
        signed_in: &SignedIn,
        name: &MailboxName,
        special_uses: &[SpecialUse],
    ) -> Result<ObjectId, Completion> {
        let place = self.new_place(signed_in, name).await?;
        let special_use = match special_uses {
            [only] if place.own => stored_use(*only),
            _ => None,
        };
        if special_use.is_none() && !special_uses.is_empty() {
            return Err(trouble::use_attr());
        }
        let made = async {
            let above = place.above(&self.service, signed_in.account.id).await?;
            let made = place.mailboxes.create(&place.name, special_use).await?;
            match above {
                Some((above, _)) if self.service.shares() => place.inherit(&above).await?,
                _ => {}
            }
            Ok(mailbox_id(&place.mailboxes, &made))
        };
        made.await.map_err(|error: StoreError| trouble::completion(&error))
    }

    async fn rename(
        &self,
        signed_in: &SignedIn,
        from: &MailboxName,
        to: &MailboxName,
    ) -> Result<(), Completion> {
        let from = self.place(from).await?;
        from.allows(Right::Delete)?;
        let to = self.new_place(signed_in, to).await?;
        if from.mailboxes.id() != to.mailboxes.id() || (from.name.is_inbox() && !from.own) {
            let why =
                "Mailboxes stay in their account, and so does another's INBOX; copy the messages";
            return Err(Completion::no(Code::Cannot, why));
        }
        let renamed = from.mailboxes.rename(&from.name, &to.name).await;
        renamed.map_err(|error| trouble::completion(&error))
    }

    /// Where a mailbox is to be made: the right for that is asked of the nearest one above
    /// (RFC 4314 §4).
    async fn new_place(
        &self,
        signed_in: &SignedIn,
        name: &MailboxName,
    ) -> Result<Place, Completion> {
        let place = self.place(name).await?;
        if place.own {
            if self.service.shares() && name.as_str() == OTHERS {
                let taken = "This name stands for the mailboxes of others";
                return Err(Completion::no(Code::Cannot, taken));
            }
            return Ok(place);
        }
        let above = place.above(&self.service, signed_in.account.id).await;
        let rights = match above.map_err(|error| trouble::completion(&error))? {
            Some((_, rights)) => rights,
            None => return Err(trouble::no_such_mailbox()),
        };
        if rights.has(Right::Create) {
            return Ok(place);
        }
        let known = rights.has(Right::Lookup);
        Err(if known { trouble::no_permission() } else { trouble::no_such_mailbox() })
    }
}

/// The use as the store has it, if it has one.
fn stored_use(special_use: SpecialUse) -> Option<mail_store::SpecialUse> {
    mail_store::SpecialUse::parse(special_use.as_str())
}
