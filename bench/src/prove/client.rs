//! One client: the app, its connection, and what it writes to whom.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use mio::{Interest, Registry, Token};
use serde_json::{Value, json};

use super::ProveError;
use crate::app::{App, Pending};
use crate::connection::{Connection, ConnectionError, Heard};
use crate::frame;
use crate::handshake::{self, HandshakeError};

/// Sends that are not acknowledged, at most. The next waits for an acknowledgement.
const UNDER_WAY: usize = 8;

/// An upgrade that isn't answered within this time has failed.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// The group, its members, and who writes to whom beside.
pub(super) const GROUP: u64 = 5;
pub(super) const MEMBERS: [u64; 6] = [1, 2, 3, 4, 5, 6];
const PAIRS: [(u64, u64); 6] = [(1, 2), (3, 4), (5, 6), (7, 8), (1, 8), (2, 7)];

/// The users, a connection each; who stands here twice has two devices.
const USERS: [u64; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 1, 2];

/// A client and its connection.
pub(super) struct Client {
    pub(super) user: u64,
    /// Before the dash in the keys of what it sends.
    pub(super) number: usize,
    pub(super) app: App,
    connection: Option<Connection>,
    targets: Vec<Value>,
    next: u64,
}

/// All conversations, each with one of those who may read it.
pub(super) fn conversations() -> Vec<(String, u64)> {
    let pairs = PAIRS.iter().map(|(low, high)| (format!("dm:{low}:{high}"), *low));
    pairs.chain([(format!("group:{GROUP}"), MEMBERS[0])]).collect()
}

impl Client {
    /// Everybody, not connected.
    pub(super) fn all() -> Vec<Self> {
        USERS.iter().enumerate().map(|(number, &user)| Self::new(user, number)).collect()
    }

    fn new(user: u64, number: usize) -> Self {
        let (mut streams, mut targets) = (Vec::new(), Vec::new());
        for (low, high) in PAIRS {
            let Some(other) = (low == user).then_some(high).or((high == user).then_some(low)) else { continue };
            streams.push(format!("dm:{low}:{high}"));
            targets.push(json!({"type": "private", "to": other}));
        }
        if MEMBERS.contains(&user) {
            streams.push(format!("group:{GROUP}"));
            targets.push(json!({"type": "group", "group_id": GROUP}));
        }
        Self { user, number, app: App::new(&streams), connection: None, targets, next: 0 }
    }

    /// Connects and says `hello`. False where the server has gone.
    pub(super) fn connect(&mut self, server: SocketAddr, registry: &Registry) -> Result<bool, ProveError> {
        let (stream, rest) = match open(server, self.user) {
            Ok(opened) => opened,
            Err(ProveError::Io(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        stream.set_nonblocking(true)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        registry.register(&mut stream, Token(self.number), Interest::READABLE | Interest::WRITABLE)?;
        self.connection = Some(Connection::new(stream, &rest));
        self.app.outbox.push(self.app.hello().to_string());
        self.app.connected();
        self.flush();
        Ok(true)
    }

    /// Takes what has come; what no server may say is the error.
    pub(super) fn reads(&mut self, scratch: &mut [u8]) -> Result<(), String> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let (app, mut heard) = (&mut self.app, Ok(()));
        let read = connection.readable(scratch, |one| {
            if let Heard::Text(text) = one
                && heard.is_ok()
            {
                heard = serde_json::from_slice(text)
                    .map_err(|error| format!("no JSON: {error}"))
                    .and_then(|frame: Value| app.hears(&frame).map_err(|problem| format!("{problem}: {frame}")));
            }
        });
        let closed = match read {
            Ok(()) => None,
            Err(ConnectionError::Socket(_) | ConnectionError::Cut) => Some(Ok(())),
            // Nobody is closed with a code by a process that is killed.
            Err(error) => Some(Err(error.to_string())),
        };
        if let Some(why) = closed {
            self.disconnects();
            heard = heard.and(why);
        }
        heard.map_err(|problem| format!("user {}: {problem}", self.user))
    }

    pub(super) fn writable(&mut self) {
        if self.connection.as_mut().is_some_and(|connection| connection.writable().is_err()) {
            self.disconnects();
        }
    }

    /// Writes new messages, as many as may be under way.
    pub(super) fn loads(&mut self) {
        while self.app.resumed && self.app.pending.len() < UNDER_WAY {
            let key = format!("{}-{}", self.number, self.next);
            let mut frame = self.targets[self.next as usize % self.targets.len()].clone();
            // The key once more where it is stored, so that the store's histories tell whether one was taken twice.
            frame["content"] = json!(key);
            self.next += 1;
            self.app.sends(Pending { key, frame });
        }
    }

    /// Sends what the app wants sent.
    pub(super) fn flush(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let mut bytes = Vec::new();
        self.app.outbox.drain(..).for_each(|text| frame::encode_client(&mut bytes, frame::TEXT, text.as_bytes()));
        if !bytes.is_empty() && connection.send(&bytes).is_err() {
            self.disconnects();
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    pub(super) fn disconnects(&mut self) {
        self.connection = None;
        self.app.disconnected();
    }
}

/// An upgraded socket, and what came behind the answer's head.
fn open(server: SocketAddr, user: u64) -> Result<(TcpStream, Vec<u8>), ProveError> {
    let mut stream = TcpStream::connect_timeout(&server, ANSWERS_WITHIN)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
    let path = format!("/ws?user={user}");
    let request = handshake::request(&server.to_string(), &path, "Sec-WebSocket-Protocol: tidings.v1\r\n");
    stream.write_all(request.as_bytes())?;
    let (mut bytes, mut scratch) = (Vec::new(), [0; 1024]);
    loop {
        if let Some(end) = handshake::head_end(&bytes) {
            handshake::check_response(&bytes[..end])?;
            return Ok((stream, bytes.split_off(end)));
        }
        let read = stream.read(&mut scratch)?;
        if read == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        bytes.extend_from_slice(&scratch[..read]);
        if bytes.len() > handshake::HEAD_BYTES {
            return Err(HandshakeError::NotHttp.into());
        }
    }
}
