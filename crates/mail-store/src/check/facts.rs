//! The small files, the marks and what was parsed, against the rows.

use std::collections::BTreeMap;

use mail_types::{Keyword, MailboxName, Timestamp, Uid};
use stable_storage::on_blocking_thread;

use super::{Finding, Trouble, files::finding};
use crate::{
    StoreError, UidSet,
    index::{
        Change, KEYWORDS_BEHIND, inspection,
        mailboxes::{self, MailboxRow},
        messages::{self, Which},
    },
    maildir::Maildir,
    naming::{file, folder},
    open_account::OpenAccount,
    records::{AccountFile, FolderFile, KeywordLog},
};

/// What `postrider-folder`, `postrider-keywords` and the numbers of a mailbox say.
pub(super) async fn of_mailbox(
    change: &mut Change,
    account: &OpenAccount,
    mailbox: &MailboxRow,
) -> Result<Vec<Finding>, StoreError> {
    let of = |trouble, uid, detail: String| finding(trouble, &mailbox.name, uid, detail);
    let mut found = Vec::new();
    let rows = messages::file_rows(change, mailbox.id, Which::In(&UidSet::all())).await?;
    let (maildir, row) = (account.maildir.clone(), mailbox.clone());
    let (told, keywords) = on_blocking_thread(move || {
        let folder = maildir.dir(&row.dir);
        let told = FolderFile::read(&maildir.files, &folder);
        Ok::<_, StoreError>((told, KeywordLog::at(&maildir.files, &folder).read()))
    })
    .await?;
    match told {
        Err(error) => found.push(of(Trouble::FactsDiffer, None, error.to_string())),
        Ok(None) => found.push(of(Trouble::FactsDiffer, None, "postrider-folder is gone".into())),
        Ok(Some(told)) => found.extend(
            differs(&told, mailbox).map(|detail| of(Trouble::FactsDiffer, None, detail.into())),
        ),
    }
    let highest = inspection::highest(change, mailbox.id).await?;
    if highest.uid >= mailbox.uid_next || mailbox.uid_next > mailbox.uids_below.max(1) + 1 {
        let detail = format!(
            "UID {} was given, the next is {}, the mark is {}",
            highest.uid, mailbox.uid_next, mailbox.uids_below
        );
        found.push(of(Trouble::MarkTooLow, None, detail));
    }
    if highest.modseq > mailbox.modseq || mailbox.modseq > mailbox.modseqs_below {
        let detail = format!(
            "modseq {} was given, the highest is {}, the mark is {}",
            highest.modseq, mailbox.modseq, mailbox.modseqs_below
        );
        found.push(of(Trouble::MarkTooLow, None, detail));
    }
    match keywords {
        Err(error) => found.push(of(Trouble::KeywordsDiffer, None, error.to_string())),
        Ok(told) => {
            let wrong = rows.iter().filter(|row| row.behind & KEYWORDS_BEHIND == 0);
            for row in wrong.filter(|row| !same(told.get(&row.uid), &row.flags)) {
                let detail = "postrider-keywords says something else".to_owned();
                found.push(of(Trouble::KeywordsDiffer, Some(row.uid), detail));
            }
        }
    }
    for uid in inspection::without_details(change, mailbox.id).await? {
        let detail = "what was parsed of it is missing".to_owned();
        found.push(of(Trouble::DetailsWrong, Some(uid), detail));
    }
    for uid in inspection::details_of_none(change, mailbox.id).await? {
        let detail = "something parsed belongs to no message".to_owned();
        found.push(of(Trouble::DetailsWrong, Some(uid), detail));
    }
    Ok(found)
}

/// What of a mailbox's own facts is not what the row says.
fn differs(told: &FolderFile, row: &MailboxRow) -> impl Iterator<Item = &'static str> {
    [
        (told.mailbox != row.id, "postrider-folder has another id"),
        (told.name != row.name, "postrider-folder has another name"),
        (told.uid_validity != row.uid_validity, "postrider-folder has another UIDVALIDITY"),
        (told.uids_below < row.uids_below, "postrider-folder has a lower mark of UIDs"),
        (told.modseqs_below < row.modseqs_below, "postrider-folder has a lower mark of modseqs"),
        (told.special_use != row.special_use, "postrider-folder has another special use"),
    ]
    .into_iter()
    .filter_map(|(differs, detail)| differs.then_some(detail))
}

