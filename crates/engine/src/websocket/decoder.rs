//! Bytes in, events out.

use std::mem;
use std::ops::ControlFlow;

use super::header::{CLIENT_HEADER_BYTES, CONTROL_BYTES, Header, Opcode};
use super::message::{Message, Whole};
use super::{ProtocolError, close, header, mask, message};

/// What a peer may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimits {
    /// Payload bytes of one message, all its fragments together. A message beyond it is refused with
    /// [`ProtocolError::MessageTooLong`] when the header that exceeds it arrives, before any of that frame's payload is kept.
    pub message_bytes: usize,
    /// Frames of one message, empty ones too. The frame beyond it is refused with [`ProtocolError::TooManyFragments`].
    pub fragments: u32,
}

impl Default for FrameLimits {
    /// 64 KiB in at most 1,024 frames.
    fn default() -> Self {
        Self { message_bytes: 64 * 1024, fragments: 1024 }
    }
}

/// One event of the byte stream, borrowed from the input or from the partial message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// To be answered by a pong with the same payload, at most 125 bytes.
    Ping(&'a [u8]),
    /// The answer to a ping, or a sign of life; at most 125 bytes.
    Pong(&'a [u8]),
    /// The peer's last frame. It is the last event: what follows in the same input is discarded (RFC 6455 §1.4), and
    /// nothing should be fed after it.
    Close {
        /// A code that may be on the wire (§7.4), or `None` when the frame was empty.
        code: Option<u16>,
        /// At most 123 bytes; empty when there is no code.
        reason: &'a str,
    },
}

/// Decodes what one client sends.
///
/// There is one for each connection, so it is a single pointer while nothing is partial. A whole small message in the
/// input costs no allocation and no copy: it is unmasked where it lies, checked, and lent out. Otherwise the decoder keeps
/// what arrived, never what was merely declared.
#[derive(Debug, Default)]
pub struct Decoder {
    partial: Option<Box<Partial>>,
}

impl Decoder {
    /// Decodes all of `input`, unmasking in place, and calls `on_event` for each event in order. Bytes of an incomplete
    /// frame are kept inside, so the input may be cut anywhere.
    ///
    /// At [`ControlFlow::Break`] it returns early; the rest of the input and anything kept is dropped. After a break, a
    /// [`Event::Close`] or an error the stream cannot be picked up again: feed nothing more.
    ///
    /// # Errors
    /// As soon as the bytes cannot be the beginning of anything valid; events before the mistake have been handed out.
    pub fn feed(
        &mut self,
        input: &mut [u8],
        limits: FrameLimits,
        on_event: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<(), ProtocolError> {
        let outcome = self.decode(input, limits, on_event);
        if !matches!(outcome, Ok(ControlFlow::Continue(()))) {
            self.partial = None;
        }
        outcome.map(|_| ())
    }

    /// Bytes kept for a partial frame or message, for accounting: zero when there is none, and at most
    /// [`FrameLimits::message_bytes`] and 125, the latter for a control frame that is cut in the middle of a message.
    ///
    /// Counts the memory of the buffers, which is up to twice what arrived; not the fixed box of about 128 bytes.
    pub fn kept_bytes(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| {
            let message = partial.message.as_ref().map_or(0, Message::kept_bytes);
            usize::from(partial.header_len) + partial.control.capacity() + message
        })
    }
}

/// What is kept between two inputs. It exists only while there is something to keep.
#[derive(Debug, Default)]
struct Partial {
    /// The first `header_len` bytes of a header that is not whole.
    header: [u8; CLIENT_HEADER_BYTES],
    header_len: u8,
    /// The frame whose payload is arriving. Never together with a partial header.
    frame: Option<Frame>,
    /// The payload, as far as it arrived, of the control frame in `frame`.
    control: Vec<u8>,
    /// The data message that is open: its last frame has not arrived whole.
    message: Option<Message>,
}

/// A frame, and what is to come of its payload.
#[derive(Debug, Clone, Copy)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    /// Whether some of the frame has been kept already.
    resumed: bool,
    /// As it applies to the next byte.
    mask: [u8; 4],
    remaining: usize,
}

impl Frame {
    /// The frame after `bytes` more of its payload were kept.
    fn kept(self, bytes: usize) -> Self {
        Self { resumed: true, mask: mask::advanced(self.mask, bytes), remaining: self.remaining - bytes, ..self }
    }
}

type Flow = ControlFlow<()>;
const GO_ON: Flow = ControlFlow::Continue(());

