//! The store's handle and its writer.

use std::{
    borrow::Cow,
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard,
        mpsc::{SyncSender, sync_channel},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::ready};
use tidings_engine::{
    act::{Act, BodyHash, CommitNumber, First, Outcome, Receipt, Row, Settled, Value},
    clock::SharedClock,
    ports::{
        ActQueue, Before, BoxFuture, Choices, CommitSink, ConversationPage, ConversationSummary, Erased, Groups,
        HistoryPage, MessageStore, Page, Reader, Standing, Start, StoreError, StoredMessage, Taken,
    },
};
use tidings_wire::{ConversationKey, GroupId, Key, Seq, UserId};

use super::state::State;

/// Acts that may wait, where nothing else is said. More stay with their submitters, who are told when there is room.
const QUEUE: usize = 4_096;

/// Acts settled at once.
const BATCH: usize = 256;

/// When to try again after the store was stopped.
const RETRY: Duration = Duration::from_secs(1);

/// Every port in memory. What it holds outlives [`stop`](MessageStore::stop): see [`reopen`](MemoryStore::reopen).
pub struct MemoryStore {
    pub(super) clock: SharedClock,
    state: Arc<Mutex<State>>,
    sink: Arc<Mutex<Option<Arc<dyn CommitSink>>>>,
    queue: Arc<ActQueue<SyncSender<()>>>,
}

impl MemoryStore {
    /// An empty store. The clock tells when sessions end.
    pub fn new(clock: SharedClock) -> Self {
        Self::on(Arc::default(), clock, QUEUE)
    }

    /// Another store on what this one holds, as if a process had ended and started again: stop this one first. At most
    /// `queue_acts` acts wait in it.
    #[must_use]
    pub fn reopen(&self, queue_acts: usize) -> Self {
        Self::on(self.state.clone(), self.clock.clone(), queue_acts)
    }

    /// A copy of all that it holds, as a disk would have it if the power were cut now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.state().clone())
    }

    /// A store that begins with a copy. Under another epoch it is a backup that was put back.
    pub fn begin_with(snapshot: &Snapshot, epoch: Option<&str>, clock: SharedClock) -> Self {
        let mut state = snapshot.0.clone();
        if let Some(epoch) = epoch {
            state.epoch = Some(epoch.to_owned());
        }
        Self::on(Arc::new(Mutex::new(state)), clock, QUEUE)
    }

    fn on(state: Arc<Mutex<State>>, clock: SharedClock, queue_acts: usize) -> Self {
        let queue = Arc::new(ActQueue::new(queue_acts, 1_024));
        let sink = Arc::default();
        let writer = Writer { state: state.clone(), sink: Arc::clone(&sink), queue: queue.clone(), stopped: false };
        std::thread::Builder::new()
            .name("memory-writer".to_owned())
            .spawn(move || writer.run())
            .expect("a test can have a thread");
        Self { clock, state, sink, queue }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(POISON)
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// All that a store held at one moment.
#[derive(Clone, Default)]
pub struct Snapshot(State);

/// A port's answer that is there at once.
pub(super) fn now<T: Send + 'static>(result: T) -> BoxFuture<Result<T, StoreError>> {
    ready(Ok(result)).boxed()
}

const POISON: &str = "nothing panics while it holds this lock";

struct Writer {
    state: Arc<Mutex<State>>,
    sink: Arc<Mutex<Option<Arc<dyn CommitSink>>>>,
    queue: Arc<ActQueue<SyncSender<()>>>,
    stopped: bool,
}

impl Writer {
    fn run(mut self) {
        loop {
            let taken = self.queue.take(BATCH, None);
            let sink = self.sink.lock().expect(POISON).clone();
            if self.queue.owes_room()
                && let Some(sink) = &sink
            {
                sink.room();
            }
            match taken {
                Taken::Acts(acts) => {
                    let batch = self.settle(acts);
                    if let Some(sink) = sink {
                        sink.settled(batch);
                    }
                }
                Taken::Job(done) => {
                    self.stopped = true;
                    // Who waits for it may have given up.
                    let _ = done.send(());
                }
                Taken::Nothing => {}
                Taken::Closed => return,
            }
        }
    }

    fn settle(&self, acts: Vec<Act>) -> Vec<Settled> {
        let mut state = self.state.lock().expect(POISON);
        let one = |act: Act| {
            let (commit, outcome) = if self.stopped { (None, Outcome::Unavailable(RETRY)) } else { state.settle(&act) };
            Settled { act, commit, outcome }
        };
        acts.into_iter().map(one).collect()
    }
}

impl MessageStore for MemoryStore {
    fn start(&self, sink: Arc<dyn CommitSink>) -> Result<Start, StoreError> {
        *self.sink.lock().expect(POISON) = Some(sink);
        let state = self.state();
        let last_commit = CommitNumber(state.last_commit);
        let epoch = state.epoch.as_deref().unwrap_or("memory").into();
        Ok(Start { epoch, node: 0, last_commit, last_id: state.last_id })
    }

    fn submit(&self, acts: &mut VecDeque<Act>) -> bool {
        self.queue.submit(acts)
    }

    fn since(
        &self,
        after: CommitNumber,
        limit: u32,
    ) -> BoxFuture<Result<Vec<(CommitNumber, StoredMessage)>, StoreError>> {
        now(self.state().since(after, limit))
    }

