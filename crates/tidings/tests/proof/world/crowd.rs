//! Thousands of connections of one thread: each a socket and what of it is unread or unwritten.

use std::{
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};
use rustix::net::{AddressFamily, SocketType, connect, socket, sockopt::set_socket_recv_buffer_size};

use super::raw::{masked, upgrade_request};
use crate::support::process::PATIENCE;

/// What one connection hears.
pub(crate) enum Heard<'a> {
    /// A text message.
    Text(&'a [u8]),
    /// A close frame, with its code.
    Close(u16),
    /// The end of the connection.
    Gone,
}

pub(crate) struct Crowd {
    poll: Poll,
    events: Events,
    members: Vec<Member>,
    /// Those who have something to write, or something unread from before.
    stirred: Vec<usize>,
}

struct Member {
    stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Whether it reads. One that does not is not even looked at.
    reads: bool,
    open: bool,
}

/// What is read at once.
const CHUNK: usize = 64 * 1024;

impl Crowd {
    pub(crate) fn new() -> Self {
        let poll = Poll::new().unwrap();
        Self { poll, events: Events::with_capacity(1024), members: Vec::new(), stirred: Vec::new() }
    }

    /// Connects a user of a `--dev` server, and gives the member's number.
    pub(crate) fn join(&mut self, server: SocketAddr, user: &str) -> usize {
        self.add(std::net::TcpStream::connect(server).unwrap(), &upgrade_request(server, user, ""), true)
    }

    /// The same in `tidings.v1`; the `hello` is still to be said.
    pub(crate) fn join_v1(&mut self, server: SocketAddr, user: &str) -> usize {
        let request = upgrade_request(server, user, "Sec-WebSocket-Protocol: tidings.v1\r\n");
        self.add(std::net::TcpStream::connect(server).unwrap(), &request, true)
    }

    /// Connects one who does not read before [`Crowd::wake`], with a socket that takes in as little as the kernel allows.
    pub(crate) fn join_asleep(&mut self, server: SocketAddr, user: &str) -> usize {
        let socket: OwnedFd = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        set_socket_recv_buffer_size(&socket, 2048).unwrap();
        connect(&socket, &server).unwrap();
        self.add(socket.into(), &upgrade_request(server, user, ""), false)
    }

    /// Lets all read, with sockets of a usual size.
    pub(crate) fn wake(&mut self) {
        for (index, member) in self.members.iter_mut().enumerate().filter(|(_, member)| !member.reads) {
            set_socket_recv_buffer_size(&member.stream, CHUNK).unwrap();
            member.reads = true;
            self.stirred.push(index);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn open(&self) -> usize {
        self.members.iter().filter(|member| member.open).count()
    }

    /// Queues a text message; one to a connection that has gone is dropped.
    pub(crate) fn say(&mut self, member: usize, text: &[u8]) {
        if self.members[member].open {
            self.members[member].output.extend(masked(0x81, text));
            self.stirred.push(member);
        }
    }

    /// Writes what can be written and hears what can be heard, after waiting for it at most so long.
    pub(crate) fn turn(&mut self, longest: Duration, mut hear: impl FnMut(usize, Heard<'_>)) {
        let stirred = std::mem::take(&mut self.stirred);
        let longest = if stirred.is_empty() { longest } else { Duration::ZERO };
        stirred.into_iter().for_each(|index| self.serve(index, &mut hear));
        match self.poll.poll(&mut self.events, Some(longest)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return,
            other => other.unwrap(),
        }
        let ready: Vec<usize> = self.events.iter().map(|event| event.token().0).collect();
        ready.into_iter().for_each(|index| self.serve(index, &mut hear));
    }

    /// Turns until `done` says so. What takes too long ends the test with what `seen` says.
    pub(crate) fn turn_until(
        &mut self,
        mut done: impl FnMut(&mut Self) -> bool,
        mut hear: impl FnMut(usize, Heard<'_>),
        seen: impl Fn() -> String,
    ) {
        let deadline = Instant::now() + 2 * PATIENCE;
        while !done(self) {
            assert!(Instant::now() < deadline, "{} of {} connections are open; {}", self.open(), self.len(), seen());
            self.turn(Duration::from_millis(100), &mut hear);
        }
    }

    fn add(&mut self, mut stream: std::net::TcpStream, request: &str, reads: bool) -> usize {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut input = Vec::new();
        let end = loop {
            let mut bytes = [0; 1024];
            let read = stream.read(&mut bytes).unwrap();
            assert!(read > 0, "refused: {request}: {}", String::from_utf8_lossy(&input));
            input.extend_from_slice(&bytes[..read]);
            if let Some(end) = input.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
        };
        assert!(input.starts_with(b"HTTP/1.1 101 "), "{request}: {}", String::from_utf8_lossy(&input));
        input.drain(..end);
        stream.set_nonblocking(true).unwrap();
        let mut stream = TcpStream::from_std(stream);
        let index = self.members.len();
        self.poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE).unwrap();
        self.members.push(Member { stream, input, output: Vec::new(), reads, open: true });
        if reads {
            // What came together with the answer.
            self.stirred.push(index);
        }
        index
    }

    fn serve(&mut self, index: usize, hear: &mut impl FnMut(usize, Heard<'_>)) {
        let member = &mut self.members[index];
        if !member.open {
            return;
        }
        member.write();
        if member.reads {
            member.read(&mut |heard| hear(index, heard));
        }
    }
}

impl Member {
    fn write(&mut self) {
        let mut written = 0;
        while written < self.output.len() {
            match self.stream.write(&self.output[written..]) {
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Where the connection broke, reading finds out.
                Err(_) => break,
            }
        }
        self.output.drain(..written);
    }

    fn read(&mut self, hear: &mut impl FnMut(Heard<'_>)) {
        loop {
            let before = self.input.len();
            self.input.resize(before + CHUNK, 0);
            let read = self.stream.read(&mut self.input[before..]);
            self.input.truncate(before + *read.as_ref().unwrap_or(&0));
            self.frames(hear);
            match read {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => break,
            }
        }
        self.open = false;
        hear(Heard::Gone);
    }

    /// Takes whole frames off the input.
    fn frames(&mut self, hear: &mut impl FnMut(Heard<'_>)) {
        let mut taken = 0;
        while let Some((first, start, end)) = frame(&self.input[taken..]) {
            let payload = &self.input[taken + start..taken + end];
            match first {
                0x81 => hear(Heard::Text(payload)),
                0x88 => {
                    hear(Heard::Close(u16::from_be_bytes([payload[0], payload[1]])));
                    self.output.extend(masked(0x88, payload));
                }
                0x89 => self.output.extend(masked(0x8a, payload)),
                other => panic!("a frame begins with {other:#x}"),
            }
            taken += end;
        }
        self.input.drain(..taken);
        self.write();
    }
}

/// The first whole frame: its first byte, and where its payload begins and ends.
fn frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (start, length) = match *bytes {
        [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        [_, 126 | 127, ..] if bytes.len() < 10 => return None,
        [_, 127, ..] => (10, bytes[2..10].iter().fold(0, |length, byte| length << 8 | usize::from(*byte))),
        [_, length, ..] => (2, usize::from(length)),
        _ => return None,
    };
    (bytes.len() >= start + length).then_some((bytes[0], start, start + length))
}
