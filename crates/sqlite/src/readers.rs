//! The threads that read: each with a connection of its own, all behind one bounded queue.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use rusqlite::{Connection, ffi};
use tidings_engine::ports::{BoxFuture, StoreError};
use tokio::sync::oneshot;

use crate::{
    error::{Stopped, is_environment, unavailable},
    open::{self, Limit, Opened},
    options::SqliteOptions,
    statement::StatementError,
};

/// Why a read has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a statement failed")]
    Statement { statement: String, source: StatementError },
}

impl ReadError {
    /// Whose fault a failed statement is: the database's, or that of who brought it.
    pub(crate) fn of_statement(statement: String, source: StatementError) -> Self {
        match source {
            StatementError::Sqlite(error) if is_environment(&error) => Self::Sqlite(error),
            source => Self::Statement { statement, source },
        }
    }
}

/// The threads that read.
pub(crate) struct Readers {
    jobs: Mutex<Option<SyncSender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    connections: Vec<Slot>,
}

/// A reader's connection, locked while it reads.
type Slot = Arc<Mutex<Connected>>;

#[derive(Default)]
enum Connected {
    /// The next read opens one.
    #[default]
    Not,
    Opened(Opened),
    /// No read opens one.
    Barred,
}

/// Gets the connection or why there is none, and says whether it still works.
type Job = Box<dyn FnOnce(rusqlite::Result<&Opened>) -> bool + Send>;

impl Readers {
    /// Starts the threads. They end when this is dropped.
    pub(crate) fn start(options: &Arc<SqliteOptions>) -> std::io::Result<Self> {
        let (jobs, waiting) = sync_channel(options.queue_reads.max(1));
        let waiting = Arc::new(Mutex::new(waiting));
        let connections: Vec<_> = (0..options.readers.max(1)).map(|_| Slot::default()).collect();
        let thread = |(index, slot): (usize, &Slot)| {
            let reader = Reader { options: options.clone(), slot: slot.clone() };
            let waiting = waiting.clone();
            std::thread::Builder::new().name(format!("tidings-reader-{index}")).spawn(move || reader.run(&waiting))
        };
        let threads = connections.iter().enumerate().map(thread).collect::<std::io::Result<_>>()?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), threads: Mutex::new(threads), connections })
    }

    /// Runs `work` in one transaction, which sees every commit that was told before this call.
    pub(crate) fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> BoxFuture<Result<T, StoreError>> {
        self.read_limited(move |connection, _| work(connection))
    }

    /// As [`read`](Self::read), with the limit for statements of somebody else's.
    pub(crate) fn read_limited<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Limit) -> Result<T, ReadError> + Send + 'static,
    ) -> BoxFuture<Result<T, StoreError>> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |opened| {
            if answer.is_closed() {
                // Nobody waits any more.
                return true;
            }
            let result = opened.map_err(ReadError::from).and_then(|opened| {
                let transaction = opened.connection.unchecked_transaction()?;
                let result = work(&opened.connection, &opened.limit)?;
                transaction.commit()?;
                Ok(result)
            });
            let works = !matches!(&result, Err(ReadError::Sqlite(error)) if is_environment(error));
            // The caller may have gone meanwhile.
            let _ = answer.send(result.map_err(tell));
            works
        });
        let taken = match &*self.jobs.lock().expect(POISON) {
            Some(jobs) => jobs.try_send(job).map_err(|error| match error {
                TrySendError::Full(_) => StoreError::Full,
                TrySendError::Disconnected(_) => Stopped.into(),
            }),
            None => Err(Stopped.into()),
        };
        Box::pin(async move {
            taken?;
            answered.await.unwrap_or_else(|_| Err(unavailable("the read panicked")))
        })
    }

    /// Closes every reader's connection; its next read opens another. Waits for the reads under way, which are short or limited.
    pub(crate) fn open_again(&self) {
        self.set(|| Connected::Not);
    }

    /// Closes every reader's connection, and refuses reads until [`open_again`](Self::open_again): what the log holds may not be on disk.
    pub(crate) fn bar(&self) {
        self.set(|| Connected::Barred);
    }

    fn set(&self, connected: impl Fn() -> Connected) {
        for slot in &self.connections {
            *slot.lock().expect(POISON) = connected();
        }
    }

    /// Ends the threads when they have done what waits.
    pub(crate) fn stop(&self) {
        drop(self.jobs.lock().expect(POISON).take());
        let threads = std::mem::take(&mut *self.threads.lock().expect(POISON));
        for thread in threads {
            // Panics of reads were caught.
            let _ = thread.join();
        }
        self.open_again();
    }
}

const POISON: &str = "nothing panics while it holds this lock";

impl Connected {
    fn open(&mut self, options: &SqliteOptions) -> rusqlite::Result<&Opened> {
        if matches!(self, Self::Not) {
            *self = Self::Opened(open::reader(options)?);
        }
        match self {
            Self::Opened(opened) => Ok(opened),
            Self::Not | Self::Barred => {
                let why = "a sync failed, and what the log holds is not written anew yet".to_owned();
                Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), Some(why)))
            }
        }
    }

    fn close(&mut self) {
        if matches!(self, Self::Opened(_)) {
            *self = Self::Not;
        }
    }
}

struct Reader {
    options: Arc<SqliteOptions>,
    slot: Slot,
}

impl Reader {
    fn run(self, waiting: &Mutex<Receiver<Job>>) {
        loop {
            let job = waiting.lock().expect(POISON).recv();
            let Ok(job) = job else { return };
            let mut slot = self.slot.lock().expect(POISON);
            let opened = slot.open(&self.options);
            // A panic drops the answer's sender, which tells the caller; the connection is not trusted any more.
            let works = catch_unwind(AssertUnwindSafe(|| job(opened))).unwrap_or(false);
            if !works {
                slot.close();
            }
        }
    }
}

fn tell(error: ReadError) -> StoreError {
    match error {
        ReadError::Store(error) => error,
        ReadError::Statement { statement, source } => StoreError::Statement { statement, source: Box::new(source) },
        ReadError::Sqlite(rusqlite::Error::FromSqlConversionFailure(_, _, source)) => {
            crate::error::corrupt(format!("a value ({source})"))
        }
        ReadError::Sqlite(error) => unavailable(error),
    }
}