impl Decoder {
    #[inline]
    fn decode(
        &mut self,
        input: &mut [u8],
        limits: FrameLimits,
        on_event: &mut impl FnMut(Event<'_>) -> Flow,
    ) -> Result<Flow, ProtocolError> {
        let mut rest = input;
        while !rest.is_empty() {
            let Some((frame, header_bytes)) = self.next_frame(rest, limits)? else { break };
            let (_, body) = rest.split_at_mut(header_bytes);
            let arrived = frame.remaining.min(body.len());
            let (payload, after) = body.split_at_mut(arrived);
            rest = after;
            mask::apply(payload, frame.mask);
            let flow = self.payload(frame, payload, limits, on_event)?;
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(GO_ON)
    }

    /// The frame that `input` goes on with, and how many bytes of it are header; `None` when the header is not whole, and
    /// has been kept.
    #[inline]
    fn next_frame(&mut self, input: &[u8], limits: FrameLimits) -> Result<Option<(Frame, usize)>, ProtocolError> {
        let read = match self.partial.as_deref_mut() {
            None => header::read(input)?,
            Some(partial) => {
                if let Some(frame) = partial.frame.take() {
                    return Ok(Some((frame, 0)));
                }
                if partial.header_len == 0 { header::read(input)? } else { partial.read_header(input)? }
            }
        };
        let Some((header, header_bytes)) = read else {
            self.partial.get_or_insert_default().keep_header(input);
            return Ok(None);
        };
        self.free_if_empty();
        let frame = self.begin(header, limits)?;
        Ok(Some((frame, header_bytes)))
    }

    /// Checks a header against the open message and the limits.
    #[inline]
    fn begin(&mut self, header: Header, limits: FrameLimits) -> Result<Frame, ProtocolError> {
        let Header { opcode, fin, length, mask } = header;
        if !opcode.is_control() {
            let open = self.partial.as_deref().and_then(|partial| partial.message.as_ref());
            match (opcode, open) {
                (Opcode::Continuation, None) => return Err(ProtocolError::NothingToContinue),
                (Opcode::Text | Opcode::Binary, Some(_)) => return Err(ProtocolError::MessageInterrupted),
                _ => {}
            }
            let (len, frames) = open.map_or((0, 0), |message| (message.len(), message.frames));
            if length > limits.message_bytes.saturating_sub(len) as u64 {
                return Err(ProtocolError::MessageTooLong { limit: limits.message_bytes });
            }
            if frames >= limits.fragments {
                return Err(ProtocolError::TooManyFragments { limit: limits.fragments });
            }
        }
        let remaining = usize::try_from(length).expect("it is within the limit, or a control frame's");
        Ok(Frame { opcode, fin, resumed: false, mask, remaining })
    }

    /// Takes unmasked payload that arrived for `frame`, all of it or the next part.
    #[inline]
    fn payload(
        &mut self,
        frame: Frame,
        payload: &[u8],
        limits: FrameLimits,
        on_event: &mut impl FnMut(Event<'_>) -> Flow,
    ) -> Result<Flow, ProtocolError> {
        let whole = payload.len() == frame.remaining && !frame.resumed;
        match frame.opcode {
            Opcode::Text if whole && frame.fin => {
                let text = std::str::from_utf8(payload).map_err(|_| ProtocolError::TextNotUtf8)?;
                Ok(on_event(Event::Text(text)))
            }
            Opcode::Binary if whole && frame.fin => Ok(on_event(Event::Binary(payload))),
            Opcode::Text | Opcode::Binary | Opcode::Continuation => self.keep_data(frame, payload, limits, on_event),
            _ if whole => control(frame.opcode, payload, on_event),
            _ => self.keep_control(frame, payload, on_event),
        }
    }

    /// Adds payload to the open message, and hands the message out when it is whole.
    fn keep_data(
        &mut self,
        frame: Frame,
        payload: &[u8],
        limits: FrameLimits,
        on_event: &mut impl FnMut(Event<'_>) -> Flow,
    ) -> Result<Flow, ProtocolError> {
        let partial = self.partial.get_or_insert_default();
        let message = partial.message.get_or_insert_with(|| Message::open(frame.opcode));
        if !frame.resumed {
            message.frames += 1;
        }
        let ceiling = if frame.fin { message.len() + frame.remaining } else { limits.message_bytes };
        message.append(payload, ceiling)?;
        if payload.len() < frame.remaining {
            partial.frame = Some(frame.kept(payload.len()));
            return Ok(GO_ON);
        }
        if !frame.fin {
            return Ok(GO_ON);
        }
        let message = partial.message.take().expect("it was put there above");
        // Nothing else can be partial at the end of a data frame.
        self.partial = None;
        Ok(match message.finish()? {
            Whole::Text(text) => on_event(Event::Text(&text)),
            Whole::Binary(bytes) => on_event(Event::Binary(&bytes)),
        })
    }

    /// Adds payload to a control frame that came in parts, and hands the frame out when it is whole.
    fn keep_control(
        &mut self,
        frame: Frame,
        payload: &[u8],
        on_event: &mut impl FnMut(Event<'_>) -> Flow,
    ) -> Result<Flow, ProtocolError> {
        let partial = self.partial.get_or_insert_default();
        let length = partial.control.len() + frame.remaining;
        message::append_bytes(&mut partial.control, payload, length);
        if payload.len() < frame.remaining {
            partial.frame = Some(frame.kept(payload.len()));
            return Ok(GO_ON);
        }
        let whole = mem::take(&mut partial.control);
        self.free_if_empty();
        control(frame.opcode, &whole, on_event)
    }

    /// Frees the box when no message is open in it. Called where nothing else can be partial.
    fn free_if_empty(&mut self) {
        if self.partial.as_ref().is_some_and(|partial| partial.message.is_none()) {
            self.partial = None;
        }
    }
}

impl Partial {
    /// Reads the header that begins with the kept bytes and goes on in `input`; gives how many bytes of `input` it takes.
    fn read_header(&mut self, input: &[u8]) -> Result<Option<(Header, usize)>, ProtocolError> {
        let kept = usize::from(self.header_len);
        let more = input.len().min(CLIENT_HEADER_BYTES - kept);
        self.header[kept..kept + more].copy_from_slice(&input[..more]);
        let read = header::read(&self.header[..kept + more])?;
        Ok(read.map(|(header, header_bytes)| {
            self.header_len = 0;
            (header, header_bytes - kept)
        }))
    }

    /// Keeps the bytes of a header that is not whole, so of fewer than [`CLIENT_HEADER_BYTES`] with those kept before.
    fn keep_header(&mut self, input: &[u8]) {
        let kept = usize::from(self.header_len);
        self.header[kept..kept + input.len()].copy_from_slice(input);
        self.header_len += input.len() as u8;
    }
}

/// Hands out a whole control frame.
#[inline]
fn control(
    opcode: Opcode,
    payload: &[u8],
    on_event: &mut impl FnMut(Event<'_>) -> Flow,
) -> Result<Flow, ProtocolError> {
    debug_assert!(payload.len() <= CONTROL_BYTES, "the header was refused otherwise");
    match opcode {
        Opcode::Ping => Ok(on_event(Event::Ping(payload))),
        Opcode::Pong => Ok(on_event(Event::Pong(payload))),
        _ => {
            let (code, reason) = read_close(payload)?;
            // Whatever the caller says: there is nothing to read behind a close frame.
            let _ = on_event(Event::Close { code, reason });
            Ok(ControlFlow::Break(()))
        }
    }
}

/// The payload of a close frame (RFC 6455 §5.5.1): nothing, or a code and a reason.
fn read_close(payload: &[u8]) -> Result<(Option<u16>, &str), ProtocolError> {
    let Some((&code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok((None, "")) } else { Err(ProtocolError::HalfCloseCode) };
    };
    let code = u16::from_be_bytes(code);
    if !close::may_be_sent(code) {
        return Err(ProtocolError::CloseCode(code));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| ProtocolError::ReasonNotUtf8)?;
    Ok((Some(code), reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_is_small_and_freed_with_the_last_byte_it_was_for() {
        assert!(size_of::<Partial>() <= 128);
        // A ping, a text, and a text in two fragments; masked with zeros, which is as good as any other mask here.
        let frames: [&[u8]; 4] = [
            b"\x89\x81\0\0\0\0?",
            b"\x81\x82\0\0\0\0hi",
            b"\x81\x80\0\0\0\0",
            b"\x01\x81\0\0\0\0h\x89\x81\0\0\0\0?\x80\x81\0\0\0\0i",
        ];
        for bytes in frames {
            for cut in 1..bytes.len() {
                let mut decoder = Decoder::default();
                for part in [&bytes[..cut], &bytes[cut..]] {
                    assert!(decoder.partial.is_none() == (part.as_ptr() == bytes.as_ptr()), "{bytes:?} cut at {cut}");
                    decoder.feed(&mut part.to_vec(), FrameLimits::default(), &mut |_| GO_ON).expect("no mistake");
                }
                assert!(decoder.partial.is_none(), "{bytes:?} cut at {cut}");
            }
        }
    }
}
