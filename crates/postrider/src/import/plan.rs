//! Which folders are taken over, and into which mailboxes.

use anyhow::Context as _;
use mail_types::MailboxName;

use super::{report::Report, source::Folder};

/// What the operator wants.
#[derive(Debug, Default, Clone)]
pub(crate) struct Plan {
    /// Only these folders; empty: all but those that hold again what is in others.
    pub(crate) only: Vec<String>,
    /// Folders and the mailboxes that they go to.
    pub(crate) renamed: Vec<(String, MailboxName)>,
    /// All folders go below this mailbox.
    pub(crate) below: Option<MailboxName>,
}

impl Plan {
    /// The folders that are wanted.
    pub(super) fn choose(&self, folders: Vec<Folder>, report: &mut Report) -> Vec<Folder> {
        for name in &self.only {
            if folders.iter().all(|folder| folder.name != *name) {
                report.failed.push(format!("{name}: there is no such folder"));
            }
        }
        let mut chosen = Vec::new();
        for folder in folders {
            let named = self.only.contains(&folder.name);
            if named || self.only.is_empty() && !folder.is_all {
                chosen.push(folder);
            } else if self.only.is_empty() {
                let why = "holds again what is in other folders; --only takes it";
                report.left_out.push(format!("{}: {why}", folder.name));
            }
        }
        chosen
    }

    /// The mailbox that a folder goes to; `by_use` is the account's mailbox for the same purpose.
    pub(super) fn name_for(
        &self,
        folder: &Folder,
        by_use: Option<MailboxName>,
    ) -> anyhow::Result<MailboxName> {
        let renamed = self.renamed.iter().find(|(from, _)| *from == folder.name);
        if let Some((_, to)) = renamed {
            return Ok(to.clone());
        }
        let bad = || format!("the folder {:?} cannot be a mailbox; name one: --map", folder.name);
        match &self.below {
            None => match by_use {
                Some(mailbox) => Ok(mailbox),
                None => MailboxName::parse(&folder.name).with_context(bad),
            },
            Some(below) if folder.name.eq_ignore_ascii_case("INBOX") => Ok(below.clone()),
            Some(below) => {
                MailboxName::parse(&format!("{below}/{}", folder.name)).with_context(bad)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::source::Place;

    fn folder(name: &str, is_all: bool) -> Folder {
        let place = Place::Wire(name.to_owned());
        Folder { name: name.to_owned(), special_use: None, is_all, place }
    }

    fn mailbox(name: &str) -> MailboxName {
        MailboxName::parse(name).unwrap()
    }

    #[test]
    fn folders_are_chosen() {
        let all = || vec![folder("INBOX", false), folder("All", true)];
        let mut report = Report::default();
        let names = |folders: Vec<Folder>| {
            folders.into_iter().map(|folder| folder.name).collect::<Vec<_>>()
        };
        assert_eq!(names(Plan::default().choose(all(), &mut report)), ["INBOX"]);
        assert_eq!(report.left_out.len(), 1);
        let plan = Plan { only: vec!["All".into(), "None".into()], ..Plan::default() };
        let mut report = Report::default();
        assert_eq!(names(plan.choose(all(), &mut report)), ["All"]);
        assert_eq!(report.failed, ["None: there is no such folder"]);
    }

    #[test]
    fn mailboxes_are_named() {
        let plan = Plan { renamed: vec![("Old".into(), mailbox("New"))], ..Plan::default() };
        let name = |plan: &Plan, from: &str, by_use: Option<&str>| {
            plan.name_for(&folder(from, false), by_use.map(mailbox)).unwrap().to_string()
        };
        assert_eq!(name(&plan, "Old", Some("Sent")), "New");
        assert_eq!(name(&plan, "Sent Items", Some("Sent")), "Sent");
        assert_eq!(name(&plan, "a/b", None), "a/b");
        let plan = Plan { below: Some(mailbox("Old mail")), ..Plan::default() };
        assert_eq!(name(&plan, "inbox", None), "Old mail");
        assert_eq!(name(&plan, "a", Some("Sent")), "Old mail/a");
        assert!(plan.name_for(&folder("a//b", false), None).is_err());
    }
}
