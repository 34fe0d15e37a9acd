//! A client's side of RFC 6455: frames out, masked; the server's frames in, held to the rules.

use std::collections::VecDeque;

/// A frame of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(String),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// With its code, if it has one.
    Close(Option<u16>),
}

/// Opcodes of RFC 6455 §5.2.
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PONG: u8 = 0xA;

/// A whole frame as a client sends it (RFC 6455 §5.1, §5.3).
pub(crate) fn masked(opcode: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length @ 126..=65_535 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// Cuts the server's bytes into frames, and panics where they break the rules: a server never masks (§5.1), and sends
/// nothing after its close frame (§5.5.1). Ours never fragments either.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    partial: Vec<u8>,
    frames: VecDeque<Frame>,
    closed: bool,
}

impl Inbox {
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        let mut at = 0;
        while let Some((frame, length)) = read(&self.partial[at..]) {
            assert!(!self.closed, "the server sent {frame:?} after its close frame");
            self.closed = matches!(frame, Frame::Close(_));
            self.frames.push_back(frame);
            at += length;
        }
        self.partial.drain(..at);
    }

    pub(crate) fn next(&mut self) -> Option<Frame> {
        self.frames.pop_front()
    }

    pub(crate) fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.frames.iter()
    }

    /// Frames that wait.
    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Takes those out that `wanted` picks.
    pub(crate) fn extract(&mut self, wanted: impl Fn(&Frame) -> bool) -> VecDeque<Frame> {
        let (taken, left) = std::mem::take(&mut self.frames).into_iter().partition(wanted);
        self.frames = left;
        taken
    }

    /// Whether a close frame came.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }
}

/// The first frame in `bytes` with its length; none where it is not whole.
fn read(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    assert_eq!(first & 0xF0, 0x80, "the server sends whole frames without extensions");
    assert_eq!(second & 0x80, 0, "a server does not mask");
    let (payload_at, length) = match second {
        126 => (4, usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?) as usize),
        short => (2, usize::from(short)),
    };
    let payload = bytes.get(payload_at..payload_at + length)?;
    let frame = match first & 0x0F {
        0x1 => Frame::Text(String::from_utf8(payload.to_vec()).expect("the server sends UTF-8")),
        0x8 => Frame::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
        0x9 => Frame::Ping(payload.to_vec()),
        0xA => Frame::Pong(payload.to_vec()),
        other => panic!("the server sent a frame of opcode {other:#x}"),
    };
    Some((frame, payload_at + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_6455_5_7() {
        let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(masked(TEXT, b"Hello", [0x37, 0xfa, 0x21, 0x3d]), hello);
        let mut inbox = Inbox::default();
        inbox.take(b"\x81\x05Hel");
        assert_eq!(inbox.next(), None);
        inbox.take(b"lo\x88\x02\x03\xe8");
        assert_eq!(inbox.next(), Some(Frame::Text("Hello".into())));
        assert_eq!(inbox.next(), Some(Frame::Close(Some(1000))));
    }

    #[test]
    #[should_panic(expected = "after its close frame")]
    fn nothing_may_follow_a_close_frame() {
        Inbox::default().take(b"\x88\x00\x81\x01a");
    }
}
