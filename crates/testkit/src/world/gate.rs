//! A store that a test can hold, fill and break, in front of a real one.

use std::{
    borrow::Cow,
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
    time::Duration,
};

use tidings_engine::{
    act::{Act, BodyHash, CommitNumber, First, Outcome, Receipt, Row, Settled, Value},
    ports::{
        Before, BoxFuture, Choices, CommitSink, ConversationPage, ConversationSummary, Erased, HistoryPage,
        MessageStore, Page, Reader, Standing, Start, StoreError, StoredMessage,
    },
};
use tidings_wire::{ConversationKey, GroupId, Key, Seq, UserId};

const POISONED: &str = "nothing panics while it holds the gate";

/// The gate. What is submitted waits in it until the world lets it pass.
pub(crate) struct Gate {
    store: Arc<dyn MessageStore>,
    state: Arc<Mutex<State>>,
}

/// What becomes of readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hold {
    /// They are answered.
    #[default]
    Nothing,
    /// They are not begun.
    Readings,
    /// They are done, and not answered.
    Answers,
    /// They fail.
    Refused,
}

#[derive(Default)]
struct State {
    readings: Hold,
    /// Rounds after which a reading begins, and is answered.
    delays: [u32; 2],
    queue: VecDeque<Act>,
    /// Acts that may wait at the gate.
    room: usize,
    held: bool,
    /// Acts that pass though it is held.
    passes: usize,
    broken: bool,
    /// What becomes of what the store settles.
    telling: Telling,
    /// The store does not answer who asks for its commits.
    hangs: bool,
    /// Choices can't be read, or can't be set.
    no_choices: (bool, bool),
    /// When users were last seen can't be read.
    no_last_seen: bool,
    /// Somebody was sent away and wants to hear of room.
    starved: bool,
    /// Acts that the store has and has not settled.
    outstanding: usize,
    sink: Option<Arc<dyn CommitSink>>,
}

/// What becomes of what the store settles.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Telling {
    /// It is told.
    #[default]
    Truth,
    /// It is lost.
    Nothing,
    /// It is said not to be stored, though it is.
    Unavailable,
}

/// Counts what the store settles.
struct Counting(Arc<Mutex<State>>, Arc<dyn CommitSink>);

impl CommitSink for Counting {
    fn settled(&self, batch: Vec<Settled>) {
        // The lock is held while the engine is told: in between, the world would find a store that owes nothing and nothing to
        // dispatch, and come to rest without this batch.
        let mut state = self.0.lock().expect(POISONED);
        state.outstanding -= batch.len();
        match state.telling {
            Telling::Truth => self.1.settled(batch),
            // The world learns that the store has settled, and of nothing else.
            Telling::Nothing => self.1.settled(Vec::new()),
            Telling::Unavailable => self.1.settled(batch.into_iter().map(|settled| unavailable(settled.act)).collect()),
        }
    }

    fn room(&self) {}
}

fn unavailable(act: Act) -> Settled {
    Settled { act, commit: None, outcome: Outcome::Unavailable(Duration::from_secs(1)) }
}

impl Gate {
    pub(crate) fn new(store: Arc<dyn MessageStore>) -> Self {
        Self { store, state: Arc::new(Mutex::new(State { room: usize::MAX, ..State::default() })) }
    }

    /// Nothing passes, or things do again.
    pub(crate) fn hold(&self, held: bool) {
        self.state().held = held;
    }

    /// So many acts pass though nothing else does.
    pub(crate) fn let_pass(&self, acts: usize) {
        self.state().passes = acts;
    }

    /// So many acts may wait.
    pub(crate) fn room(&self, room: usize) {
        self.state().room = room;
    }

    /// What passes is answered `unavailable`, or stored again.
    pub(crate) fn break_down(&self, broken: bool) {
        self.state().broken = broken;
    }

    /// What becomes of what the store settles from now on.
    pub(crate) fn tell(&self, telling: Telling) {
        self.state().telling = telling;
    }

    /// Who asks for commits is not answered, or is again.
    pub(crate) fn hang(&self, hangs: bool) {
        self.state().hangs = hangs;
    }

    /// Choices can't be read, or can be again.
    pub(crate) fn choices_unread(&self, broken: bool) {
        self.state().no_choices.0 = broken;
    }

    /// Choices can't be set, or can be again.
    pub(crate) fn choices_unset(&self, broken: bool) {
        self.state().no_choices.1 = broken;
    }

