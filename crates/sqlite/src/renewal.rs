//! After a sync that failed with the power on: what the log holds is written anew.
//!
//! Linux counts a page as written once its sync has failed: it is read from memory as it was written, no later sync writes it,
//! and it goes with the power. SQLite goes on all the same, and would lose what is acknowledged later:
//!
//! - **of the log**: whoever opens the database next and alone reads the commit that failed as a good one, and appends behind
//!   frames that are not on the disk. After a cut the log ends there.
//! - **of the database's file**: a checkpoint that a reader holds up copies pages without a sync, and counts them as copied. If
//!   the sync at the end of a later one fails, those pages are never written again, and the log begins anew over them.
//!
//! Both are made good by one deed, before anything is acknowledged again: every connection is closed without a checkpoint, the log is
//! copied to a new file, which is synced and takes its name, and the database is opened again. Recovery then finds nothing
//! but what is on disk, and counts nothing as copied into the file; and the log holds all that was ever copied since the last
//! sync of the file that succeeded, because only after such a sync does it begin anew. The commit that failed may come to be
//! stored by it: it was answered with `unavailable`, which says that this is not known.

use std::{
    fs::{self, File},
    io,
};

use rusqlite::{Connection, config::DbConfig};

use crate::{
    backup::remove,
    open::{BUSY, WRITE, private_file},
    options::SqliteOptions,
};

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Writes the log anew, where there is one. No connection of this process's is open.
///
/// # Errors
/// Where it is not known to be on disk, or another process has the database open: what it has in shared memory would go on.
pub(crate) fn renew(options: &SqliteOptions) -> Result<(), Failed> {
    #[cfg(feature = "planted")]
    if options.planted == Some(crate::Planted::NoRenewal) {
        return Ok(());
    }
    if !has_log(options) {
        return Ok(());
    }
    // Nobody else reads or writes until it is closed.
    let _alone = alone(options)?;
    if has_log(options) {
        replace(options)?;
    }
    Ok(())
}

/// Syncs the names in the folder. SQLite does so too when it makes a log, and passes over a failure.
pub(crate) fn sync_folder(options: &SqliteOptions) -> io::Result<()> {
    #[cfg(feature = "planted")]
    if let Some(disk) = &options.disk {
        disk.sync_folder()?;
    }
    File::open(&options.folder)?.sync_all()
}

fn has_log(options: &SqliteOptions) -> bool {
    fs::metadata(options.log()).is_ok_and(|log| log.len() > 0)
}

fn alone(options: &SqliteOptions) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(options.file(), WRITE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

fn replace(options: &SqliteOptions) -> io::Result<()> {
    let log = options.log();
    let mut part = log.clone().into_os_string();
    part.push(".part");
    remove(part.as_ref())?;
    let mut new = private_file(part.as_ref())?;
    let copied = io::copy(&mut File::open(&log)?, &mut new).and_then(|_| new.sync_all());
    #[cfg(feature = "planted")]
    let copied = copied.and_then(|()| match &options.disk {
        Some(disk) => disk.replace_log(&fs::read(&part)?),
        None => Ok(()),
    });
    if let Err(error) = copied.and_then(|()| fs::rename(&part, &log)) {
        // It takes room, which may be what is missing.
        let _ = fs::remove_file(&part);
        return Err(error);
    }
    sync_folder(options)
}
