//! What the toy account notes of mailboxes, and to whom it opens them.

use std::collections::BTreeMap;

use conversation::Wire;
use imap_core::{
    command::{AclCommand, MetadataCommand, RightsChange},
    metadata,
    response::{self, Code, Completion, Spelling},
};
use mail_types::{AnnotationName, MailboxName, Rights};

/// The most entries of a mailbox, and the most octets of one.
const ENTRIES_MAX: usize = 4;

#[derive(Default)]
pub(crate) struct Notes {
    entries: BTreeMap<Option<MailboxName>, Vec<(AnnotationName, Vec<u8>)>>,
    grants: BTreeMap<MailboxName, Vec<(String, Rights)>>,
}

impl Notes {
    pub(crate) fn metadata(
        &mut self,
        command: &MetadataCommand,
        wire: &mut Wire,
        spelling: Spelling,
    ) -> Completion {
        match command {
            MetadataCommand::Get { mailbox, entries, max_size, depth } => {
                let none = vec![];
                let there = self.entries.get(mailbox).unwrap_or(&none);
                let chosen = metadata::choose(there, entries, *max_size, *depth);
                let out = &mut wire.output;
                response::metadata(out, mailbox.as_ref(), &chosen.values, spelling);
                let done = Completion::ok("Done");
                match chosen.long {
                    Some(octets) => done.with(Code::MetadataLongEntries(octets)),
                    None => done,
                }
            }
            MetadataCommand::Set { mailbox, values } => {
                let mut there = self.entries.get(mailbox).cloned().unwrap_or_default();
                for (name, value) in values {
                    there.retain(|(known, _)| known != name);
                    there.extend(value.clone().map(|value| (name.clone(), value)));
                }
                if there.len() > ENTRIES_MAX {
                    return Completion::no(Code::MetadataTooMany, "Too many");
                }
                self.entries.insert(mailbox.clone(), there);
                Completion::ok("Done")
            }
        }
    }

    /// The annotations of a mailbox that LIST is to tell.
    pub(crate) fn tell_listed(
        &self,
        mailbox: &MailboxName,
        entries: &[AnnotationName],
        out: &mut Vec<u8>,
        spelling: Spelling,
    ) {
        let none = vec![];
        let there = self.entries.get(&Some(mailbox.clone())).unwrap_or(&none);
        let chosen = metadata::choose(there, entries, None, Default::default());
        response::metadata(out, Some(mailbox), &chosen.values, spelling);
    }

    pub(crate) fn acl(
        &mut self,
        command: &AclCommand,
        wire: &mut Wire,
        spelling: Spelling,
    ) -> Completion {
        let out = &mut wire.output;
        let lines = self.grants.entry(command.mailbox().clone()).or_default();
        match command {
            AclCommand::Get(mailbox) => {
                let owner = ("fred".to_owned(), Rights::ALL);
                let all: Vec<_> = [owner].into_iter().chain(lines.iter().cloned()).collect();
                response::acl(out, mailbox, &all, spelling);
            }
            AclCommand::MyRights(mailbox) => {
                response::my_rights(out, mailbox, Rights::ALL, spelling);
            }
            AclCommand::ListRights { mailbox, identifier } => {
                let owner = identifier.name == "fred" && !identifier.negative;
                let required = if owner { Rights::ALL } else { Rights::NONE };
                response::list_rights(out, mailbox, &identifier.written, required, spelling);
            }
            AclCommand::Delete { identifier, .. } => {
                lines.retain(|(name, _)| *name != identifier.written);
            }
            AclCommand::Set { identifier, change, .. } => {
                let dash = if identifier.negative { "-" } else { "" };
                let name = format!("{dash}{}", identifier.name);
                let at = lines.iter().position(|(known, _)| *known == name);
                let before = at.map_or(Rights::NONE, |at| lines.remove(at).1);
                let rights = match change {
                    RightsChange::Add(more) => before.union(*more),
                    RightsChange::Remove(fewer) => before.difference(*fewer),
                    RightsChange::Replace(rights) => *rights,
                };
                lines.push((name, rights));
            }
        }
        Completion::ok("Done")
    }
}
