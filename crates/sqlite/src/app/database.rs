//! The app's file: a few connections that read it, each with a thread, behind one bounded queue.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use tidings_engine::{
    act::Value,
    clock::SharedClock,
    ports::{BoxFuture, StoreError},
};
use tokio::sync::oneshot;

use super::{
    query::{Query, QueryError, Shape, Sql},
    values::UuidForm,
};
use crate::{
    error::{is_environment, unavailable},
    open::{Limit, STEPS, identity},
};

/// Where the app's database is, and what may be asked of it.
#[derive(Clone)]
#[non_exhaustive]
pub struct AppOptions {
    /// The file. It must be there; it is never written, made or migrated.
    pub file: PathBuf,
    /// Connections, each with a thread: 4. A slow statement holds up one of them.
    pub pool: usize,
    /// Questions that may wait for a connection: 1,024. One more is refused with [`StoreError::Full`].
    pub queue: usize,
    /// How long a question may take from being asked to its answer: 2 s. What waited so long for a connection is not run any more; a
    /// statement that runs then is ended.
    pub timeout: Duration,
    /// How UUIDs stand in the app's tables: as text.
    pub uuid: UuidForm,
    /// What tells the time: for the ends of questions and of sessions.
    pub clock: SharedClock,
}

impl AppOptions {
    /// A file, with the bounds that stand at each field.
    pub fn new(file: impl Into<PathBuf>, clock: SharedClock) -> Self {
        let timeout = Duration::from_secs(2);
        Self { file: file.into(), pool: 4, queue: 1_024, timeout, uuid: UuidForm::Text, clock }
    }
}

/// What of the app's tables can't be used. The sentence names the setting that is to be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// The file does not open.
    #[error("open the app's database {}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A thread can't be had.
    #[error("start a thread that reads the app's database")]
    Thread(#[source] std::io::Error),
    /// A statement does not fit its port.
    #[error("`{setting}` {problem}")]
    Query {
        /// The setting that holds the statement.
        setting: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// The app's database, open for reading. Cheap to clone; its threads end with the last clone.
#[derive(Clone)]
pub struct AppDatabase {
    jobs: SyncSender<Job>,
    options: Arc<AppOptions>,
}

/// Gets the connection or why there is none, and says whether it still works.
type Job = Box<dyn FnOnce(&Limit, rusqlite::Result<&Connection>) -> bool + Send>;

impl AppDatabase {
    /// Opens the file and starts the threads. Blocks while a first connection reads the file's head.
    ///
    /// # Errors
    /// Where the file is not there, is no database, or no thread can be had.
    pub fn open(options: AppOptions) -> Result<Self, AppError> {
        connect(&options, &Limit::new(options.clock.clone(), options.timeout))
            .map_err(|source| AppError::Open { path: options.file.clone(), source })?;
        let options = Arc::new(options);
        let (jobs, waiting) = sync_channel(options.queue.max(1));
        let waiting = Arc::new(Mutex::new(waiting));
        for index in 0..options.pool.max(1) {
            let (options, waiting) = (options.clone(), waiting.clone());
            std::thread::Builder::new()
                .name(format!("tidings-app-{index}"))
                .spawn(move || Worker::new(options).run(&waiting))
                .map_err(AppError::Thread)?;
        }
        Ok(Self { jobs, options })
    }

    pub(super) fn options(&self) -> &AppOptions {
        &self.options
    }

    /// Prepares a statement on a connection of its own, and checks it against what its port gives and takes.
    pub(super) fn prepare(&self, sql: Sql<'_>, shape: &Shape) -> Result<Arc<Query>, AppError> {
        let limit = Limit::new(self.options.clock.clone(), self.options.timeout);
        let connection = connect(&self.options, &limit)
            .map_err(|source| AppError::Open { path: self.options.file.clone(), source })?;
        let query = Query::check(&connection, sql, shape)
            .map_err(|problem| AppError::Query { setting: sql.setting.to_owned(), problem })?;
        Ok(Arc::new(query))
    }

    /// Runs a statement and reads its rows on one of the threads. `values` are those of its shape, in their order.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        query: &Arc<Query>,
        values: Vec<Value>,
        read: impl FnOnce(&mut rusqlite::Rows<'_>) -> Result<T, QueryError> + Send + 'static,
    ) -> BoxFuture<Result<T, StoreError>> {
        let (answer, answered) = oneshot::channel();
        let (options, query) = (self.options.clone(), query.clone());
        let ends = options.clock.now().mono + options.timeout;
        let job: Job = Box::new(move |limit, connection| {
            if answer.is_closed() {
                // Nobody waits any more.
                return true;
            }
            let result = connection.map_err(QueryError::from).and_then(|connection| {
                let left = ends.saturating_sub(options.clock.now().mono);
                if left.is_zero() {
                    return Err(QueryError::Waited(options.timeout));
                }
                // A database that the app is writing is waited for, no longer than the question may take.
                connection.busy_timeout(left)?;
                limit.until(ends, || query.run(connection, &values, options.uuid, read))
            });
            let result = result.map_err(|error| error.within(options.timeout));
            let works = !matches!(&result, Err(QueryError::Sqlite(error)) if is_environment(error));
            // The caller may have gone meanwhile.
            let _ = answer.send(result.map_err(|error| tell(query.setting(), error)));
            works
        });
        let taken = self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Full,
            TrySendError::Disconnected(_) => unavailable("the threads that read the app's database have ended"),
        });
        Box::pin(async move {
            taken?;
            answered.await.unwrap_or_else(|_| Err(unavailable("the read of the app's database panicked")))
        })
    }
}

