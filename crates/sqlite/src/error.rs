//! What goes wrong with a database, and whose fault it is.

use std::path::PathBuf;

use rusqlite::{ErrorCode, ffi};
use tidings_engine::ports::StoreError;

/// Why a store did not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder or file can't be made or read.
    #[error("open {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A newer version of the program wrote it. Nothing was changed.
    #[error("{} was written by a newer version: {part} is at migration {found}, this version knows {known}", path.display())]
    Newer {
        /// The database's file.
        path: PathBuf,
        /// `tidings`, or the pack whose tables they are.
        part: String,
        /// The database's last migration.
        found: i32,
        /// The last one that this version knows.
        known: i32,
    },
    /// It would have to be migrated, which [`SqliteOptions::migrate`](crate::SqliteOptions::migrate) forbids. Nothing was changed.
    #[error("{} was written by an older version: {part} is at migration {found}, this version needs {known}", path.display())]
    Older {
        /// The database's file.
        path: PathBuf,
        /// `tidings`, or the pack whose tables they are.
        part: String,
        /// The database's last migration; 0 in a new one.
        found: i32,
        /// The one that this version needs.
        known: i32,
    },
    /// The copy that is made before a migration failed. Nothing was changed.
    #[error("copy the database to {} before it is migrated", path.display())]
    Copy {
        /// Where to.
        path: PathBuf,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A migration failed and was undone.
    #[error("migrate the tables of {part}")]
    Migrate {
        /// `tidings`, or the pack whose tables they are.
        part: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// SQLite refused.
    #[error("open the database {}", path.display())]
    Database {
        /// The database's file.
        path: PathBuf,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file system can't hold a write-ahead log (a network share, mostly), without which an acknowledgement would
    /// promise too much.
    #[error("{} lies where SQLite's write-ahead log does not work: it offers {mode:?}", path.display())]
    NoWal {
        /// The database's file.
        path: PathBuf,
        /// The journal mode instead.
        mode: String,
    },
    /// What [`migrate_pack`](crate::SqliteStore::migrate_pack) was given makes no sense.
    #[error("the migrations of a pack: {0}")]
    Pack(String),
    /// The store was stopped, or too much waits.
    #[error("the store takes no work")]
    Store(#[source] StoreError),
}

/// The store as a whole does not answer now: the reason is in a cause.
pub(crate) fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable(error.into())
}

/// Something is stored that this version can't read.
pub(crate) fn corrupt(what: impl Into<String>) -> StoreError {
    StoreError::Corrupt { what: what.into() }
}

/// The store was stopped.
#[derive(Debug, thiserror::Error)]
#[error("the store was stopped")]
pub(crate) struct Stopped;

/// A sync failed, in a migration or in a checkpoint.
#[derive(Debug, thiserror::Error)]
#[error("a sync of the disk failed")]
pub(crate) struct FailedSync;

/// Whether a sync failed with the power on. Linux then takes for written what it could not write.
pub(crate) fn is_failed_sync(error: &(dyn std::error::Error + 'static)) -> bool {
    let failed = |error: &rusqlite::Error| {
        error
            .sqlite_error()
            .is_some_and(|error| [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC].contains(&error.extended_code))
    };
    std::iter::successors(Some(error), |error| error.source())
        .any(|error| error.is::<FailedSync>() || error.downcast_ref().is_some_and(failed))
}

/// Whether an error is the database's or the disk's, and would meet any other statement too.
pub(crate) fn is_environment(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::OutOfMemory
                | ErrorCode::NotADatabase
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::NoLargeFileSupport
        )
    )
}
