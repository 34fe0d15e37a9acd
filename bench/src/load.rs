//! Many client connections on one thread: the machine has two cores, and the server should have one of them.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rustix::io::Errno;
use socket2::{Domain, SockRef, Socket, Type};

use crate::connection::{Connection, ConnectionError};
use crate::frame;
use crate::handshake::{self, HandshakeError};
use crate::identity::Credentials;

/// Upgrades under way at once: well under any listener's backlog, where a full one costs a second.
const OPENING_AT_ONCE: usize = 64;

/// Connections from one source address on the loopback. The kernel looks for a free port among the half of its range
/// with one parity first (14,116 as it comes), and when that is full, each connection looks through all of it in vain.
const PER_SOURCE: usize = 8_000;

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;

/// A run that takes longer than this has failed, however much happens.
const RUNS_AT_MOST: Duration = Duration::from_secs(300);

/// Where the server is, who connects, and how long it may be silent.
#[derive(Debug, Clone)]
pub struct Target {
    /// The server's address.
    pub address: SocketAddr,
    /// Path and query of the upgrade; `{user}` stands for the user's number.
    pub path: String,
    /// What each user shows at the upgrade.
    pub credentials: Credentials,
    /// The user's number of the connection at index 0; the others follow.
    pub first_user: usize,
    /// A run in which nothing at all happens for this long has failed.
    pub silence: Duration,
}

impl Target {
    /// The same server for users from `first_user` on.
    #[must_use]
    pub fn from_user(&self, first_user: usize) -> Self {
        Self { first_user, ..self.clone() }
    }

    /// The bytes of a user's upgrade.
    #[must_use]
    pub fn request(&self, user: usize) -> String {
        let path = self.path.replace("{user}", &user.to_string());
        handshake::request(&self.address.to_string(), &path, self.credentials.line(user))
    }
}

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
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// epoll, or a socket before it was connected.
    #[error("the system refused a socket")]
    System(#[from] io::Error),
    /// The server didn't upgrade a connection.
    #[error("user {user} could not connect")]
    Upgrade {
        /// The user's number.
        user: usize,
        /// What the server answered.
        source: HandshakeError,
    },
    /// A connection ended before its upgrade.
    #[error("user {user} could not connect: the server closed the connection before it answered")]
    NotAnswered {
        /// The user's number.
        user: usize,
    },
    /// A connection ended.
    #[error("the connection of user {user} ended")]
    Ended {
        /// The user's number.
        user: usize,
        /// Why.
        source: ConnectionError,
    },
    /// A message that should not have come, as it stands (cut at 300 characters).
    #[error("user {user} got an unexpected message: {text}")]
    Unexpected {
        /// The user's number.
        user: usize,
        /// The message's text.
        text: String,
    },
    /// Nothing happened for too long.
    #[error("nothing happened for {0:?}")]
    Silent(Duration),
    /// The run took too long.
    #[error("the run isn't over after {0:?}")]
    TooLong(Duration),
}

impl LoadError {
    /// An [`LoadError::Unexpected`] at the connection with this index. The load, which knows who that is, puts the user's
    /// number in its place.
    #[must_use]
    pub fn unexpected(receiver: usize, payload: &[u8]) -> Self {
        Self::Unexpected { user: receiver, text: String::from_utf8_lossy(payload).chars().take(300).collect() }
    }

    fn of_user(self, user: usize) -> Self {
        match self {
            Self::Unexpected { text, .. } => Self::Unexpected { user, text },
            other => other,
        }
    }
}

/// Messages to be written, each by one connection and with one write, or several of one connection with one.
#[derive(Default)]
pub struct Outgoing {
    frames: Vec<u8>,
    /// Connection, and where its frame ends.
    ends: VecDeque<(usize, usize)>,
    text: Vec<u8>,
}

impl Outgoing {
    /// Adds a text message that `write` appends to an empty buffer.
    pub fn text(&mut self, sender: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.text.clear();
        write(&mut self.text);
        frame::encode_client(&mut self.frames, frame::TEXT, &self.text);
        self.ends.push_back((sender, self.frames.len()));
    }

