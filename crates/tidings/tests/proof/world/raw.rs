//! A connection on which bytes are written as they are, wrong ones too.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use crate::support::process::{PATIENCE, Server};

/// A plain TCP connection.
pub(crate) struct Raw(TcpStream);

impl Raw {
    /// Connects, and says nothing.
    pub(crate) fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    /// Connects, and opens a WebSocket as a user of a `--dev` server.
    pub(crate) fn upgraded(server: &Server, user: &str) -> Self {
        let mut raw = Self::connect(server);
        raw.write(upgrade_request(server.address, user, "").as_bytes());
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(raw.bytes::<1>()[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        raw
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// Writes a masked frame whose first byte is given whole.
    pub(crate) fn frame(&mut self, first: u8, payload: &[u8]) {
        self.write(&masked(first, payload));
    }

    /// The next frame: its first byte and its payload.
    pub(crate) fn read_frame(&mut self) -> (u8, Vec<u8>) {
        let [first, length] = self.bytes();
        let length = match length {
            126 => usize::from(u16::from_be_bytes(self.bytes())),
            127 => usize::try_from(u64::from_be_bytes(self.bytes())).unwrap(),
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).unwrap();
        (first, payload)
    }

    /// The close code of the next frame, which must be a close frame, followed by the end of the connection.
    pub(crate) fn close_code(&mut self) -> u16 {
        let (first, payload) = self.read_frame();
        assert_eq!(first, CLOSE, "{}", String::from_utf8_lossy(&payload));
        let code = u16::from_be_bytes([payload[0], payload[1]]);
        // A client that answers a close is done (RFC 6455 §5.5.1). It may find the connection gone already.
        let _ = self.0.write_all(&masked(CLOSE, &payload[..2]));
        match self.0.read(&mut [0]) {
            Ok(0) => code,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => code,
            other => panic!("after the close frame: {other:?}"),
        }
    }

    /// Whether the server ended the connection within so long.
    pub(crate) fn ended_within(&mut self, time: Duration) -> bool {
        self.0.set_read_timeout(Some(time)).unwrap();
        match self.0.read(&mut [0]) {
            Ok(0) => true,
            Ok(_) => panic!("the server says something"),
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }

    /// Whether one more byte could be written.
    pub(crate) fn drip(&mut self, byte: u8) -> bool {
        self.0.write_all(&[byte]).is_ok()
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }
}

/// A final close frame's first byte.
const CLOSE: u8 = 0x88;

/// An upgrade as RFC 6455 §1.2 has it, with more header lines, each with its line end.
pub(super) fn upgrade_request(server: std::net::SocketAddr, user: &str, more: &str) -> String {
    format!(
        "GET /ws?user={user} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
}

/// A masked frame (RFC 6455 §5.2, §5.3).
pub(super) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = Vec::with_capacity(payload.len() + 14);
    frame.push(first);
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        medium @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend((medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}
