//! Clients that stop reading: blocking sockets with a small buffer, looked at again when all is over.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use socket2::{Domain, Socket, Type};

use crate::frame;
use crate::handshake;
use crate::target::Target;

/// Asked of the kernel for each of them, which doubles it (socket(7)).
const RECEIVE_BYTES: usize = 4 * 1024;

/// How long the end of one connection may take from when it is read again.
const ENDS_WITHIN: Duration = Duration::from_secs(15);

/// A connection that was upgraded and isn't read.
pub struct Stalled {
    stream: TcpStream,
    /// What came behind the answer's head, and later what is no whole frame yet.
    bytes: Vec<u8>,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The server closed it with this code.
    Closed(u16),
    /// The server cut it.
    Cut,
    /// It didn't end.
    Open,
}

impl Stalled {
    /// Connects a user, and reads no more than the upgrade's answer.
    ///
    /// # Errors
    /// The server refuses or cuts it.
    pub fn open(target: &Target, user: usize) -> anyhow::Result<Self> {
        let socket = Socket::new(Domain::for_address(target.address), Type::STREAM, None)?;
        socket.set_recv_buffer_size(RECEIVE_BYTES)?;
        socket.connect(&SocketAddr::into(target.address))?;
        socket.set_linger(Some(Duration::ZERO))?;
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(target.silence))?;
        stream.write_all(target.request(user).as_bytes())?;
        let mut bytes = Vec::new();
        let end = loop {
            let mut some = [0; 1024];
            match stream.read(&mut some).with_context(|| format!("user {user} could not connect"))? {
                0 => bail!("user {user} could not connect: the server closed the connection"),
                read => bytes.extend_from_slice(&some[..read]),
            }
            if let Some(end) = handshake::head_end(&bytes) {
                break end;
            }
        };
        handshake::check_response(&bytes[..end]).with_context(|| format!("user {user} could not connect"))?;
        bytes.drain(..end);
        Ok(Self { stream, bytes })
    }

    /// Reads again, to the end.
    ///
    /// # Errors
    /// What comes is no frame.
    pub fn end(mut self) -> anyhow::Result<End> {
        let until = Instant::now() + ENDS_WITHIN;
        self.stream.set_read_timeout(Some(Duration::from_millis(500)))?;
        let mut some = vec![0; 64 * 1024];
        while Instant::now() < until {
            let mut used = 0;
            while let Some((found, length)) = frame::split(&self.bytes[used..])? {
                if found.opcode == frame::CLOSE {
                    return Ok(End::Closed(match found.payload {
                        [high, low, ..] => u16::from_be_bytes([*high, *low]),
                        _ => 1005,
                    }));
                }
                used += length;
            }
            self.bytes.drain(..used);
            match self.stream.read(&mut some) {
                Ok(0) => return Ok(End::Cut),
                Ok(read) => self.bytes.extend_from_slice(&some[..read]),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(_) => return Ok(End::Cut),
            }
        }
        Ok(End::Open)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::dialect::Dialect;
    use crate::identity::Credentials;

    /// What a stalled client of a server that sends these bytes behind its upgrade, and closes, sees when it reads again.
    fn end_of(frames: Vec<u8>) -> End {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serving = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 1024];
            let read = stream.read(&mut head).unwrap();
            let head = String::from_utf8(head[..read].to_vec()).unwrap();
            let key = handshake::header(&head, "Sec-WebSocket-Key").unwrap();
            stream.write_all(handshake::response(key).as_bytes()).unwrap();
            stream.write_all(&frames).unwrap();
        });
        let (path, silence) = ("/ws?user={user}".to_owned(), Duration::from_secs(10));
        let credentials = Credentials::default();
        let target = Target { address, path, credentials, dialect: Dialect::Guide, first_user: 1, silence };
        let end = Stalled::open(&target, 1).unwrap().end().unwrap();
        serving.join().unwrap();
        end
    }

    #[test]
    fn the_close_frame_behind_all_that_was_not_read_is_found() {
        let mut frames = Vec::new();
        for _ in 0..1_000 {
            frame::encode_server(&mut frames, frame::TEXT, &[b'x'; 300]);
        }
        assert_eq!(end_of(frames.clone()), End::Cut);
        frame::encode_server(&mut frames, frame::CLOSE, &4409_u16.to_be_bytes());
        assert_eq!(end_of(frames), End::Closed(4409));
    }
}