/// Whether the file of keywords says those of a message, in whatever order.
fn same(told: Option<&Vec<Keyword>>, flags: &mail_types::FlagSet) -> bool {
    let sorted = |words: &[Keyword]| {
        let mut words: Vec<String> =
            words.iter().map(|word| word.as_str().to_ascii_lowercase()).collect();
        words.sort_unstable();
        words
    };
    sorted(told.map_or(&[], Vec::as_slice)) == sorted(&file::keywords_beside(flags))
}

/// What is true of the account: `postrider-account`, folders that are no mailboxes, what is left in
/// `tmp`.
pub(super) async fn of_account(
    account: &OpenAccount,
    rows: &[MailboxRow],
) -> Result<Vec<Finding>, StoreError> {
    let subscribed = mailboxes::subscriptions(&mut account.look().await?).await?;
    let (maildir, rows, now) = (account.maildir.clone(), rows.to_vec(), (account.clock)());
    on_blocking_thread(move || {
        let mut found = Vec::new();
        let mut differ =
            |detail: String| found.push(super::of_account(Trouble::FactsDiffer, detail));
        match AccountFile::read(&maildir.files, &maildir.root) {
            Err(error) => differ(error.to_string()),
            Ok(None) => differ("postrider-account is gone".into()),
            Ok(Some(told)) => {
                if rows.iter().any(|row| row.id.0 > told.last_mailbox) {
                    differ("postrider-account has a lower mailbox id".into());
                }
                if rows.iter().any(|row| row.uid_validity.number() > told.last_uid_validity) {
                    differ("postrider-account has a lower UIDVALIDITY".into());
                }
                let told: Vec<MailboxName> = told.subscribed.into_iter().collect();
                let mut subscribed = subscribed;
                subscribed.sort();
                if told != subscribed {
                    differ("postrider-account has other subscriptions".into());
                }
            }
        }
        for dir in maildir.folders()? {
            if rows.iter().all(|row| row.dir != dir) {
                let why = match folder::decode(&dir) {
                    Some(name) if rows.iter().any(|row| row.name == name) => "its name is taken",
                    Some(_) => "it is not in the index yet",
                    None => "its name is no mailbox's",
                };
                found.push(super::of_account(Trouble::FolderUnknown, format!("{dir}: {why}")));
            }
        }
        found.extend(left_in_tmp(&maildir, now)?);
        Ok(found)
    })
    .await
}

/// Files that are older than Maildir keeps them, which is 36 hours. A delivery's may come again.
fn left_in_tmp(maildir: &Maildir, now: Timestamp) -> Result<Vec<Finding>, StoreError> {
    use std::os::unix::fs::MetadataExt as _;

    let tmp = maildir.tmp();
    let names = match maildir.files.list(&tmp) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|e| StoreError::file("list", &tmp, e))?,
    };
    let mut by_name: BTreeMap<String, i64> = BTreeMap::new();
    for name in names.iter().filter_map(|name| name.to_str()) {
        if let Ok(facts) = std::fs::symlink_metadata(tmp.join(name)) {
            by_name.insert(name.to_owned(), now.secs().saturating_sub(facts.ctime()));
        }
    }
    let old = by_name.into_iter().filter(|(_, age)| *age > 36 * 3600);
    let finding = |(name, age): (String, i64)| {
        super::of_account(Trouble::LeftInTmp, format!("tmp/{name}, {} hours old", age / 3600))
    };
    Ok(old.map(finding).collect())
}

/// The UIDs of rows that have keywords, as the file of keywords should say them.
pub(super) fn keywords_of(rows: &[messages::FileRow]) -> Vec<(Uid, Vec<Keyword>)> {
    rows.iter()
        .map(|row| (row.uid, file::keywords_beside(&row.flags)))
        .filter(|(_, keywords)| !keywords.is_empty())
        .collect()
}
