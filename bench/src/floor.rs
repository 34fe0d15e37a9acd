//! The floor: the least that delivering to many sockets can cost.
//!
//! One thread, one epoll, one `recv` for an event, one `write` of one pre-encoded frame for each receiver. It takes any
//! upgrade, looks only at the first bytes of what it gets, never joins two writes, and keeps nothing.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use crate::frame::{self, Frame};
use crate::handshake;
use crate::message;

const LISTENER: Token = Token(usize::MAX);

/// Numbers of users that a private message can be addressed to; a connection with a greater one is closed.
const USERS: usize = 65_536;

/// Bytes read at once. A read that fills them is followed by another.
const READ_BYTES: usize = 64 * 1024;

/// The content's counter in every frame that the floor sends: it repeats one frame, so it can't count.
pub const COUNTER: u64 = 0;

/// The server.
pub struct Floor {
    poll: Poll,
    listener: TcpListener,
    connections: Slab<Connection>,
    /// By the user's number: the slab's index of the connection that came last.
    users: Vec<Option<usize>>,
    broadcast: Vec<u8>,
    private: Vec<u8>,
    group: Vec<u8>,
    online_in_a_group: usize,
}

struct Connection {
    stream: TcpStream,
    open: bool,
    user: usize,
    /// The head while it isn't whole; later a frame that isn't whole.
    partial: Vec<u8>,
}

