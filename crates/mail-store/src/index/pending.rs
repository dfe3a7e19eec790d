//! What follows a commit: files to remove, folders to rename, names that are behind.

use mail_types::{Keyword, MailboxId, MailboxName};

use super::Look;
use crate::{StoreError, mailbox::flags_from, naming::file};

/// A file or folder that is to go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Doomed {
    /// Below the account's folder.
    pub(crate) path: String,
    /// Where a message goes if what is removed is kept, below the folder for that.
    pub(crate) kept_as: Option<String>,
    /// Its keywords that no name tells.
    pub(crate) keywords: Vec<Keyword>,
}

impl Doomed {
    /// A folder.
    pub(crate) fn folder(path: &str) -> Self {
        Self { path: path.to_owned(), kept_as: None, keywords: Vec::new() }
    }

    /// Its keywords as the column has them.
    pub(super) fn keywords_text(&self) -> String {
        self.keywords.iter().map(Keyword::as_str).collect::<Vec<_>>().join(" ")
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

/// What is to go.
pub(crate) async fn doomed(look: &mut Look) -> Result<Vec<Doomed>, StoreError> {
    let failed = look.failed("read what is to go");
    let rows: Vec<(String, Option<String>, String)> =
        sqlx::query_as("select path, kept_as, keywords from doomed")
            .fetch_all(look.db()?)
            .await
            .map_err(failed)?;
    let doomed = |(path, kept_as, keywords): (String, Option<String>, String)| {
        let keywords = flags_from(0, &keywords).keywords().to_vec();
        Doomed { path, kept_as, keywords }
    };
    Ok(rows.into_iter().map(doomed).collect())
}

/// Adds what is to go.
pub(crate) async fn doom(look: &mut Look, doomed: &[Doomed]) -> Result<(), StoreError> {
    let failed = look.failed("write what is to go");
    let rows: Vec<String> = doomed
        .iter()
        .map(|doomed| {
            let kept_as = doomed.kept_as.as_deref().map_or_else(|| "null".into(), json_string);
            let keywords = json_string(&doomed.keywords_text());
            format!("[{},{kept_as},{keywords}]", json_string(&doomed.path))
        })
        .collect();
    sqlx::query(
        "insert into doomed (path, kept_as, keywords)
         select value ->> 0, value ->> 1, value ->> 2 from json_each(?) where true
         on conflict do nothing",
    )
    .bind(format!("[{}]", rows.join(",")))
    .execute(look.db()?)
    .await
    .map_err(failed)?;
    Ok(())
}

/// These paths are gone.
pub(crate) async fn gone(look: &mut Look, paths: &[&str]) -> Result<(), StoreError> {
    let failed = look.failed("write what is gone");
    sqlx::query("delete from doomed where path in (select value from json_each(?))")
        .bind(json_strings(paths))
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
        "update or replace doomed set path = ?2 || substr(path, length(?1) + 1)
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
    pub(crate) doomed: bool,
    pub(crate) renames: bool,
    pub(crate) behind: bool,
}

/// Whether there is anything left to do.
pub(crate) async fn left_over(look: &mut Look) -> Result<LeftOver, StoreError> {
    let failed = look.failed("read what is left to do");
    let (doomed, renames, behind) = sqlx::query_as(
        "select exists (select 1 from doomed), exists (select 1 from renames),
             exists (select 1 from messages where behind <> 0)",
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

/// A JSON list of strings.
pub(crate) fn json_strings<S: AsRef<str>>(strings: &[S]) -> String {
    let quoted: Vec<String> = strings.iter().map(|s| json_string(s.as_ref())).collect();
    format!("[{}]", quoted.join(","))
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
        assert_eq!(json_strings(&["a", "b\"\\\n가"]), r#"["a","b\"\\\u000a가"]"#);
        assert_eq!(hex(&[0, 255, 16]), "00ff10");
    }
}
