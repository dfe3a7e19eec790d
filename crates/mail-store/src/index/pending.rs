//! What follows a commit: files to remove, folders to rename, names that are behind.

use mail_types::{FlagSet, MailboxId, MailboxName, Timestamp};

use super::Look;
use crate::{
    StoreError, UidSet,
    mailbox::{flags_from, keywords_text},
    naming::file,
};

/// A file or folder that is to go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Doomed {
    /// Its row's; none of one that has no row yet.
    number: Option<i64>,
    /// Below the account's folder.
    pub(crate) path: String,
    /// What is known of a message, which may be kept for a while.
    pub(crate) message: Option<Removed>,
}

/// A message that was removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Removed {
    /// From where.
    pub(crate) mailbox: MailboxId,
    pub(crate) at: Timestamp,
    /// Those of that moment, whatever its name says.
    pub(crate) flags: FlagSet,
}

impl Doomed {
    /// A folder.
    pub(crate) fn folder(path: &str) -> Self {
        Self { number: None, path: path.to_owned(), message: None }
    }
}

/// What tells a message's file from all others, whatever its name says of flags and wherever in the
/// mailbox's folder it is; none for what is no message.
pub(crate) fn identity(path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once('/')?;
    let (dir, place) = folder.rsplit_once('/').unwrap_or(("", folder));
    let (base, _) = file::split(name)?;
    matches!(place, "new" | "cur").then(|| identity_of(dir, base))
}

/// The same for the folder and the base.
pub(crate) fn identity_of(dir: &str, base: &str) -> String {
    format!("{dir}/{base}")
}

/// What is to go, in the order in which it was removed.
pub(crate) async fn doomed(look: &mut Look) -> Result<Vec<Doomed>, StoreError> {
    type Columns = (i64, String, Option<i64>, i64, i64, String);
    let failed = look.failed("read what is to go");
    let rows: Vec<Columns> = sqlx::query_as(
        "select number, path, mailbox, removed_at, flags, keywords from doomed order by number",
    )
    .fetch_all(look.db()?)
    .await
    .map_err(failed)?;
    let doomed = |(number, path, mailbox, at, flags, keywords): Columns| {
        let message = mailbox.map(|mailbox| Removed {
            mailbox: MailboxId(mailbox),
            at: Timestamp::from_millis(at),
            flags: flags_from(flags, &keywords),
        });
        Doomed { number: Some(number), path, message }
    };
    Ok(rows.into_iter().map(doomed).collect())
}

/// Adds what is to go.
pub(crate) async fn doom(look: &mut Look, doomed: &[Doomed]) -> Result<(), StoreError> {
    let failed = look.failed("write what is to go");
    for Doomed { path, message, .. } in doomed {
        let flags = message.as_ref().map(|message| &message.flags);
        sqlx::query(
            "insert into doomed (path, mailbox, removed_at, flags, keywords)
             values (?, ?, ?, ?, ?)",
        )
        .bind(path)
        .bind(message.as_ref().map(|message| message.mailbox.0))
        .bind(message.as_ref().map_or(0, |message| message.at.millis()))
        .bind(flags.map_or(0, |flags| i64::from(flags.system_bits())))
        .bind(flags.map(keywords_text).unwrap_or_default())
        .execute(look.db()?)
        .await
        .map_err(&failed)?;
    }
    Ok(())
}

/// Adds the files of messages of a range, which are removed at this time. `$1` is the mailbox, `$2` and
/// `$3` the range, `$4` the time.
pub(super) const DOOM_MESSAGES: &str = "
    insert into doomed (path, mailbox, removed_at, flags, keywords)
    select b.dir || iif(b.dir = '', '', '/') || iif(m.place = 0, 'new/', 'cur/') || m.base || m.info,
        m.mailbox, $4, m.flags, m.keywords
    from mailboxes b cross join messages m
    where b.id = $1 and m.mailbox = $1 and m.uid between $2 and $3 order by m.uid";

/// Adds the files of messages that are removed at this time.
pub(crate) async fn doom_messages(
    look: &mut Look,
    mailbox: MailboxId,
    uids: &UidSet,
    now: Timestamp,
) -> Result<(), StoreError> {
    let failed = look.failed("write what is to go");
    for range in uids.ranges() {
        sqlx::query(DOOM_MESSAGES)
            .bind(mailbox.0)
            .bind(i64::from(range.start().number()))
            .bind(i64::from(range.end().number()))
            .bind(now.millis())
            .execute(look.db()?)
            .await
            .map_err(&failed)?;
    }
    Ok(())
}

