//! A connection until its upgrade is answered.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Interest, Poll, Token};
use rustix::io::Errno;
use socket2::{Domain, SockRef, Socket, Type};

use super::{Door, LoadError};
use crate::handshake::{self, HandshakeError};

/// Connections from one source address on the loopback. The kernel looks for a free port among the half of its range
/// with one parity first (14,116 as it comes), and when that is full, each connection looks through all of it in vain.
const PER_SOURCE: usize = 8_000;

/// A connection before its upgrade is answered.
pub(super) struct Opening {
    pub(super) stream: TcpStream,
    pub(super) started_at: Instant,
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
    /// Begins with the connection at this index.
    pub(super) fn start(poll: &Poll, door: &Door<'_>, index: usize) -> io::Result<Self> {
        let request = (door.request)(index);
        let started_at = Instant::now();
        let mut stream = connect(door.address, door.first_user + index)?;
        poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, started_at, request: Some(request), head: Vec::new() })
    }

    /// Goes as far as the socket lets it; `Some` with what came behind the answer's head when the connection is open.
    pub(super) fn step(&mut self, user: usize) -> Result<Option<Vec<u8>>, LoadError> {
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
                if handshake::check_response(&self.head[..end]).is_ok() {
                    return Ok(Some(self.head.split_off(end)));
                }
                // With the whole body, which is the server's reason.
                if self.head.len() >= end + handshake::body_bytes(&self.head[..end]) {
                    return handshake::check_response(&self.head).map(|()| None).map_err(upgrade);
                }
            }
            if self.head.len() > handshake::HEAD_BYTES {
                return Err(upgrade(HandshakeError::NotHttp));
            }
        }
    }
}
