//! The list of names: mailboxes, and names that exist for another reason.

use std::collections::BTreeMap;

use mail_types::MailboxName;

use crate::{ListedMailbox, index::mailboxes::MailboxRow};

/// All names, sorted.
pub(crate) fn list(mailboxes: &[MailboxRow], subscribed: &[MailboxName]) -> Vec<ListedMailbox> {
    let mut listed: BTreeMap<MailboxName, ListedMailbox> = BTreeMap::new();
    for mailbox in mailboxes {
        let line = entry(&mut listed, &mailbox.name);
        (line.id, line.special_use) = (Some(mailbox.id), mailbox.special_use);
        let mut name = mailbox.name.clone();
        while let Some(above) = name.parent() {
            entry(&mut listed, &above).has_children = true;
            name = above;
        }
    }
    for name in subscribed {
        entry(&mut listed, name).subscribed = true;
    }
    listed.into_values().collect()
}

fn entry<'a>(
    listed: &'a mut BTreeMap<MailboxName, ListedMailbox>,
    name: &MailboxName,
) -> &'a mut ListedMailbox {
    listed.entry(name.clone()).or_insert_with(|| ListedMailbox {
        name: name.clone(),
        id: None,
        special_use: None,
        subscribed: false,
        has_children: false,
    })
}
