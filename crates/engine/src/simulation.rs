//! A node without threads, sockets or clock: whoever holds it decides what happens next, so a test repeats exactly.
//!
//! `tidings_testkit::world` puts in-memory pipes and typed clients around it.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use tidings_wire::{CloseCode, GroupId, Id, Reject, UserId};

use crate::{
    act::Settled,
    call,
    clock::Now,
    desk::Desk,
    engine::{ConnectionInfo, Parts, PresenceInfo, SendRequest, Sent, StartError},
    node::{Node, Post},
    notices,
    ports::{Choices, CommitSink, InboxChange},
    shard::{Done, Effect, Letter, Mail, Shard, Sockets, Ticket},
};

/// A node whose shards, dispatcher and handlers move only when [`Simulation::round`] is called.
pub struct Simulation {
    node: Node,
    shards: Vec<Shard>,
    /// Handlers that are not ready yet, with their shard.
    running: Vec<(usize, Ticket, BoxFuture<'static, Done>)>,
    settled: Arc<Settlements>,
    woken: Arc<Woken>,
    flush_budget: usize,
    posts: usize,
    desk: Desk,
}

/// What the store has settled and the dispatcher has not seen.
#[derive(Default)]
struct Settlements {
    batches: Mutex<VecDeque<Vec<Settled>>>,
    room: Mutex<bool>,
    woken: Arc<Woken>,
}

/// Whether another thread (a store's, one for blocking work) has brought something forward.
#[derive(Default)]
struct Woken {
    flag: Mutex<bool>,
    changed: Condvar,
}

impl Woken {
    fn take(&self) -> bool {
        std::mem::take(&mut *self.flag.lock().expect(POISONED))
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        *self.flag.lock().expect(POISONED) = true;
        self.changed.notify_all();
    }
}

const POISONED: &str = "no thread panics while it holds this lock";

impl CommitSink for Settlements {
    fn settled(&self, batch: Vec<Settled>) {
        self.batches.lock().expect(POISONED).push_back(batch);
        self.woken.clone().wake();
    }

    fn room(&self) {
        *self.room.lock().expect(POISONED) = true;
        self.woken.clone().wake();
    }
}

impl Settlements {
    fn next(&self) -> Option<Vec<Settled>> {
        self.batches.lock().expect(POISONED).pop_front()
    }
}

impl Simulation {
    /// A node with as many shards as the settings say. Its store should settle without a thread of its own, or what a round
    /// does depends on chance.
    ///
    /// # Errors
    /// As [`crate::Engine::start`].
    pub fn new(parts: Parts) -> Result<Self, StartError> {
        let woken = Arc::new(Woken::default());
        let settled = Arc::new(Settlements { woken: woken.clone(), ..Settlements::default() });
        let start = parts.store.start(settled.clone()).map_err(StartError::Store)?;
        let (count, flush_budget) =
            (parts.settings.shards.clamp(1, crate::settings::MAX_SHARDS), parts.settings.flush_budget);
        let now = parts.clock.now();
        let wakes = (0..count).map(|_| Box::new(|| {}) as crate::mailbox::Wake).collect();
        let node = Node::new(parts, &start, wakes).map_err(StartError::Shards)?;
        let desk = Desk::new(&node, start.last_commit, now.mono);
        let shards = (0..count).map(|id| Shard::new(node.clone(), id, now)).collect();
        Ok(Self { node, shards, running: Vec::new(), settled, woken, flush_budget, posts: 0, desk })
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
        self.node.tell_receipts(now.mono);
        let mut moved = self.dispatch();
        if self.settled.batches.lock().expect(POISONED).is_empty() {
            self.desk.idle();
        }
        self.desk.step(&self.node, &self.waker(), now);
        moved |= self.poll_handlers(now);
        for (id, (shard, sockets)) in self.shards.iter_mut().zip(sockets).enumerate() {
            if !shard.is_crowded() {
                let taken = take_posts(&self.node, id as u16, shard, sockets, now);
                self.posts += taken;
                moved |= taken > 0;
            }
            shard.tick(now);
            for effect in shard.effects().collect::<Vec<_>>() {
                moved = true;
                match effect {
                    Effect::Run(ticket, future) => self.running.push((id, ticket, future)),
                    Effect::Cancel(ticket) => self.running.retain(|(_, running, _)| *running != ticket),
                    // Whoever feeds bytes asks `Shard::is_paused`.
                    Effect::Resume(_) => {}
                }
            }
            shard.end_turn();
            moved |= shard.flush(self.flush_budget, sockets, now) || shard.is_crowded();
            moved |= hold_mail(&self.node, id as u16, shard);
        }
        moved
            || !self.settled.batches.lock().expect(POISONED).is_empty()
            || !self.node.mailboxes().iter().all(crate::mailbox::Mailbox::is_empty)
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

    /// Closes the user's connections. To be polled between rounds.
    pub fn disconnect(&self, user: UserId, code: CloseCode) -> BoxFuture<'static, usize> {
        let asked = call::ask(&self.node, |answer| Letter::Close(user, code, answer));
        asked.map(|counts| counts.into_iter().sum()).boxed()
    }

