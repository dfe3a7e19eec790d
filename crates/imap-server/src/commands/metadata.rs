//! GETMETADATA and SETMETADATA (RFC 5464).

use imap_core::{
    command::MetadataCommand,
    metadata,
    response::{self, Code, Completion},
    server::Ask,
};
use mail_store::{AccountMailboxes, AnnotationChange, MailboxState, SpecialUse, StoreError};
use mail_types::{AccountId, AnnotationName, MailboxName, Right};

use crate::{
    handler::{Conversation, SignedIn, Talk},
    place::Place,
    service::Service,
    trouble,
};

/// What the mailbox is for, as LIST says it (RFC 6154 §4).
const SPECIAL_USE: &str = "/private/specialuse";

/// Entries and their values.
pub(super) type Values = Vec<(AnnotationName, Vec<u8>)>;

impl Conversation {
    pub(crate) async fn metadata(&mut self, ask: Ask<MetadataCommand>, talk: &mut Talk<'_>) {
        let done = self.metadata_command(ask.command(), talk).await;
        if done.is_ok() {
            self.note_own_metadata(ask.command());
        }
        let completion = done.unwrap_or_else(|refused| refused);
        let (session, wire) = talk.parts();
        ask.finish(session, wire, completion);
    }

    async fn metadata_command(
        &self,
        command: &MetadataCommand,
        talk: &mut Talk<'_>,
    ) -> Result<Completion, Completion> {
        let Some(signed_in) = &self.signed_in else { return Err(trouble::out_of_order()) };
        match command {
            MetadataCommand::Get { mailbox, entries, max_size, depth } => {
                let there = match mailbox {
                    Some(name) => {
                        let place = self.annotated(name).await?;
                        let (state, id) = (place.state()?, signed_in.account.id);
                        annotations(&place.mailboxes, state, place.own, id).await
                    }
                    None => signed_in.server_annotations(&self.service).await,
                };
                let there = there.map_err(|error| trouble::completion(&error))?;
                let chosen = metadata::choose(&there, entries, *max_size, *depth);
                let (session, wire) = talk.parts();
                let (out, spelling) = (&mut wire.output, session.spelling());
                response::metadata(out, mailbox.as_ref(), &chosen.values, spelling);
                let done = Completion::ok("GETMETADATA completed");
                Ok(match chosen.long {
                    Some(octets) => done.with(Code::MetadataLongEntries(octets)),
                    None => done,
                })
            }
            MetadataCommand::Set { mailbox, values } => {
                self.annotate(signed_in, mailbox.as_ref(), values).await?;
                Ok(Completion::ok("SETMETADATA completed"))
            }
        }
    }

    /// A mailbox whose annotations may be seen (RFC 5464 §3.3).
    async fn annotated(&self, name: &MailboxName) -> Result<Place, Completion> {
        let place = self.place(name).await?;
        place.allows(Right::Lookup)?;
        let one_of = [Right::Read, Right::Seen, Right::Write, Right::Insert, Right::Post];
        place.allows_any(&one_of)?;
        Ok(place)
    }

    async fn annotate(
        &self,
        signed_in: &SignedIn,
        mailbox: Option<&MailboxName>,
        values: &[(AnnotationName, Option<Vec<u8>>)],
    ) -> Result<(), Completion> {
        let is_use = |entry: &AnnotationName| entry.as_str() == SPECIAL_USE;
        let used_for = values.iter().rfind(|(entry, _)| is_use(entry));
        let used_for = used_for.map(|(_, value)| special_use(value.as_deref())).transpose()?;
        let shared = values.iter().any(|(entry, _)| !entry.is_private());
        let notes = values.iter().filter(|(entry, _)| !is_use(entry));
        let changes = notes.map(|(name, value)| {
            let (name, value) = (name.clone(), value.clone());
            AnnotationChange { name, value }
        });
        let changes: Vec<_> = changes.collect();
        if used_for.is_some() && !changes.is_empty() {
            // RFC 5464 §4.3: all of them or none; but these are kept apart, and one could fail.
            let apart = "What a mailbox is for is set by a command of its own";
            return Err(Completion::no(Code::Cannot, apart));
        }
        let limits = self.service.annotation_limits;
        let writer = signed_in.account.id;
        let done = match mailbox {
            Some(name) => {
                let place = self.annotated(name).await?;
                if shared {
                    // Who only reads leaves no notes to others.
                    place.allows(Right::Write)?;
                }
                let id = place.state()?.id;
                match used_for {
                    Some(special_use) => {
                        may_be_for(&place, special_use)?;
                        place.mailboxes.assign(&place.name, special_use).await
                    }
                    None => place.mailboxes.annotate(Some(id), writer, changes, limits).await,
                }
            }
            None if used_for.is_some() => return Err(trouble::use_attr()),
            // RFC 5464 §3.3: what all see of the server is the operator's.
            None if shared => return Err(trouble::no_permission()),
            None => signed_in.mailboxes.annotate(None, writer, changes, limits).await,
        };
        done.map_err(|error| trouble::completion(&error))
    }
}

/// What the entry says that a mailbox is for (RFC 6154 §4): one use, or none.
fn special_use(value: Option<&[u8]>) -> Result<Option<SpecialUse>, Completion> {
    let Ok(text) = str::from_utf8(value.unwrap_or_default()) else {
        return Err(trouble::use_attr());
    };
    let mut uses = text.split_ascii_whitespace().map(SpecialUse::parse);
    let Some(first) = uses.next() else { return Ok(None) };
    if first.is_some() && uses.all(|other| other == first) {
        Ok(first)
    } else {
        Err(trouble::use_attr())
    }
}

/// Whether it may be said what a mailbox is for: by its owner alone; and INBOX is for all that
/// arrives.
fn may_be_for(place: &Place, special_use: Option<SpecialUse>) -> Result<(), Completion> {
    if !place.own {
        return Err(trouble::no_permission());
    }
    if place.name.is_inbox() && special_use.is_some() {
        return Err(trouble::use_attr());
    }
    Ok(())
}

/// The annotations of a mailbox as an account sees them.
pub(super) async fn annotations(
    mailboxes: &AccountMailboxes,
    state: &MailboxState,
    own: bool,
    reader: AccountId,
) -> Result<Values, StoreError> {
    let there = mailboxes.annotations(state.id, reader).await?;
    let mut values: Values = there.into_iter().filter_map(|a| Some((a.name, a.value?))).collect();
    if let (true, Some(special_use)) = (own, state.special_use)
        && let Ok(name) = AnnotationName::parse(SPECIAL_USE)
    {
        values.push((name, special_use.as_str().as_bytes().to_vec()));
    }
    Ok(values)
}

impl SignedIn {
    /// What the account noted of the server, and what the operator tells all.
    async fn server_annotations(&self, service: &Service) -> Result<Values, StoreError> {
        let there = self.mailboxes.server_annotations().await?;
        let mut values: Values =
            there.into_iter().filter_map(|a| Some((a.name, a.value?))).collect();
        values.extend(service.told_to_all.iter().cloned());
        Ok(values)
    }
}
