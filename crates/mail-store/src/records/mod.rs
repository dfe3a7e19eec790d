//! The small synced files beside the mail: what must survive the index.
//!
//! `postrider-account` and `postrider-folder` are lines of `key value`, the first of which names
//! the format, as are `postrider-unique-ids`, where mail was imported, and `postrider-annotations`
//! and `postrider-access`, where there are some, and `postrider-url-keys`; they are replaced as a whole.
//! `postrider-keywords` is a log.

pub(crate) mod access_file;
mod account_file;
pub(crate) mod annotation_file;
mod folder_file;
mod keyword_log;
mod lines;
pub(crate) mod share_file;
mod unique_ids;
pub(crate) mod url_key_file;

pub(crate) use account_file::AccountFile;
pub(crate) use annotation_file::AnnotationFile;
pub(crate) use folder_file::FolderFile;
pub(crate) use keyword_log::KeywordLog;
pub(crate) use unique_ids::UniqueIdFile;
pub(crate) use url_key_file::UrlKeyFile;
