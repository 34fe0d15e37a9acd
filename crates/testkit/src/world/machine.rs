//! The world itself: who is connected, and what moves when.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use serde_json::Value;
use tidings_engine::{
    Admission, Dialect, Guest, Hello, Parts,
    clock::{Clock, Now},
    simulation::Simulation,
};
use tidings_wire::UserId;

use super::{
    backend::Backend,
    client::Client,
    gate::{Gate, Hold, Telling},
    peer::Peer,
    pipe::{Pipe, Pipes},
};
use crate::clock::SteppedClock;

/// Rounds after which a world that never comes to rest is given up: a defect that would hang a test otherwise.
const ROUNDS: usize = 1_000_000;

/// How long another thread (a store's, one for blocking work) may take before the test is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// How far the clock is stepped at once: a shard's timers are as coarse.
const STEP: Duration = Duration::from_millis(250);

/// An engine's node with in-memory connections. Everything happens on the thread of the test, in an order that only the
/// test's calls decide: the same calls give the same bytes.
///
/// Whatever a client or the backend does, the world runs until nothing is left to do; time stands still until
/// [`advance`](World::advance). Cheap to clone; all clones are the same world.
#[derive(Clone)]
pub struct World(Rc<Inner>);

struct Inner {
    state: RefCell<State>,
    clock: Arc<SteppedClock>,
    gate: Arc<Gate>,
    /// Nothing moves: see [`World::holding`].
    holding: Cell<bool>,
    /// What tokio's own timers (in handlers, in calls) go by: paused, stepped together with the clock.
    runtime: tokio::runtime::Runtime,
}

pub(super) struct State {
    pub(super) simulation: Simulation,
    sockets: Vec<Pipes>,
    pub(super) peers: Vec<Peer>,
    socket_bytes: usize,
    next_shard: usize,
}

/// Whether other threads are waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    None,
    Threads,
}

/// Holds back, fills and breaks what stands between the engine and its store.
pub struct StoreGate<'a>(&'a World);

impl World {
    pub(super) fn new(parts: Parts, gate: Arc<Gate>, clock: Arc<SteppedClock>, socket_bytes: usize) -> Self {
        let simulation = Simulation::new(parts).unwrap_or_else(|error| panic!("the engine does not start: {error}"));
        let sockets = (0..simulation.shards()).map(|_| Pipes::default()).collect();
        let state = State { simulation, sockets, peers: Vec::new(), socket_bytes, next_shard: 0 };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without I/O needs nothing of the system");
        Self(Rc::new(Inner { state: RefCell::new(state), clock, gate, holding: Cell::new(false), runtime }))
    }

    /// One connection for each of these users; on the shards in turn.
    pub fn clients<const N: usize>(&self, users: [u32; N]) -> [Client; N] {
        users.map(|user| self.client(UserId::new(user)))
    }

    /// A connection more, perhaps another one of a user who has some; on the next shard.
    pub fn client(&self, user: UserId) -> Client {
        let shard = self.next_shard();
        self.client_on(shard, user)
    }

    fn next_shard(&self) -> usize {
        let mut state = self.state();
        let shard = state.next_shard;
        state.next_shard = (shard + 1) % state.simulation.shards();
        shard
    }

    /// A connection on a shard of the test's choice.
    pub fn client_on(&self, shard: usize, user: UserId) -> Client {
        self.admit(shard, user, None, None)
    }

    /// A connection of `tidings.v1`, on the next shard; `hello` is its first frame.
    ///
    /// # Panics
    /// Where that is no `hello`.
    pub fn v1(&self, user: UserId, hello: &Value) -> Client {
        let shard = self.next_shard();
        self.v1_on(shard, user, hello)
    }

    /// The same on a shard of the test's choice.
    ///
    /// # Panics
    /// Where `hello` is none.
    pub fn v1_on(&self, shard: usize, user: UserId, hello: &Value) -> Client {
        let read = Hello::read(&hello.to_string()).unwrap_or_else(|| panic!("no hello: {hello}"));
        let hello = read.unwrap_or_else(|(_, reject)| panic!("{reject}"));
        self.admit(shard, user, None, Some(hello))
    }