impl fmt::Debug for AppDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppDatabase").field("file", &self.options.file).finish_non_exhaustive()
    }
}

/// What a thread has. Its connection is opened by the first question, and again where it failed or the file was replaced.
struct Worker {
    options: Arc<AppOptions>,
    limit: Limit,
    connected: Option<Connected>,
}

struct Connected {
    connection: Connection,
    /// Which file it reads: one that was put in its place is opened anew.
    file: Option<(u64, u64)>,
}

impl Worker {
    fn new(options: Arc<AppOptions>) -> Self {
        let limit = Limit::new(options.clock.clone(), options.timeout);
        Self { options, limit, connected: None }
    }

    fn run(mut self, waiting: &Mutex<Receiver<Job>>) {
        loop {
            // A job that panicked was caught outside of the lock.
            let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { return };
            let limit = self.limit.clone();
            let connection = self.connection();
            // A panic drops the answer's sender, which tells the caller; the connection is not trusted any more.
            let works = catch_unwind(AssertUnwindSafe(|| job(&limit, connection))).unwrap_or(false);
            if !works {
                self.connected = None;
            }
        }
    }

    fn connection(&mut self) -> rusqlite::Result<&Connection> {
        let file = identity(&self.options.file);
        if self.connected.as_ref().is_none_or(|connected| connected.file != file) {
            let connection = connect(&self.options, &self.limit)?;
            self.connected = Some(Connected { connection, file });
        }
        Ok(&self.connected.as_ref().expect("it was opened just now").connection)
    }
}

/// Statements that a connection keeps prepared: more than there are in a configuration.
const STATEMENTS: usize = 32;

fn connect(options: &AppOptions, limit: &Limit) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&options.file, flags)?;
    connection.busy_timeout(options.timeout)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let looked = limit.clone();
    connection.progress_handler(STEPS, Some(move || looked.is_over()))?;
    // A file that is no database is noticed by its first read alone.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Names the setting, so that the log says what is to be changed.
fn tell(setting: &str, error: QueryError) -> StoreError {
    match error {
        QueryError::Sqlite(error) if is_environment(&error) => unavailable(error),
        error => StoreError::Statement { statement: setting.to_owned(), source: Box::new(error) },
    }
}
