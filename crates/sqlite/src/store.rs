//! The store's handle.

use std::{
    borrow::Cow,
    collections::VecDeque,
    sync::{Arc, mpsc::sync_channel},
};

use rusqlite::Connection;
use tidings_engine::{
    act::{Act, BodyHash, CommitNumber, First, Receipt, Row, Value},
    ports::{
        ActQueue, Before, BoxFuture, Choices, CommitSink, ConversationPage, ConversationSummary, Erased, Groups,
        HistoryPage, MessageStore, Page, Reader, Standing, Start, StoreError, StoredMessage,
    },
};
use tidings_wire::{ConversationKey, GroupId, Key, MessageId, Seq, UserId};
use tokio::sync::oneshot;

use crate::{
    choices,
    error::{FailedSync, OpenError, Stopped, corrupt, is_failed_sync, unavailable},
    members,
    migrate::{MigrationSource, Part},
    open,
    options::SqliteOptions,
    read,
    readers::{ReadError, Readers},
    removal, requests, seen,
    shared::Shared,
    statement,
    writer::{self, Fate, Job, WriteJob, Writer},
};

/// Jobs beside acts that may wait for the writer. One more is refused with [`StoreError::Full`].
const JOBS: usize = 1_024;

/// Messages, groups, sessions, service keys and revocations in one SQLite database. Cheap to clone.
///
/// Dropped without [`stop`](MessageStore::stop), it still commits what was submitted, but nobody can wait for that.
#[derive(Clone)]
pub struct SqliteStore(Arc<Handle>);

/// What all clones share. The writer has no part of it, so that the last clone's end closes the queue.
struct Handle {
    queue: Arc<ActQueue<Job>>,
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl SqliteStore {
    /// Opens the database of a folder, made where it is missing, migrated where it is old, and starts the writer and the
    /// readers. One process at a time: whoever opens sees to that.
    ///
    /// # Errors
    /// Where it can't be opened, copied or migrated, or a newer version wrote it: see [`OpenError`].
    pub fn open(options: SqliteOptions) -> Result<Self, OpenError> {
        let options = Arc::new(options);
        let file = options.file();
        let (opened, meta) = open::first(&options)?;
        let refused = |source: rusqlite::Error| OpenError::Database { path: file.clone(), source: source.into() };
        writer::set_max_bytes(&opened.connection, options.max_bytes).map_err(refused)?;
        let thread = |source| OpenError::File { path: file.clone(), source };
        let readers = Readers::start(&options).map_err(thread)?;
        let queue = Arc::new(ActQueue::new(options.queue_acts, JOBS));
        let shared = Arc::new(Shared::new(options, meta.clone(), readers));
        Writer::start(shared.clone(), queue.clone(), opened, &meta).map_err(thread)?;
        Ok(Self(Arc::new(Handle { queue, shared })))
    }

    /// Brings a pack's tables up to date, in a table of what was applied of the pack's own: `<pack>_migrations`. To be
    /// called before [`start`](MessageStore::start), at each start. Migrations are numbered 1, 2, 3 … and never change
    /// once released; a pack's tables begin with its name. Blocks.
    ///
    /// # Errors
    /// As [`open`](Self::open), which says too what [`SqliteOptions::migrate`] forbids; [`OpenError::Pack`] where a name or
    /// number is wrong.
    pub fn migrate_pack(&self, pack: &str, migrations: &[MigrationSource<'_>]) -> Result<(), OpenError> {
        let part = Part::pack(pack, migrations)?;
        let (file, allowed) = (self.shared().options.file(), self.shared().options.migrate);
        let (answer, answered) = sync_channel(1);
        let job: WriteJob = Box::new(move |connection| {
            let result =
                connection.map_err(OpenError::Store).and_then(|connection| part.migrate(connection, &file, allowed));
            let fate = match &result {
                Err(error) if is_failed_sync(error) => Fate::Broken(FailedSync.into()),
                _ => Fate::Works,
            };
            // The caller waits below.
            let _ = answer.send(result);
            fate
        });
        self.0.queue.job(Job::Write(job)).map_err(|_| OpenError::Store(StoreError::Full))?;
        answered.recv().unwrap_or_else(|_| Err(OpenError::Store(Stopped.into())))
    }

    /// Bounds the database's file from now on, or lifts the bound. A file that is larger already stays, and grows no more.
    pub fn set_max_bytes(&self, bytes: Option<u64>) -> BoxFuture<Result<(), StoreError>> {
        self.shared().set_max_bytes(bytes);
        self.write_with(move |connection| match writer::set_max_bytes(connection, bytes) {
            Ok(()) => (Ok(()), Fate::Works),
            Err(error) => (Err(unavailable(error)), Fate::Works),
        })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// Reads, in one transaction.
    pub(crate) fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> BoxFuture<Result<T, StoreError>> {
        self.shared().readers.read(work)
    }

    /// Writes something else than acts, in one transaction, and answers once it is on disk.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<Result<T, StoreError>> {
        self.write_with(move |connection| writer::transaction(connection, work))
    }

    /// Removes something in one transaction; with the last of it the log is written back too, where the text would stand on.
    fn remove<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        is_last: impl FnOnce(&T) -> bool + Send + 'static,
    ) -> BoxFuture<Result<T, StoreError>> {
        self.write_with(move |connection| match writer::transaction(connection, work) {
            (Ok(result), Fate::Works) if is_last(&result) => (Ok(result), Fate::Removed),
            other => other,
        })
    }

    fn write_with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> (Result<T, StoreError>, Fate) + Send + 'static,
    ) -> BoxFuture<Result<T, StoreError>> {
        let (answer, answered) = oneshot::channel();
        let job: WriteJob = Box::new(move |connection| {
            let (result, fate) = match connection {
                Ok(connection) => work(connection),
                Err(error) => (Err(error), Fate::Works),
            };
            // The caller may have gone; it is written all the same.
            let _ = answer.send(result);
            fate
        });
        let taken = self.0.queue.job(Job::Write(job)).map_err(|_| StoreError::Full);
        Box::pin(async move {
            taken?;
            answered.await.unwrap_or_else(|_| Err(Stopped.into()))
        })
    }
}