    /// A connection whose credentials end after so long.
    pub fn client_for(&self, user: UserId, valid: Duration) -> Client {
        let expires = self.0.clock.now().unix_ms + valid.as_millis() as i64;
        self.admit(0, user, Some(expires), None)
    }

    fn admit(&self, shard: usize, user: UserId, expires_at_ms: Option<i64>, hello: Option<Hello>) -> Client {
        let admission = Admission {
            guest: Guest::new(user, ([127, 0, 0, 1], 9).into()),
            dialect: if hello.is_some() { Dialect::V1 } else { Dialect::Guide },
            expires_at_ms,
            hello,
            greeting: bytes::Bytes::new(),
        };
        let number = {
            let state = &mut *self.state();
            let slot = state.simulation.shard(shard).open(admission, self.0.clock.now());
            let pipe = Pipe::shared(state.socket_bytes);
            state.sockets[shard].insert(slot, pipe.clone());
            state.peers.push(Peer::new(shard, slot, pipe));
            state.peers.len() - 1
        };
        self.run();
        Client::new(self.clone(), number, user)
    }

    /// What a backend with a service key may do.
    pub fn backend(&self) -> Backend {
        Backend::new(self.clone())
    }

    /// What stands between the engine and its store.
    pub fn store(&self) -> StoreGate<'_> {
        StoreGate(self)
    }

    /// The clock that all of it goes by. Stepped by hand it moves nothing: see [`World::advance`].
    pub fn clock(&self) -> Arc<SteppedClock> {
        self.0.clock.clone()
    }

    /// Whether the user has an open connection.
    pub fn is_online(&self, user: UserId) -> bool {
        self.state().simulation.is_online(user)
    }

    /// What shards were handed through their mailboxes so far.
    pub fn posts(&self) -> usize {
        self.state().simulation.posts()
    }

    /// Connections that a shard holds, those that are closing included.
    pub fn connections_on(&self, shard: usize) -> usize {
        self.state().simulation.shard(shard).len()
    }

    /// Closes every connection with 1012, evenly over `spread`.
    pub fn drains(&self, spread: Duration) {
        self.state().simulation.drain(spread);
        self.run();
    }

    /// Steps the clock, a little at a time, and lets everything happen that then is due.
    pub fn advance(&self, by: Duration) {
        let mut left = by;
        while !left.is_zero() {
            let step = left.min(STEP);
            left -= step;
            self.0.clock.advance(step);
            self.0.runtime.block_on(tokio::time::advance(step));
            self.run();
        }
    }

    /// Does what `calls` do at one moment: their bytes are all on the wire before the first of them is read.
    pub fn holding(&self, calls: impl FnOnce()) {
        self.0.holding.set(true);
        calls();
        self.0.holding.set(false);
        self.run();
    }

    /// Lets everything happen that can happen now. Every call of a client or the backend does so already.
    ///
    /// # Panics
    /// Where it never ends, or a store of its own threads does not settle what it took.
    pub fn run(&self) {
        for _ in 0..ROUNDS {
            if self.0.holding.get() || !self.round() {
                return;
            }
        }
        panic!("the world does not come to rest");
    }

    /// Runs until `found` gives something; waits for other threads (a store's, one for blocking work) where need be.
    pub(super) fn until<T>(&self, mut found: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        loop {
            self.run();
            let state = &mut *self.state();
            if let Some(found) = found(state) {
                return Some(found);
            }
            if !state.simulation.is_waiting() || !state.simulation.wait(PATIENCE) {
                return None;
            }
        }
    }

    /// Polls a call of the backend until it is ready; none where nothing brings it forward any more, or no other thread does
    /// in time.
    pub(super) fn poll<T>(
        &self,
        patience: Patience,
        mut call: impl FnMut(&mut std::task::Context<'_>) -> Poll<T>,
    ) -> Option<T> {
        let patience = if patience == Patience::Threads { PATIENCE } else { Duration::ZERO };
        loop {
            let waker = self.state().simulation.waker();
            let polled = {
                let _time = self.0.runtime.enter();
                call(&mut std::task::Context::from_waker(&waker))
            };
            if let Poll::Ready(value) = polled {
                self.run();
                return Some(value);
            }
            let moved = self.round();
            if !moved && !self.state().simulation.wait(patience) {
                return None;
            }
        }
    }

    pub(super) fn state(&self) -> std::cell::RefMut<'_, State> {
        self.0.state.borrow_mut()
    }

    pub(super) fn now(&self) -> Now {
        self.0.clock.now()
    }

    /// One round; false where nothing is left to do now.
    fn round(&self) -> bool {
        let now = self.now();
        let mut moved = self.0.gate.pump();
        self.wait_for_store();
        let state = &mut *self.state();
        let State { simulation, sockets, peers, .. } = state;
        for peer in peers.iter_mut().filter(|peer| peer.is_attached()) {
            let shard = simulation.shard(peer.shard);
            moved |= peer.read(shard);
            // As a driver, which reads nothing while the log for all is crowded.
            if !shard.is_crowded() && peer.feed(shard, now) {
                moved = true;
                if shard.is_urgent() {
                    shard.flush(0, &mut sockets[peer.shard], now);
                }
            }
        }
        let _time = self.0.runtime.enter();
        simulation.round(sockets, now) || moved
    }

    /// A store with a thread of its own settles before anything else moves, so that chance decides nothing.
    fn wait_for_store(&self) {
        while self.0.gate.is_busy() {
            assert!(self.state().simulation.wait(PATIENCE), "the store does not settle what it took");
        }
    }
}

