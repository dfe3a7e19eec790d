//! SETACL, DELETEACL, GETACL, LISTRIGHTS and MYRIGHTS (RFC 4314 §3).
//!
//! The owner of a mailbox always has all rights; what somebody else has is what is granted to the
//! account or to anyone, without what negative lines take away.

use config::ImapSharing;
use imap_core::{
    command::{AclCommand, Identifier, RightsChange},
    response::{self, Code, Completion},
    server::Ask,
};
use mail_store::{Grantee, StoreError};
use mail_types::{AccountId, MailboxId, Right, Rights};

use crate::{
    handler::{Conversation, Talk},
    place::{Place, address_of},
    trouble::{self, Failure},
};

/// The universal identity (RFC 4314 §2).
const ANYONE: &str = "anyone";

/// One of these lets somebody ask for their own (RFC 4314 §4).
const ANY: [Right; 6] =
    [Right::Lookup, Right::Read, Right::Insert, Right::Create, Right::Delete, Right::Administer];

/// Somebody to whom rights are granted.
enum Whom {
    Owner,
    Other(Grantee),
}

impl Conversation {
    pub(crate) async fn acl(&self, ask: Ask<AclCommand>, talk: &mut Talk<'_>) {
        let done = self.acl_command(ask.command(), talk).await;
        let completion = done.unwrap_or_else(|refused| refused);
        let (session, wire) = talk.parts();
        ask.finish(session, wire, completion);
    }

    async fn acl_command(
        &self,
        command: &AclCommand,
        talk: &mut Talk<'_>,
    ) -> Result<Completion, Completion> {
        if !self.service.shares() {
            return Err(Completion::no(Code::Cannot, "Mailboxes are not shared here"));
        }
        let place = self.place(command.mailbox()).await?;
        if let AclCommand::MyRights(name) = command {
            place.allows_any(&ANY)?;
            let (session, wire) = talk.parts();
            response::my_rights(&mut wire.output, name, place.rights, session.spelling());
            return Ok(Completion::ok("MYRIGHTS completed"));
        }
        let mailbox = place.allows(Right::Administer)?.id;
        match command {
            AclCommand::Set { identifier, change, .. } => {
                self.grant(&place, mailbox, identifier, *change).await?;
                Ok(Completion::ok("SETACL completed"))
            }
            AclCommand::Delete { identifier, .. } => {
                let nothing = RightsChange::Replace(Rights::NONE);
                self.grant(&place, mailbox, identifier, nothing).await?;
                Ok(Completion::ok("DELETEACL completed"))
            }
            AclCommand::Get(name) => {
                let lines = self.lines(&place, mailbox).await?;
                let (session, wire) = talk.parts();
                response::acl(&mut wire.output, name, &lines, session.spelling());
                Ok(Completion::ok("GETACL completed"))
            }
            AclCommand::ListRights { mailbox: name, identifier } => {
                let whom = self.whom(&place, identifier, false).await?;
                let required = match whom {
                    Whom::Owner if !identifier.negative => Rights::ALL,
                    _ => Rights::NONE,
                };
                let (session, wire) = talk.parts();
                let (out, spelling) = (&mut wire.output, session.spelling());
                response::list_rights(out, name, &identifier.written, required, spelling);
                Ok(Completion::ok("LISTRIGHTS completed"))
            }
            AclCommand::MyRights(_) => Err(trouble::out_of_order()),
        }
    }

    /// Changes what somebody may do.
    async fn grant(
        &self,
        place: &Place,
        mailbox: MailboxId,
        identifier: &Identifier,
        change: RightsChange,
    ) -> Result<(), Completion> {
        let whom = match self.whom(place, identifier, only_takes(change)).await? {
            Whom::Other(whom) => whom,
            // What the owner has can't be changed (RFC 4314 §2); to say so once more is no error.
            Whom::Owner if !identifier.negative && leaves_all(change) => return Ok(()),
            Whom::Owner => {
                return Err(Completion::no(Code::Cannot, "The owner always has all rights"));
            }
        };
        let change = match change {
            RightsChange::Add(rights) => mail_store::RightsChange::Add(rights),
            RightsChange::Remove(rights) => mail_store::RightsChange::Remove(rights),
            RightsChange::Replace(rights) => mail_store::RightsChange::Replace(rights),
        };
        let work = place.mailboxes.change_access(mailbox, whom, identifier.negative, change);
        work.await.map_err(|error| trouble::completion(&error))?;
        tracing::info!(owner = %place.mailboxes.id(), %mailbox, ?whom, ?change, "access changed");
        Ok(())
    }

    /// Whom an identifier means. A line for anyone can always be taken away.
    async fn whom(
        &self,
        place: &Place,
        identifier: &Identifier,
        takes: bool,
    ) -> Result<Whom, Completion> {
        if identifier.name == ANYONE {
            return match self.service.sharing {
                ImapSharing::Everyone => Ok(Whom::Other(Grantee::Anyone)),
                ImapSharing::Accounts | ImapSharing::Off if takes => {
                    Ok(Whom::Other(Grantee::Anyone))
                }
                ImapSharing::Accounts | ImapSharing::Off => {
                    let single = "Mailboxes are shared with single accounts here";
                    Err(Completion::no(Code::Cannot, single))
                }
            };
        }
        match self.service.directory.account_by_sign_in(&identifier.name).await {
            Ok(Some(account)) if account.id == place.mailboxes.id() => Ok(Whom::Owner),
            Ok(Some(account)) => Ok(Whom::Other(Grantee::Account(account.id))),
            Ok(None) => Err(Completion::no(Code::NonExistent, "There is no such account")),
            Err(error) => Err(Failure::from(error).completion()),
        }
    }

    /// The list as it is told: the owner, then the others. Accounts that are gone are left out.
    async fn lines(
        &self,
        place: &Place,
        mailbox: MailboxId,
    ) -> Result<Vec<(String, Rights)>, Completion> {
        let failed = |error: StoreError| trouble::completion(&error);
        let list = place.mailboxes.access(mailbox).await.map_err(failed)?;
        let name = |id: AccountId| async move {
            let address = address_of(&self.service, id).await;
            let address = address.map_err(|error| Failure::from(error).completion())?;
            Ok::<_, Completion>(address.map(|address| address.to_string()))
        };
        let owner = name(place.mailboxes.id()).await?;
        let mut lines: Vec<(String, Rights)> =
            owner.map(|owner| (owner, Rights::ALL)).into_iter().collect();
        for grant in list.grants() {
            let whom = match grant.to {
                Grantee::Anyone => Some(ANYONE.to_owned()),
                Grantee::Account(id) => name(id).await?,
            };
            let dash = if grant.negative { "-" } else { "" };
            lines.extend(whom.map(|whom| (format!("{dash}{whom}"), grant.rights)));
        }
        Ok(lines)
    }
}

/// Whether a line has no more by this than before.
fn only_takes(change: RightsChange) -> bool {
    match change {
        RightsChange::Add(rights) | RightsChange::Replace(rights) => rights.is_empty(),
        RightsChange::Remove(_) => true,
    }
}

/// Whether who has all rights still has them.
fn leaves_all(change: RightsChange) -> bool {
    match change {
        RightsChange::Add(_) => true,
        RightsChange::Remove(rights) => rights.is_empty(),
        RightsChange::Replace(rights) => rights == Rights::ALL,
    }
}
