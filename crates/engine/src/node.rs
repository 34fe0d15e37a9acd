//! A node: what its threads share, and what passes between them. Without threads itself, so that a simulation can drive it
//! from one.

mod apart;
pub(crate) mod save;
mod tell;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hashbrown::HashMap;
use tidings_wire::{BLOCKED, Code, ConversationKey, GroupId, Limit, Me, Reject, Related, UserId};
use tokio::sync::{Notify, Semaphore, oneshot};

use crate::{
    act::{Act, Op, Origin, Outcome, ReadMark, Receipt, Settled},
    audience::{From, resolve},
    blocking::Blocking,
    blocks::{Blocks, Unblocked},
    delivery::{Content, Publication, fields_of},
    directory::{Directory, ShardSet},
    engine::Parts,
    follow::publication,
    handle::RETRY,
    limiter::Limiter,
    mailbox::{Mailbox, Wake},
    members::{Members, Named, Pinned, Sources},
    metrics,
    pipeline::connection_of,
    ports::Start,
    presence::Presence,
    publish::SetChange,
    receipts::Receipts,
    render,
    services::{Ids, Services},
    shard::{Answer, Crossing, Letter, Mail},
    sight::Sight,
};

/// What a shard's thread is handed.
pub(crate) enum Post {
    /// For the state machine.
    Mail(Mail),
    /// A socket whose upgrade is granted, with the bytes read behind the request.
    Admit(Box<crate::driver::Arrival>),
    /// The thread is to end.
    Stop,
}

/// What the threads of a node share. Cheap to clone.
#[derive(Clone)]
pub struct Node(Arc<Shared>);

struct Shared {
    services: Arc<Services>,
    mailboxes: Vec<Mailbox<Post>>,
    /// None once the node has stopped.
    calls: Mutex<Option<HashMap<u64, oneshot::Sender<Answer>>>>,
    next_call: AtomicU64,
    /// Shards that the store had no room for.
    without_room: AtomicU64,
    store_room: Notify,
    receipts: Mutex<Receipts>,
    /// Marks of users whose choices are to be read first. With more than [`UNDECIDED`], a mark is not told to others.
    undecided: Mutex<HashMap<(ConversationKey, UserId), ReadMark>>,
}

/// What a user may ask beside sending messages: pages, marks, edits, typing, watching.
const CONTROL_LIMIT: Limit = Limit::per_minute(1_200);

/// See [`Shared`].
const UNDECIDED: usize = 4_096;

/// Of these, how many are decided at a time.
const UNDECIDED_AT_ONCE: usize = 64;

const POISONED: &str = "a panic of a shard or the dispatcher ends the process";

impl Node {
    /// A node with one mailbox for each of `wakes`.
    ///
    /// # Errors
    /// Where the threads for blocking work can't be started.
    pub(crate) fn new(parts: Parts, start: &Start, wakes: Vec<Wake>) -> std::io::Result<Self> {
        let Parts {
            registry,
            store,
            groups,
            relations,
            clock,
            credentials,
            visibility,
            topics,
            notifications,
            settings,
        } = parts;
        let settings = settings.within_reason();
        let directory = Arc::new(Directory::new());
        let sources = Sources::new(groups.clone(), relations);
        let members = Members::new(sources, directory.clone(), clock.clone(), settings.group_cache_bytes);
        let blocks = Blocks::new(&members, &directory);
        let visibility = match blocks.clone() {
            Some(blocks) => Arc::new(Unblocked { inner: visibility, blocks }),
            None => visibility,
        };
        let services = Services {
            registry,
            members,
            blocks,
            store,
            groups,
            presence: Presence::new(directory.clone(), wakes.len(), settings.offline_after, settings.keep),
            sight: Sight::new(visibility, clock.clone()),
            topics,
            notifications,
            choosing: Semaphore::new(1),
            directory,
            blocking: Blocking::start(settings.blocking_threads, settings.blocking_queue)?,
            ids: Ids::new(start.node, start.last_id),
            clock,
            control_limit: settings.limits.then(|| Limiter::new(CONTROL_LIMIT)).flatten(),
            settings,
            epoch: start.epoch.clone(),
            credentials,
        };
        let bound = services.settings.mailbox_publications;
        Ok(Self(Arc::new(Shared {
            services: Arc::new(services),
            mailboxes: wakes.into_iter().map(|wake| Mailbox::new(bound, wake)).collect(),
            calls: Mutex::new(Some(HashMap::new())),
            next_call: AtomicU64::new(0),
            without_room: AtomicU64::new(0),
            store_room: Notify::new(),
            receipts: Mutex::default(),
            undecided: Mutex::default(),
        })))
    }

