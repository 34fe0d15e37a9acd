//! The durable queue: notifications to many, and what waits for the end of quiet hours.
//!
//! A job is written in the transaction of the act that caused it. Workers take its recipients in ascending order, a page at a
//! time; a page's notifications and how far the job has come are one commit, so a crash goes on where it was, and nobody gets
//! anything twice. What is in memory is one page a worker.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use tidings_server::{
    Deed, Tidings,
    act::{Otherwise, Value, Write},
    clock::Now,
};
use tidings_wire::{Code, GroupId, Id, MessageId, Reject, Set, UserId};
use tokio::sync::Notify;

use crate::{inbox::tell_heads, metrics, notices::Stored, shared::Shared, sql};

/// Jobs that wait at most. With one more, an act that needs one is refused with `unavailable`.
const JOBS: u64 = 10_000;

/// Jobs that are worked on side by side.
const WORKERS: usize = 2;

/// Recipients of one commit.
const PAGE: u32 = 500;

/// Recipients who are decided about side by side.
const DECIDED_AT_ONCE: usize = 32;

/// Deferred notifications of one commit.
const DUE_AT_ONCE: i64 = 100;

/// How often the clock is looked at for what is due, and a store that did not answer asked again.
const TICK: Duration = Duration::from_millis(200);

/// After what time a job is gone on with that met what does not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// So many looks at the clock between two measurements of the queue.
const MEASURE: u32 = 25;

const POISONED: &str = "nothing panics while it holds this lock";

/// Who gets a job's notifications.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Recipients {
    /// These, ascending.
    Users(Vec<UserId>),
    /// The members of a group.
    Group(GroupId),
    /// Those who stand in a relation to something.
    Related(String, Id),
}

/// The most users that one notice lists.
const LISTED: usize = 10_000;

impl Recipients {
    /// Of a set that a notice names.
    ///
    /// # Errors
    /// `too_large` for a longer list, `not_allowed` for everyone and for topics.
    pub(crate) fn of(set: Set) -> Result<Self, Reject> {
        match set {
            Set::User(user) => Ok(Self::Users(vec![user])),
            Set::Users(users) if users.len() > LISTED => Err(Reject::new(
                Code::TooLarge,
                format!("a notification lists at most {LISTED} users: name a group or a relation, or send several"),
            )),
            Set::Users(users) => {
                let ascending: BTreeSet<UserId> = users.iter().copied().collect();
                Ok(Self::Users(ascending.into_iter().collect()))
            }
            Set::Group(group) => Ok(Self::Group(group)),
            Set::Of(related) => Ok(Self::Related(related.relation.to_owned(), related.to)),
            _ => Err(Reject::not_allowed(
                "a notification goes to users, a group or a relation: its recipients are stored",
            )),
        }
    }

    /// The statements that put a job into the queue.
    pub(crate) fn job(&self, notice: &Stored, now: Now) -> [Write; 2] {
        let json = |value: serde_json::Result<String>| value.expect("strings and numbers always serialise");
        let id = Value::Int(notice.event.get());
        let (notice, to) = (json(serde_json::to_string(notice)), json(serde_json::to_string(self)));
        let values = [id.clone(), notice.as_str().into(), to.as_str().into(), Value::Int(now.unix())];
        [Write::new(sql::JOB_INSERT, values), Write::new(sql::PROGRESS_INSERT, [id])]
    }

    /// The next ones, ascending.
    async fn page(&self, tidings: &Tidings, after: Option<UserId>) -> Result<Vec<UserId>, Reject> {
        match self {
            Self::Users(users) => {
                let rest = users.iter().skip_while(|user| after.is_some_and(|after| **user <= after));
                Ok(rest.take(PAGE as usize).copied().collect())
            }
            Self::Group(group) => tidings.members_page(*group, after, PAGE).await,
            Self::Related(relation, to) => tidings.related_page(relation, *to, after, PAGE).await,
        }
    }
}

/// What waits, as far as it is known without asking the store.
pub(crate) struct Queue {
    waiting: AtomicU64,
    /// When the next deferred notification is due, Unix seconds.
    due_at: AtomicI64,
    came: Notify,
    taken: Mutex<BTreeSet<MessageId>>,
}

impl Default for Queue {
    fn default() -> Self {
        // Until it is known, something may be due.
        Self {
            waiting: AtomicU64::new(0),
            due_at: AtomicI64::new(i64::MIN),
            came: Notify::new(),
            taken: Mutex::default(),
        }
    }
}