    /// When users were last seen can't be read, or can be again.
    pub(crate) fn last_seen_unread(&self, broken: bool) {
        self.state().no_last_seen = broken;
    }

    /// Acts that wait at the gate.
    pub(crate) fn waiting(&self) -> usize {
        self.state().queue.len()
    }

    /// Whether the store owes answers.
    pub(crate) fn is_busy(&self) -> bool {
        self.state().outstanding > 0
    }

    /// Lets pass what waits; true where something did.
    pub(crate) fn pump(&self) -> bool {
        let (mut acts, sink, broken) = {
            let mut state = self.state();
            let most = if state.held { std::mem::take(&mut state.passes) } else { usize::MAX };
            let most = most.min(state.queue.len());
            if state.held && most == 0 {
                return false;
            }
            (state.queue.drain(..most).collect::<VecDeque<_>>(), state.sink.clone(), state.broken)
        };
        let count = acts.len();
        if broken {
            let settled: Vec<_> = acts.drain(..).map(unavailable).collect();
            if let Some(sink) = sink.as_ref().filter(|_| !settled.is_empty()) {
                sink.settled(settled);
            }
        } else if count > 0 {
            self.state().outstanding += count;
            self.store.submit(&mut acts);
        }
        let mut state = self.state();
        state.outstanding -= acts.len();
        let left = acts.len();
        while let Some(act) = acts.pop_back() {
            state.queue.push_front(act);
        }
        let room = state.starved && state.queue.len() < state.room;
        state.starved &= !room;
        drop(state);
        if let Some(sink) = sink.filter(|_| room) {
            sink.room();
        }
        left < count || room
    }

    /// Readings from now on begin and are answered so many rounds later.
    pub(crate) fn delay_readings(&self, delays: [u32; 2]) {
        self.state().delays = delays;
    }

    /// What becomes of readings from now on, those under way too.
    pub(crate) fn hold_readings(&self, hold: Hold) {
        self.state().readings = hold;
    }

