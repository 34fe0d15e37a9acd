//! The shard's state, and what its driver calls: bytes, mail and time in; bytes, effects and timers out.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use hashbrown::{HashMap, HashSet};
use slab::Slab;
use tidings_wire::{CloseCode, Topic};

use super::{
    Slot,
    connection::{Connection, Details, NEVER, Phase, Speech},
    crossing::Crossing,
    doubting::Doubts,
    everyone::EveryoneLog,
    fanout::Fanouts,
    mail::{Effect, Mail},
    orphans::Orphans,
    outbox::Outbox,
    output::Haste,
    sample::Samples,
    session::Resume,
    telling::Watchers,
    topics::TopicDoubts,
    users::{NextOfUser, Users},
    wheel::{Tick, Wheel},
};
use crate::{
    act::Act,
    clock::Now,
    engine::{Admission, Dialect},
    metrics::ShardMetrics,
    node::Node,
    websocket::{Decoder, FrameLimits},
};

/// One thread's part of the connections: a state machine without sockets, threads or clock.
///
/// Its driver calls [`open`](Shard::open) for a new connection, [`input`](Shard::input) with what a socket read,
/// [`writable`](Shard::writable) and [`gone`](Shard::gone) as sockets say, [`mail`](Shard::mail) with what came through the
/// mailbox, [`tick`](Shard::tick) when the time it returned is over; and after each round [`end_turn`](Shard::end_turn),
/// [`effects`](Shard::effects) and [`flush`](Shard::flush). All on one thread, each with the moment of the call.
pub struct Shard {
    pub(super) id: u16,
    pub(super) node: Node,
    pub(super) connections: Slab<Connection>,
    /// The connections of each user here, by the user's index.
    pub(super) users: Users,
    pub(super) topics: HashMap<Topic, Vec<u32>>,
    pub(super) watchers: Watchers,
    pub(super) doubts: Doubts,
    pub(super) topic_doubts: TopicDoubts,
    pub(super) log: EveryoneLog,
    pub(super) wheel: Wheel,
    /// Connections to be flushed first.
    pub(super) prompt: VecDeque<u32>,
    /// Connections to be flushed.
    pub(super) dirty: VecDeque<u32>,
    /// Connections to be flushed before anything else is read, because much waits for them.
    pub(super) urgent: Vec<u32>,
    /// Connections to be taken away.
    pub(super) dead: Vec<u32>,
    pub(super) sweep: Option<Sweep>,
    pub(super) fanouts: Fanouts,
    pub(super) orphans: Orphans,
    pub(super) samples: Samples,
    pub(super) acts: VecDeque<Act>,
    /// When each of `acts` came.
    pub(super) act_times: VecDeque<Duration>,
    /// The store said that it has no room.
    pub(super) store_full: bool,
    /// Publications that are to be handed to other shards, or wait for room there.
    pub(super) crossings: Vec<Crossing>,
    /// Connections that send nothing more until another shard has room: each once.
    pub(super) parked: Vec<Slot>,
    /// A timer was set since the time was moved on.
    pub(super) rearmed: bool,
    pub(super) drain: Option<Drain>,
    pub(super) readings: Readings,
    pub(super) effects: Vec<Effect>,
    pub(super) metrics: ShardMetrics,
    pub(super) tickets: u32,
    pub(super) left_input: bool,
    due: Vec<(Slot, Tick)>,
    pub(super) opened: u64,
}

/// A pass over all connections that lets each write what it lacks of the log.
pub(super) struct Sweep {
    pub(super) next: usize,
    /// The log's end when the pass began.
    pub(super) began_at: u64,
    /// A connection that lacks something was passed over, because its socket takes nothing.
    pub(super) lagging: bool,
}

/// Readings of connections that resume.
#[derive(Default)]
pub(super) struct Readings {
    /// By the numbers of their tickets.
    pub(super) under_way: HashSet<u32>,
    /// Connections whose next reading waits for its turn: each once.
    pub(super) waiting: VecDeque<Slot>,
    /// None is begun before, because the store had no room.
    pub(super) not_before: Option<Duration>,
}

/// All connections are being closed.
pub(super) struct Drain {
    pub(super) began: Duration,
    pub(super) spread: Duration,
    pub(super) closed: usize,
    pub(super) total: usize,
}

/// What the driver does with a connection's input from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Read on.
    Read,
    /// Read nothing until [`Effect::Resume`] names it.
    Pause,
}

