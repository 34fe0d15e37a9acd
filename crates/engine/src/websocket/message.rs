//! A message that is not whole yet.

use super::ProtocolError;
use super::header::Opcode;

/// The payload of an open message as far as it has arrived, and the frames it came in.
#[derive(Debug)]
pub(super) struct Message {
    body: Body,
    /// Frames begun, at most [`FrameLimits::fragments`](super::FrameLimits::fragments).
    pub(super) frames: u32,
}

/// A whole message.
pub(super) enum Whole {
    Text(String),
    Binary(Vec<u8>),
}

#[derive(Debug)]
enum Body {
    Text(PartialText),
    Binary(Vec<u8>),
}

/// Text checked as it arrives. It is held as a `String`, so nothing is checked again when the message is whole.
#[derive(Debug, Default)]
struct PartialText {
    checked: String,
    /// The beginning of a character whose other bytes have not arrived.
    tail: [u8; 4],
    tail_len: u8,
}

impl Message {
    /// A message that begins with a frame of this opcode; anything but text counts as binary.
    pub(super) fn open(opcode: Opcode) -> Self {
        let body = match opcode {
            Opcode::Text => Body::Text(PartialText::default()),
            _ => Body::Binary(Vec::new()),
        };
        Self { body, frames: 0 }
    }

    /// Payload bytes that have arrived.
    pub(super) fn len(&self) -> usize {
        match &self.body {
            Body::Text(text) => text.checked.len() + usize::from(text.tail_len),
            Body::Binary(bytes) => bytes.len(),
        }
    }

    /// Bytes held in memory for the payload: at most twice what arrived, and never more than the message's limit.
    pub(super) fn kept_bytes(&self) -> usize {
        match &self.body {
            Body::Text(text) => text.checked.capacity().max(self.len()),
            Body::Binary(bytes) => bytes.capacity(),
        }
    }

    /// Appends unmasked payload. `ceiling` is the most that the message can come to, as far as is known.
    ///
    /// # Errors
    /// [`ProtocolError::TextNotUtf8`] as soon as no further byte could make the text valid.
    pub(super) fn append(&mut self, payload: &[u8], ceiling: usize) -> Result<(), ProtocolError> {
        match &mut self.body {
            Body::Text(text) => text.append(payload, ceiling),
            Body::Binary(bytes) => {
                append_bytes(bytes, payload, ceiling);
                Ok(())
            }
        }
    }

    /// The message, its last byte having arrived.
    ///
    /// # Errors
    /// [`ProtocolError::TextNotUtf8`] when a text ends inside a character.
    pub(super) fn finish(self) -> Result<Whole, ProtocolError> {
        match self.body {
            Body::Text(text) if text.tail_len != 0 => Err(ProtocolError::TextNotUtf8),
            Body::Text(text) => Ok(Whole::Text(text.checked)),
            Body::Binary(bytes) => Ok(Whole::Binary(bytes)),
        }
    }
}

/// Appends to a buffer that grows as [`growth`] says.
pub(super) fn append_bytes(buffer: &mut Vec<u8>, payload: &[u8], ceiling: usize) {
    buffer.reserve_exact(growth(buffer.len(), buffer.capacity(), payload.len(), ceiling));
    buffer.extend_from_slice(payload);
}

impl PartialText {
    fn append(&mut self, payload: &[u8], ceiling: usize) -> Result<(), ProtocolError> {
        let payload = self.complete_tail(payload, ceiling)?;
        let (valid, tail) = split_valid(payload)?;
        append_str(&mut self.checked, valid, ceiling);
        if !tail.is_empty() {
            self.tail[..tail.len()].copy_from_slice(tail);
            self.tail_len = tail.len() as u8;
        }
        Ok(())
    }

    /// Moves bytes from the front of `payload` to the character that was cut, until it is whole; gives the bytes behind it.
    fn complete_tail<'p>(&mut self, mut payload: &'p [u8], ceiling: usize) -> Result<&'p [u8], ProtocolError> {
        while self.tail_len != 0 {
            let Some((&byte, after)) = payload.split_first() else { break };
            payload = after;
            // A character has at most four bytes, and one that is whole or wrong ends the loop.
            let len = usize::from(self.tail_len);
            self.tail[len] = byte;
            self.tail_len += 1;
            let (character, _) = split_valid(&self.tail[..=len])?;
            if !character.is_empty() {
                append_str(&mut self.checked, character, ceiling);
                self.tail_len = 0;
            }
        }
        Ok(payload)
    }
}

/// As [`append_bytes`].
fn append_str(buffer: &mut String, text: &str, ceiling: usize) {
    buffer.reserve_exact(growth(buffer.len(), buffer.capacity(), text.len(), ceiling));
    buffer.push_str(text);
}

/// The text at the front, and the at most three bytes behind it that begin a character. The standard library tells an
/// unfinished character from a wrong one by the narrowest ranges, so `F4 90`, `ED A0` or `C0` are refused at that byte.
fn split_valid(bytes: &[u8]) -> Result<(&str, &[u8]), ProtocolError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok((text, &[])),
        Err(error) if error.error_len().is_some() => Err(ProtocolError::TextNotUtf8),
        Err(error) => {
            let (valid, tail) = bytes.split_at(error.valid_up_to());
            let valid = std::str::from_utf8(valid).expect("it is valid up to here");
            Ok((valid, tail))
        }
    }
}

/// How many bytes to reserve for `more` bytes: doubling, so that a trickle does not copy the buffer each time, but never
/// beyond `ceiling`. So a buffer has at most twice the size of what arrived, however much the peer declares.
fn growth(len: usize, capacity: usize, more: usize, ceiling: usize) -> usize {
    let needed = len + more;
    if needed <= capacity {
        return 0;
    }
    needed.max(capacity.saturating_mul(2).min(ceiling)) - len
}
