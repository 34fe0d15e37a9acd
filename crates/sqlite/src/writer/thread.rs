//! The writer's life: take what waits, commit it, tell; and get the database back when it has gone.

use std::{sync::Arc, time::Duration};

use rusqlite::Connection;
use tidings_engine::{
    act::{Act, Outcome, Settled},
    ports::{ActQueue, StoreError, Taken},
};

use super::{
    batch,
    commit::{self, Answer, Committed, Counters},
    job::{Fate, Job, WriteJob},
};
use crate::{
    error::{FailedSync, Stopped, is_failed_sync, unavailable},
    open::{self, Meta, Opened},
    renewal,
    shared::Shared,
};

/// The first wait before the database is opened again; doubled after each failure.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The file that is open is not the one in the folder.
#[derive(Debug, thiserror::Error)]
#[error("the database's file was moved or deleted while it was open")]
struct Moved;

/// Commits between two looks at the log's length.
const LOG_LOOKED_AT: u32 = 64;

/// The one thread that writes, and what it owns.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    queue: Arc<ActQueue<Job>>,
    opened: Option<Opened>,
    /// The file that `opened` is connected to.
    identity: Option<(u64, u64)>,
    counters: Counters,
    trouble: Option<Trouble>,
    /// A sync failed: nothing is acknowledged before what the log holds is written anew.
    renews: bool,
    stopped: bool,
    commits: u32,
}

/// The last commit or attempt to open failed.
struct Trouble {
    wait: Duration,
    /// On the monotonic clock.
    next: Duration,
}

impl Writer {
    /// Starts the thread. It ends when the queue is closed and empty.
    pub(crate) fn start(
        shared: Arc<Shared>,
        queue: Arc<ActQueue<Job>>,
        opened: Opened,
        meta: &Meta,
    ) -> std::io::Result<()> {
        let identity = open::identity(&shared.options.file());
        let counters = Counters { last_commit: meta.last_commit, last_id: meta.last_id };
        let writer = Self {
            shared,
            queue,
            opened: Some(opened),
            identity,
            counters,
            trouble: None,
            renews: false,
            stopped: false,
            commits: 0,
        };
        std::thread::Builder::new().name("tidings-writer".to_owned()).spawn(move || writer.run()).map(drop)
    }

    fn run(mut self) {
        let _end_process = EndProcessOnPanic;
        loop {
            let wait = self.trouble.as_ref().map(|trouble| trouble.wait);
            let taken = self.queue.take(self.shared.options.commit_acts, wait);
            if self.queue.owes_room()
                && let Some(sink) = self.shared.sink()
            {
                sink.room();
            }
            match taken {
                Taken::Acts(acts) => self.acts(acts),
                Taken::Job(Job::Write(job)) => self.job(job),
                Taken::Job(Job::Stop(done)) => {
                    self.stop();
                    // Who waits for it may have given up.
                    let _ = done.send(());
                }
                Taken::Nothing => self.probe(),
                Taken::Closed => return,
            }
        }
    }

    fn acts(&mut self, acts: Vec<Act>) {
        let answers = self.commit(&acts).unwrap_or_else(|| acts.iter().map(|_| batch::failed()).collect());
        let settled = |(act, (commit, outcome)): (Act, Answer)| Settled { act, commit, outcome };
        let batch: Vec<_> = acts.into_iter().zip(answers).map(settled).collect();
        if let Some(sink) = self.shared.sink() {
            sink.settled(batch);
        } else if batch.iter().any(|settled| !matches!(settled.outcome, Outcome::Unavailable(_))) {
            tracing::warn!("acts were committed before the store was started: nobody hears of them");
        }
        #[cfg(feature = "planted")]
        if let Some(opened) = &self.opened
            && let Err(error) = crate::planted::commit_late(opened)
        {
            self.fails(&error);
        }
    }

    /// Commits; none where the acts are not known to be on disk.
    fn commit(&mut self, acts: &[Act]) -> Option<Vec<Answer>> {
        self.reopen_if_due();
        let opened = self.opened.as_mut()?;
        match commit::commit(opened, &mut self.counters, acts) {
            Ok(Committed { answers, trouble }) if self.is_in_place() => {
                if let Some(error) = trouble {
                    self.fails(&error);
                } else {
                    self.works();
                    self.bound_log();
                    self.look_for_failed_sync();
                }
                Some(answers)
            }
            Ok(_) => {
                self.fails(&Moved);
                None
            }
            Err(error) => {
                self.fails(&error);
                None
            }
        }
    }

    fn job(&mut self, job: WriteJob) {
        self.reopen_if_due();
        if self.opened.is_some() && !self.is_in_place() {
            self.fails(&Moved);
        }
        let fate = match &mut self.opened {
            Some(opened) => job(Ok(&mut opened.connection)),
            None => {
                let why = self.shared.health().unwrap_or_else(|| Stopped.to_string());
                job(Err(unavailable(why)))
            }
        };
        match fate {
            Fate::Works => self.look_for_failed_sync(),
            Fate::Removed => {
                self.look_for_failed_sync();
                self.write_log_back();
                self.look_for_failed_sync();
            }
            Fate::Broken(error) => self.fails(&*error),
        }
    }

    /// Whether the file that was written is still the one that the next start will find. A commit into a deleted file
    /// succeeds, and would be acknowledged from memory.
    fn is_in_place(&self) -> bool {
        self.identity.is_some() && open::identity(&self.shared.options.file()) == self.identity
    }

    fn works(&mut self) {
        if self.trouble.take().is_some() {
            tracing::info!("the store works again");
            self.shared.set_health(None);
        }
    }

