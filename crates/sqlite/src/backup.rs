//! Copies of the database, made while a server runs, and put back.
//!
//! A history that goes on from a copy is another one than that which went on without it: seqs are given a second time. So who
//! opens a copy, and who puts one back, begins another epoch, of which clients are told, and leaves a gap in the commit
//! numbers. Message ids need none: they are made from the time, and are above all that were given before, as long as the
//! clock is right.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use crate::{
    migrate::Part,
    open::{self, BUSY, WRITE},
    store::SqliteStore,
};

/// Why a copy was not made, or not put back. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is something at the path already.
    #[error("{} is there already", path.display())]
    Exists {
        /// Where the copy was to be.
        path: PathBuf,
    },
    /// The folder has a database, which was not to be replaced.
    #[error("{} is there already: it was not to be replaced", path.display())]
    Occupied {
        /// The database's file.
        path: PathBuf,
    },
    /// There is no database in the folder.
    #[error("there is no database {}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Beside the file lies a log with commits that are not in the file: it is a database in use, or the half of one.
    #[error("{} has a log beside it, so it is no backup: make one of it first", path.display())]
    Live {
        /// The file.
        path: PathBuf,
    },
    /// The file is no whole database of this program's.
    #[error("{} is no backup: {what}", path.display())]
    NoBackup {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A newer version of the program wrote it.
    #[error("{} was written by a newer version: it is at migration {found}, this version knows {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its last migration.
        found: i32,
        /// The last one that this version knows.
        known: i32,
    },
    /// SQLite, or the system, refused.
    #[error("copy the database to {}", path.display())]
    Copy {
        /// The file that was written.
        path: PathBuf,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What putting a copy back did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where the database is that stood there before.
    pub kept: Option<PathBuf>,
}

impl SqliteStore {
    /// As [`backup`] of the store's folder. Blocks for as long as the database takes to be read; the store goes on meanwhile.
    ///
    /// # Errors
    /// As [`backup`].
    pub fn backup(&self, to: &Path) -> Result<(), BackupError> {
        backup(&self.shared().options.folder, to)
    }
}

/// Copies the database of a folder as of one moment, also one that another process writes to. The copy is on disk when this
/// returns, complete under its name or not there at all, readable by the owner alone, and without the space of what was
/// removed. It replaces nothing. Who opens it begins another epoch.
///
/// While it runs, the database's log is not begun anew, and grows by what is written. Secrets in other files of the data folder are not
/// in it.
///
/// # Errors
/// [`BackupError::Exists`], [`BackupError::Missing`], [`BackupError::Copy`].
pub fn backup(folder: &Path, to: &Path) -> Result<(), BackupError> {
    let from = folder.join(crate::FILE);
    if !from.exists() {
        return Err(BackupError::Missing { path: from });
    }
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists { path: to.to_owned() });
    }
    let part = beside(to, &format!(".{}.part", std::process::id()));
    let copied = copy(&from, &part).and_then(|()| Ok(give_name(&part, to)?));
    // Where it has its name by now, this is the second one.
    let _ = fs::remove_file(&part);
    copied.map_err(|source| match source.downcast_ref::<io::Error>() {
        Some(error) if error.kind() == io::ErrorKind::AlreadyExists => BackupError::Exists { path: to.to_owned() },
        _ => BackupError::Copy { path: to.to_owned(), source },
    })
}

/// Puts a backup in place of a folder's database, or where there is none, and begins another epoch. A database that is
/// replaced stays beside it, under the name that is returned. The caller sees to it that no process has the folder's database open.
///
/// A crash in the middle leaves the old database or the new one, whole.
///
/// # Errors
/// [`BackupError::Occupied`] unless `replace`; [`BackupError::Live`], [`BackupError::NoBackup`], [`BackupError::Newer`],
/// [`BackupError::Copy`].
pub fn restore(file: &Path, folder: &Path, replace: bool) -> Result<Restored, BackupError> {
    let to = folder.join(crate::FILE);
    if to.exists() && !replace {
        return Err(BackupError::Occupied { path: to });
    }
    if fs::metadata(beside(file, "-wal")).is_ok_and(|log| log.len() > 0) {
        return Err(BackupError::Live { path: file.to_owned() });
    }
    let new = beside(&to, ".restoring");
    let failed = |source| BackupError::Copy { path: to.clone(), source };
    let prepared = bring(file, folder, &new).map_err(failed).and_then(|()| renew(file, &new));
    let placed = prepared.and_then(|()| put(&new, &to).map_err(|error| failed(error.into())));
    if placed.is_err() {
        let _ = fs::remove_file(&new);
    }
    let kept = placed?;
    tracing::info!(from = %file.display(), to = %to.display(), "restored a backup: another epoch begins");
    Ok(Restored { kept })
}