    pub(crate) fn services(&self) -> &Arc<Services> {
        &self.0.services
    }

    pub(crate) fn mailboxes(&self) -> &[Mailbox<Post>] {
        &self.0.mailboxes
    }

    /// Takes a shard's mail into `posts`, which must be empty, and tells the shards that wait for room there.
    pub(crate) fn take_mail(&self, shard: u16, posts: &mut Vec<Post>) {
        let waiting = self.0.mailboxes[usize::from(shard)].take(posts);
        self.tell_room(waiting);
    }

    /// So much of a shard's mail waits with it.
    pub(crate) fn hold_mail(&self, shard: u16, held: usize) {
        let waiting = self.0.mailboxes[usize::from(shard)].hold(held);
        self.tell_room(waiting);
    }

    fn tell_room(&self, waiting: ShardSet) {
        for (_, mailbox) in self.concerned(waiting) {
            mailbox.push(Post::Mail(Mail::shard_has_room()));
        }
    }

    pub(crate) fn all_shards(&self) -> ShardSet {
        ShardSet::MAX >> (ShardSet::BITS as usize - self.0.mailboxes.len())
    }

    /// Hands publications to the shards that they lack, in order and as one push each, as far as there is room; those that have
    /// none tell `asker` when they do.
    pub(crate) fn offer(&self, crossings: &mut [Crossing], asker: u16) {
        let lacking = crossings.iter().fold(0, |all, crossing| all | crossing.left);
        for (id, mailbox) in self.concerned(lacking) {
            if !mailbox.has_room(asker) {
                continue;
            }
            let bound_there = |crossing: &&mut Crossing| crossing.left & (1 << id) != 0;
            let letter = |crossing: &mut Crossing| Post::Mail(Mail(Letter::Deliver(crossing.publication.clone())));
            let mut letters: VecDeque<Post> = crossings.iter_mut().filter(bound_there).map(letter).collect();
            let all = letters.len();
            // Where another thread took the room that there was, this one asks again, so that it is told in any case.
            while !letters.is_empty() && mailbox.has_room(asker) {
                mailbox.offer(&mut letters);
            }
            let taken = all - letters.len();
            crossings.iter_mut().filter(bound_there).take(taken).for_each(|crossing| crossing.left &= !(1 << id));
        }
    }

    /// Hands a publication of a call to its shards, or to none of them where one has no room.
    pub(crate) fn offer_call(&self, publication: Publication) -> Result<(), Reject> {
        let publication = Arc::new(publication);
        // Asked before anything is handed over: a repeat would be heard twice otherwise. Calls of other threads may pass the
        // bound by one each.
        if !self.concerned(publication.to.shards).all(|(_, mailbox)| mailbox.is_open()) {
            return Err(Reject::unavailable(RETRY));
        }
        for (_, mailbox) in self.concerned(publication.to.shards) {
            mailbox.push(Post::Mail(Mail(Letter::Deliver(publication.clone()))));
        }
        Ok(())
    }

    fn concerned(&self, shards: ShardSet) -> impl Iterator<Item = (usize, &Mailbox<Post>)> {
        self.0.mailboxes.iter().enumerate().filter(move |(id, _)| shards & (1 << id) != 0)
    }

    /// Hands acts to the store. False where some are left: the shard then hears when there is room.
    pub(crate) fn submit(&self, acts: &mut VecDeque<Act>, shard: u16) -> bool {
        if self.0.services.store.submit(acts) {
            return true;
        }
        self.0.without_room.fetch_or(1 << shard, Ordering::SeqCst);
        // Room may have come before the store could be told that somebody waits for it.
        self.0.services.store.submit(acts)
    }

    /// The store has room again.
    pub(crate) fn store_has_room(&self) {
        let waiting = self.0.without_room.swap(0, Ordering::SeqCst);
        for (_, mailbox) in self.concerned(waiting) {
            mailbox.push(Post::Mail(Mail(Letter::StoreRoom)));
        }
        self.0.store_room.notify_waiters();
    }

    /// Users who are watched there may stand otherwise: tells these shards to look.
    pub(crate) fn stirred(&self, shards: ShardSet) {
        for (_, mailbox) in self.concerned(shards) {
            mailbox.push(Post::Mail(Mail(Letter::Presence)));
        }
    }

    /// Becomes ready when the store has room again.
    pub(crate) fn store_room(&self) -> &Notify {
        &self.0.store_room
    }