    /// Notes what is wrong, and opens the database again: at once the first time, after a wait when that fails too.
    fn fails(&mut self, error: &(dyn std::error::Error + 'static)) {
        self.renews |= match &self.opened {
            Some(opened) => opened.has_failed_sync(Some(error)),
            None => is_failed_sync(error),
        };
        if self.trouble.is_none() {
            tracing::error!(%error, "the store does not work: acts are answered `unavailable` until it does");
        }
        self.shared.set_health(Some(error.to_string()));
        let now = self.shared.options.clock.now().mono;
        let wait = self.trouble.as_ref().map_or(FIRST_WAIT, |trouble| (trouble.wait * 2).min(LONGEST_WAIT));
        self.trouble = Some(Trouble { wait, next: now + wait });
        self.close();
        self.reopen();
    }

    fn close(&mut self) {
        // Dropping rolls back what is open.
        self.opened = None;
        if self.renews {
            self.shared.readers.bar();
        } else {
            self.shared.readers.open_again();
        }
    }

    /// Whether a sync failed in a checkpoint, of which the commit before says nothing.
    fn look_for_failed_sync(&mut self) {
        if self.opened.as_ref().is_some_and(|opened| opened.has_failed_sync(None)) {
            self.fails(&FailedSync);
        }
    }

    fn reopen_if_due(&mut self) {
        let now = self.shared.options.clock.now().mono;
        if !self.stopped && self.opened.is_none() && self.trouble.as_ref().is_none_or(|trouble| now >= trouble.next) {
            self.retry();
        }
    }

    /// Time is over, and no act came to try with.
    fn probe(&mut self) {
        if self.stopped {
            return;
        }
        if self.opened.is_none() {
            self.retry();
        }
        let Some(opened) = &self.opened else { return };
        let written = opened.connection.execute("UPDATE meta SET last_commit = last_commit", []);
        match written {
            Ok(_) if self.is_in_place() => {
                self.works();
                self.look_for_failed_sync();
            }
            Ok(_) => self.fails(&Moved),
            Err(error) => self.fails(&error),
        }
    }

    /// Opens again; where it fails, the next attempt comes later.
    fn retry(&mut self) {
        self.reopen();
        if self.opened.is_none()
            && let Some(trouble) = &mut self.trouble
        {
            trouble.wait = (trouble.wait * 2).min(LONGEST_WAIT);
            trouble.next = self.shared.options.clock.now().mono + trouble.wait;
        }
    }

    fn reopen(&mut self) {
        match self.open() {
            Ok(opened) => {
                self.identity = open::identity(&self.shared.options.file());
                self.opened = Some(opened);
            }
            Err(error) => {
                let why = error.to_string();
                if self.shared.health().as_ref() != Some(&why) {
                    tracing::warn!(error = why, "the store can't be opened again: it is tried every few seconds");
                }
                self.shared.set_health(Some(why));
            }
        }
    }

    fn open(&mut self) -> Result<Opened, Box<dyn std::error::Error>> {
        let Shared { options, readers, .. } = &*self.shared;
        if self.renews {
            renewal::renew(options).map_err(|error| error as Box<dyn std::error::Error>)?;
            self.renews = false;
            readers.open_again();
            tracing::warn!("a sync had failed: what the log holds was written anew");
        }
        let opened = open::writer(options)?;
        renewal::sync_folder(options)?;
        set_max_bytes(&opened.connection, self.shared.max_bytes())?;
        let meta = open::meta(&opened.connection)?;
        if meta.epoch != self.shared.meta.epoch {
            return Err("another database was put in its place: start again".into());
        }
        // A commit that failed may be on disk all the same; and what was given in memory is not given again.
        self.counters.last_commit = self.counters.last_commit.max(meta.last_commit);
        self.counters.last_id = self.counters.last_id.max(meta.last_id);
        Ok(opened)
    }

    /// Now and then looks how long the log is. Readers that follow one another without a gap keep a commit from beginning it
    /// anew.
    fn bound_log(&mut self) {
        self.commits = self.commits.wrapping_add(1);
        if self.commits.is_multiple_of(LOG_LOOKED_AT)
            && std::fs::metadata(self.shared.options.log()).is_ok_and(|log| log.len() > self.shared.options.log_bytes)
        {
            self.write_log_back();
        }
    }

    fn write_log_back(&self) {
        let Some(opened) = self.opened.as_ref().filter(|opened| !opened.has_failed_sync(None)) else { return };
        let busy = opened.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
        match busy {
            Ok(false) => {}
            Ok(true) => tracing::warn!("a reader held the log, so that it was not written back whole"),
            Err(error) => {
                opened.has_failed_sync(Some(&error));
                tracing::warn!(%error, "the log was not written back");
            }
        }
    }

    fn stop(&mut self) {
        self.stopped = true;
        self.trouble = None;
        self.shared.readers.stop();
        self.write_log_back();
        self.opened = None;
        self.shared.set_health(Some(Stopped.to_string()));
    }
}

/// Sets how large the file may grow. SQLite takes at least what it has.
pub(crate) fn set_max_bytes(connection: &Connection, bytes: Option<u64>) -> rusqlite::Result<()> {
    const MOST_PAGES: u64 = 4_294_967_294;
    let page: u64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages = bytes.map_or(MOST_PAGES, |bytes| (bytes / page).clamp(1, MOST_PAGES));
    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
}

/// What the writer owned can't be trusted after a panic, and nobody else can answer: the process ends.
struct EndProcessOnPanic;

impl Drop for EndProcessOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

impl From<Stopped> for StoreError {
    fn from(stopped: Stopped) -> Self {
        unavailable(stopped)
    }
}