    /// A reading, held as the test says. Whoever polls it polls again in each round.
    fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> BoxFuture<Result<T, StoreError>> + Send + 'static,
    ) -> BoxFuture<Result<T, StoreError>> {
        let state = self.state.clone();
        let [begins_after, answers_after] = self.state().delays;
        let held = move |by: Hold, mut rounds: u32| {
            let state = state.clone();
            std::future::poll_fn(move |_| match state.lock().expect(POISONED).readings {
                Hold::Refused => Poll::Ready(Err(StoreError::Unavailable("the test says so".into()))),
                hold if hold == by => Poll::Pending,
                _ if rounds > 0 => {
                    rounds -= 1;
                    Poll::Pending
                }
                _ => Poll::Ready(Ok(())),
            })
        };
        Box::pin(async move {
            held(Hold::Readings, begins_after).await?;
            let answer = read().await;
            held(Hold::Answers, answers_after).await?;
            answer
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(POISONED)
    }
}

impl MessageStore for Gate {
    fn start(&self, sink: Arc<dyn CommitSink>) -> Result<Start, StoreError> {
        self.state().sink = Some(sink.clone());
        self.store.start(Arc::new(Counting(self.state.clone(), sink)))
    }

    fn submit(&self, acts: &mut VecDeque<Act>) -> bool {
        let mut state = self.state();
        while state.queue.len() < state.room
            && let Some(act) = acts.pop_front()
        {
            state.queue.push_back(act);
        }
        state.starved |= !acts.is_empty();
        acts.is_empty()
    }

    fn since(
        &self,
        after: CommitNumber,
        limit: u32,
    ) -> BoxFuture<Result<Vec<(CommitNumber, StoredMessage)>, StoreError>> {
        if self.state().hangs {
            return Box::pin(std::future::pending());
        }
        self.store.since(after, limit)
    }

    fn query(&self, sql: Cow<'static, str>, values: Vec<Value>) -> BoxFuture<Result<Vec<Row>, StoreError>> {
        self.store.query(sql, values)
    }

    fn keyed(&self, sender: UserId, key: Key) -> BoxFuture<Result<Option<(Receipt, BodyHash)>, StoreError>> {
        self.store.keyed(sender, key)
    }

    fn requested(&self, by: Option<UserId>, key: Key) -> BoxFuture<Result<Option<(First, BodyHash)>, StoreError>> {
        self.store.requested(by, key)
    }

    fn history(
        &self,
        of: ConversationKey,
        reader: Reader,
        page: Page,
    ) -> BoxFuture<Result<Option<HistoryPage>, StoreError>> {
        let store = self.store.clone();
        self.reading(move || store.history(of, reader, page))
    }

    fn conversations(
        &self,
        of: UserId,
        before: Option<Before>,
        limit: u32,
    ) -> BoxFuture<Result<ConversationPage, StoreError>> {
        let store = self.store.clone();
        self.reading(move || store.conversations(of, before, limit))
    }

    fn conversation(
        &self,
        of: UserId,
        conversation: ConversationKey,
    ) -> BoxFuture<Result<Option<ConversationSummary>, StoreError>> {
        self.store.conversation(of, conversation)
    }

    fn message(
        &self,
        of: ConversationKey,
        seq: Seq,
        reader: Reader,
    ) -> BoxFuture<Result<Option<StoredMessage>, StoreError>> {
        self.store.message(of, seq, reader)
    }

    fn standings(
        &self,
        of: UserId,
        streams: Vec<ConversationKey>,
    ) -> BoxFuture<Result<Vec<Option<Standing>>, StoreError>> {
        let store = self.store.clone();
        self.reading(move || store.standings(of, streams))
    }

    fn choices(&self, of: UserId) -> BoxFuture<Result<Choices, StoreError>> {
        if self.state().no_choices.0 {
            return Box::pin(std::future::ready(Err(StoreError::Full)));
        }
        self.store.choices(of)
    }

    fn last_seen(&self, of: Vec<UserId>) -> BoxFuture<Result<Vec<(UserId, i64)>, StoreError>> {
        if self.state().no_last_seen {
            return Box::pin(std::future::ready(Err(StoreError::Full)));
        }
        self.store.last_seen(of)
    }

    fn acquainted(&self, of: UserId, users: Vec<UserId>) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        self.store.acquainted(of, users)
    }

    fn choose(&self, of: UserId, choices: Choices) -> BoxFuture<Result<(), StoreError>> {
        if self.state().no_choices.1 {
            return Box::pin(std::future::ready(Err(StoreError::Full)));
        }
        self.store.choose(of, choices)
    }

    fn mute(
        &self,
        of: UserId,
        conversation: ConversationKey,
        until: Option<i64>,
    ) -> BoxFuture<Result<bool, StoreError>> {
        self.store.mute(of, conversation, until)
    }

    fn erase(&self, user: UserId) -> BoxFuture<Result<Erased, StoreError>> {
        self.store.erase(user)
    }

    fn written_by(
        &self,
        user: UserId,
        after: CommitNumber,
        limit: u32,
    ) -> BoxFuture<Result<Vec<(CommitNumber, StoredMessage)>, StoreError>> {
        self.store.written_by(user, after, limit)
    }

    fn groups_of(
        &self,
        user: UserId,
        after: Option<GroupId>,
        limit: u32,
    ) -> BoxFuture<Result<Vec<GroupId>, StoreError>> {
        self.store.groups_of(user, after, limit)
    }

    fn prune(&self, kind: &str, before_ms: i64, limit: u32) -> BoxFuture<Result<u64, StoreError>> {
        self.store.prune(kind, before_ms, limit)
    }

    fn forget_requests(&self, before_ms: i64, limit: u32) -> BoxFuture<Result<u64, StoreError>> {
        self.store.forget_requests(before_ms, limit)
    }

    fn runs_sql(&self) -> bool {
        self.store.runs_sql()
    }

    fn health(&self) -> Option<String> {
        self.store.health()
    }

    fn stop(&self) {
        self.store.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the gate could be asked at the moment when the engine was told.
    #[derive(Default)]
    struct Told(Arc<Mutex<State>>, Mutex<Vec<bool>>);

    impl CommitSink for Told {
        fn settled(&self, _: Vec<Settled>) {
            self.1.lock().expect(POISONED).push(self.0.try_lock().is_ok());
        }

        fn room(&self) {}
    }

    #[test]
    fn nobody_finds_a_store_that_has_settled_before_the_engine_is_told() {
        for telling in [Telling::Truth, Telling::Nothing, Telling::Unavailable] {
            let state = Arc::new(Mutex::new(State { telling, ..State::default() }));
            let told = Arc::new(Told(state.clone(), Mutex::default()));
            Counting(state, told.clone()).settled(Vec::new());
            assert_eq!(*told.1.lock().expect(POISONED), [false]);
        }
    }
}
