//! A node whose rounds a test counts: what each of them wrote is told.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    io,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tidings_engine::{
    Admission, Dialect, Guest, Hello, Notifications, Parts, Settings,
    clock::{Clock, Now},
    ports::{Everybody, NoCredentials, OpenTopics},
    shard::{Slot, Sockets},
    simulation::Simulation,
};
use tidings_testkit::{SteppedClock, memory::MemoryStore};
use tidings_wire::{GroupId, UserId};

use crate::types::{registry, topic};

/// How long the store's thread may take before a test is given up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What each connection was written since it was last looked at.
#[derive(Default)]
pub(crate) struct Wires {
    written: HashMap<Slot, Vec<u8>>,
    /// How often a connection was written to in this round.
    sends: usize,
    /// The most bytes that were written at once.
    pub(crate) largest_send: usize,
    /// These take nothing.
    pub(crate) blocked: Vec<Slot>,
    /// Nobody takes anything; what each is offered is noted by where it stands in memory.
    pub(crate) holds_all: bool,
    pub(crate) offered: HashSet<(usize, usize)>,
    /// How often somebody was offered something then.
    pub(crate) offers: usize,
}

impl Sockets for Wires {
    fn send(&mut self, slot: Slot, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        if self.holds_all {
            self.offers += 1;
            self.offered.extend(parts.iter().map(|part| (part.as_ptr().addr(), part.len())));
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if self.blocked.contains(&slot) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.sends += 1;
        let wire = self.written.entry(slot).or_default();
        parts.iter().for_each(|part| wire.extend_from_slice(part));
        let bytes = parts.iter().map(|part| part.len()).sum();
        self.largest_send = self.largest_send.max(bytes);
        Ok(bytes)
    }

    fn finish(&mut self, _: Slot) {}

    fn shut(&mut self, _: Slot) {}
}

/// A connection, with the shard that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) shard: usize,
    pub(crate) slot: Slot,
}

/// A node's shards, their connections' wires, and groups that a test makes.
pub(crate) struct Node {
    pub(crate) simulation: Simulation,
    pub(crate) wires: Vec<Wires>,
    pub(crate) flush_budget: usize,
    /// The most connections that a shard wrote to in one round. Where that is more than the budget, rounds are no measure.
    pub(crate) most_sends: usize,
    now: Now,
    /// Calls have time limits of their own, which ask for one.
    runtime: tokio::runtime::Runtime,
}

impl Node {
    /// One shard, and settings as they are.
    pub(crate) fn start() -> Self {
        Self::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let clock = SteppedClock::new();
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let mut settings = Settings::default();
        change(&mut settings);
        let (flush_budget, shards) = (settings.flush_budget, usize::from(settings.shards));
        let now = clock.now();
        let parts = Parts {
            registry: registry(),
            store: store.clone(),
            groups: store,
            relations: Vec::new(),
            clock,
            credentials: Arc::new(NoCredentials),
            visibility: Arc::new(Everybody),
            topics: Arc::new(OpenTopics::all()),
            notifications: Notifications::default(),
            settings,
        };
        let simulation = Simulation::new(parts).expect("it starts");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let wires = (0..shards).map(|_| Wires::default()).collect();
        Self { simulation, wires, flush_budget, most_sends: 0, now, runtime }
    }

    /// A connection on the first shard.
    pub(crate) fn open(&mut self, user: u32) -> At {
        self.open_on(0, user)
    }

    pub(crate) fn open_on(&mut self, shard: usize, user: u32) -> At {
        self.open_speaking(shard, user, Dialect::Guide)
    }

    pub(crate) fn open_speaking(&mut self, shard: usize, user: u32, dialect: Dialect) -> At {
        let admission = Admission {
            guest: Guest::new(UserId::new(user), ([127, 0, 0, 1], 9).into()),
            dialect,
            expires_at_ms: None,
            hello: (dialect == Dialect::V1).then(Hello::default),
            greeting: bytes::Bytes::new(),
        };
        At { shard, slot: self.simulation.shard(shard).open(admission, self.now) }
    }

    /// Connections of these users on the first shard, who are members of the group.
    pub(crate) fn open_group(&mut self, group: u32, users: std::ops::Range<u32>) -> Vec<At> {
        self.open_group_on(0, group, users)
    }

    pub(crate) fn open_group_on(&mut self, shard: usize, group: u32, users: std::ops::Range<u32>) -> Vec<At> {
        let slots = users.clone().map(|user| self.open_on(shard, user)).collect();
        users.for_each(|user| self.joins(group, user));
        slots
    }

    pub(crate) fn joins(&mut self, group: u32, user: u32) {
        let mut joins = self.simulation.set_member(GroupId::new(group), UserId::new(user), true);
        while self.poll(&mut joins).is_none() {
            self.round();
        }
    }

