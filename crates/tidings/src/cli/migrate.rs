//! `tidings migrate`: what `serve` does first, alone, so that it can be watched and undone.

use std::path::PathBuf;

use tidings_engine::ports::MessageStore;

use super::{
    arguments::Data,
    assemble::{self, Extend},
    config,
    failure::Failure,
    folder,
    lock::Lock,
    logs,
    output::explain,
    stores::{self, DATABASE},
};
use crate::configuration::StoreKind;

/// Migrates under the lock of the data folder: never beneath a running server.
pub(super) fn run(data: &Data, file: Option<PathBuf>, extend: Extend<'_>) -> Result<(), Failure> {
    let configuration = config::read(&data.sources(file))?.configuration;
    let server = &configuration.server;
    if server.store == StoreKind::None {
        return Err(Failure::Usage("`server.store` is none: there is no database to migrate".to_owned()));
    }
    logs::start(&configuration.log);
    folder::ensure(&server.data)?;
    let _lock = Lock::take(&server.data)?;
    let store = stores::open(&configuration)?;
    stores::migrate_packs(&store, assemble::app(extend).migrations())?;
    // What the packs' steps wrote is in the log still: closed, the file alone has all of it.
    store.stop();
    explain(&format!("{} has this version's form", server.data.join(DATABASE).display()));
    Ok(())
}