/// These are gone.
pub(crate) async fn gone(look: &mut Look, gone: &[Doomed]) -> Result<(), StoreError> {
    let failed = look.failed("write what is gone");
    let numbers: Vec<_> = gone.iter().filter_map(|gone| Some(gone.number?.to_string())).collect();
    sqlx::query("delete from doomed where number in (select value from json_each(?))")
        .bind(format!("[{}]", numbers.join(",")))
        .execute(look.db()?)
        .await
        .map_err(failed)?;
    Ok(())
}

/// A mailbox's folder has another name, and with it what is to go from there.
pub(crate) async fn doomed_moved(look: &mut Look, from: &str, to: &str) -> Result<(), StoreError> {
    // INBOX has no folder of its own, and never gets another.
    if from.is_empty() {
        return Ok(());
    }
    let failed = look.failed("write where what is to go is now");
    sqlx::query(
        "update doomed set path = ?2 || substr(path, length(?1) + 1)
         where substr(path, 1, length(?1) + 1) = ?1 || '/'",
    )
    .bind(from)
    .bind(to)
    .execute(look.db()?)
    .await
    .map_err(failed)?;
    Ok(())
}

/// A folder that is to be renamed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FolderRename {
    pub(crate) mailbox: MailboxId,
    pub(crate) from: String,
    pub(crate) to: String,
    /// The mailbox's new name; none if it is to go.
    pub(crate) name: Option<MailboxName>,
}

/// Folders that are to be renamed.
pub(crate) async fn renames(look: &mut Look) -> Result<Vec<FolderRename>, StoreError> {
    let failed = look.failed("read the folders to rename");
    let rows: Vec<(i64, String, String, Option<String>)> =
        sqlx::query_as("select mailbox, from_dir, to_dir, name from renames order by mailbox")
            .fetch_all(look.db()?)
            .await
            .map_err(failed)?;
    Ok(rows
        .into_iter()
        .map(|(mailbox, from, to, name)| FolderRename {
            mailbox: MailboxId(mailbox),
            from,
            to,
            name: name.and_then(|name| MailboxName::parse(&name).ok()),
        })
        .collect())
}

/// Adds folders that are to be renamed.
pub(crate) async fn plan_renames(
    look: &mut Look,
    renames: &[FolderRename],
) -> Result<(), StoreError> {
    let failed = look.failed("write the folders to rename");
    for rename in renames {
        sqlx::query("insert into renames (mailbox, from_dir, to_dir, name) values (?, ?, ?, ?)")
            .bind(rename.mailbox.0)
            .bind(&rename.from)
            .bind(&rename.to)
            .bind(rename.name.as_ref().map(MailboxName::as_str))
            .execute(look.db()?)
            .await
            .map_err(&failed)?;
    }
    Ok(())
}

/// All folders are renamed.
pub(crate) async fn renames_done(look: &mut Look) -> Result<(), StoreError> {
    let failed = look.failed("empty the folders to rename");
    sqlx::query("delete from renames").execute(look.db()?).await.map_err(failed)?;
    Ok(())
}

/// What a former process may have left to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LeftOver {
    /// Files, or what was parsed of messages.
    pub(crate) doomed: bool,
    pub(crate) renames: bool,
    pub(crate) behind: bool,
}

/// Whether there is anything left to do.
pub(crate) async fn left_over(look: &mut Look) -> Result<LeftOver, StoreError> {
    let failed = look.failed("read what is left to do");
    let (doomed, renames, behind) = sqlx::query_as(
        "select exists (select 1 from doomed) or exists (select 1 from parsed_left),
             exists (select 1 from renames), exists (select 1 from messages where behind <> 0)",
    )
    .fetch_one(look.db()?)
    .await
    .map_err(failed)?;
    Ok(LeftOver { doomed, renames, behind })
}

/// Bytes in hexadecimal, for SQLite's `unhex`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A JSON string.
pub(crate) fn json_string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c < ' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json() {
        assert_eq!(json_string("b\"\\\n가"), r#""b\"\\\u000a가""#);
        assert_eq!(hex(&[0, 255, 16]), "00ff10");
    }
}