    /// What became of a call, if it is ready.
    pub(crate) fn poll<T>(&self, call: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
        let _entered = self.runtime.enter();
        let waker = self.simulation.waker();
        match std::pin::Pin::new(call).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    /// The socket reads these messages, in one packet.
    ///
    /// # Panics
    /// Where a driver would read nothing now.
    pub(crate) fn reads<'a>(&mut self, at: At, messages: impl IntoIterator<Item = &'a str>) {
        assert!(!self.simulation.shard(at.shard).is_crowded(), "no input is taken");
        let mut bytes: Vec<u8> = messages.into_iter().flat_map(frame).collect();
        self.simulation.shard(at.shard).input(at.slot, &mut bytes, self.now);
    }

    /// The socket is at its end.
    pub(crate) fn hangs_up(&mut self, at: At) {
        self.simulation.shard(at.shard).gone(at.slot);
    }

    pub(crate) fn is_fanning_out(&mut self, shard: usize) -> bool {
        self.simulation.shard(shard).is_fanning_out()
    }

    /// One round; false where nothing was left to do.
    pub(crate) fn round(&mut self) -> bool {
        self.wires.iter_mut().for_each(|wires| wires.sends = 0);
        let moved = self.simulation.round(&mut self.wires, self.now);
        self.most_sends = self.wires.iter().map(|wires| wires.sends).fold(self.most_sends, usize::max);
        moved
    }

    /// The connection watches the topic.
    pub(crate) fn watches(&mut self, at: At) {
        self.simulation.shard(at.shard).watch(at.slot, topic(), true);
    }

    /// Everything that is in outboxes is written.
    pub(crate) fn writes_all(&mut self, shard: usize) {
        self.simulation.shard(shard).flush(usize::MAX, &mut self.wires[shard], self.now);
    }

    /// Rounds until nothing is left to do.
    pub(crate) fn settle(&mut self) {
        let rounds = (0..1_000_000).find(|_| !self.round());
        assert!(rounds.is_some(), "it never comes to rest");
    }

    /// Rounds until the shard has messages for many that wait, which may come from the store's thread.
    pub(crate) fn runs_until_fanning_out(&mut self, shard: usize) {
        while !self.is_fanning_out(shard) {
            assert!(self.round() || self.simulation.wait(PATIENCE), "it never began");
        }
    }

    /// Rounds until nothing is left to do and the connection was written so many messages, which may come from the store's
    /// thread.
    pub(crate) fn runs_until_heard(&mut self, at: At, count: usize) {
        loop {
            self.settle();
            let written = self.wires[at.shard].written.get(&at.slot);
            if written.is_some_and(|written| notes(&String::from_utf8_lossy(written)).len() >= count) {
                return;
            }
            assert!(self.simulation.wait(PATIENCE), "{at:?} never hears {count} messages");
        }
    }

    /// Rounds until the connection was written these words, which may come from the store's thread.
    pub(crate) fn runs_until_written(&mut self, at: At, words: &str) {
        loop {
            let written = self.wires[at.shard].written.get(&at.slot);
            if written.is_some_and(|written| String::from_utf8_lossy(written).contains(words)) {
                return;
            }
            let moved = self.round();
            assert!(moved || self.simulation.wait(PATIENCE), "{at:?} is never written {words:?}");
        }
    }

    /// Rounds until the connection was written something; how many.
    pub(crate) fn rounds_until_written(&mut self, at: At) -> usize {
        let rounds = (1..=1_000).find(|_| {
            self.round();
            self.wrote_to(at)
        });
        rounds.expect("it is written something within a thousand rounds")
    }

    /// Whether the connection was written anything since it was last looked at.
    pub(crate) fn wrote_to(&self, at: At) -> bool {
        self.wires[at.shard].written.contains_key(&at.slot)
    }

    /// Looks at what was written.
    pub(crate) fn take(&mut self, at: At) -> Option<String> {
        self.wires[at.shard].written.remove(&at.slot).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The `note`s of the messages in what was written, in order.
pub(crate) fn notes(written: &str) -> Vec<u32> {
    numbers(written, "note")
}

/// The `seq`s.
pub(crate) fn seqs(written: &str) -> Vec<u32> {
    numbers(written, "seq")
}

fn numbers(written: &str, field: &str) -> Vec<u32> {
    let each = written.split(&format!("\"{field}\":")).skip(1).collect::<Vec<_>>();
    let number = |rest: &str| rest.split([',', '}']).next().and_then(|digits| digits.parse().ok()).expect("a number");
    each.into_iter().map(number).collect()
}

/// `count` messages of a type to a group, numbered.
pub(crate) fn to_group(kind: &str, group: u32, count: u32) -> Vec<String> {
    (0..count).map(|note| format!(r#"{{"type":"{kind}","group":{group},"note":{note}}}"#)).collect()
}

/// A text frame whose mask is zero (RFC 6455 §5.2).
fn frame(json: &str) -> Vec<u8> {
    let length = u8::try_from(json.len()).ok().filter(|length| *length < 126).expect("a short text");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], json.as_bytes()].concat()
}
