//! What can be wrong with a database.

use std::{io, path::PathBuf};

/// Why a database could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It could not be opened.
    #[error("cannot open the database {}", path.display())]
    Open {
        /// Its file.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// It could not be opened to write.
    #[error("cannot open the database {} to write", path.display())]
    OpenToWrite {
        /// Its file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// It is not there.
    #[error("the database {} does not exist; run `postrider migrate`", path.display())]
    Missing {
        /// Its file.
        path: PathBuf,
    },
    /// Its tables are older than this program's.
    #[error(
        "the database {} has schema {found}, this program needs {known}: run `postrider migrate`",
        path.display()
    )]
    SchemaOlder {
        /// Its file.
        path: PathBuf,
        /// The schema version found.
        found: usize,
        /// The one that this program knows.
        known: usize,
    },
    /// Its tables are newer than this program's.
    #[error(
        "the database {} has schema {found}, newer than this program's {known}: \
         install the newer program",
        path.display()
    )]
    SchemaNewer {
        /// Its file.
        path: PathBuf,
        /// The schema version found.
        found: usize,
        /// The one that this program knows.
        known: usize,
    },
    /// A migration failed; nothing of it was kept.
    #[error("migration {name} of {} failed", path.display())]
    Migration {
        /// The database's file.
        path: PathBuf,
        /// The migration.
        name: &'static str,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A file beside the database (a lock, the new copy) could not be used.
    #[error("cannot {doing} {}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A statement failed.
    #[error("a statement failed")]
    Statement(#[from] sqlx::Error),
    /// A statement of the writer failed.
    #[error("a statement failed")]
    Write(#[from] rusqlite::Error),
    /// A flush has failed, and what it was for could not be made durable otherwise yet.
    #[error("nothing can be made durable since a flush has failed")]
    NotDurable,
    /// The writer has ended.
    #[error("the writer has stopped")]
    Stopped,
}

impl DatabaseError {
    /// The same failure of a flush, for another one who waited for it.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::File { doing, path, source } => {
                let source = io::Error::new(source.kind(), source.to_string());
                Self::File { doing, path: path.clone(), source }
            }
            _ => Self::NotDurable,
        }
    }

    /// Whether the disk is full: the one trouble that an operator solves by himself.
    pub fn is_disk_full(&self) -> bool {
        // SQLITE_FULL, and SQLITE_IOERR_SHMSIZE: no room for the file that shows who reads.
        const CODES: [i32; 2] = [13, 4874];
        match self {
            Self::Open { source, .. }
            | Self::Migration { source, .. }
            | Self::Statement(source) => {
                let code = source.as_database_error().and_then(|error| error.code()?.parse().ok());
                code.is_some_and(|code| CODES.contains(&code))
            }
            Self::OpenToWrite { source, .. } | Self::Write(source) => {
                matches!(source, rusqlite::Error::SqliteFailure(error, _)
                    if CODES.contains(&error.extended_code))
            }
            Self::File { source, .. } => source.kind() == io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}