    /// The user's open connections. To be polled between rounds.
    pub fn connections(&self, user: UserId) -> BoxFuture<'static, Vec<ConnectionInfo>> {
        let asked = call::ask(&self.node, |answer| Letter::List(user, answer));
        asked.map(|lists| lists.into_iter().flatten().collect()).boxed()
    }

    /// Whether a person looks at one of the user's connections. To be polled between rounds.
    pub fn is_attentive(&self, user: UserId) -> BoxFuture<'static, bool> {
        let node = self.node.clone();
        Box::pin(async move { call::is_attentive(&node, user).await })
    }

    /// Sends a user's connections a change of their inbox.
    ///
    /// # Errors
    /// `unavailable` where a shard has no room.
    pub fn tell_inbox(&self, user: UserId, change: &InboxChange) -> Result<(), Reject> {
        notices::tell(&self.node, user, change)
    }

    /// Whether users are there, as for somebody or for the app itself. To be polled between rounds.
    pub fn presence(
        &self,
        asker: Option<UserId>,
        users: Vec<UserId>,
    ) -> BoxFuture<'static, Result<Vec<PresenceInfo>, Reject>> {
        let node = self.node.clone();
        Box::pin(async move { call::presence(node.services(), asker, users).await })
    }

    /// Asks again whether `asker` may see `user`.
    pub fn sight_changed(&self, asker: UserId, user: UserId) {
        call::sight_changed(&self.node, asker, user);
    }

    /// What is remembered of a relation's set is read again before it is used next. False where there is no such relation.
    pub fn outdate(&self, relation: &str, to: Id) -> bool {
        self.node.outdate(relation, to)
    }

    /// Changes what a user chose. To be polled between rounds.
    pub fn choose(
        &self,
        user: UserId,
        receipts: Option<bool>,
        visible: Option<bool>,
    ) -> BoxFuture<'static, Result<Choices, Reject>> {
        let node = self.node.clone();
        Box::pin(async move { call::choose(&node, user, receipts, visible).await })
    }

    /// What shards were handed through their mailboxes so far.
    pub fn posts(&self) -> usize {
        self.posts
    }

    /// Closes every connection with 1012, evenly over `spread`.
    pub fn drain(&self, spread: Duration) {
        for mailbox in self.node.mailboxes() {
            mailbox.push(Post::Mail(Mail(Letter::Drain(spread))));
        }
    }

    /// Whether the user has a connection.
    pub fn is_online(&self, user: UserId) -> bool {
        self.node.services().directory.is_online(user)
    }

    /// Whether a handler is under way.
    pub fn is_waiting(&self) -> bool {
        !self.running.is_empty()
    }

    /// To poll calls with, so that [`Simulation::wait`] notices them.
    pub fn waker(&self) -> Waker {
        self.woken.clone().into()
    }

    /// Waits until another thread (the store's, one for blocking work) has brought something forward since the last
    /// call, at most so long; false where nothing came.
    pub fn wait(&self, at_most: Duration) -> bool {
        let flag = self.woken.flag.lock().expect(POISONED);
        let (mut flag, _) = self.woken.changed.wait_timeout_while(flag, at_most, |woken| !*woken).expect(POISONED);
        std::mem::take(&mut flag)
    }

    /// The dispatcher's part. Where a mailbox is full its thread would wait there; a simulation tries again in its next round.
    fn dispatch(&mut self) -> bool {
        let mut moved = false;
        while self.node.mailboxes().iter().all(crate::mailbox::Mailbox::is_open)
            && let Some(batch) = self.settled.next()
        {
            moved = true;
            self.desk.dispatch(&self.node, batch);
        }
        if std::mem::take(&mut *self.settled.room.lock().expect(POISONED)) {
            self.node.store_has_room();
            return true;
        }
        moved
    }

    fn poll_handlers(&mut self, now: Now) -> bool {
        let waker = self.waker();
        let mut context = Context::from_waker(&waker);
        let mut moved = false;
        let woken_before = self.woken.take();
        for (id, ticket, mut future) in std::mem::take(&mut self.running) {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(done) => {
                    moved = true;
                    self.shards[id].mail(done.into(), now);
                }
                Poll::Pending => self.running.push((id, ticket, future)),
            }
        }
        // Whoever has only given others their turn goes on in the next round.
        let woken = self.woken.take();
        if woken || woken_before {
            self.woken.clone().wake();
        }
        moved || woken
    }
}

/// Hands a shard its mail, as its driver does; how much there was.
fn take_posts<S: Sockets>(node: &Node, id: u16, shard: &mut Shard, sockets: &mut S, now: Now) -> usize {
    let mut posts = Vec::new();
    node.take_mail(id, &mut posts);
    let count = posts.len();
    for post in posts {
        if let Post::Mail(mail) = post {
            shard.mail(mail, now);
            if shard.is_urgent() {
                shard.flush(0, sockets, now);
            }
            while shard.is_crowded() {
                shard.flush(1024, sockets, now);
            }
        }
    }
    hold_mail(node, id, shard);
    count
}

/// Tells the mailbox how much of its mail waits in the shard's lanes; true where that has changed, so that others may have room.
fn hold_mail(node: &Node, id: u16, shard: &mut Shard) -> bool {
    let held = shard.mail_held();
    if let Some(held) = held {
        node.hold_mail(id, held);
    }
    held.is_some()
}
