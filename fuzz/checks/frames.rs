//! Bytes of a client, in any cuts, through the WebSocket decoder.
//!
//! # What must hold
//! - It never panics, and gives the same events and the same error however the bytes are cut.
//! - It keeps no more than it may, and nothing after an error or a close frame.
//! - tungstenite, a second implementation, sees the same events and the same end, but where RFC 6455 leaves a choice.
//! - Each event, encoded as the server would, is read by tungstenite as it was, and once masked by our own decoder too.
//!
//! # An input
//! | byte | means |
//! |---|---|
//! | first | bits 0 and 1: the limits ([`LIMITS`]). Bit 2: the stream is raw. Bits 4 to 6: cuts lie so many powers of two farther apart |
//! | second | how many cuts, modulo 64 |
//! | as many more | how far each cut lies behind the one before, less one |
//! | the rest | the stream |
//!
//! A raw stream is fed as it is. Any other holds frames without masks, and each gets one: so a fuzzer that changes a byte of
//! text changes that byte and nothing else. A payload of 126 bytes and more that ends before its length is filled up from its
//! own bytes, so a small input can hold large frames.

use std::{
    io::{self, Cursor, Read, Write},
    ops::ControlFlow,
};

use tidings_engine::websocket::{Decoder, Event, FrameLimits, ProtocolError, encoder};
use tokio_tungstenite::tungstenite::{
    Error, Message,
    error::ProtocolError as TheirProtocolError,
    protocol::{Role, WebSocket, WebSocketConfig},
};

/// Checks one input.
///
/// # Panics
/// Where something does not hold.
pub(crate) fn check(input: &[u8]) {
    let Some(case) = Case::read(input) else { return };
    let whole = read(&case.bytes, [], case.limits);
    assert_eq!(read(&case.bytes, case.cuts.iter().copied(), case.limits), whole, "cut at {:?}", case.cuts);
    if case.bytes.len() <= SINGLY_BYTES {
        assert_eq!(read(&case.bytes, 0..case.bytes.len(), case.limits), whole, "byte by byte");
    }
    agree(&whole, &theirs(&case.bytes, case.limits));
    whole.events.iter().for_each(survives);
}

/// Longer streams are not fed byte by byte: it costs time and finds nothing new.
const SINGLY_BYTES: usize = 8 * 1024;

/// The default, one that large frames reach, and two that small ones do.
const LIMITS: [FrameLimits; 4] = [
    FrameLimits { message_bytes: 64 * 1024, fragments: 1024 },
    FrameLimits { message_bytes: 70_000, fragments: 8 },
    FrameLimits { message_bytes: 300, fragments: 3 },
    FrameLimits { message_bytes: 0, fragments: 1 },
];

/// Payloads are not filled up beyond this, so that an input stays quick.
const FILL_BYTES: u64 = 80_000;

struct Case {
    limits: FrameLimits,
    cuts: Vec<usize>,
    bytes: Vec<u8>,
}

impl Case {
    fn read(input: &[u8]) -> Option<Self> {
        let (&[settings, count], rest) = input.split_first_chunk()?;
        let (distances, stream) = rest.split_at_checked(usize::from(count % 64))?;
        let bytes = if settings & 4 == 0 { masked(stream) } else { stream.to_vec() };
        let stride = (settings >> 4) & 7;
        let mut at = 0;
        let cuts = distances.iter().map(|distance| {
            at += (usize::from(*distance) + 1) << stride;
            at
        });
        let cuts = cuts.take_while(|cut| *cut < bytes.len()).collect();
        Some(Self { limits: LIMITS[usize::from(settings & 3)], cuts, bytes })
    }
}

/// Frames without masks become a client's. What is no whole header at the end stays as it is.
fn masked(mut stream: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut key = 0x37fa_213d_u32;
    while let Some((header_len, length)) = header(stream) {
        let (header, rest) = stream.split_at(header_len);
        let there = rest.len().min(usize::try_from(length).unwrap_or(usize::MAX));
        let (payload, after) = rest.split_at(there);
        let fills = (126..=FILL_BYTES).contains(&length) && !payload.is_empty();
        let payload_len = if fills { length as usize } else { there };
        let mask = key.to_be_bytes();
        key = key.rotate_left(5) ^ 0x9e37_79b9;
        bytes.push(header[0]);
        bytes.push(header[1] | 0x80);
        bytes.extend_from_slice(&header[2..]);
        bytes.extend_from_slice(&mask);
        let payload = payload.iter().cycle().take(payload_len);
        bytes.extend(payload.zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        stream = after;
    }
    bytes.extend_from_slice(stream);
    bytes
}

/// The size of the header without a mask at the front, and the length that it declares (RFC 6455 §5.2).
fn header(stream: &[u8]) -> Option<(usize, u64)> {
    match stream.get(1)? & 0x7f {
        126 => Some((4, u64::from(u16::from_be_bytes(*stream.get(2..)?.first_chunk()?)))),
        127 => Some((10, u64::from_be_bytes(*stream.get(2..)?.first_chunk()?))),
        short => Some((2, u64::from(short))),
    }
}

/// An event that outlives the input.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
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

/// What came out of a decoder.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    events: Vec<Seen>,
    error: Option<ProtocolError>,
}