    /// A call that waits for what becomes of its act. Once the node has stopped its answer never comes: the receiver says so at
    /// once.
    pub(crate) fn call(&self) -> (Origin, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        let number = self.0.next_call.fetch_add(1, Ordering::Relaxed);
        if let Some(calls) = &mut *self.calls() {
            calls.insert(number, answer);
        }
        (Origin::Call(number), answered)
    }

    /// The call's act was never submitted.
    pub(crate) fn forget_call(&self, origin: Origin) {
        if let Origin::Call(number) = origin {
            self.take_call(number);
        }
    }

    /// The threads have ended: whoever waits for an answer hears that there is none.
    pub(crate) fn close(&self) {
        self.0.mailboxes.iter().for_each(Mailbox::close);
        self.0.services.members.close();
        let calls = self.calls().take();
        drop(calls);
    }

    fn calls(&self) -> MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<Answer>>>> {
        self.0.calls.lock().expect(POISONED)
    }

    fn take_call(&self, number: u64) -> Option<oneshot::Sender<Answer>> {
        self.calls().as_mut().and_then(|calls| calls.remove(&number))
    }

    /// The act is never submitted: nobody waits for its answer, and the group that it left pinned is let go.
    pub(crate) fn give_up(&self, act: &Act) {
        self.count_refusal(act, Code::Unavailable);
        self.forget_call(act.origin);
        groups_of(act).for_each(|group| drop(self.0.services.members.settled(group)));
    }

    /// Delivers what was committed and answers who sent it, in commit order: called by the dispatcher alone.
    pub(crate) fn dispatch(&self, batch: Vec<Settled>) {
        metrics::committed(batch.len());
        let since = self.0.services.clock.now().mono;
        let mut outgoing = self.no_posts();
        for settled in batch {
            self.dispatch_one(settled, since, &mut outgoing);
        }
        self.send(outgoing);
    }

    /// Room for what each shard is to be handed.
    fn no_posts(&self) -> Vec<Vec<Post>> {
        self.0.mailboxes.iter().map(|_| Vec::new()).collect()
    }

    fn send(&self, outgoing: Vec<Vec<Post>>) {
        for (mailbox, mut posts) in self.0.mailboxes.iter().zip(outgoing) {
            if !posts.is_empty() {
                mailbox.push_when_room(&mut posts);
                #[cfg(feature = "failpoints")]
                crate::failpoint::Failpoint::Dispatched.pass();
            }
        }
    }

    fn dispatch_one(&self, settled: Settled, since: Duration, outgoing: &mut [Vec<Post>]) {
        let Settled { mut act, outcome, .. } = settled;
        let members = &self.0.services.members;
        // What the sender pinned. Held until the end of the act.
        let pinned = groups_of(&act).next().and_then(|group| members.settled(group));
        if let Outcome::Stored { receipts, rows, membership, reads, met, .. } = &outcome {
            for change in membership {
                members.change(change.group, change.user, change.joined);
                self.tell_member(change, since, outgoing);
            }
            for receipt in receipts {
                if let (ConversationKey::Dm(one, _), true) = (receipt.conversation, met) {
                    self.doubt_sight_of(one, false, outgoing);
                }
                let withheld = apart::withheld_from(&outcome, receipt);
                self.deliver_stored(&act, (receipt, withheld), pinned.as_ref(), since, outgoing);
                if let Some(user) = withheld {
                    self.tell_skip((receipt.conversation, receipt.seq), user, since, outgoing);
                }
            }
            for mark in reads {
                self.tell_reader(*mark, since, outgoing);
            }
            if let Some(projection) = act.project.take() {
                self.project(act.origin, projection, rows, outgoing);
            }
        }
        if matches!(outcome, Outcome::Unavailable(_)) {
            self.not_saved(&act);
        }
        self.answer(&act, outcome, outgoing);
    }

