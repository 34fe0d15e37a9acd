//! The thin thread around a shard: a `mio::Poll` of its sockets inside a tokio runtime that runs its handlers and timers.

use std::{
    cell::RefCell,
    io,
    os::fd::{AsRawFd, OwnedFd},
    rc::Rc,
    sync::{Arc, atomic::AtomicUsize},
    task::Poll as Readiness,
    time::Duration,
};

use bytes::Bytes;
use hashbrown::HashMap;
use mio::{Interest, event::Event, unix::SourceFd};
use rustix::net::RecvFlags;
use tokio::{sync::Notify, task::AbortHandle};

use crate::{
    clock::{Now, SharedClock},
    descriptors::Descriptors,
    engine::Admission,
    node::{Node, Post},
    poll::{Poll, Prepared},
    ready::Ready,
    shard::{Done, Effect, Flow, Shard, Slot, Ticket},
};

/// Bytes read at once, into scratch space that all connections of the shard share.
const SCRATCH_BYTES: usize = 64 * 1024;

/// Events taken from the kernel at once.
const EVENTS: usize = 1024;

/// Sockets of those with more to read that have their turn in one round; the others have it in the next.
const READS_A_TURN: usize = 64;

/// So many events, reads or letters share one look at the clock, which costs 50 ns: together they take about 100 µs.
const STEPS_A_MOMENT: u32 = 32;

/// One turn of so many is measured.
const TURNS_A_SAMPLE: u32 = 64;

/// A socket whose upgrade is granted, on its way to its shard.
pub(crate) struct Arrival {
    pub(crate) socket: OwnedFd,
    pub(crate) already_read: Bytes,
    pub(crate) admission: Admission,
}

/// Runs a shard until it is told to stop. `handed` counts its connections: each that has gone is taken off.
pub(crate) fn run(poll: Prepared, node: Node, id: u16, handed: Arc<AtomicUsize>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default())?;
    runtime.block_on(async {
        let driver = Driver::new(poll.watched()?, node, id, Descriptors::new(handed))?;
        driver.run().await
    })
}

struct Driver {
    poll: Poll,
    registry: mio::Registry,
    clock: SharedClock,
    now: Now,
    /// Steps since the clock was looked at.
    steps: u32,
    turns: u32,
    node: Node,
    id: u16,
    shard: Shard,
    sockets: Descriptors,
    scratch: Vec<u8>,
    /// Sockets with more to read than one round took.
    ready: Ready,
    posts: Vec<Post>,
    tasks: HashMap<Ticket, AbortHandle>,
    /// A handler was aborted, and the runtime has not dropped it yet.
    aborted: bool,
    done: Rc<Finished>,
}

/// Results of handlers that were not ready at once.
#[derive(Default)]
struct Finished {
    results: RefCell<Vec<Done>>,
    notify: Notify,
}

enum Turn {
    /// There is more to do at once.
    Again,
    /// Nothing is left but to wait, at most so long.
    Wait(Option<Duration>),
    Stop,
}

impl Driver {
    fn new(poll: Poll, node: Node, id: u16, sockets: Descriptors) -> io::Result<Self> {
        let registry = poll.registry()?;
        let clock = node.services().clock.clone();
        let now = clock.now();
        let shard = Shard::new(node.clone(), id, now);
        Ok(Self {
            poll,
            registry,
            clock,
            now,
            steps: 0,
            turns: 0,
            node,
            id,
            shard,
            sockets,
            scratch: vec![0; SCRATCH_BYTES],
            ready: Ready::default(),
            posts: Vec::new(),
            tasks: HashMap::new(),
            aborted: false,
            done: Rc::default(),
        })
    }