/// How far commit numbers jump where another epoch begins: more than were given between any backup and its being put back.
const COMMITS: u64 = 1 << 32;

/// Begins another epoch in a database that is marked as a copy. What is none is not written to.
pub(crate) fn renew_copy(connection: &Connection) -> rusqlite::Result<()> {
    if connection.query_row("SELECT copied FROM meta", [], |row| row.get(0))? {
        begin_epoch(connection)?;
        tracing::info!("the database is a copy: another epoch begins");
    }
    Ok(())
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

fn copy(from: &Path, part: &Path) -> Result<(), Failed> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(part)?;
    // Able to write, so that a log which nobody else has open is cleared away when this closes.
    let connection = Connection::open_with_flags(from, WRITE)?;
    connection.busy_timeout(BUSY)?;
    connection.execute("VACUUM INTO ?1", [part.to_str().ok_or("the path is not UTF-8")?])?;
    drop(connection);
    let connection = Connection::open_with_flags(part, WRITE)?;
    match has_mark(&connection)? {
        true => connection.execute("UPDATE meta SET copied = 1", [])?,
        // Of a version before marks.
        false => begin_epoch(&connection)?,
    };
    connection.close().map_err(|(_, error)| error)?;
    Ok(file.sync_all()?)
}

/// Gives a file its name, which nothing has, for good.
fn give_name(part: &Path, name: &Path) -> io::Result<()> {
    match fs::hard_link(part, name) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // A file system without links.
        Err(_) => fs::rename(part, name)?,
    }
    sync_folder_of(name)
}

/// Brings a copy of the file into the folder.
fn bring(file: &Path, folder: &Path, new: &Path) -> Result<(), Failed> {
    let mut from = File::open(file)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // What a restore that was ended left.
    for ending in ["", "-wal", "-shm", "-journal"] {
        remove(&beside(new, ending))?;
    }
    let mut to = open::private_file(new)?;
    io::copy(&mut from, &mut to)?;
    Ok(to.sync_all()?)
}

/// Looks whether it is whole, and begins another epoch in it.
fn renew(file: &Path, new: &Path) -> Result<(), BackupError> {
    let no_backup =
        |what: &dyn std::fmt::Display| BackupError::NoBackup { path: file.to_owned(), what: what.to_string() };
    let looked = (|| {
        let connection = Connection::open_with_flags(new, WRITE)?;
        let part = Part::own();
        let (found, known) = (part.applied(&connection)?, part.known());
        if found > known {
            return Ok(Err(BackupError::Newer { path: file.to_owned(), found, known }));
        }
        let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if said != "ok" {
            return Ok(Err(no_backup(&said)));
        }
        begin_epoch(&connection)?;
        connection.close().map_err(|(_, error)| error)?;
        Ok(Ok(()))
    })();
    looked.unwrap_or_else(|error: rusqlite::Error| Err(no_backup(&error)))
}

fn begin_epoch(connection: &Connection) -> rusqlite::Result<usize> {
    let unmark = if has_mark(connection)? { ", copied = 0" } else { "" };
    let sql =
        format!("UPDATE meta SET epoch = lower(hex(randomblob(16))), last_commit = last_commit + {COMMITS}{unmark}");
    connection.execute(&sql, [])
}

fn has_mark(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare("SELECT 1 FROM pragma_table_info('meta') WHERE name = 'copied'")?.exists([])
}

/// Puts the new file in place, after the old one has a second name.
fn put(new: &Path, to: &Path) -> io::Result<Option<PathBuf>> {
    let kept = if to.exists() { Some(keep(to)?) } else { None };
    // A log without its database would be read into the new one.
    remove(&beside(to, "-wal"))?;
    remove(&beside(to, "-shm"))?;
    fs::rename(new, to)?;
    sync_folder_of(to)?;
    Ok(kept)
}

/// Gives the database a second name, with all that its log has.
fn keep(database: &Path) -> io::Result<PathBuf> {
    let is_free = |path: &PathBuf| !path.exists() && !beside(path, "-wal").exists();
    let kept = (1..).map(|number| beside(database, &format!(".replaced-{number}"))).find(is_free);
    let kept = kept.expect("some number is free");
    // Closing writes the log back and removes it. A database that can't be opened, which may be why it is replaced, keeps it.
    let settled = Connection::open_with_flags(database, WRITE)
        .and_then(|connection| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
    if let Err(error) = settled {
        tracing::warn!(%error, "the old database can't be opened: it is kept as it is");
    }
    let log = beside(database, "-wal");
    if log.exists() {
        fs::rename(&log, beside(&kept, "-wal"))?;
    }
    if fs::hard_link(database, &kept).is_err() {
        fs::rename(database, &kept)?;
    }
    Ok(kept)
}

/// The path with something at the end of its last name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Removes a file that may not be there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
