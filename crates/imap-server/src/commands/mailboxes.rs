//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, LIST, LSUB and STATUS
//! (RFC 3501 §6.3.3 to §6.3.10, RFC 5258, RFC 5819, RFC 6154).

use agent_kit::Gone;
use imap_core::{
    command::{List, MailboxCommand, SpecialUse, Status, StatusItem},
    listing::{self, Listed},
    response::{self, Code, Completion, StatusValue},
    server::Ask,
};
use mail_store::{AccountMailboxes, ListedMailbox, MailboxState, StoreError};
use mail_types::MailboxName;

use super::mailbox_id::mailbox_id;
use crate::{
    handler::{Conversation, Talk},
    trouble,
};

impl Conversation {
    pub(crate) async fn mailboxes(
        &mut self,
        ask: Ask<MailboxCommand>,
        talk: &mut Talk<'_>,
    ) -> Result<(), Gone> {
        let completion = match &self.signed_in {
            Some(signed_in) => {
                let mailboxes = &signed_in.mailboxes;
                let done = match ask.command() {
                    MailboxCommand::List(list) => tell_list(mailboxes, list, talk).await?,
                    MailboxCommand::Lsub { reference, pattern } => {
                        tell_lsub(mailboxes, reference, pattern, talk).await?
                    }
                    MailboxCommand::Status(status) => tell_status(mailboxes, status, talk).await,
                    change => make(mailboxes, change).await,
                };
                if done.is_ok() && matches!(ask.command(), MailboxCommand::Delete(_)) {
                    self.publish_usage().await;
                }
                done.unwrap_or_else(|error| trouble::completion(&error))
            }
            None => trouble::out_of_order(),
        };
        let (session, wire) = talk.parts();
        ask.finish(session, wire, completion);
        Ok(())
    }
}

/// The commands that change which mailboxes there are.
async fn make(
    mailboxes: &AccountMailboxes,
    command: &MailboxCommand,
) -> Result<Completion, StoreError> {
    match command {
        MailboxCommand::Create { name, special_uses } => {
            let special_use = match special_uses.as_slice() {
                [only] => stored_use(*only),
                _ => None,
            };
            if special_use.is_none() && !special_uses.is_empty() {
                // RFC 6154 §3: then none is made.
                let use_attr = "A mailbox has one use of Archive, Drafts, Junk, Sent, Trash";
                return Ok(Completion::no(Code::UseAttr, use_attr));
            }
            let made = mailboxes.create(name, special_use).await?;
            let id = Code::MailboxId(mailbox_id(mailboxes, &made));
            Ok(Completion::ok("CREATE completed").with(id))
        }
        MailboxCommand::Delete(name) => {
            mailboxes.delete(name).await?;
            Ok(Completion::ok("DELETE completed"))
        }
        MailboxCommand::Rename { from, to } => {
            mailboxes.rename(from, to).await?;
            Ok(Completion::ok("RENAME completed"))
        }
        MailboxCommand::Subscribe(name) => {
            mailboxes.subscribe(name, true).await?;
            Ok(Completion::ok("SUBSCRIBE completed"))
        }
        MailboxCommand::Unsubscribe(name) => {
            mailboxes.subscribe(name, false).await?;
            Ok(Completion::ok("UNSUBSCRIBE completed"))
        }
        MailboxCommand::List(_) | MailboxCommand::Lsub { .. } | MailboxCommand::Status(_) => {
            Ok(trouble::out_of_order())
        }
    }
}

async fn tell_list(
    mailboxes: &AccountMailboxes,
    list: &List,
    talk: &mut Talk<'_>,
) -> Result<Result<Completion, StoreError>, Gone> {
    let names = match names(mailboxes).await {
        Ok(names) => names,
        Err(error) => return Ok(Err(error)),
    };
    let states = if list.returns.status.is_empty() {
        Vec::new()
    } else {
        match mailboxes.states().await {
            Ok(states) => states,
            Err(error) => return Ok(Err(error)),
        }
    };
    for line in listing::list(&names, list) {
        let (session, wire) = talk.parts();
        let spelling = session.spelling();
        response::list_line(&mut wire.output, &line.line, spelling);
        let state = states.iter().find(|state| Some(&state.name) == line.status);
        if let Some(state) = state {
            match values(mailboxes, &list.returns.status, state, talk).await {
                Ok(values) => {
                    let out = &mut talk.parts().1.output;
                    response::status_line(out, &state.name, &values, spelling);
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        talk.drain().await?;
    }
    Ok(Ok(Completion::ok("LIST completed")))
}

async fn tell_lsub(
    mailboxes: &AccountMailboxes,
    reference: &str,
    pattern: &str,
    talk: &mut Talk<'_>,
) -> Result<Result<Completion, StoreError>, Gone> {
    let names = match names(mailboxes).await {
        Ok(names) => names,
        Err(error) => return Ok(Err(error)),
    };
    for line in listing::lsub(&names, reference, pattern) {
        let (session, wire) = talk.parts();
        response::lsub_line(&mut wire.output, &line, session.spelling());
        talk.drain().await?;
    }
    Ok(Ok(Completion::ok("LSUB completed")))
}

async fn tell_status(
    mailboxes: &AccountMailboxes,
    status: &Status,
    talk: &mut Talk<'_>,
) -> Result<Completion, StoreError> {
    let state = mailboxes.mailbox(&status.mailbox).await?;
    let values = values(mailboxes, &status.items, &state, talk).await?;
    let (session, wire) = talk.parts();
    response::status_line(&mut wire.output, &status.mailbox, &values, session.spelling());
    Ok(Completion::ok("STATUS completed"))
}

async fn values(
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

/// The attributes that LIST has for a mailbox, for SELECT (RFC 9051 §6.3.2).
pub(super) async fn attributes(
    mailboxes: &AccountMailboxes,
    name: &MailboxName,
) -> Result<Vec<&'static str>, StoreError> {
    let all = List { patterns: vec!["*".to_owned()], extended: true, ..List::default() };
    let names = names(mailboxes).await?;
    let line = listing::list(&names, &all).into_iter().find(|line| line.line.name == name.as_str());
    Ok(line.map(|line| line.line.attributes).unwrap_or_default())
}

async fn names(mailboxes: &AccountMailboxes) -> Result<Vec<Listed>, StoreError> {
    Ok(mailboxes.list().await?.into_iter().map(listed).collect())
}

fn listed(mailbox: ListedMailbox) -> Listed {
    Listed {
        name: mailbox.name,
        exists: mailbox.id.is_some(),
        subscribed: mailbox.subscribed,
        special_use: mailbox.special_use.map(special_use),
    }
}

/// The use as the store has it, if it has one.
fn stored_use(special_use: SpecialUse) -> Option<mail_store::SpecialUse> {
    mail_store::SpecialUse::parse(special_use.as_str())
}

fn special_use(special_use: mail_store::SpecialUse) -> SpecialUse {
    match special_use {
        mail_store::SpecialUse::Archive => SpecialUse::Archive,
        mail_store::SpecialUse::Drafts => SpecialUse::Drafts,
        mail_store::SpecialUse::Junk => SpecialUse::Junk,
        mail_store::SpecialUse::Sent => SpecialUse::Sent,
        mail_store::SpecialUse::Trash => SpecialUse::Trash,
    }
}
