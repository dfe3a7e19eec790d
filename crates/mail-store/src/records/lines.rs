//! Lines of `key value`.

use std::path::Path;

use stable_storage::Files;

use crate::StoreError;

/// The format that this program writes and reads.
const FORMAT: &str = "1";

/// Reads `path` if it is there, calls `take` with each key and value. Its first line must be the
/// format's name and number. A line that `take` does not understand is told by its number: errors go
/// to the log, and there are secret keys in such files.
pub(super) fn read(
    files: &Files,
    path: &Path,
    format: &str,
    mut take: impl FnMut(&str, &str) -> Option<()>,
) -> Result<bool, StoreError> {
    let content = files.read(path).map_err(|e| StoreError::file("read", path, e))?;
    let Some(content) = content else { return Ok(false) };
    let unreadable = |reason: String| StoreError::Unreadable { path: path.to_owned(), reason };
    let content = String::from_utf8(content).map_err(|_| unreadable("it is no text".into()))?;
    let mut lines = content.lines();
    if lines.next() != Some(&format!("{format} {FORMAT}")) {
        return Err(unreadable(format!("it does not start with {format} {FORMAT}")));
    }
    for (number, line) in (2_u64..).zip(lines) {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        take(key, value).ok_or_else(|| unreadable(format!("line {number} is not understood")))?;
    }
    Ok(true)
}

/// Replaces `path`; durable when this returns.
pub(super) fn write(
    files: &Files,
    path: &Path,
    format: &str,
    lines: impl IntoIterator<Item = (&'static str, String)>,
) -> Result<(), StoreError> {
    let mut content = format!("{format} {FORMAT}\n");
    for (key, value) in lines {
        content.push_str(&format!("{key} {value}\n"));
    }
    files.replace(path, content.as_bytes()).map_err(|e| StoreError::file("replace", path, e))
}