    async fn run(mut self) -> io::Result<()> {
        let mut events = mio::Events::with_capacity(EVENTS);
        self.poll.look(&mut events)?;
        loop {
            self.node.mailboxes()[usize::from(self.id)].disarm();
            let turn = self.turn(&events);
            if std::mem::take(&mut self.aborted) {
                // The runtime drops it, with all that it holds, when it is polled next.
                tokio::task::yield_now().await;
            }
            let timeout = match turn {
                Turn::Stop => return Ok(()),
                Turn::Again => None,
                Turn::Wait(timeout) => self.node.mailboxes()[usize::from(self.id)].arm().then_some(timeout),
            };
            // Without handlers under way the runtime has nothing to do: the sockets are waited for directly, which saves a
            // system call a message.
            match timeout {
                Some(timeout) if self.tasks.is_empty() => self.poll.sleep(&mut events, self.now, timeout)?,
                Some(timeout) => {
                    self.wait(timeout).await?;
                    self.poll.look(&mut events)?;
                }
                None => {
                    // Handlers that are ready get their turn between two of ours.
                    if !self.tasks.is_empty() {
                        tokio::task::yield_now().await;
                    }
                    self.poll.look(&mut events)?;
                }
            }
        }
    }

    /// One round: what came in, mail, time, what is to be run, what is to be written.
    fn turn(&mut self, events: &mio::Events) -> Turn {
        self.look_at_the_clock();
        let began = self.now.mono;
        let mut more = events.iter().count() == EVENTS;
        for event in events {
            self.event(event);
        }
        if !self.shard.is_crowded() {
            self.read_on();
            if self.take_posts() {
                // What was read, and what was committed before the end, is still delivered, as far as the sockets take it.
                self.shard.end_turn();
                while self.shard.is_fanning_out() {
                    self.shard.flush(usize::MAX, &mut self.sockets, self.now);
                }
                self.shard.flush(usize::MAX, &mut self.sockets, self.now);
                return Turn::Stop;
            }
        }
        let results = std::mem::take(&mut *self.done.results.borrow_mut());
        for done in results {
            self.tasks.remove(&done.ticket());
            self.shard.mail(done.into(), self.now);
        }
        if self.steps > 1 {
            self.look_at_the_clock();
        }
        let now = self.now;
        self.shard.left_input(more || !self.ready.is_empty());
        let timeout = self.shard.tick(now);
        self.run_effects();
        self.shard.end_turn();
        let budget = self.node.services().settings.flush_budget;
        more |= self.shard.flush(budget, &mut self.sockets, now);
        self.hold_mail();
        if self.shard.has_sample() {
            self.shard.tell_sample(self.clock.now());
        }
        self.turns = self.turns.wrapping_add(1);
        if self.turns.is_multiple_of(TURNS_A_SAMPLE) {
            self.shard.turn_took(self.clock.now().mono.saturating_sub(began));
        }
        more |= self.shard.is_crowded() || !self.ready.is_empty() || !self.done.results.borrow().is_empty();
        if more { Turn::Again } else { Turn::Wait(timeout) }
    }

    fn look_at_the_clock(&mut self) {
        (self.now, self.steps) = (self.clock.now(), 0);
    }

    /// One more step of the turn, at its moment.
    fn step(&mut self) {
        self.steps += 1;
        if self.steps > STEPS_A_MOMENT {
            self.look_at_the_clock();
        }
    }

    fn event(&mut self, event: &Event) {
        let Some(slot) = self.sockets.slot(event.token()) else { return };
        if event.is_writable() {
            self.shard.writable(slot);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            let until_end = event.is_read_closed() || event.is_error();
            if self.shard.is_crowded() {
                self.ready.push(slot);
            } else {
                self.read(slot, until_end);
            }
        }
    }

    /// One read, as edge-triggered events ask for: a short one has emptied the socket. After the peer's end, reads go on to it.
    /// None while the connection is paused, or each packet that comes would be taken all the same: it is read from when
    /// the shard says so.
    fn read(&mut self, slot: Slot, until_end: bool) {
        if self.shard.is_paused(slot) {
            return;
        }
        self.step();
        let Some(socket) = self.sockets.get(slot) else { return };
        match rustix::net::recv(socket, &mut self.scratch[..], RecvFlags::empty()) {
            Ok((_, 0)) => self.shard.gone(slot),
            Ok((_, length)) => {
                let flow = self.shard.input(slot, &mut self.scratch[..length], self.now);
                self.relieve();
                if flow == Flow::Read && (length == SCRATCH_BYTES || until_end) {
                    self.ready.push(slot);
                }
            }
            Err(rustix::io::Errno::AGAIN) => {}
            Err(rustix::io::Errno::INTR) => self.ready.push(slot),
            Err(_) => self.shard.gone(slot),
        }
    }

