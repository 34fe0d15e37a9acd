//! A node whose rounds a test counts: what each of them wrote is told.

use std::{collections::HashMap, io, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_engine::{
    Admission, Dialect, Guest, Parts, Settings,
    clock::{Clock, Now},
    ports::NoCredentials,
    registry::Registry,
    shard::{Slot, Sockets},
    simulation::Simulation,
    volatile::VolatileStore,
};
use tidings_testkit::SteppedClock;
use tidings_wire::{Audience, GroupId, Limit, Me, Message, Sender, Topic, UserId};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Poke {
    to: UserId,
    #[serde(default)]
    note: u32,
}

impl Message for Poke {
    const TYPE: &'static str = "poke";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::user(self.to)
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Broadcast {}

impl Message for Broadcast {
    const TYPE: &'static str = "broadcast";

    fn audience(&self, _: &Sender) -> Audience {
        Audience::everyone().me(Me::EveryConnection)
    }
}

/// To a group, and not kept.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Shout {
    group: GroupId,
    #[serde(default)]
    note: u32,
}

impl Message for Shout {
    const TYPE: &'static str = "shout";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::group(self.group)
    }
}

/// To the watchers of `score:4`.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Goal {
    note: u32,
}

impl Message for Goal {
    const TYPE: &'static str = "goal";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::topic(topic())
    }
}

/// What goals are told to.
pub(crate) fn topic() -> Topic {
    "score:4".parse().expect("a topic")
}

/// What each connection was written since it was last looked at.
#[derive(Default)]
pub(crate) struct Wires {
    written: HashMap<Slot, Vec<u8>>,
    /// These take nothing.
    pub(crate) blocked: Vec<Slot>,
}

impl Sockets for Wires {
    fn send(&mut self, slot: Slot, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        if self.blocked.contains(&slot) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let wire = self.written.entry(slot).or_default();
        parts.iter().for_each(|part| wire.extend_from_slice(part));
        Ok(parts.iter().map(|part| part.len()).sum())
    }

    fn finish(&mut self, _: Slot) {}

    fn shut(&mut self, _: Slot) {}
}

/// One shard, its connections' wires, and groups that a test makes.
pub(crate) struct Node {
    pub(crate) simulation: Simulation,
    pub(crate) wires: [Wires; 1],
    pub(crate) flush_budget: usize,
    now: Now,
    /// Calls have time limits of their own, which ask for one.
    runtime: tokio::runtime::Runtime,
}

impl Node {
    pub(crate) fn start() -> Self {
        let mut registry = Registry::builder();
        registry.message::<Poke>();
        registry.message::<Broadcast>();
        registry.message::<Shout>();
        registry.message::<Goal>();
        let (store, clock) = (Arc::new(VolatileStore::new("an epoch")), SteppedClock::new());
        let settings = Settings { keep: false, ..Settings::default() };
        let flush_budget = settings.flush_budget;
        let registry = registry.build().expect("the types fit");
        let now = clock.now();
        let parts = Parts {
            registry,
            store: store.clone(),
            groups: store,
            clock,
            credentials: Arc::new(NoCredentials),
            settings,
        };
        let simulation = Simulation::new(parts).expect("it starts");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        Self { simulation, wires: [Wires::default()], flush_budget, now, runtime }
    }

    pub(crate) fn open(&mut self, user: u32) -> Slot {
        let admission = Admission {
            guest: Guest::new(UserId::new(user), ([127, 0, 0, 1], 9).into()),
            dialect: Dialect::Guide,
            expires_at_ms: None,
            hello: None,
            greeting: bytes::Bytes::new(),
        };
        self.simulation.shard(0).open(admission, self.now)
    }

    /// Connections of these users, who are members of the group.
    pub(crate) fn open_group(&mut self, group: u32, users: std::ops::Range<u32>) -> Vec<Slot> {
        let slots: Vec<Slot> = users.clone().map(|user| self.open(user)).collect();
        let waker = self.simulation.waker();
        for user in users {
            let mut joins = self.simulation.set_member(GroupId::new(group), UserId::new(user), true);
            let mut context = std::task::Context::from_waker(&waker);
            while {
                let _entered = self.runtime.enter();
                joins.as_mut().poll(&mut context).is_pending()
            } {
                self.round();
            }
        }
        slots
    }

    /// The socket reads these messages, in one packet.
    pub(crate) fn reads<'a>(&mut self, slot: Slot, messages: impl IntoIterator<Item = &'a str>) {
        let mut bytes: Vec<u8> = messages.into_iter().flat_map(frame).collect();
        self.simulation.shard(0).input(slot, &mut bytes, self.now);
    }

    /// One round; false where nothing was left to do.
    pub(crate) fn round(&mut self) -> bool {
        self.simulation.round(&mut self.wires, self.now)
    }

    /// Whether the connection was written anything since it was last looked at.
    pub(crate) fn wrote_to(&self, slot: Slot) -> bool {
        self.wires[0].written.contains_key(&slot)
    }

    /// Looks at what was written.
    pub(crate) fn take(&mut self, slot: Slot) -> Option<String> {
        self.wires[0].written.remove(&slot).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The `note`s of the messages in what was written, in order.
pub(crate) fn notes(written: &str) -> Vec<u32> {
    let each = written.split("\"note\":").skip(1);
    each.map(|rest| rest.split(',').next().and_then(|digits| digits.parse().ok()).expect("a number")).collect()
}

/// A text frame whose mask is zero (RFC 6455 §5.2).
fn frame(json: &str) -> Vec<u8> {
    let length = u8::try_from(json.len()).ok().filter(|length| *length < 126).expect("a short text");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], json.as_bytes()].concat()
}
