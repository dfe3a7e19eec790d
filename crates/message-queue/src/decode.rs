//! Rows as values. What can't be read is not an error of the lease: it is reported and set aside,
//! and the rest goes on.

use std::{collections::HashMap, path::Path, sync::Arc};

use mail_types::{
    AccountId, Address, Lane, Malformed, QueueId, RecipientNumber, ReversePath, Timestamp,
};
use stable_storage::Files;

use crate::{
    Content, Lease, LeaseEntry, LeaseRecipient, LeaseToken,
    draft::spool_path,
    facts::{EntryFacts, RecipientFacts, VERSION},
    sql::{EntryRow, LeaseRows, RecipientRow, told},
};

/// Something that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) entry: String,
    /// The recipient, or all of the entry.
    pub(crate) recipient: Option<i64>,
    pub(crate) why: String,
    /// Whether it may be readable later: it is not known to be damaged.
    pub(crate) for_now: bool,
}

/// Why an entry can't be read.
#[derive(Debug)]
pub(crate) struct Why {
    pub(crate) text: String,
    /// As [`Unreadable`] has it.
    pub(crate) for_now: bool,
}

impl From<String> for Why {
    fn from(text: String) -> Self {
        Self { text, for_now: false }
    }
}

/// What became of rows.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    pub(crate) leases: Vec<Lease>,
    pub(crate) unreadable: Vec<Unreadable>,
    /// The recipients of what can't be read for now.
    pub(crate) later: Vec<RecipientRow>,
}

/// Makes leases of rows. Opens files: for blocking threads.
pub(crate) fn open(rows: LeaseRows, spool: &Path, files: &Files) -> Opened {
    let mut opened = Opened::default();
    let mut entries = HashMap::new();
    for row in rows.entries {
        let id = row.id.clone();
        match entry(row, spool, files) {
            Ok(entry) => drop(entries.insert(id, entry)),
            Err(Why { text: why, for_now }) => {
                let recipient = None;
                opened.unreadable.push(Unreadable { entry: id, recipient, why, for_now });
            }
        }
    }
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    let mut rows = rows.recipients;
    // Leases in the order of their turns, recipients by their numbers.
    rows.sort_by_key(|row| row.place);
    for row in rows {
        let Some(of) = entries.get(&row.entry) else {
            // Reported above; an entry that is altogether missing is not.
            match opened.unreadable.iter().find(|unreadable| unreadable.entry == row.entry) {
                Some(unreadable) if unreadable.for_now => opened.later.push(row),
                Some(_) => {}
                None => opened.unreadable.push(Unreadable {
                    entry: row.entry,
                    recipient: None,
                    why: "its entry is missing".to_owned(),
                    for_now: false,
                }),
            }
            continue;
        };
        match recipient(&row, of) {
            Ok((lane, recipient)) => {
                let place = *places.entry((row.entry, row.lane)).or_insert(opened.leases.len());
                match opened.leases.get_mut(place) {
                    Some(lease) => lease.recipients.push(recipient),
                    None => opened.leases.push(Lease {
                        token: LeaseToken(row.token),
                        home: None,
                        breaks: 0,
                        entry: of.clone(),
                        lane,
                        recipients: vec![recipient],
                    }),
                }
            }
            Err(why) => opened.unreadable.push(Unreadable {
                entry: row.entry,
                recipient: Some(row.number),
                why,
                for_now: false,
            }),
        }
    }
    for lease in &mut opened.leases {
        lease.recipients.sort_by_key(|recipient| recipient.number);
    }
    opened
}

/// Reads an entry, and opens its content.
pub(crate) fn entry(row: EntryRow, spool: &Path, files: &Files) -> Result<LeaseEntry, Why> {
    if row.version != VERSION {
        let version = row.version;
        return Err(format!("its version is {version}, this program knows {VERSION}").into());
    }
    let facts: EntryFacts =
        serde_json::from_str(&row.facts).map_err(|error| format!("its facts: {error}"))?;
    let wrong = |what: &'static str| move |why: Malformed| format!("its {what}: {why}");
    let content = match (row.file, row.octets) {
        (Some(name), _) => content_file(&spool_path(spool, &name), row.size, files)?,
        (None, Some(octets)) => Content::Bytes(octets.into()),
        (None, None) => return Err("its content is missing".to_owned().into()),
    };
    Ok(LeaseEntry {
        id: row.id.parse::<QueueId>().map_err(wrong("id"))?,
        queued_at: Timestamp::from_millis(row.queued_at),
        reverse_path: ReversePath::parse(&row.sender).map_err(wrong("reverse-path"))?,
        account: row.account.map(AccountId),
        body: facts.body().map_err(wrong("kind of body"))?,
        smtputf8: facts.smtputf8,
        ret: facts.ret(),
        handling: facts.handling().map_err(wrong("handling"))?,
        envid: facts.envid,
        origin: facts.origin,
        message_id: row.message_id,
        content,
    })
}

fn content_file(path: &Path, size: i64, files: &Files) -> Result<Content, Why> {
    // A disk that does not answer, or a process with too many files open, says nothing of the mail.
    let why = |error: std::io::Error| Why {
        for_now: error.kind() != std::io::ErrorKind::NotFound,
        text: format!("its content {}: {error}", path.display()),
    };
    let file = files.open(path).map_err(why)?;
    let len = file.metadata().map_err(why)?.len();
    if i64::try_from(len) != Ok(size) {
        return Err(format!("its content {} has {len} octets, not {size}", path.display()).into());
    }
    Ok(Content::File { file: Arc::new(file), len })
}

fn recipient(row: &RecipientRow, entry: &LeaseEntry) -> Result<(Lane, LeaseRecipient), String> {
    let facts: RecipientFacts =
        serde_json::from_str(&row.facts).map_err(|error| format!("its facts: {error}"))?;
    let wrong = |what: &'static str| move |why: Malformed| format!("its {what}: {why}");
    let own_path = facts.reverse_path().map_err(wrong("reverse-path"))?;
    let recipient = LeaseRecipient {
        number: RecipientNumber(u32::try_from(row.number).map_err(|_| "its number".to_owned())?),
        address: Address::parse(&row.address).map_err(wrong("address"))?,
        original: facts.original().map_err(wrong("original recipient"))?,
        reverse_path: own_path.unwrap_or_else(|| entry.reverse_path.clone()),
        notify: facts.notify(),
        account: facts.account(),
        file_into: facts.file_into().map_err(wrong("mailbox"))?,
        list: facts.list().map_err(wrong("list"))?,
        head: facts.head().map_err(wrong("header lines"))?,
        expanded: facts.expanded(),
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        last_problem: row.problem.clone(),
        delay_told: row.told >= told::DELAY,
        overdue_told: row.told >= told::OVERDUE,
        since: facts.not_before().unwrap_or(entry.queued_at).max(entry.queued_at),
    };
    Ok((Lane::parse(&row.lane).map_err(wrong("lane"))?, recipient))
}