impl MessageStore for SqliteStore {
    fn start(&self, sink: Arc<dyn CommitSink>) -> Result<Start, StoreError> {
        let shared = self.shared();
        let meta = &shared.meta;
        let last_id = meta.last_id.map(MessageId::from_stored).transpose().map_err(|_| corrupt("a message id"))?;
        shared.set_sink(sink);
        Ok(Start { epoch: meta.epoch.clone(), node: meta.node, last_commit: CommitNumber(meta.last_commit), last_id })
    }

    fn submit(&self, acts: &mut VecDeque<Act>) -> bool {
        self.0.queue.submit(acts)
    }

    fn since(
        &self,
        after: CommitNumber,
        limit: u32,
    ) -> BoxFuture<Result<Vec<(CommitNumber, StoredMessage)>, StoreError>> {
        self.read(move |connection| read::since(connection, after, limit))
    }

    fn query(&self, sql: Cow<'static, str>, values: Vec<Value>) -> BoxFuture<Result<Vec<Row>, StoreError>> {
        self.shared().readers.read_limited(move |connection, limit| {
            statement::query(connection, limit, &sql, &values)
                .map_err(|source| ReadError::of_statement(sql.into_owned(), source))
        })
    }

    fn keyed(&self, sender: UserId, key: Key) -> BoxFuture<Result<Option<(Receipt, BodyHash)>, StoreError>> {
        self.read(move |connection| Ok(writer::keyed(connection, sender, &key)?))
    }

    fn requested(&self, by: Option<UserId>, key: Key) -> BoxFuture<Result<Option<(First, BodyHash)>, StoreError>> {
        self.read(move |connection| Ok(requests::found(connection, by, &key)?))
    }

    fn history(
        &self,
        of: ConversationKey,
        reader: Reader,
        page: Page,
    ) -> BoxFuture<Result<Option<HistoryPage>, StoreError>> {
        self.read(move |connection| read::history(connection, of, reader, page))
    }

    fn conversations(
        &self,
        of: UserId,
        before: Option<Before>,
        limit: u32,
    ) -> BoxFuture<Result<ConversationPage, StoreError>> {
        self.read(move |connection| read::conversations(connection, of, before, limit))
    }

