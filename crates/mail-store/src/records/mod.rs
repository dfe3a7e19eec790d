//! The small synced files beside the mail: what must survive the index.
//!
//! `postrider-account` and `postrider-folder` are lines of `key value`, the first of which names
//! the format, as is `postrider-unique-ids`, where mail was imported; they are replaced as a whole.
//! `postrider-keywords` is a log.

mod account_file;
mod folder_file;
mod keyword_log;
mod lines;
mod unique_ids;

pub(crate) use account_file::AccountFile;
pub(crate) use folder_file::FolderFile;
pub(crate) use keyword_log::KeywordLog;
pub(crate) use unique_ids::UniqueIdFile;