impl StoreGate<'_> {
    /// From now on nothing is committed.
    pub fn holds(&self) {
        self.0.0.gate.hold(true);
    }

    /// What was held is committed, and what comes is too.
    pub fn goes_on(&self) {
        self.0.0.gate.hold(false);
        self.0.0.gate.break_down(false);
        self.0.run();
    }

    /// Its queue takes so many acts: with [`holds`](StoreGate::holds) a full store.
    pub fn takes_at_most(&self, acts: usize) {
        self.0.0.gate.room(acts);
    }

    /// What becomes of readings (lists, standings, pages) from now on, those under way too.
    pub fn holds_readings(&self, hold: Hold) {
        self.0.0.gate.hold_readings(hold);
        self.0.run();
    }

    /// Readings from now on begin, and are answered, so many rounds later; a world at rest has one round with each call.
    pub fn delays_readings(&self, begin: u32, answer: u32) {
        self.0.0.gate.delay_readings([begin, answer]);
    }

    /// From now on everything is answered `unavailable`.
    pub fn breaks(&self) {
        self.0.0.gate.break_down(true);
    }

    /// So many of the acts that are held are committed; the others stay held.
    pub fn lets_pass(&self, acts: usize) {
        self.0.0.gate.let_pass(acts);
        self.0.run();
    }

    /// From now on what is committed is not told of.
    pub fn loses_settlements(&self) {
        self.0.0.gate.tell(Telling::Nothing);
    }

    /// From now on what is committed is said not to be.
    pub fn denies_commits(&self) {
        self.0.0.gate.tell(Telling::Unavailable);
    }

    /// What is committed is told of again.
    pub fn tells_the_truth(&self) {
        self.0.0.gate.tell(Telling::Truth);
    }

    /// From now on who asks for commits gets no answer.
    pub fn hangs(&self) {
        self.0.0.gate.hang(true);
    }

    /// From now on nobody's choices can be read, or they can again.
    pub fn reads_no_choices(&self, broken: bool) {
        self.0.0.gate.choices_unread(broken);
    }

    /// From now on it can't be read when users were last seen, or it can again.
    pub fn reads_no_last_seen(&self, broken: bool) {
        self.0.0.gate.last_seen_unread(broken);
    }

    /// From now on nobody's choices can be set, or they can again.
    pub fn chooses_nothing(&self, broken: bool) {
        self.0.0.gate.choices_unset(broken);
    }

    /// Acts that are held.
    pub fn waiting(&self) -> usize {
        self.0.0.gate.waiting()
    }
}
