//! The threads that read: each with a connection of its own, all behind one bounded queue.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use rusqlite::Connection;
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
    /// Raised when connections are to be opened again.
    generation: Arc<AtomicU64>,
}

/// Gets the connection or why there is none, and says whether it still works.
type Job = Box<dyn FnOnce(rusqlite::Result<&Opened>) -> bool + Send>;

impl Readers {
    /// Starts the threads. They end when this is dropped.
    pub(crate) fn start(options: &Arc<SqliteOptions>) -> std::io::Result<Self> {
        let (jobs, waiting) = sync_channel(options.queue_reads.max(1));
        let waiting = Arc::new(Mutex::new(waiting));
        let generation = Arc::new(AtomicU64::new(0));
        let thread = |index| {
            let reader = Reader { options: options.clone(), generation: generation.clone(), opened: None, at: 0 };
            let waiting = waiting.clone();
            std::thread::Builder::new().name(format!("tidings-reader-{index}")).spawn(move || reader.run(&waiting))
        };
        let threads = (0..options.readers.max(1)).map(thread).collect::<std::io::Result<_>>()?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), threads: Mutex::new(threads), generation })
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

    /// Has each reader open its connection again before its next read.
    pub(crate) fn open_again(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Ends the threads when they have done what waits.
    pub(crate) fn stop(&self) {
        drop(self.jobs.lock().expect(POISON).take());
        let threads = std::mem::take(&mut *self.threads.lock().expect(POISON));
        for thread in threads {
            // Panics of reads were caught.
            let _ = thread.join();
        }
    }
}

const POISON: &str = "nothing panics while it holds this lock";

struct Reader {
    options: Arc<SqliteOptions>,
    generation: Arc<AtomicU64>,
    opened: Option<Opened>,
    /// The generation of `opened`.
    at: u64,
}

impl Reader {
    fn run(mut self, waiting: &Mutex<Receiver<Job>>) {
        loop {
            let job = waiting.lock().expect(POISON).recv();
            let Ok(job) = job else { return };
            let generation = self.generation.load(Ordering::Acquire);
            if self.at != generation {
                self.opened = None;
                self.at = generation;
            }
            let opened = match &self.opened {
                Some(opened) => Ok(opened),
                None => open::reader(&self.options).map(|opened| &*self.opened.insert(opened)),
            };
            // A panic drops the answer's sender, which tells the caller; the connection is not trusted any more.
            let works = catch_unwind(AssertUnwindSafe(|| job(opened))).unwrap_or(false);
            if !works {
                self.opened = None;
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