    fn conversation(
        &self,
        of: UserId,
        conversation: ConversationKey,
    ) -> BoxFuture<Result<Option<ConversationSummary>, StoreError>> {
        self.read(move |connection| read::conversation(connection, of, conversation))
    }

    fn message(
        &self,
        of: ConversationKey,
        seq: Seq,
        reader: Reader,
    ) -> BoxFuture<Result<Option<StoredMessage>, StoreError>> {
        self.read(move |connection| read::message(connection, of, seq, reader))
    }

    fn standings(
        &self,
        of: UserId,
        streams: Vec<ConversationKey>,
    ) -> BoxFuture<Result<Vec<Option<Standing>>, StoreError>> {
        self.read(move |connection| read::standings(connection, of, &streams))
    }

    fn choices(&self, of: UserId) -> BoxFuture<Result<Choices, StoreError>> {
        self.read(move |connection| Ok(choices::choices(connection, of)?))
    }

    fn last_seen(&self, of: Vec<UserId>) -> BoxFuture<Result<Vec<(UserId, i64)>, StoreError>> {
        self.read(move |connection| seen::last_seen(connection, &of))
    }

    fn acquainted(&self, of: UserId, users: Vec<UserId>) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        self.read(move |connection| read::acquainted(connection, of, &users))
    }

    fn choose(&self, of: UserId, choices: Choices) -> BoxFuture<Result<(), StoreError>> {
        self.write(move |connection| choices::choose(connection, of, choices))
    }

    fn mute(
        &self,
        of: UserId,
        conversation: ConversationKey,
        until: Option<i64>,
    ) -> BoxFuture<Result<bool, StoreError>> {
        self.write(move |connection| members::mute(connection, conversation, of, until))
    }

    fn erase(&self, user: UserId) -> BoxFuture<Result<Erased, StoreError>> {
        let work = move |connection: &Connection| removal::erase(connection, user);
        let erased = self.remove(work, |erased| !erased.more);
        let store = self.clone();
        Box::pin(async move {
            let erased = erased.await?;
            if !erased.more {
                // What is asked of the writer next is answered when the log holds nothing of it any more.
                store.write_with(|_| (Ok(()), Fate::Works)).await?;
            }
            Ok(erased)
        })
    }

    fn written_by(
        &self,
        user: UserId,
        after: CommitNumber,
        limit: u32,
    ) -> BoxFuture<Result<Vec<(CommitNumber, StoredMessage)>, StoreError>> {
        self.read(move |connection| read::written_by(connection, user, after, limit))
    }

    fn groups_of(
        &self,
        user: UserId,
        after: Option<GroupId>,
        limit: u32,
    ) -> BoxFuture<Result<Vec<GroupId>, StoreError>> {
        self.read(move |connection| read::groups_of(connection, user, after, limit))
    }

    fn prune(&self, kind: &str, before_ms: i64, limit: u32) -> BoxFuture<Result<u64, StoreError>> {
        let kind = kind.to_owned();
        let work = move |connection: &Connection| removal::prune(connection, &kind, before_ms, limit);
        self.remove(work, move |&removed| (1..u64::from(limit)).contains(&removed))
    }

    fn forget_requests(&self, before_ms: i64, limit: u32) -> BoxFuture<Result<u64, StoreError>> {
        self.write(move |connection| requests::forget_old(connection, before_ms, limit))
    }

    fn runs_sql(&self) -> bool {
        true
    }

    fn health(&self) -> Option<String> {
        self.shared().health()
    }

    fn stop(&self) {
        let (done, stopped) = sync_channel(1);
        let mut job = Job::Stop(done);
        // The bound is on jobs of others; this one waits for a place among them.
        while let Err(full) = self.0.queue.job(job) {
            job = full;
            std::thread::yield_now();
        }
        // The writer answers, or its panic ends the process.
        let _ = stopped.recv();
    }
}

impl Groups for SqliteStore {
    fn members(&self, of: GroupId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        self.read(move |connection| read::members(connection, of, after, limit))
    }

    fn own(&self) -> bool {
        true
    }
}
