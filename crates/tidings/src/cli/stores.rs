//! The stores in the data folder.

use std::sync::Arc;

use tidings_engine::clock::SystemClock;
use tidings_server::PackMigrations;
pub(super) use tidings_sqlite::FILE as DATABASE;
use tidings_sqlite::{OpenError, SqliteStore};

use super::{failure::Failure, folder};
use crate::configuration::Configuration;

/// Opens the database of the data folder, making and migrating it as needed. Takes no lock: a server and commands beside
/// it may have it open at once.
pub(super) fn open(configuration: &Configuration) -> Result<SqliteStore, Failure> {
    let data = &configuration.server.data;
    folder::ensure(data)?;
    SqliteStore::open(configuration.sqlite.options(data, Arc::new(SystemClock::new()))).map_err(failure)
}

/// Brings the tables of packs up to date.
pub(super) fn migrate_packs(store: &SqliteStore, packs: &[PackMigrations]) -> Result<(), Failure> {
    for pack in packs {
        let steps: Vec<_> = pack
            .migrations
            .iter()
            .map(|step| (i32::try_from(step.version).unwrap_or(i32::MAX), step.name, step.sql))
            .collect();
        store.migrate_pack(pack.pack, &steps).map_err(failure)?;
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
