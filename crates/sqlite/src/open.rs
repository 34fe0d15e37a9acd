//! Opening the database's file: its rights, its pragmas, what it says of itself.

use std::{
    ffi::c_int,
    fs::{File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig, hooks::Wal};
use tidings_engine::clock::SharedClock;

use crate::{
    backup::renew_copy,
    error::{OpenError, is_failed_sync},
    migrate::Part,
    options::SqliteOptions,
    renewal,
};

/// How long a statement waits for another process that holds the database: an operator's shell, a backup.
pub(crate) const BUSY: Duration = Duration::from_secs(1);

/// Bytes of log that stay on disk after a checkpoint.
const LOG_BYTES: u32 = 64 << 20;

/// KiB of pages that the writer keeps: the inner pages of every index, and more. 2 to 32 MiB cost the same; a larger cache
/// also costs a walk through it after each commit that split a page.
const WRITER_CACHE_KIB: i32 = 8 << 10;

/// KiB of pages that each reader keeps.
const READER_CACHE_KIB: i32 = 4 << 10;

/// Prepared statements that a connection keeps. The least used is prepared again when needed.
const STATEMENTS: usize = 256;

/// SQLite's steps between two looks at the clock: about a millisecond's work.
pub(crate) const STEPS: i32 = 50_000;

/// What a database says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Meta {
    pub(crate) epoch: Arc<str>,
    pub(crate) node: u16,
    pub(crate) last_commit: u64,
    pub(crate) last_id: Option<i64>,
}

/// The time at which the running statement of a connection ends, if there is one.
#[derive(Clone)]
pub(crate) struct Limit {
    /// Milliseconds of the monotonic clock; 0 where nothing is limited.
    ends: Arc<AtomicU64>,
    clock: SharedClock,
    each: Duration,
}

/// A connection with its limit.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    pub(crate) limit: Limit,
    sync_failed: SyncFailed,
    #[cfg(feature = "planted")]
    pub(crate) planted: Option<crate::Planted>,
}

/// Whether a sync has failed in a connection: from then on it copies nothing out of the log, not even when it closes. See
/// [`renewal`].
#[derive(Clone, Default)]
struct SyncFailed(Arc<AtomicBool>);

