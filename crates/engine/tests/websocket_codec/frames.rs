//! Frames as a client sends them, and what the decoder makes of bytes.

use std::ops::ControlFlow;

use tidings_engine::websocket::{Decoder, Event, FrameLimits, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};

pub(crate) const CONTINUATION: OpCode = OpCode::Data(Data::Continue);
pub(crate) const TEXT: OpCode = OpCode::Data(Data::Text);
pub(crate) const BINARY: OpCode = OpCode::Data(Data::Binary);
pub(crate) const CLOSE: OpCode = OpCode::Control(Control::Close);
pub(crate) const PING: OpCode = OpCode::Control(Control::Ping);
pub(crate) const PONG: OpCode = OpCode::Control(Control::Pong);

pub(crate) const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// An event that outlives the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text.to_owned()),
            Event::Binary(bytes) => Self::Binary(bytes.to_owned()),
            Event::Ping(payload) => Self::Ping(payload.to_owned()),
            Event::Pong(payload) => Self::Pong(payload.to_owned()),
            Event::Close { code, reason } => Self::Close(code, reason.to_owned()),
        }
    }
}

/// A decoder with all that came out of it.
#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) decoder: Decoder,
    pub(crate) limits: FrameLimits,
    pub(crate) seen: Vec<Seen>,
    pub(crate) most_kept: usize,
}

impl Reader {
    pub(crate) fn with_limits(message_bytes: usize, fragments: u32) -> Self {
        Self { limits: FrameLimits { message_bytes, fragments }, ..Self::default() }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), ProtocolError> {
        let mut input = bytes.to_vec();
        let result = self.decoder.feed(&mut input, self.limits, &mut |event| {
            self.seen.push(event.into());
            ControlFlow::Continue(())
        });
        self.most_kept = self.most_kept.max(self.decoder.kept_bytes());
        result
    }

    /// Feeds `bytes` cut at each of `cuts`, up to the first mistake or the close frame.
    pub(crate) fn feed_cut(
        &mut self,
        bytes: &[u8],
        cuts: impl IntoIterator<Item = usize>,
    ) -> Result<(), ProtocolError> {
        let mut start = 0;
        for end in cuts.into_iter().chain([bytes.len()]) {
            if !matches!(self.seen.last(), Some(Seen::Close(..))) {
                self.feed(&bytes[start..end])?;
            }
            start = end;
        }
        Ok(())
    }
}

/// A masked frame, written by tungstenite.
pub(crate) fn frame(fin: bool, opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    frame_with(FrameHeader { is_final: fin, opcode, mask: Some(MASK), ..FrameHeader::default() }, payload)
}

pub(crate) fn frame_with(header: FrameHeader, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Frame::from_payload(header, payload.to_vec().into()).format(&mut bytes).expect("a Vec takes all");
    bytes
}

/// The header, alone, of a masked frame that declares `length` bytes.
pub(crate) fn header(fin: bool, opcode: OpCode, length: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    FrameHeader { is_final: fin, opcode, mask: Some(MASK), ..FrameHeader::default() }
        .format(length, &mut bytes)
        .expect("a Vec takes all");
    bytes
}

pub(crate) fn text(content: &str) -> Vec<u8> {
    frame(true, TEXT, content.as_bytes())
}