    /// Reads on where a round left something.
    fn read_on(&mut self) {
        for _ in 0..self.ready.len().min(READS_A_TURN) {
            let Some(slot) = self.ready.pop() else { break };
            // Whether the peer has ended is not remembered: a read more costs little here.
            self.read(slot, true);
        }
    }

    /// Writes to those for whom much waits, before more is taken in.
    fn relieve(&mut self) {
        if self.shard.is_urgent() {
            self.shard.flush(0, &mut self.sockets, self.now);
        }
    }

    /// Takes the mailbox's posts; true where the thread is to end.
    fn take_posts(&mut self) -> bool {
        let mut posts = std::mem::take(&mut self.posts);
        self.node.take_mail(self.id, &mut posts);
        let mut stop = false;
        for post in posts.drain(..) {
            self.step();
            match post {
                Post::Mail(mail) => {
                    self.shard.mail(mail, self.now);
                    self.relieve();
                    self.write_if_crowded();
                }
                Post::Admit(arrival) => self.admit(*arrival),
                Post::Stop => stop = true,
            }
        }
        posts.shrink_to(1024);
        self.posts = posts;
        self.hold_mail();
        stop
    }

    /// Tells the mailbox how much of its mail waits in the shard's lanes: it is full where that is as much as it takes, and the
    /// shard goes on all the same.
    fn hold_mail(&mut self) {
        if let Some(held) = self.shard.mail_held() {
            self.node.hold_mail(self.id, held);
        }
    }

    /// A batch of posts may hold more broadcasts than the log should: they are written in between.
    fn write_if_crowded(&mut self) {
        while self.shard.is_crowded() {
            self.shard.flush(1024, &mut self.sockets, self.now);
        }
    }

    fn admit(&mut self, arrival: Arrival) {
        let Arrival { socket, already_read, admission } = arrival;
        let now = self.now;
        let slot = self.shard.open(admission, now);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = self.registry.register(&mut SourceFd(&socket.as_raw_fd()), Descriptors::token(slot), interest);
        self.sockets.insert(slot, socket);
        if let Err(error) = registered {
            tracing::warn!(%error, "a socket could not be watched");
            self.shard.gone(slot);
            return;
        }
        if !already_read.is_empty() {
            let mut bytes = already_read.to_vec();
            self.shard.input(slot, &mut bytes, now);
        }
    }

    fn run_effects(&mut self) {
        let effects: Vec<_> = self.shard.effects().collect();
        for effect in effects {
            match effect {
                Effect::Run(ticket, mut future) => {
                    // Most handlers are ready at once: they cost no task.
                    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                    match future.as_mut().poll(&mut context) {
                        Readiness::Ready(done) => self.done.results.borrow_mut().push(done),
                        Readiness::Pending => self.spawn(ticket, future),
                    }
                }
                Effect::Cancel(ticket) => {
                    if let Some(task) = self.tasks.remove(&ticket) {
                        task.abort();
                        self.aborted = true;
                    }
                }
                Effect::Resume(slot) => self.ready.push(slot),
            }
        }
    }

    fn spawn(&mut self, ticket: Ticket, future: futures_util::future::BoxFuture<'static, Done>) {
        let finished = self.done.clone();
        let task = tokio::task::spawn_local(async move {
            let done = future.await;
            finished.results.borrow_mut().push(done);
            finished.notify.notify_one();
        });
        self.tasks.insert(ticket, task.abort_handle());
    }

    /// Sleeps until the sockets, the mailbox, a handler or the time wants something.
    async fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let Self { poll, done, now, .. } = self;
        tokio::select! {
            biased;
            readable = poll.readable(*now, timeout) => readable,
            () = done.notify.notified() => Ok(()),
        }
    }
}