    fn query(&self, _: Cow<'static, str>, _: Vec<Value>) -> BoxFuture<Result<Vec<Row>, StoreError>> {
        ready(Err(StoreError::NotEnabled)).boxed()
    }

    fn keyed(&self, sender: UserId, key: Key) -> BoxFuture<Result<Option<(Receipt, BodyHash)>, StoreError>> {
        now(self.state().keyed(sender, &key))
    }

    fn requested(&self, by: Option<UserId>, key: Key) -> BoxFuture<Result<Option<(First, BodyHash)>, StoreError>> {
        now(self.state().requested(by, &key))
    }

    fn history(
        &self,
        of: ConversationKey,
        reader: Reader,
        page: Page,
    ) -> BoxFuture<Result<Option<HistoryPage>, StoreError>> {
        now(self.state().conversations.get(&of).and_then(|conversation| conversation.page(reader, page)))
    }

    fn conversations(
        &self,
        of: UserId,
        before: Option<Before>,
        limit: u32,
    ) -> BoxFuture<Result<ConversationPage, StoreError>> {
        now(self.state().list(of, before, limit))
    }

    fn conversation(
        &self,
        of: UserId,
        conversation: ConversationKey,
    ) -> BoxFuture<Result<Option<ConversationSummary>, StoreError>> {
        let listed = self.state().conversations.get(&conversation).and_then(|one| one.listed(of));
        now(listed.map(|(_, summary)| summary))
    }

    fn message(
        &self,
        of: ConversationKey,
        seq: Seq,
        reader: Reader,
    ) -> BoxFuture<Result<Option<StoredMessage>, StoreError>> {
        let state = self.state();
        let seen = state.conversations.get(&of).filter(|conversation| conversation.sees(reader, seq));
        now(seen.and_then(|conversation| conversation.at(seq)).filter(|message| message.event.is_none()).cloned())
    }

    fn standings(
        &self,
        of: UserId,
        streams: Vec<ConversationKey>,
    ) -> BoxFuture<Result<Vec<Option<Standing>>, StoreError>> {
        let state = self.state();
        now(streams.iter().map(|stream| state.conversations.get(stream)?.standing(of)).collect())
    }

    fn choices(&self, of: UserId) -> BoxFuture<Result<Choices, StoreError>> {
        now(self.state().choices.get(&of).copied().unwrap_or_default())
    }

    fn last_seen(&self, of: Vec<UserId>) -> BoxFuture<Result<Vec<(UserId, i64)>, StoreError>> {
        let state = self.state();
        now(of.into_iter().filter_map(|user| Some((user, *state.seen.get(&user)?))).collect())
    }

    fn acquainted(&self, of: UserId, users: Vec<UserId>) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let state = self.state();
        let own: Vec<_> = state.conversations.values().filter(|one| one.is_shared() && one.is_member(of)).collect();
        let shares = |user: &UserId| own.iter().any(|one| one.is_member(*user));
        now(users.into_iter().filter(shares).collect())
    }

    fn choose(&self, of: UserId, choices: Choices) -> BoxFuture<Result<(), StoreError>> {
        self.state().choices.insert(of, choices);
        now(())
    }

    fn mute(
        &self,
        of: UserId,
        conversation: ConversationKey,
        until: Option<i64>,
    ) -> BoxFuture<Result<bool, StoreError>> {
        now(self.state().conversations.get_mut(&conversation).is_some_and(|muted| muted.mute(of, until)))
    }

    fn erase(&self, user: UserId) -> BoxFuture<Result<Erased, StoreError>> {
        now(self.state().erase(user))
    }

    fn written_by(
        &self,
        user: UserId,
        after: CommitNumber,
        limit: u32,
    ) -> BoxFuture<Result<Vec<(CommitNumber, StoredMessage)>, StoreError>> {
        now(self.state().written_by(user, after, limit))
    }

    fn groups_of(
        &self,
        user: UserId,
        after: Option<GroupId>,
        limit: u32,
    ) -> BoxFuture<Result<Vec<GroupId>, StoreError>> {
        now(self.state().groups_of(user, after, limit))
    }

    fn prune(&self, kind: &str, before_ms: i64, limit: u32) -> BoxFuture<Result<u64, StoreError>> {
        now(self.state().prune(kind, before_ms, limit))
    }

    fn forget_requests(&self, before_ms: i64, limit: u32) -> BoxFuture<Result<u64, StoreError>> {
        now(self.state().forget_requests(before_ms, limit))
    }

    fn runs_sql(&self) -> bool {
        false
    }

    fn health(&self) -> Option<String> {
        None
    }

    fn stop(&self) {
        let (done, stopped) = sync_channel(1);
        if self.queue.job(done).is_ok() {
            // The writer ends only when the queue is closed, which this handle does when it goes.
            let _ = stopped.recv();
        }
    }
}

impl Groups for MemoryStore {
    fn members(&self, of: GroupId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let state = self.state();
        let members = state.conversations.get(&ConversationKey::Group(of)).into_iter().flat_map(|one| one.members());
        now(members.filter(|&user| after.is_none_or(|after| user > after)).take(limit as usize).collect())
    }

    fn own(&self) -> bool {
        true
    }
}