impl Queue {
    /// Whether there is room for another job, beside these.
    ///
    /// # Errors
    /// `unavailable`.
    pub(crate) fn has_room(&self, beside: u64) -> Result<(), Reject> {
        if self.waiting.load(Ordering::Relaxed) + beside < JOBS {
            return Ok(());
        }
        Err(Reject::unavailable(Duration::from_secs(5)))
    }

    /// So many jobs came.
    pub(crate) fn came(&self, jobs: u64) {
        if jobs > 0 {
            self.waiting.fetch_add(jobs, Ordering::Relaxed);
            self.came.notify_one();
        }
    }

    /// Something waits until then.
    pub(crate) fn due(&self, at: i64) {
        self.due_at.fetch_min(at, Ordering::SeqCst);
    }

    fn take(&self, job: MessageId) -> bool {
        self.taken.lock().expect(POISONED).insert(job)
    }

    fn give_back(&self, job: MessageId) {
        self.taken.lock().expect(POISONED).remove(&job);
    }
}

/// A job, as far as it has come.
struct Job {
    id: MessageId,
    notice: Arc<Stored>,
    recipients: Recipients,
    after: Option<UserId>,
    done: i64,
}

/// Works until the server stops.
pub(crate) async fn run(shared: Arc<Shared>, tidings: Tidings) {
    while let Err(reject) = recount(&shared).await {
        tracing::warn!(%reject, "the queue of notifications can't be read yet");
        tokio::time::sleep(TICK).await;
    }
    let workers = (0..WORKERS).map(|_| work(&shared, &tidings));
    let all = futures_util::future::join_all(workers);
    futures_util::future::join(all, watch_the_clock(&shared, &tidings)).await;
}

async fn recount(shared: &Shared) -> Result<(), Reject> {
    let waiting = measured(shared, None).await?;
    shared.queue.waiting.store(waiting, Ordering::Relaxed);
    Ok(())
}

/// How many jobs wait; told to the metrics with the age of the oldest.
async fn measured(shared: &Shared, now: Option<Now>) -> Result<u64, Reject> {
    let rows = shared.query(sql::JOB_COUNT, Vec::new()).await?;
    let column = |at: usize| rows.first().and_then(|row| row[at].int());
    let waiting = column(0).unwrap_or_default().cast_unsigned();
    let age = now.zip(column(1)).map_or(0, |(now, oldest)| now.unix() - oldest);
    metrics::queue(waiting, age);
    Ok(waiting)
}

async fn work(shared: &Arc<Shared>, tidings: &Tidings) {
    loop {
        match next(shared).await {
            Ok(Some(job)) => {
                let id = job.id;
                match go_through(shared, tidings, job).await {
                    Ok(()) => shared.queue.give_back(id),
                    Err(reject) if reject.code == Code::Unavailable => {
                        tracing::warn!(job = %id, %reject, "a notification to many stopped for a moment");
                        // Others go on meanwhile.
                        let shared = shared.clone();
                        tidings.spawn(async move {
                            tokio::time::sleep(AGAIN).await;
                            shared.queue.give_back(id);
                            shared.queue.came.notify_one();
                        });
                    }
                    // It would be refused again: it stays taken until the next start, so that it holds up no other.
                    Err(reject) => {
                        tracing::error!(job = %id, %reject, "a notification to many can't go on: it is passed over")
                    }
                }
            }
            // A job that comes now has left a permit.
            Ok(None) => shared.queue.came.notified().await,
            Err(reject) => {
                tracing::warn!(%reject, "the queue of notifications can't be read");
                tokio::time::sleep(TICK).await;
            }
        }
    }
}

/// The oldest job that nobody works on.
async fn next(shared: &Shared) -> Result<Option<Job>, Reject> {
    let mut above = -1;
    loop {
        let rows = shared.query(sql::JOB_NEXT, vec![Value::Int(above)]).await?;
        let Some([id, notice, recipients, _, after, done]) = rows.first().map(|row| &row[..]) else { return Ok(None) };
        let Some(id) = id.int() else { return Ok(None) };
        above = id;
        let Ok(id) = MessageId::from_stored(id) else { continue };
        if !shared.queue.take(id) {
            continue;
        }
        let read = |value: &Value| value.text().map(str::to_owned).unwrap_or_default();
        let (notice, recipients) = (serde_json::from_str(&read(notice)), serde_json::from_str(&read(recipients)));
        let (Ok(notice), Ok(recipients)) = (notice, recipients) else {
            // It stays taken until the next start, and in the table, where it can be looked at.
            tracing::error!(job = %id, "a job can't be read: it is passed over");
            continue;
        };
        let (after, done) = (after.id().map(UserId), done.int().unwrap_or_default());
        return Ok(Some(Job { id, notice: Arc::new(notice), recipients, after, done }));
    }
}