    /// The same, but written together with the message before it if that has the same sender.
    pub fn joined_text(&mut self, sender: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if self.ends.back().is_some_and(|&(last, _)| last == sender) {
            self.ends.pop_back();
        }
        self.text(sender, write);
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
    /// Connects and upgrades `users` connections.
    ///
    /// # Errors
    /// The first connection that the server refuses or cuts; silence.
    pub fn open(target: &Target, users: usize) -> Result<Self, LoadError> {
        let began = Instant::now();
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(1024);
        let mut opening: Vec<Option<Opening>> = Vec::with_capacity(users);
        let mut open: Vec<Option<Connection>> = std::iter::repeat_with(|| None).take(users).collect();
        let mut done = 0;
        while done < users {
            while opening.len() < users && opening.len() - done < OPENING_AT_ONCE {
                opening.push(Some(Opening::start(&poll, target, opening.len())?));
            }
            wait(&mut poll, &mut events, target.silence)?;
            if events.is_empty() {
                return Err(LoadError::Silent(target.silence));
            }
            for event in &events {
                let at = event.token().0;
                // A connection that is open already has nothing to say before a message is sent; what it may say
                // nonetheless is read with the next event.
                let Some(state) = &mut opening[at] else { continue };
                if let Some(already_read) = state.step(target.first_user + at)? {
                    let Opening { stream, .. } = opening[at].take().expect("it was there a line above");
                    open[at] = Some(Connection::new(stream, &already_read));
                    done += 1;
                }
            }
        }
        let connections = open.into_iter().map(|one| one.expect("the loop counted each of them once")).collect();
        let Target { first_user, silence, .. } = *target;
        Ok(Self { poll, events, connections, first_user, scratch: vec![0; READ_BYTES], silence, began })
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
    /// A connection's end, what the scene refuses, silence.
    pub fn drive(&mut self, scene: &mut impl Scene) -> Result<(), LoadError> {
        while !scene.done() {
            if !self.turn(self.silence, scene)? {
                return Err(LoadError::Silent(self.silence));
            }
        }
        Ok(())
    }

    /// Reads for as long as `time` says, whether or not something comes: pings are answered meanwhile.
    ///
    /// # Errors
    /// A connection's end, what the scene refuses.
    pub fn linger(&mut self, time: Duration, scene: &mut impl Scene) -> Result<(), LoadError> {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.turn(left, scene)?;
        }
    }

    /// Waits at most `time` and handles what happened; false if nothing did.
    fn turn(&mut self, time: Duration, scene: &mut impl Scene) -> Result<bool, LoadError> {
        let Self { poll, events, connections, first_user, scratch, .. } = self;
        if self.began.elapsed() > RUNS_AT_MOST {
            return Err(LoadError::TooLong(RUNS_AT_MOST));
        }
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
                let each = |payload: &[u8]| {
                    if refused.is_ok() {
                        refused = scene.message(index, payload, at, &mut outgoing);
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
    let mut start = 0;
    while let Some((sender, end)) = outgoing.ends.pop_front() {
        connections[sender]
            .send(&outgoing.frames[start..end])
            .map_err(|source| LoadError::Ended { user: first_user + sender, source })?;
        start = end;
    }
    outgoing.frames.clear();
    Ok(())
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

/// A connection before its upgrade is answered.
struct Opening {
    stream: TcpStream,
    /// Until it is written.
    request: Option<String>,
    head: Vec<u8>,
}

/// Begins to connect. Closing the socket will reset the connection: otherwise each keeps its port for a minute
/// (TIME_WAIT), and after some rounds no port is free.
fn connect(address: SocketAddr, user: usize) -> io::Result<TcpStream> {
    let block = u8::try_from(user / PER_SOURCE).unwrap_or(u8::MAX - 1);
    let stream = if address.ip() == Ipv4Addr::LOCALHOST && block > 0 {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from(([127, 0, 0, 1 + block], 0)).into())?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address.into()) {
            Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => return Err(error),
            _ => TcpStream::from_std(socket.into()),
        }
    } else {
        TcpStream::connect(address)?
    };
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    Ok(stream)
}

impl Opening {
    fn start(poll: &Poll, target: &Target, index: usize) -> io::Result<Self> {
        let user = target.first_user + index;
        let mut stream = connect(target.address, user)?;
        poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, request: Some(target.request(user)), head: Vec::new() })
    }

    /// Goes as far as the socket lets it; `Some` with what came behind the answer's head when the connection is open.
    fn step(&mut self, user: usize) -> Result<Option<Vec<u8>>, LoadError> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error.into());
        }
        if let Some(request) = &self.request {
            match self.stream.write(request.as_bytes()) {
                Ok(written) if written == request.len() => {
                    self.stream.set_nodelay(true)?;
                    self.request = None;
                }
                Ok(_) => return Err(io::Error::other("a fresh socket took only a part of a request").into()),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => {
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.answer(user)
    }

    fn answer(&mut self, user: usize) -> Result<Option<Vec<u8>>, LoadError> {
        let upgrade = |source| LoadError::Upgrade { user, source };
        let mut bytes = [0; 4096];
        loop {
            match self.stream.read(&mut bytes) {
                // A refusal may be shorter than a head that we would wait for: what came of it is told.
                Ok(0) if self.head.is_empty() => return Err(LoadError::NotAnswered { user }),
                Ok(0) => return handshake::check_response(&self.head).map(|()| None).map_err(upgrade),
                Ok(read) => self.head.extend_from_slice(&bytes[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            if let Some(end) = handshake::head_end(&self.head) {
                handshake::check_response(&self.head[..end]).map_err(|_| ()).or_else(|()| {
                    // Again with what came of the body, which is the server's reason.
                    handshake::check_response(&self.head).map_err(upgrade)
                })?;
                return Ok(Some(self.head.split_off(end)));
            }
            if self.head.len() > handshake::HEAD_BYTES {
                return Err(upgrade(HandshakeError::NotHttp));
            }
        }
    }
}