    /// A committed message goes to the stream's readers, but for the connection that sent it and whom it is withheld from.
    fn deliver_stored(
        &self,
        act: &Act,
        (receipt, withheld): (&Receipt, Option<UserId>),
        group: Option<&Pinned>,
        since: Duration,
        outgoing: &mut [Vec<Post>],
    ) {
        let services = &self.0.services;
        let from = From { user: act.sender, index: None, connection: connection_of(act.origin) };
        let audience = tell::readers_of(receipt.conversation, withheld).me(Me::OtherConnections);
        let to = resolve(&audience, from, &services.directory, |_| group.map(Pinned::again), self.all_shards());
        let place = (receipt.conversation, receipt.seq);
        for op in &act.ops {
            match op {
                Op::Message(entry) if entry.id == receipt.id => {
                    let Some(kind) = services.registry.find(entry.kind) else { break };
                    services.registry.at(kind).metrics.accepted();
                    let key = act.key.as_ref().map(|(key, _)| key).filter(|key| !key.is_of_service());
                    let content = Content {
                        kind: Some(kind),
                        name: entry.kind,
                        fields: fields_of(&entry.body),
                        key: key.cloned(),
                        id: receipt.id,
                        from: act.sender,
                        timestamp: receipt.created_at_ms.div_euclid(1_000),
                        place: Some(place),
                    };
                    return self.post(Publication::new(content, to, since), outgoing);
                }
                Op::Change(change) if change.id == receipt.id => {
                    let (kind, body) = match &change.body {
                        Some((_, body)) => ("edited", Some(&body[..])),
                        None => ("deleted", None),
                    };
                    let changed = render::Changed {
                        conversation: receipt.conversation,
                        seq: receipt.seq,
                        of: change.of,
                        id: receipt.id,
                        from: change.by,
                        timestamp: receipt.created_at_ms.div_euclid(1_000),
                        body,
                    };
                    let json = render::event(kind, changed, render::Style::default());
                    return self.post(Publication::notice(&json, Some(place), None, to, since), outgoing);
                }
                _ => {}
            }
        }
        tracing::error!(id = %receipt.id, "the store settled a message that was not in its act");
    }

    /// What follows from the rows that the act's statements returned.
    fn project(
        &self,
        origin: Origin,
        projection: crate::publish::Projection,
        rows: &[Vec<crate::act::Row>],
        outgoing: &mut [Vec<Post>],
    ) {
        let services = &self.0.services;
        let run = std::panic::AssertUnwindSafe(|| projection.run(rows));
        let Ok(mut consequences) = std::panic::catch_unwind(run) else {
            tracing::error!("a projection panicked: what follows from its act is not delivered");
            return;
        };
        for SetChange { relation, to, user, is_in } in consequences.changes.drain(..) {
            services.members.change(Named::Of(Related { relation, to }), user, is_in);
            if relation == BLOCKED {
                self.doubt_sight_between(UserId(to), user, is_in, outgoing);
            }
        }
        if let Some(inbox) = &services.notifications.inbox {
            for (user, seq) in consequences.inboxes.drain(..) {
                if services.directory.find(user).is_some() {
                    inbox.changed(user, seq);
                }
            }
        }
        let now = services.clock.now();
        for publish in std::mem::take(&mut consequences.publish) {
            match publication(services, &publish, origin, self.all_shards(), now) {
                Ok(publication) => self.post(publication, outgoing),
                Err(reject) => {
                    tracing::error!(kind = publish.kind, %reject, "a projection publishes what can't be delivered");
                }
            }
        }
    }

    fn post(&self, publication: Publication, outgoing: &mut [Vec<Post>]) {
        let publication = Arc::new(publication);
        for (id, _) in self.concerned(publication.to.shards) {
            outgoing[id].push(Post::Mail(Mail(Letter::Deliver(publication.clone()))));
        }
    }

    /// On the sending connection the answer stands where the message would.
    fn answer(&self, act: &Act, outcome: Outcome, outgoing: &mut [Vec<Post>]) {
        let answer = Answer::from(outcome);
        if let Answer::Refused(reject) = &answer {
            self.count_refusal(act, reject.code);
        }
        match act.origin {
            Origin::Nobody => {}
            Origin::Connection { shard, slot, reference, id } => {
                let letter = Letter::Answer { slot, reference, id, answer };
                outgoing[usize::from(shard)].push(Post::Mail(Mail(letter)));
            }
            Origin::Call(number) => {
                // A caller that has given up hears nothing.
                self.take_call(number).map(|caller| caller.send(answer));
            }
        }
    }

    fn count_refusal(&self, act: &Act, code: Code) {
        let kind = act.ops.iter().find_map(|op| match op {
            Op::Message(entry) => self.0.services.registry.get(entry.kind),
            _ => None,
        });
        kind.map_or_else(|| metrics::refused_untyped(code), |kind| kind.metrics.refused(code));
    }

    /// Slow upkeep: called every few seconds.
    pub(crate) fn sweep(&self) {
        self.0.services.registry.entries().iter().for_each(crate::registry::TypeEntry::sweep);
        if let Some(limit) = &self.0.services.control_limit {
            limit.sweep();
        }
    }
}

/// The groups that an act left pinned: those of its messages and of its changes.
fn groups_of(act: &Act) -> impl Iterator<Item = GroupId> {
    act.ops.iter().filter_map(|op| {
        let conversation = match op {
            Op::Message(entry) => entry.conversation,
            Op::Change(change) => change.conversation,
            _ => return None,
        };
        if let ConversationKey::Group(group) = conversation { Some(group) } else { None }
    })
}
