//! Whether the index and the files of an account agree, and what is done if they don't.
//!
//! Checking changes nothing. It looks at each mailbox under the account's lock, so that no change of
//! ours is taken for damage; what has to be read whole is read without it. Mending removes no mail:
//! what can't be read is set aside in `postrider-set-aside`, and whatever lies in a mailbox's folder
//! is a message of it afterwards.

mod content;
mod facts;
mod files;
mod mend;

use std::fmt;

use mail_types::{MailboxName, Uid};

pub use mend::Mended;
pub(crate) use mend::mend;

use crate::{
    StoreError,
    changes::rename,
    index::{counters, inspection, mailboxes},
    open_account::OpenAccount,
};

/// Where files go that can't be read, below the account's folder.
pub(crate) const SET_ASIDE: &str = "postrider-set-aside";

/// Something that is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What it is.
    pub trouble: Trouble,
    /// The mailbox, unless it is about the account.
    pub mailbox: Option<MailboxName>,
    /// The message, if it is one that has a UID.
    pub uid: Option<Uid>,
    /// What is found, for a person.
    pub detail: String,
}

/// Kinds of trouble.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Trouble {
    /// The database says that it is damaged.
    IndexDamaged,
    /// A message of the index has no file.
    FileMissing,
    /// A file is in no index.
    FileUnknown,
    /// A name says other flags than the last one that was written: another tool was there.
    NameDiffers,
    /// A name says another UID or size than the index.
    NameWrong,
    /// A file has another size, or another content, than the index says.
    ContentDiffers,
    /// A file's time is not the message's date.
    DateDiffers,
    /// A file can't be read.
    Unreadable,
    /// A counter is wrong.
    CounterWrong,
    /// A number that was given lies beyond its mark.
    MarkTooLow,
    /// One of the small files is missing or says something else.
    FactsDiffer,
    /// The file of keywords says something else.
    KeywordsDiffer,
    /// What was parsed of a message is missing, or is of a message that is gone.
    DetailsWrong,
    /// A folder can't be a mailbox.
    FolderUnknown,
    /// Something has been left in `tmp` that nobody will come back for.
    LeftInTmp,
}

impl Trouble {
    /// A word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IndexDamaged => "index-damaged",
            Self::FileMissing => "file-missing",
            Self::FileUnknown => "file-unknown",
            Self::NameDiffers => "name-differs",
            Self::NameWrong => "name-wrong",
            Self::ContentDiffers => "content-differs",
            Self::DateDiffers => "date-differs",
            Self::Unreadable => "unreadable",
            Self::CounterWrong => "counter-wrong",
            Self::MarkTooLow => "mark-too-low",
            Self::FactsDiffer => "facts-differ",
            Self::KeywordsDiffer => "keywords-differ",
            Self::DetailsWrong => "details-wrong",
            Self::FolderUnknown => "folder-unknown",
            Self::LeftInTmp => "left-in-tmp",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with an account; `deep` reads every message as well.
pub(crate) async fn check(account: &OpenAccount, deep: bool) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    let mut change = account.change().await?;
    rename::finish(&mut change, &account.maildir).await?;
    change.commit().await?;
    let mut look = account.look().await?;
    for line in inspection::damage(&mut look).await? {
        found.push(of_account(Trouble::IndexDamaged, line));
    }
    let rows = mailboxes::all(&mut look).await?;
    drop(look);
    for row in &rows {
        // One at a time: whoever delivers waits for one mailbox at most.
        let mut change = account.change().await?;
        match mailboxes::by_id(&mut change, row.id).await {
            Err(StoreError::MailboxGone(_)) => {}
            other => {
                let row = other?;
                found.extend(files::check(&mut change, account, &row).await?);
                found.extend(facts::of_mailbox(&mut change, account, &row).await?);
            }
        }
        change.undo().await?;
    }
    found.extend(facts::of_account(account, &rows).await?);
    let mut look = account.look().await?;
    for (id, kept, counted) in counters::kept_and_true(&mut look).await? {
        if kept != counted {
            let name = rows.iter().find(|row| row.id == id).map(|row| row.name.clone());
            let detail = format!("counted {counted}, kept {kept}");
            found.push(Finding {
                trouble: Trouble::CounterWrong,
                mailbox: name,
                uid: None,
                detail,
            });
        }
    }
    drop(look);
    if deep {
        for row in &rows {
            found.extend(content::check(account, row).await?);
        }
    }
    Ok(found)
}

fn of_account(trouble: Trouble, detail: impl Into<String>) -> Finding {
    Finding { trouble, mailbox: None, uid: None, detail: detail.into() }
}