fn read(bytes: &[u8], cuts: impl IntoIterator<Item = usize>, limits: FrameLimits) -> Outcome {
    let mut decoder = Decoder::default();
    let mut outcome = Outcome { events: Vec::new(), error: None };
    let mut start = 0;
    for end in cuts.into_iter().chain([bytes.len()]) {
        let fed = decoder.feed(&mut bytes[start..end].to_vec(), limits, &mut |event| {
            outcome.events.push(event.into());
            ControlFlow::Continue(())
        });
        outcome.error = fed.err();
        let kept = decoder.kept_bytes();
        assert!(kept <= limits.message_bytes + 125, "{kept} bytes are kept");
        assert!(kept <= 2 * end + 4, "{kept} bytes are kept of {end}");
        if outcome.error.is_some() || matches!(outcome.events.last(), Some(Seen::Close(..))) {
            assert_eq!(kept, 0, "nothing is kept at the end");
            break;
        }
        start = end;
    }
    outcome
}

/// How a stream ended for tungstenite.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// It wants more bytes.
    Open,
    Closed,
    Refused,
}

fn theirs(bytes: &[u8], limits: FrameLimits) -> (Vec<Seen>, End) {
    // It counts control frames too, which may always have 125 bytes.
    let config = small_buffers()
        .max_message_size(Some(limits.message_bytes))
        .max_frame_size(Some(limits.message_bytes.max(125)));
    drain(WebSocket::from_raw_socket(Memory(Cursor::new(bytes)), Role::Server, Some(config)))
}

/// Its default buffers, 128 KiB each, would take most of the time.
fn small_buffers() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0)
}

fn drain(mut socket: WebSocket<Memory<'_>>) -> (Vec<Seen>, End) {
    let mut events = Vec::new();
    loop {
        match socket.read() {
            Ok(message) => events.push(seen(message)),
            Err(Error::ConnectionClosed) => return (events, End::Closed),
            Err(Error::Protocol(TheirProtocolError::ResetWithoutClosingHandshake)) => return (events, End::Open),
            Err(_) => return (events, End::Refused),
        }
    }
}

fn seen(message: Message) -> Seen {
    match message {
        Message::Text(text) => Seen::Text(text.as_str().to_owned()),
        Message::Binary(bytes) => Seen::Binary(bytes.to_vec()),
        Message::Ping(payload) => Seen::Ping(payload.to_vec()),
        Message::Pong(payload) => Seen::Pong(payload.to_vec()),
        Message::Close(None) => Seen::Close(None, String::new()),
        Message::Close(Some(close)) => Seen::Close(Some(close.code.into()), close.reason.as_str().to_owned()),
        Message::Frame(frame) => panic!("reading gives no raw frames: {frame:?}"),
    }
}

/// Compares the two, but where they may differ:
/// - tungstenite takes lengths that are not minimal, those of control frames too, and any number of fragments;
/// - it looks at a header, and then at a frame, once all of it is there, we as soon as a byte is wrong;
/// - it reports a close code that must not be sent as 1002 with a reason of its own;
/// - it doesn't know 1014, which the IANA registry has since.
fn agree(ours: &Outcome, (events, end): &(Vec<Seen>, End)) {
    let context = || format!("ours: {ours:?}\ntheirs: {events:?}, {end:?}");
    let violation = || Seen::Close(Some(1002), "Protocol violation".to_owned());
    match ours.error {
        None => match ours.events.last() {
            Some(Seen::Close(Some(1014), _)) => {
                assert_eq!(
                    events[..],
                    [&ours.events[..ours.events.len() - 1], &[violation()]].concat(),
                    "{}",
                    context()
                );
            }
            Some(Seen::Close(..)) => {
                assert!(*events == ours.events && *end == End::Closed, "{}", context());
            }
            _ => assert!(*events == ours.events && *end == End::Open, "{}", context()),
        },
        Some(ProtocolError::LengthNotMinimal | ProtocolError::LongControl | ProtocolError::TooManyFragments { .. }) => {
            assert!(events.starts_with(&ours.events), "{}", context());
        }
        // The reason behind such a code may be wrong too, and then tungstenite says that.
        Some(ProtocolError::CloseCode(_)) if *end == End::Refused => assert_eq!(*events, ours.events, "{}", context()),
        Some(ProtocolError::CloseCode(_)) => {
            assert_eq!(events[..], [&ours.events[..], &[violation()]].concat(), "{}", context());
        }
        Some(_) => assert!(*events == ours.events && *end != End::Closed, "{}", context()),
    }
}

/// What was read, encoded by us, is read again as it was.
fn survives(event: &Seen) {
    let frame = match event {
        Seen::Text(text) => encoder::text(text.as_bytes()),
        Seen::Binary(bytes) => encoder::binary(bytes),
        Seen::Ping(payload) => encoder::ping(payload),
        Seen::Pong(payload) => encoder::pong(payload),
        // 1005 stands for a close frame without a code (RFC 6455 §7.1.5).
        Seen::Close(code, reason) => encoder::close(code.unwrap_or(1005), reason),
    };
    if !matches!(event, Seen::Close(Some(1014), _)) {
        let socket = WebSocket::from_raw_socket(Memory(Cursor::new(&frame)), Role::Client, Some(small_buffers()));
        let (events, _) = drain(socket);
        assert_eq!(events, std::slice::from_ref(event), "as tungstenite reads {frame:02x?}");
    }
    let again = read(&masked(&frame), [], LIMITS[1]);
    assert_eq!(again, Outcome { events: vec![event.clone()], error: None }, "as we read {frame:02x?}");
}

/// A socket that gives bytes and takes everything.
struct Memory<'a>(Cursor<&'a [u8]>);

impl Read for Memory<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Memory<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
