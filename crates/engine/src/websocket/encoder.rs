//! Whole frames as a server sends them: unmasked and not fragmented (RFC 6455 §5.1, §5.4).
//!
//! A frame does not name its reader, so it is made once and its [`Bytes`] are cloned for each.

use std::io;

use bytes::{Buf, Bytes};

use super::header::{CONTROL_BYTES, Opcode, SERVER_HEADER_BYTES};
use super::{close as close_code, header, spare};

/// A text frame around `payload`, which must be UTF-8 (the reader fails the connection otherwise). One allocation.
pub fn text(payload: &[u8]) -> Bytes {
    whole(Opcode::Text, &[payload])
}

/// A binary frame. One allocation. The engine itself sends text only.
pub fn binary(payload: &[u8]) -> Bytes {
    whole(Opcode::Binary, &[payload])
}

/// A ping frame. A payload beyond 125 bytes, the bound of §5.5, is cut there.
pub fn ping(payload: &[u8]) -> Bytes {
    whole(Opcode::Ping, &[cut(payload)])
}

/// A pong frame. A payload beyond 125 bytes is cut there; that of a [`Ping`](super::Event::Ping) never is.
pub fn pong(payload: &[u8]) -> Bytes {
    whole(Opcode::Pong, &[cut(payload)])
}

/// A close frame. The reason is cut to 123 bytes, at a character's border, since the code and the reason share the 125.
///
/// A code that must not be on the wire (§7.4), such as 1005 for "no code", makes an empty close frame.
pub fn close(code: u16, reason: &str) -> Bytes {
    if !close_code::may_be_sent(code) {
        return whole(Opcode::Close, &[]);
    }
    let reason = &reason[..reason.floor_char_boundary(CONTROL_BYTES - 2)];
    whole(Opcode::Close, &[&code.to_be_bytes(), reason.as_bytes()])
}

/// Builds the payload of a text frame in the buffer that becomes the frame: there is room for the header in front, so the
/// payload is never copied again.
///
/// ```
/// use std::io::Write as _;
/// use tidings_engine::websocket::FrameBuilder;
///
/// let mut frame = FrameBuilder::text(16);
/// write!(frame, "{{\"seq\":{}}}", 7)?;
/// assert_eq!(frame.payload_len(), 9);
/// assert_eq!(frame.finish(), &b"\x81\x09{\"seq\":7}"[..]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct FrameBuilder {
    /// [`SERVER_HEADER_BYTES`] to be written at the end, then the payload.
    buffer: Vec<u8>,
}

impl FrameBuilder {
    /// A builder with room for `capacity` bytes of payload; it grows beyond as a `Vec` does, and whoever writes bounds it
    /// by [`payload_len`](Self::payload_len). What is written must be UTF-8 at the end.
    pub fn text(capacity: usize) -> Self {
        let mut buffer = spare::take(SERVER_HEADER_BYTES.saturating_add(capacity));
        buffer.extend_from_slice(&[0; SERVER_HEADER_BYTES]);
        Self { buffer }
    }

    /// Appends to the payload.
    #[inline]
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The payload so far.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        &self.buffer[SERVER_HEADER_BYTES..]
    }

    /// The payload so far, to be changed.
    #[inline]
    pub fn payload_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[SERVER_HEADER_BYTES..]
    }

    /// Cuts the payload to its first `length` bytes, if it has more.
    #[inline]
    pub fn truncate(&mut self, length: usize) {
        self.buffer.truncate(SERVER_HEADER_BYTES.saturating_add(length));
    }

    /// The payload without a frame around it, from a byte on; nothing is copied.
    ///
    /// # Panics
    /// Beyond the payload's end.
    pub fn into_payload(mut self, from: usize) -> Bytes {
        self.give_back_room();
        Bytes::from(self.buffer).slice(SERVER_HEADER_BYTES + from..)
    }

    /// Bytes of payload so far.
    #[inline]
    pub fn payload_len(&self) -> usize {
        self.buffer.len() - SERVER_HEADER_BYTES
    }

    /// Whoever counts a frame by its length must not keep much more than that: a frame that was expected to be far larger is
    /// copied into less room.
    fn give_back_room(&mut self) {
        if self.buffer.capacity() > 2 * self.buffer.len() + 512 {
            self.buffer.shrink_to_fit();
        }
    }

    /// The frame. The header is written right-aligned before the payload; nothing is copied, and unused capacity stays
    /// allocated as long as the frame lives: at most as much again as the frame, and 512 bytes.
    pub fn finish(mut self) -> Bytes {
        self.give_back_room();
        let (header, start) = header::write(Opcode::Text, self.payload_len());
        self.buffer[start..SERVER_HEADER_BYTES].copy_from_slice(&header[start..]);
        let mut frame = Bytes::from(self.buffer);
        frame.advance(start);
        frame
    }
}

/// Never fails; the payload grows by all that is written.
impl io::Write for FrameBuilder {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A frame whose payload is these parts one after another, in an allocation of just its size.
fn whole(opcode: Opcode, parts: &[&[u8]]) -> Bytes {
    let payload_len = parts.iter().map(|part| part.len()).sum();
    let (header, start) = header::write(opcode, payload_len);
    let mut frame = Vec::with_capacity(SERVER_HEADER_BYTES - start + payload_len);
    frame.extend_from_slice(&header[start..]);
    for part in parts {
        frame.extend_from_slice(part);
    }
    Bytes::from(frame)
}

fn cut(payload: &[u8]) -> &[u8] {
    &payload[..payload.len().min(CONTROL_BYTES)]
}
