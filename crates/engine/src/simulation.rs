//! A node without threads, sockets or clock: whoever holds it decides what happens next, so a test repeats exactly.
//!
//! `tidings_testkit::world` puts in-memory pipes and typed clients around it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use futures_util::future::BoxFuture;
use tidings_wire::{GroupId, Reject, UserId};

use crate::{
    act::Settled,
    call,
    clock::Now,
    engine::{Parts, SendRequest, Sent, StartError},
    node::{Node, Post},
    ports::CommitSink,
    shard::{Done, Effect, Shard, Sockets, Ticket},
};

/// A node whose shards, dispatcher and handlers move only when [`Simulation::round`] is called.
pub struct Simulation {
    node: Node,
    shards: Vec<Shard>,
    /// Handlers that are not ready yet, with their shard.
    running: Vec<(usize, Ticket, BoxFuture<'static, Done>)>,
    settled: Arc<Settlements>,
    flush_budget: usize,
}

/// What the store has settled and the dispatcher has not seen.
#[derive(Default)]
struct Settlements {
    batches: Mutex<VecDeque<Vec<Settled>>>,
    room: Mutex<bool>,
}

const POISONED: &str = "the simulation has one thread";

impl CommitSink for Settlements {
    fn settled(&self, batch: Vec<Settled>) {
        self.batches.lock().expect(POISONED).push_back(batch);
    }

    fn room(&self) {
        *self.room.lock().expect(POISONED) = true;
    }
}

impl Simulation {
    /// A node with as many shards as the settings say. Its store should settle without a thread of its own, or what a round
    /// does depends on chance.
    ///
    /// # Errors
    /// As [`crate::Engine::start`].
    pub fn new(parts: Parts) -> Result<Self, StartError> {
        let settled = Arc::new(Settlements::default());
        let start = parts.store.start(settled.clone()).map_err(StartError::Store)?;
        let (count, flush_budget) = (parts.settings.shards.clamp(1, 64), parts.settings.flush_budget);
        let now = parts.clock.now();
        let wakes = (0..count).map(|_| Box::new(|| {}) as crate::mailbox::Wake).collect();
        let node = Node::new(parts, &start, wakes).map_err(StartError::Shards)?;
        let shards = (0..count).map(|id| Shard::new(node.clone(), id, now)).collect();
        Ok(Self { node, shards, running: Vec::new(), settled, flush_budget })
    }

    /// A shard.
    ///
    /// # Panics
    /// Where there is none of this number.
    pub fn shard(&mut self, id: usize) -> &mut Shard {
        &mut self.shards[id]
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// One round of everything: what was settled is dispatched, mail is taken, handlers are polled, timers run, `sockets[id]`
    /// are written to. False where nothing is left to do until bytes or time come in.
    pub fn round<S: Sockets>(&mut self, sockets: &mut [S], now: Now) -> bool {
        let mut moved = self.dispatch();
        moved |= self.poll_handlers(now);
        for (id, (shard, sockets)) in self.shards.iter_mut().zip(sockets).enumerate() {
            let mut posts = Vec::new();
            let waiting = self.node.mailboxes()[id].take(&mut posts);
            for (other, mailbox) in self.node.mailboxes().iter().enumerate() {
                if waiting & (1 << other) != 0 {
                    mailbox.push(Post::Mail(crate::shard::Mail::shard_has_room()));
                }
            }
            for post in posts {
                moved = true;
                if let Post::Mail(mail) = post {
                    shard.mail(mail, now);
                    if shard.is_urgent() || shard.is_crowded() {
                        shard.flush(usize::MAX, sockets, now);
                    }
                }
            }
            shard.tick(now);
            for effect in shard.effects().collect::<Vec<_>>() {
                moved = true;
                match effect {
                    Effect::Run(ticket, future) => self.running.push((id, ticket, future)),
                    Effect::Cancel(ticket) => self.running.retain(|(_, running, _)| *running != ticket),
                    // Whoever feeds bytes asks for `Flow` itself.
                    Effect::Resume(_) => {}
                }
            }
            shard.end_turn();
            moved |= shard.flush(self.flush_budget, sockets, now);
        }
        moved || !self.settled.batches.lock().expect(POISONED).is_empty()
    }

    /// Sends as a backend's call does. To be polled between rounds.
    pub fn send(&self, request: SendRequest) -> BoxFuture<'static, Result<Sent, Reject>> {
        let node = self.node.clone();
        Box::pin(async move { call::send(&node, request).await })
    }

    /// Changes a membership as a backend's call does. To be polled between rounds.
    pub fn set_member(&self, group: GroupId, user: UserId, member: bool) -> BoxFuture<'static, Result<(), Reject>> {
        let node = self.node.clone();
        Box::pin(async move { call::set_member(&node, group, user, member).await })
    }

    /// Whether the user has a connection.
    pub fn is_online(&self, user: UserId) -> bool {
        self.node.services().directory.is_online(user)
    }

    fn dispatch(&mut self) -> bool {
        let batches = std::mem::take(&mut *self.settled.batches.lock().expect(POISONED));
        let moved = !batches.is_empty();
        batches.into_iter().for_each(|batch| self.node.dispatch(batch));
        if std::mem::take(&mut *self.settled.room.lock().expect(POISONED)) {
            self.node.store_has_room();
            return true;
        }
        moved
    }

    fn poll_handlers(&mut self, now: Now) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let mut moved = false;
        for (id, ticket, mut future) in std::mem::take(&mut self.running) {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(done) => {
                    moved = true;
                    self.shards[id].mail(done.into(), now);
                }
                Poll::Pending => self.running.push((id, ticket, future)),
            }
        }
        moved
    }
}