impl SyncFailed {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn note(&self, error: &(dyn std::error::Error + 'static)) {
        self.0.fetch_or(is_failed_sync(error), Ordering::Relaxed);
    }

    /// What a commit does when the log is long: it copies what it can. Another failure than that of a sync leaves the log longer,
    /// and the next commit tries again.
    fn checkpoint(&self, log: &mut Wal) {
        if !self.is_set()
            && let Err(error) = log.checkpoint()
        {
            self.note(&error);
        }
    }
}

impl Opened {
    /// Notes what went wrong in the connection, and says whether a sync has failed in it, now or in a checkpoint before.
    pub(crate) fn has_failed_sync(&self, error: Option<&(dyn std::error::Error + 'static)>) -> bool {
        error.into_iter().for_each(|error| self.sync_failed.note(error));
        self.sync_failed.is_set()
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if self.sync_failed.is_set() {
            // It can only fail where there is no such setting.
            let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }
}

impl Limit {
    /// No statement runs longer than `each`, by this clock.
    pub(crate) fn new(clock: SharedClock, each: Duration) -> Self {
        Self { ends: Arc::default(), clock, each }
    }

    /// Runs one statement of somebody else's.
    pub(crate) fn around<T>(&self, statement: impl FnOnce() -> T) -> T {
        self.until(self.clock.now().mono + self.each, statement)
    }

    /// Runs one statement that ends at a moment.
    pub(crate) fn until<T>(&self, ends: Duration, statement: impl FnOnce() -> T) -> T {
        self.ends.store((ends.as_millis() as u64).max(1), Ordering::Relaxed);
        let result = statement();
        self.ends.store(0, Ordering::Relaxed);
        result
    }

    /// Whether the time of the running statement is over.
    pub(crate) fn is_over(&self) -> bool {
        let ends = self.ends.load(Ordering::Relaxed);
        ends != 0 && self.clock.now().mono.as_millis() as u64 >= ends
    }
}

/// Makes folder and file where they are missing, migrates, and opens the writer's connection.
pub(crate) fn first(options: &SqliteOptions) -> Result<(Opened, Meta), OpenError> {
    let file = options.file();
    prepare_file(&options.folder, &file)?;
    if let Err(error) = renewal::renew(options) {
        // Without a failed sync, which nothing tells of, all of it is on disk already.
        tracing::warn!(error = &*error, "the log that the last run left was not written anew");
    }
    let refused = |source: rusqlite::Error| OpenError::Database { path: file.clone(), source: source.into() };
    let mut connection = Connection::open_with_flags(&file, WRITE).map_err(refused)?;
    connection.busy_timeout(BUSY).map_err(refused)?;
    // Copied when it closes, and then whole: see `renewal`.
    connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(refused)?;
    Part::own().migrate(&mut connection, &file, options.migrate)?;
    write_ahead(&connection, &file)?;
    drop(connection);
    let opened = writer(options).map_err(refused)?;
    // A power cut in the first start may leave a log beside a file that does not have the mode yet. Such a log puts its
    // connection into the mode and leaves the file as it is; with that connection the log went, and with it the mode.
    write_ahead(&opened.connection, &file)?;
    renewal::sync_folder(options).map_err(|source| OpenError::File { path: options.folder.clone(), source })?;
    renew_copy(&opened.connection).map_err(refused)?;
    let meta = meta(&opened.connection).map_err(refused)?;
    Ok((opened, meta))
}

/// Writes the log's mode into the file; where it stands there already, nothing is written.
fn write_ahead(connection: &Connection, file: &Path) -> Result<(), OpenError> {
    let mode: rusqlite::Result<String> =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0));
    match mode {
        Ok(mode) if mode == "wal" => Ok(()),
        Ok(mode) => Err(OpenError::NoWal { path: file.to_owned(), mode }),
        Err(source) => Err(OpenError::Database { path: file.to_owned(), source: source.into() }),
    }
}

/// Opens the writer's connection to a database that was migrated.
pub(crate) fn writer(options: &SqliteOptions) -> rusqlite::Result<Opened> {
    let mut opened = open(options, WRITE, WRITER_CACHE_KIB)?;
    // The locking mode stays `normal`: `exclusive` would save the log's index in shared memory, and shut out the readers.
    // An acknowledgement promises that the commit survives a power cut; NORMAL lost one in ten.
    opened.connection.pragma_update(None, "synchronous", options.synchronous())?;
    // In place of `wal_autocheckpoint`, which passes over what fails.
    let (sync_failed, most) = (opened.sync_failed.clone(), i64::from(options.checkpoint_pages));
    opened.connection.wal_hook(Some(move |log: &mut Wal, pages: c_int| {
        if i64::from(pages) >= most {
            sync_failed.checkpoint(log);
        }
        Ok(())
    }))?;
    // What is erased is overwritten, not only unlinked. Storing messages frees nothing, so it costs them nothing.
    opened.connection.pragma_update(None, "secure_delete", true)?;
    opened.connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    Ok(opened)
}

/// Opens a reader's connection.
pub(crate) fn reader(options: &SqliteOptions) -> rusqlite::Result<Opened> {
    let opened = open(options, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX, READER_CACHE_KIB)?;
    opened.connection.pragma_update(None, "query_only", true)?;
    Ok(opened)
}

/// What the database says of itself.
pub(crate) fn meta(connection: &Connection) -> rusqlite::Result<Meta> {
    connection.query_row("SELECT epoch, node, last_commit, last_id FROM meta", [], |row| {
        Ok(Meta {
            epoch: row.get::<_, String>(0)?.into(),
            node: row.get(1)?,
            last_commit: row.get(2)?,
            last_id: row.get(3)?,
        })
    })
}

/// Which file stands at the path: another one, or none, where somebody moved the database.
pub(crate) fn identity(file: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(file).ok().map(|data| (data.dev(), data.ino()))
}

/// Makes a file that the owner alone can read, where there is none.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Neither makes the file: a database that has gone is not replaced by an empty one.
pub(crate) const WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

fn open(options: &SqliteOptions, flags: OpenFlags, cache_kib: i32) -> rusqlite::Result<Opened> {
    let mut connection = Connection::open_with_flags(options.file(), flags)?;
    connection.busy_timeout(BUSY)?;
    // Plans don't depend on bound values. Without it the planner looks at them to see whether a partial index fits, and
    // SQLite prepares such a statement again for each value: a third of the writer's time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    let limit = Limit::new(options.clock.clone(), options.statement_limit);
    let looked = limit.clone();
    connection.progress_handler(STEPS, Some(move || looked.is_over()))?;
    Ok(Opened {
        connection,
        limit,
        sync_failed: SyncFailed::default(),
        #[cfg(feature = "planted")]
        planted: options.planted,
    })
}

fn prepare_file(folder: &Path, file: &Path) -> Result<(), OpenError> {
    let made = || {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let is_new = !file.exists();
        let handle = private_file(file)?;
        if handle.metadata()?.permissions().mode() & 0o777 != 0o600 {
            handle.set_permissions(Permissions::from_mode(0o600))?;
        }
        if is_new {
            // The name must survive a power cut as well as what will be in the file.
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    made().map_err(|source| OpenError::File { path: file.to_owned(), source })
}
