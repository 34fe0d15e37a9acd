//! Many client connections on one thread: the machine has two cores, and the server should have one of them.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use crate::connection::{Connection, Heard};
use crate::latency::Latency;

mod entering;
mod error;
mod opening;
mod outgoing;

pub use entering::Introduction;
pub use error::LoadError;
pub use outgoing::Outgoing;

use entering::Entering;

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;

/// A run of a scenario that takes longer than this has failed, however much happens.
const RUNS_AT_MOST: Duration = Duration::from_secs(300);

/// How connections are made: where to, and with which request each.
pub struct Door<'a> {
    /// The server's address.
    pub address: SocketAddr,
    /// Upgrades under way at once, at least 1.
    pub at_once: usize,
    /// The user's number of the connection at index 0; the others follow.
    pub first_user: usize,
    /// Opening fails when nothing at all happens for this long.
    pub silence: Duration,
    /// The head of the request of the connection with this index, its empty line included; see [`handshake::request`].
    pub request: &'a dyn Fn(usize) -> String,
}

/// How often whoever looks on is asked whether it goes on, at least.
pub const TICK: Duration = Duration::from_millis(50);

/// What a run does with what arrives.
pub trait Scene {
    /// A text message arrived at the connection with this index. Called in the order of
    /// arrival at each connection, from one thread. `at` is when it was read. What is put into `outgoing` is written
    /// before the next connection is read.
    ///
    /// # Errors
    /// A message that ends the run.
    fn message(
        &mut self,
        receiver: usize,
        payload: &[u8],
        at: Instant,
        outgoing: &mut Outgoing,
    ) -> Result<(), LoadError>;

    /// Whether all that was to arrive did.
    fn done(&self) -> bool;

    /// A pong arrived (RFC 6455 section 5.5.3), with the payload of the ping that it answers. Only those that
    /// [`Outgoing::ping`] asked for come.
    ///
    /// # Errors
    /// A pong that ends the run.
    fn pong(&mut self, _receiver: usize, _payload: &[u8], _at: Instant) -> Result<(), LoadError> {
        Ok(())
    }
}

/// Open connections of users in the order of their numbers.
pub struct Load {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    first_user: usize,
    scratch: Vec<u8>,
    silence: Duration,
    began: Instant,
}

impl Load {
    /// Connects and upgrades `users` connections through a door; also gives how long each took, from `connect(2)` to the
    /// answer to its upgrade. `watch` is told how many are open, at least every [`TICK`]; with false it ends the run.
    ///
    /// # Errors
    /// The first connection that the server refuses or cuts; silence; [`LoadError::Stopped`].
    pub fn open_with(
        door: &Door<'_>,
        users: usize,
        watch: &mut dyn FnMut(usize) -> bool,
    ) -> Result<(Self, Latency), LoadError> {
        Self::enter(door, users, None, watch)
    }

    /// The same, where each connection counts as open only when it was introduced, if there is an introduction.
    ///
    /// # Errors
    /// As [`Load::open_with`], and what the introduction refuses.
    pub fn enter(
        door: &Door<'_>,
        users: usize,
        mut introduction: Option<&mut dyn Introduction>,
        watch: &mut dyn FnMut(usize) -> bool,
    ) -> Result<(Self, Latency), LoadError> {
        let began = Instant::now();
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(1024);
        let mut scratch = vec![0; READ_BYTES];
        let mut entering: Vec<Entering> = Vec::with_capacity(users);
        let mut open: Vec<Option<Connection>> = std::iter::repeat_with(|| None).take(users).collect();
        let mut took = Latency::default();
        let mut done = 0;
        let mut heard_at = began;
        while done < users {
            if !watch(done) {
                return Err(LoadError::Stopped { open: done });
            }
            while entering.len() < users && entering.len() - done < door.at_once.max(1) {
                entering.push(Entering::start(&poll, door, entering.len())?);
            }
            wait(&mut poll, &mut events, door.silence.min(TICK))?;
            let now = Instant::now();
            if !events.is_empty() {
                heard_at = now;
            } else if now - heard_at >= door.silence {
                return Err(LoadError::Silent(door.silence));
            }
            for event in &events {
                let at = event.token().0;
                // A connection that is open already has nothing to say before a message is sent; what it may say
                // nonetheless is read with the next event.
                let who = (at, door.first_user + at);
                if let Some((connection, time)) = entering[at].step(who, introduction.as_deref_mut(), &mut scratch)? {
                    took.record(time);
                    open[at] = Some(connection);
                    done += 1;
                }
            }
        }
        let connections = open.into_iter().map(|one| one.expect("the loop counted each of them once")).collect();
        let Door { first_user, silence, .. } = *door;
        Ok((Self { poll, events, connections, first_user, scratch, silence, began }, took))
    }

