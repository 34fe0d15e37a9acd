//! The stores in the data folder.

use std::sync::Arc;

use tidings_engine::clock::SystemClock;
use tidings_server::PackMigrations;
pub(super) use tidings_sqlite::FILE as DATABASE;
use tidings_sqlite::{OpenError, SqliteStore};

use super::{failure::Failure, folder, lock::Lock};
use crate::configuration::Configuration;

/// Opens the database of the data folder, making and migrating it as needed: for whoever holds the folder's lock.
pub(super) fn open(configuration: &Configuration) -> Result<SqliteStore, Failure> {
    folder::ensure(&configuration.server.data)?;
    open_as(configuration, true).map_err(failure)
}

/// Opens the database for a command that may run beside a server. Where it must be made or migrated first, that is done under
/// the folder's lock, so never beneath a server.
pub(super) fn open_beside(configuration: &Configuration) -> Result<SqliteStore, Failure> {
    folder::ensure(&configuration.server.data)?;
    match open_as(configuration, false) {
        Err(OpenError::Older { .. }) => {
            let _lock = Lock::take(&configuration.server.data)?;
            open(configuration)
        }
        opened => opened.map_err(failure),
    }
}

fn open_as(configuration: &Configuration, migrate: bool) -> Result<SqliteStore, OpenError> {
    let data = &configuration.server.data;
    let mut options = configuration.sqlite.options(data, Arc::new(SystemClock::new()));
    options.migrate = migrate;
    SqliteStore::open(options)
}

/// Brings the tables of packs up to date.
pub(super) fn migrate_packs(store: &SqliteStore, packs: &[PackMigrations]) -> Result<(), Failure> {
    for pack in packs {
        store.migrate_pack(pack.pack, &pack.sources()).map_err(failure)?;
    }
    Ok(())
}

/// A database of a newer version is a matter of which program is started: exit code 2.
fn failure(error: OpenError) -> Failure {
    match error {
        OpenError::Newer { .. } => {
            Failure::Usage(format!("{error}: start that version, or restore the copy made before the upgrade"))
        }
        error => Failure::from(error),
    }
}
