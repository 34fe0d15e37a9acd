//! One client connection: a socket, what came of a frame so far, what could not be written yet.

use std::io::{self, Read as _, Write as _};

use mio::net::TcpStream;

use crate::frame::{self, FrameError};

/// An open WebSocket connection.
pub struct Connection {
    stream: TcpStream,
    /// A frame that isn't whole; at most one, so at most [`frame::PAYLOAD_BYTES`] and a read.
    partial: Vec<u8>,
    /// Frames that the socket didn't take. Bounded by what the scenario has under way.
    unsent: Vec<u8>,
}

/// What a connection gives to whoever reads.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A text message.
    Text(&'a [u8]),
    /// A pong's payload.
    Pong(&'a [u8]),
}

/// What ended a connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The socket failed.
    #[error("the socket failed")]
    Socket(#[from] io::Error),
    /// The server sent a close frame, with this code and reason (RFC 6455 section 7.1.5 and 7.1.6); 1005 without a code.
    #[error("the server closed it: {code} {reason}")]
    Closed {
        /// The close code.
        code: u16,
        /// The reason's text.
        reason: String,
    },
    /// The server ended the stream without a close frame.
    #[error("the server cut it")]
    Cut,
    /// The server sent what is no frame.
    #[error("the server sent what is no frame")]
    Frame(#[from] FrameError),
    /// The server sent a frame that nobody here understands.
    #[error("the server sent a frame with opcode {0}")]
    Opcode(u8),
}

impl Connection {
    /// Takes a socket after the upgrade, with what came behind the answer's head.
    #[must_use]
    pub fn new(stream: TcpStream, already_read: &[u8]) -> Self {
        Self { stream, partial: already_read.to_vec(), unsent: Vec::new() }
    }

    /// Sends encoded frames: at once, in one write, or as soon as the socket takes them.
    ///
    /// # Errors
    /// The socket's.
    pub fn send(&mut self, frames: &[u8]) -> Result<(), ConnectionError> {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(frames);
            return Ok(());
        }
        let written = write(&mut self.stream, frames)?;
        self.unsent.extend_from_slice(&frames[written..]);
        Ok(())
    }

    /// The socket takes bytes again.
    ///
    /// # Errors
    /// The socket's.
    pub fn writable(&mut self) -> Result<(), ConnectionError> {
        if !self.unsent.is_empty() {
            let written = write(&mut self.stream, &self.unsent)?;
            self.unsent.drain(..written);
        }
        Ok(())
    }

    /// Reads what is there, answers pings, and gives each text message and each pong to `each`.
    ///
    /// # Errors
    /// The end of the connection, whichever way it came.
    pub fn readable(&mut self, scratch: &mut [u8], mut each: impl FnMut(Heard<'_>)) -> Result<(), ConnectionError> {
        loop {
            let read = match self.stream.read(scratch) {
                Ok(0) => return Err(ConnectionError::Cut),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let full = read == scratch.len();
            if self.partial.is_empty() {
                let used = self.frames(&scratch[..read], &mut each)?;
                self.partial.extend_from_slice(&scratch[used..read]);
            } else {
                let mut bytes = std::mem::take(&mut self.partial);
                bytes.extend_from_slice(&scratch[..read]);
                let used = self.frames(&bytes, &mut each)?;
                bytes.drain(..used);
                self.partial = bytes;
            }
            if !full {
                return Ok(());
            }
        }
    }

    fn frames(&mut self, bytes: &[u8], each: &mut impl FnMut(Heard<'_>)) -> Result<usize, ConnectionError> {
        let mut at = 0;
        while let Some((found, used)) = frame::split(&bytes[at..])? {
            at += used;
            match found.opcode {
                frame::TEXT => each(Heard::Text(found.payload)),
                frame::PING => {
                    let mut pong = Vec::new();
                    frame::encode_client(&mut pong, frame::PONG, found.payload);
                    self.send(&pong)?;
                }
                frame::PONG => each(Heard::Pong(found.payload)),
                frame::CLOSE => return Err(closed(found.payload)),
                other => return Err(ConnectionError::Opcode(other)),
            }
        }
        Ok(at)
    }
}

fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match stream.write(bytes) {
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(0),
        other => other,
    }
}

fn closed(payload: &[u8]) -> ConnectionError {
    let (code, reason) = match payload {
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        _ => (1005, &[][..]),
    };
    ConnectionError::Closed { code, reason: String::from_utf8_lossy(reason).into_owned() }
}