    /// How long a run may be silent.
    #[must_use]
    pub fn silence(&self) -> Duration {
        self.silence
    }

    /// Writes what a scene wants written.
    ///
    /// # Errors
    /// A connection's end.
    pub fn send(&mut self, outgoing: &mut Outgoing) -> Result<(), LoadError> {
        send(&mut self.connections, self.first_user, outgoing)
    }

    /// Reads until the scene is done.
    ///
    /// # Errors
    /// A connection's end, what the scene refuses, silence; [`LoadError::TooLong`].
    pub fn drive(&mut self, scene: &mut impl Scene) -> Result<(), LoadError> {
        while !scene.done() {
            self.in_time()?;
            if !self.turn(self.silence, scene)? {
                return Err(LoadError::Silent(self.silence));
            }
        }
        Ok(())
    }

    /// Reads for as long as `time` says, whether or not something comes: pings are answered meanwhile.
    ///
    /// # Errors
    /// A connection's end, what the scene refuses; [`LoadError::TooLong`].
    pub fn linger(&mut self, time: Duration, scene: &mut impl Scene) -> Result<(), LoadError> {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.in_time()?;
            self.turn(left, scene)?;
        }
    }

    /// Whoever takes one turn after the other sees to its own time.
    fn in_time(&self) -> Result<(), LoadError> {
        if self.began.elapsed() > RUNS_AT_MOST { Err(LoadError::TooLong(RUNS_AT_MOST)) } else { Ok(()) }
    }

    /// Waits at most `time` and handles what happened; false if nothing did.
    pub(crate) fn turn(&mut self, time: Duration, scene: &mut impl Scene) -> Result<bool, LoadError> {
        let Self { poll, events, connections, first_user, scratch, .. } = self;
        wait(poll, events, time)?;
        let mut outgoing = Outgoing::default();
        for event in &*events {
            let index = event.token().0;
            let connection = &mut connections[index];
            let user = *first_user + index;
            let ended = |source| LoadError::Ended { user, source };
            if event.is_writable() {
                connection.writable().map_err(ended)?;
            }
            if event.is_readable() {
                let at = Instant::now();
                let mut refused = Ok(());
                let each = |heard: Heard<'_>| {
                    if refused.is_ok() {
                        refused = match heard {
                            Heard::Text(payload) => scene.message(index, payload, at, &mut outgoing),
                            Heard::Pong(payload) => scene.pong(index, payload, at),
                        };
                    }
                };
                connection.readable(scratch, each).map_err(ended)?;
                refused.map_err(|error| error.of_user(user))?;
                send(connections, *first_user, &mut outgoing)?;
            }
        }
        Ok(!events.is_empty())
    }
}

fn send(connections: &mut [Connection], first_user: usize, outgoing: &mut Outgoing) -> Result<(), LoadError> {
    outgoing.take(|sender, frames| {
        connections[sender].send(frames).map_err(|source| LoadError::Ended { user: first_user + sender, source })
    })
}

/// `epoll_wait`; a signal counts as nothing and waits again.
fn wait(poll: &mut Poll, events: &mut Events, time: Duration) -> io::Result<()> {
    loop {
        match poll.poll(events, Some(time)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
