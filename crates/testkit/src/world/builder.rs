//! What a world is made of.

use std::sync::Arc;

use tidings_engine::{
    Handle, Notifications, Parts, Settings,
    ports::{Everybody, Groups, MessageStore, NoCredentials, OpenTopics, Relation, Topics, Visibility},
    registry::{Registry, RegistryBuilder, TypeSettings},
};
use tidings_wire::Message;

use super::{gate::Gate, machine::World};
use crate::{clock::SteppedClock, memory::MemoryStore};

/// As much as the kernel takes for a reader that does not read, where a test says nothing else.
const SOCKET_BYTES: usize = 64 * 1024;

/// Collects what a [`World`] is made of; see [`world()`].
pub struct WorldBuilder {
    registry: RegistryBuilder,
    settings: Settings,
    clock: Arc<SteppedClock>,
    store: Option<(Arc<dyn MessageStore>, Arc<dyn Groups>)>,
    relations: Vec<(&'static str, Arc<dyn Relation>)>,
    notifications: Notifications,
    visibility: Arc<dyn Visibility>,
    topics: Arc<dyn Topics>,
    socket_bytes: usize,
}

/// A world to be: one shard, a store in memory, no message types yet.
///
/// ```
/// # use schemars::JsonSchema;
/// # use serde::{Deserialize, Serialize};
/// # use tidings_wire::{Audience, Message, Sender};
/// # #[derive(Serialize, Deserialize, JsonSchema)]
/// # struct Cheer {}
/// # impl Message for Cheer {
/// #     const TYPE: &'static str = "cheer";
/// #     fn audience(&self, _: &Sender) -> Audience { Audience::everyone() }
/// # }
/// let world = tidings_testkit::world().message::<Cheer>().shards(2).start();
/// let [ann, bob] = world.clients([1, 2]);
/// ann.send(&Cheer {});
/// assert_eq!(bob.expects::<Cheer>().from, Some(ann.user()));
/// ann.expects_nothing();
/// ```
pub fn world() -> WorldBuilder {
    WorldBuilder {
        registry: Registry::builder(),
        settings: Settings { blocking_threads: 1, ..Settings::default() },
        clock: SteppedClock::new(),
        store: None,
        relations: Vec::new(),
        notifications: Notifications::default(),
        visibility: Arc::new(Everybody),
        topics: Arc::new(OpenTopics::all()),
        socket_bytes: SOCKET_BYTES,
    }
}

impl WorldBuilder {
    /// A type whose messages are accepted as they are.
    #[must_use]
    pub fn message<M: Message>(mut self) -> Self {
        self.registry.message::<M>();
        self
    }

    /// A type whose messages pass a handler.
    #[must_use]
    pub fn message_with<M: Message>(mut self, handler: impl Handle<M>) -> Self {
        self.registry.message_with::<M>(handler);
        self
    }

    /// What the configuration says of a type (`[types.<name>]`).
    #[must_use]
    pub fn configure(mut self, name: &str, settings: TypeSettings) -> Self {
        self.registry.configure(name, settings);
        self
    }

    /// Changes bounds and times.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// So many shards. Clients are spread over them in turn.
    #[must_use]
    pub fn shards(self, shards: u16) -> Self {
        self.settings(|settings| settings.shards = shards)
    }

    /// Another store than the one in memory: SQLite in a temporary folder, or one's own.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn MessageStore>, groups: Arc<dyn Groups>) -> Self {
        self.store = Some((store, groups));
        self
    }

    /// A relation that audiences may name.
    #[must_use]
    pub fn relation(mut self, name: &'static str, relation: Arc<dyn Relation>) -> Self {
        self.relations.push((name, relation));
        self
    }

    /// What keeps notifications.
    #[must_use]
    pub fn notifications(mut self, notifications: Notifications) -> Self {
        self.notifications = notifications;
        self
    }

    /// Who sees whether somebody is online; without it everybody sees everybody.
    #[must_use]
    pub fn visibility(mut self, visibility: Arc<dyn Visibility>) -> Self {
        self.visibility = visibility;
        self
    }

    /// Who may watch a topic; without it everybody may watch all.
    #[must_use]
    pub fn topics(mut self, topics: Arc<dyn Topics>) -> Self {
        self.topics = topics;
        self
    }

    /// Bytes that a connection's socket takes while its client does not read.
    #[must_use]
    pub fn socket_bytes(mut self, bytes: usize) -> Self {
        self.socket_bytes = bytes;
        self
    }

    /// The clock of the world to be: for stores and handlers that want it.
    pub fn clock(&self) -> Arc<SteppedClock> {
        self.clock.clone()
    }

    /// Starts it.
    ///
    /// # Panics
    /// Where types can't be registered together, or the store does not open.
    pub fn start(self) -> World {
        let Self { registry, settings, clock, store, relations, visibility, topics, notifications, socket_bytes } =
            self;
        let registry = registry.build().unwrap_or_else(|error| panic!("the types do not fit: {error}"));
        let (store, groups) = store.unwrap_or_else(|| {
            let memory = Arc::new(MemoryStore::new(clock.clone()));
            (memory.clone(), memory)
        });
        let gate = Arc::new(Gate::new(store));
        let parts = Parts {
            registry,
            store: gate.clone(),
            groups,
            relations,
            clock: clock.clone(),
            credentials: Arc::new(NoCredentials),
            visibility,
            topics,
            notifications,
            settings,
        };
        World::new(parts, gate, clock, socket_bytes)
    }
}