impl Floor {
    /// Listens, and encodes its frames with contents of this many bytes, in the shape in which Tidings sends them.
    /// `online_in_a_group` users are one group, in the order of their numbers, whatever number the group is called by; 0
    /// without groups.
    ///
    /// # Errors
    /// The address is taken or isn't ours.
    pub fn bind(listen: SocketAddr, content_bytes: usize, online_in_a_group: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(listen)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            connections: Slab::new(),
            users: vec![None; USERS],
            broadcast: encoded("broadcast", content_bytes),
            private: encoded("private", content_bytes),
            group: encoded("group", content_bytes),
            online_in_a_group,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's, which has none to give for a bound socket.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until something fails; it never ends by itself.
    ///
    /// # Errors
    /// epoll's or the listener's; and a receiver whose socket is full, because the floor keeps no outbox: a frame that it
    /// can't write at once would be lost, and a measurement with lost frames is none.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut scratch = vec![0; READ_BYTES];
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    Token(at) => self.readable(at, &mut scratch)?,
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let (mut stream, _) = match self.listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let slot = self.connections.vacant_entry();
            self.poll.registry().register(&mut stream, Token(slot.key()), Interest::READABLE)?;
            slot.insert(Connection { stream, open: false, user: 0, partial: Vec::new() });
        }
    }

    /// Reads until a read is shorter than the buffer: then nothing is left, and epoll's edge tells of more.
    fn readable(&mut self, at: usize, scratch: &mut [u8]) -> io::Result<()> {
        while let Some(connection) = self.connections.get_mut(at) {
            let read = match connection.stream.read(scratch) {
                Ok(0) => return self.close(at),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return self.close(at),
            };
            if connection.open && connection.partial.is_empty() {
                self.frames(at, &scratch[..read])?;
            } else {
                let mut bytes = std::mem::take(&mut connection.partial);
                bytes.extend_from_slice(&scratch[..read]);
                if connection.open { self.frames(at, &bytes)? } else { self.head(at, &bytes)? }
            }
            if read < scratch.len() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn head(&mut self, at: usize, bytes: &[u8]) -> io::Result<()> {
        let Some(end) = handshake::head_end(bytes) else {
            if bytes.len() > handshake::HEAD_BYTES {
                return self.close(at);
            }
            self.connections[at].partial = bytes.to_vec();
            return Ok(());
        };
        let Ok(head) = std::str::from_utf8(&bytes[..end]) else { return self.close(at) };
        let Some(key) = handshake::header(head, "Sec-WebSocket-Key") else { return self.close(at) };
        let user = head.split_once("user=").map_or(0, |(_, rest)| leading_number(rest.as_bytes()));
        let Some(seat) = self.users.get_mut(user) else { return self.close(at) };
        *seat = Some(at);
        let connection = &mut self.connections[at];
        connection.open = true;
        connection.user = user;
        write(&connection.stream, handshake::response(key).as_bytes())?;
        if end < bytes.len() { self.frames(at, &bytes[end..]) } else { Ok(()) }
    }

    fn frames(&mut self, at: usize, mut bytes: &[u8]) -> io::Result<()> {
        while self.connections.contains(at) {
            match frame::split(bytes) {
                Ok(Some((found, used))) => {
                    self.frame(at, &found)?;
                    bytes = &bytes[used..];
                    if bytes.is_empty() {
                        break;
                    }
                }
                Ok(None) => {
                    self.connections[at].partial.extend_from_slice(bytes);
                    break;
                }
                Err(_) => self.close(at)?,
            }
        }
        Ok(())
    }

    fn frame(&mut self, at: usize, frame: &Frame<'_>) -> io::Result<()> {
        if frame.opcode == frame::CLOSE {
            return self.close(at);
        }
        if frame.opcode != frame::TEXT {
            return Ok(());
        }
        let mut start = [0; message::PRIVATE_START.len() + 10];
        let start = frame.unmask_into(&mut start);
        if start.starts_with(message::PRIVATE_START) {
            let to = leading_number(&start[message::PRIVATE_START.len()..]);
            if let Some(Some(to)) = self.users.get(to) {
                write(&self.connections[*to].stream, &self.private)?;
            }
            return Ok(());
        }
        if start.starts_with(message::GROUP_START) {
            return self.group(at);
        }
        for (_, connection) in &self.connections {
            if connection.open {
                write(&connection.stream, &self.broadcast)?;
            }
        }
        Ok(())
    }

    /// To the sender's group but the sender.
    fn group(&self, sender: usize) -> io::Result<()> {
        let members = self.connections[sender].user.saturating_sub(1).checked_div(self.online_in_a_group);
        let Some(first) = members.map(|number| number * self.online_in_a_group + 1) else { return Ok(()) };
        for user in first..(first + self.online_in_a_group).min(USERS) {
            if let Some(to) = self.users[user].filter(|&to| to != sender) {
                write(&self.connections[to].stream, &self.group)?;
            }
        }
        Ok(())
    }

    /// Dropping the stream takes it out of the epoll, too.
    fn close(&mut self, at: usize) -> io::Result<()> {
        let connection = self.connections.remove(at);
        if self.users[connection.user] == Some(at) {
            self.users[connection.user] = None;
        }
        Ok(())
    }
}

/// A frame with a message in the shape in which Tidings sends one, so that as many bytes are copied.
fn encoded(name: &str, content_bytes: usize) -> Vec<u8> {
    let mut content = Vec::new();
    message::content(&mut content, COUNTER, content_bytes);
    let content = String::from_utf8(content).expect("digits and filler are ASCII");
    let text = format!(
        r#"{{"type":"{name}","content":"{content}","id":"1000000000000000000","from":1,"user_id":1,"timestamp":1700000000}}"#
    );
    let mut out = Vec::new();
    frame::encode_server(&mut out, frame::TEXT, text.as_bytes());
    out
}

/// One `write`. A receiver that is gone is no failure: its own event closes it.
fn write(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    match stream.write(bytes) {
        Ok(written) if written == bytes.len() => Ok(()),
        Ok(_) => Err(full()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(full()),
        Err(_) => Ok(()),
    }
}

fn full() -> io::Error {
    io::Error::other("a receiver's socket is full, and the floor keeps no outbox: have fewer messages under way")
}

fn leading_number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0_usize, |number, byte| number.saturating_mul(10).saturating_add(usize::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Incoming;

    #[test]
    fn its_frames_are_messages_of_the_asked_size() {
        for name in ["broadcast", "private", "group"] {
            let bytes = encoded(name, 128);
            let (frame, used) = frame::split(&bytes).unwrap().unwrap();
            assert_eq!(used, bytes.len());
            let message = Incoming::read(frame.payload).unwrap();
            assert_eq!((message.r#type, message.counter(128)), (name, Some(COUNTER)));
        }
    }

    #[test]
    fn a_number_ends_where_its_digits_end() {
        assert_eq!(leading_number(b"417,\"content\""), 417);
        assert_eq!(leading_number(b"x"), 0);
        assert_eq!(leading_number(&[b'9'; 60]), usize::MAX);
    }
}