/// The sockets of a shard's connections, as its driver has them.
pub trait Sockets {
    /// Writes as much of the parts as the socket takes, in order. `WouldBlock` where it takes nothing: then the driver
    /// calls [`Shard::writable`] once it does again.
    ///
    /// # Errors
    /// What the socket says; all but `WouldBlock` and `Interrupted` end the connection.
    fn send(&mut self, slot: Slot, parts: &[io::IoSlice<'_>]) -> io::Result<usize>;

    /// Nothing more will be sent; what the peer sends is still read.
    fn finish(&mut self, slot: Slot);

    /// Closes the socket. The slot may be used again after this.
    fn shut(&mut self, slot: Slot);
}

/// How often a drain closes the next connections.
const DRAIN_STEP: Duration = Duration::from_millis(20);

impl Shard {
    /// Shard number `id` of a node, without connections.
    pub fn new(node: Node, id: u16, now: Now) -> Self {
        let settings = &node.services().settings;
        let log = EveryoneLog::new(settings.everyone_log_bytes, settings.outbox_bytes);
        Self {
            id,
            node,
            connections: Slab::new(),
            users: Users::default(),
            topics: HashMap::new(),
            watchers: Watchers::default(),
            doubts: Doubts::default(),
            topic_doubts: TopicDoubts::default(),
            log,
            wheel: Wheel::new(now.mono),
            prompt: VecDeque::new(),
            dirty: VecDeque::new(),
            urgent: Vec::new(),
            dead: Vec::new(),
            sweep: None,
            fanouts: Fanouts::default(),
            orphans: Orphans::default(),
            samples: Samples::default(),
            acts: VecDeque::new(),
            act_times: VecDeque::new(),
            store_full: false,
            crossings: Vec::new(),
            parked: Vec::new(),
            rearmed: false,
            drain: None,
            readings: Readings::default(),
            effects: Vec::new(),
            metrics: ShardMetrics::new(id),
            tickets: 0,
            left_input: false,
            due: Vec::new(),
            opened: 0,
        }
    }

    /// Takes a connection whose upgrade is granted. From now on its user is online, and the greeting is the first that it is sent.
    pub fn open(&mut self, admission: Admission, now: Now) -> Slot {
        let Admission { guest, dialect, expires_at_ms, hello, greeting } = admission;
        self.opened += 1;
        let user = guest.user();
        let (index, woken) = self.node.services().presence.enter(user, self.id);
        self.node.stirred(woken);
        self.node.services().directory.opened();
        let expires_at_ms = expires_at_ms.unwrap_or(NEVER);
        let details = Details { guest, expires_at_ms, since: now.unix(), number: self.opened, session: None };
        let resumes = dialect == Dialect::V1;
        let entry = self.connections.vacant_entry();
        let slot = Slot { index: entry.key() as u32, generation: self.opened as u32 };
        entry.insert(Connection {
            user,
            index,
            generation: slot.generation,
            next: NextOfUser::default(),
            timer: 0,
            decoder: Decoder::default(),
            outbox: Outbox::new(&self.log),
            work: None,
            details: Box::new(details),
            heard: now.mono.into(),
            phase: Phase::Open,
            speech: if resumes { Speech::Hushed } else { Speech::Guide },
            prompt: false,
            dirty: false,
            blocked: false,
            pinged: false,
            paused: false,
            behind: false,
            attentive: true,
        });
        self.users.insert(slot.index, &mut self.connections);
        self.metrics.opened();
        if !greeting.is_empty() {
            self.push(slot.index, greeting, Haste::Prompt, now);
        }
        if resumes {
            let resume = Resume::new(hello.unwrap_or_default());
            self.connections[slot.index as usize].session().resume = Some(Box::new(resume));
            self.begin_resuming(slot.index, now);
        }
        self.check(slot.index, now);
        if self.drain.is_some() {
            self.close(slot.index, CloseCode::Restart, now);
        }
        slot
    }

    /// The socket takes bytes again.
    pub fn writable(&mut self, slot: Slot) {
        if let Some(connection) = self.get_mut(slot)
            && connection.blocked
        {
            connection.blocked = false;
            self.mark_dirty(slot.index);
        }
    }

    /// The socket is at its end or broken.
    pub fn gone(&mut self, slot: Slot) {
        if self.get_mut(slot).is_some() {
            self.bury(slot.index, None);
        }
    }

    /// Moves the time on: pings, closes who was silent, ends what takes too long. Returns in how long it wants to be
    /// called again.
    pub fn tick(&mut self, now: Now) -> Option<Duration> {
        let mut due = std::mem::take(&mut self.due);
        self.wheel.advance(now.mono, &mut due);
        for (slot, tick) in due.drain(..) {
            if self.get_mut(slot).is_some_and(|connection| connection.timer == tick) {
                self.check(slot.index, now);
            }
        }
        self.due = due;
        self.tell_sample(now);
        self.release_senders(now);
        self.give_up_waiting_acts(now);
        self.go_on_draining(now);
        let readings = self.retry_readings(now).map(|at| at.saturating_sub(now.mono).max(Duration::from_millis(1)));
        let presence = self.see_to_presence(now).map(|at| at.saturating_sub(now.mono));
        let orphans = self.see_to_orphans(now);
        self.rearmed = false;
        let wheel = self.wheel.next(now.mono);
        let drain = self.drain.as_ref().map(|_| DRAIN_STEP);
        let acts = self.act_times.front().map(|&since| {
            (since + self.node.services().settings.room_within).saturating_sub(now.mono).max(Duration::from_millis(1))
        });
        [wheel, drain, acts, readings, presence, orphans].into_iter().flatten().min()
    }

    /// Ends a round of calls: hands what came together to the other shards and to the store, each as one.
    pub fn end_turn(&mut self) {
        self.hand_over();
        if !self.acts.is_empty() && !self.store_full {
            self.submit();
        }
    }

    /// A turn took so long, from its events to its last write.
    pub fn turn_took(&self, time: Duration) {
        self.metrics.turn_took(time);
    }

    /// What the driver is to do since the last call.
    pub fn effects(&mut self) -> impl Iterator<Item = Effect> + '_ {
        self.effects.drain(..)
    }

    /// Whether the driver should flush (with any budget, 0 too) before it does anything else.
    pub fn is_urgent(&self) -> bool {
        !self.urgent.is_empty()
    }

    /// Whether so many broadcasts wait to be offered that the driver should flush before it reads or takes mail.
    pub fn is_crowded(&self) -> bool {
        self.log.is_crowded()
    }

    /// Whether the connection's input is not to be read now: what [`Shard::input`] said last, until [`Effect::Resume`].
    pub fn is_paused(&self, slot: Slot) -> bool {
        let connection = self.connections.get(slot.index as usize);
        connection.is_some_and(|connection| connection.generation == slot.generation && connection.paused)
    }

    /// Connections, those that are closing included.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether there is no connection.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// From now on the connection gets what is published to the topic, or no longer.
    pub fn watch(&mut self, slot: Slot, topic: Topic, on: bool) {
        // One that is closing has left every topic already, and nobody would take it out again.
        if self.get_mut(slot).is_none_or(|connection| !connection.is_open()) {
            return;
        }
        let topics = &mut self.connections[slot.index as usize].session().topics;
        let at = topics.iter().position(|other| *other == topic);
        match (on, at) {
            (true, None) => {
                topics.push(topic.clone());
                self.topics.entry(topic).or_default().push(slot.index);
            }
            (false, Some(at)) => {
                topics.swap_remove(at);
                self.forget_watcher(&topic, slot.index);
            }
            _ => {}
        }
        self.connections[slot.index as usize].rest_session();
    }

    pub(super) fn forget_watcher(&mut self, topic: &Topic, index: u32) {
        let Some(watchers) = self.topics.get_mut(topic) else { return };
        watchers.retain(|&watcher| watcher != index);
        if watchers.is_empty() {
            self.topics.remove(topic);
        }
    }

    /// Whether the driver left input unread: then a peer's silence says nothing yet.
    pub fn left_input(&mut self, left: bool) {
        self.left_input = left;
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Connection> {
        self.connections.get_mut(slot.index as usize).filter(|connection| connection.generation == slot.generation)
    }

    pub(super) fn slot_of(&self, index: u32) -> Slot {
        Slot { index, generation: self.connections[index as usize].generation }
    }

    pub(super) fn limits(&self) -> FrameLimits {
        let settings = &self.node.services().settings;
        FrameLimits { message_bytes: settings.frame_bytes, fragments: settings.fragments }
    }

    /// Hands the acts to the store.
    pub(super) fn submit(&mut self) {
        let node = self.node.clone();
        self.store_full = !node.submit(&mut self.acts, self.id);
        let taken = self.act_times.len() - self.acts.len();
        self.act_times.drain(..taken);
    }

    /// Handles one piece of mail.
    pub fn mail(&mut self, mail: Mail, now: Now) {
        self.letter(mail.0, now);
    }
}

impl Drop for Shard {
    /// The directory forgets who was here: other parts of the program may still ask it.
    fn drop(&mut self) {
        let directory = Arc::clone(&self.node.services().directory);
        for (_, connection) in &self.connections {
            if connection.is_open() {
                directory.exit(connection.user, self.id);
                directory.closed();
            }
        }
    }
}