async fn go_through(shared: &Arc<Shared>, tidings: &Tidings, mut job: Job) -> Result<(), Reject> {
    loop {
        let users = job.recipients.page(tidings, job.after).await?;
        let is_last = users.len() < PAGE as usize;
        let recipients = users.len();
        let now = tidings.now();
        let mut deed = Deed::by(job.notice.actor);
        let id = Value::Int(job.id.get());
        if is_last {
            // Whoever is not first finds no row.
            let gone = Write::new(sql::PROGRESS_DELETE, [id.clone()]);
            deed = deed.write(gone.expect(1..=1, Otherwise::Quiet)).write(Write::new(sql::JOB_DELETE, [id]));
        } else {
            let (after, done) = (users.last().copied(), job.done + users.len() as i64);
            let values = [id, after.map_or(Value::Null, Value::from), Value::Int(done), Value::Int(job.done)];
            deed = deed.write(Write::new(sql::PROGRESS, values).expect(1..=1, Otherwise::Quiet));
            (job.after, job.done) = (after, done);
        }
        let wanted = shared.wants.of_many(shared, &users).await?;
        let nothing = Arc::default();
        let mut decided = Vec::with_capacity(users.len());
        for user in users {
            let (shared, notice) = (shared.clone(), job.notice.clone());
            let wanted = wanted.get(&user).unwrap_or(&nothing).clone();
            decided.push(async move { notice.write(&shared, user, &wanted, now).await });
        }
        let decided: Vec<_> = stream::iter(decided).buffered(DECIDED_AT_ONCE).try_collect().await?;
        for written in decided {
            deed = written.writes.into_iter().fold(deed, Deed::write);
            if let Some(due) = written.due {
                shared.queue.due(due);
            }
        }
        tidings.commit(deed.project(tell_heads)).await?;
        metrics::recipients(recipients);
        shared.channels.came();
        if is_last {
            let less = |waiting: u64| Some(waiting.saturating_sub(1));
            // It gives a value always.
            let _ = shared.queue.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
            return Ok(());
        }
    }
}

/// Gives what waited for the end of quiet hours, as the server's clock says.
async fn watch_the_clock(shared: &Arc<Shared>, tidings: &Tidings) {
    let mut measure = 0_u32;
    loop {
        if measure.is_multiple_of(MEASURE) {
            // It is only a figure: the next one comes soon.
            let _ = measured(shared, Some(tidings.now())).await;
        }
        measure = measure.wrapping_add(1);
        let is_due = shared.queue.due_at.load(Ordering::SeqCst) <= tidings.now().unix();
        if is_due && let Err(reject) = give_due(shared, tidings).await {
            tracing::warn!(%reject, "what waited for the end of quiet hours goes out later");
        }
        tokio::time::sleep(TICK).await;
    }
}

async fn give_due(shared: &Arc<Shared>, tidings: &Tidings) -> Result<(), Reject> {
    let now = tidings.now();
    // What comes while this works is noted anew.
    shared.queue.due_at.store(i64::MAX, Ordering::SeqCst);
    let given = give(shared, tidings, now).await;
    let next = shared.query(sql::NEXT_DUE, Vec::new()).await;
    match next.as_deref() {
        Ok([row]) => shared.queue.due(row[0].int().unwrap_or(i64::MAX)),
        _ => shared.queue.due(now.unix()),
    }
    given
}

async fn give(shared: &Arc<Shared>, tidings: &Tidings, now: Now) -> Result<(), Reject> {
    loop {
        let due = shared.query(sql::DUE, vec![Value::Int(now.unix()), Value::Int(DUE_AT_ONCE)]).await?;
        for row in &due {
            let [id, owner, notice] = &row[..] else { continue };
            let deleted = Write::new(sql::DEFERRED_DELETE, [id.clone()]).expect(1..=1, Otherwise::Quiet);
            let mut deed = Deed::by(None).write(deleted);
            let stored = notice.text().and_then(|text| serde_json::from_str::<Stored>(text).ok());
            if let (Some(owner), Some(stored)) = (owner.id(), stored) {
                let owner = UserId(owner);
                let wanted = shared.wants.of(shared, owner).await?;
                let written = stored.write(shared, owner, &wanted, now).await?;
                deed = written.writes.into_iter().fold(deed, Deed::write);
                if let Some(due) = written.due {
                    shared.queue.due(due);
                }
            }
            tidings.commit(deed.project(tell_heads)).await?;
            shared.channels.came();
        }
        if due.len() < DUE_AT_ONCE as usize {
            return Ok(());
        }
    }
}
