//! The same bytes, the same events: whatever tungstenite writes, cut anywhere; and whatever we write, read by it.

use std::io::{self, Cursor, Read, Write};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tidings_engine::websocket::{FrameBuilder, encoder};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader, coding::OpCode};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::frames::*;

/// Frames, and the events they stand for.
type Stream = (Vec<u8>, Vec<Seen>);

#[derive(Debug, Clone)]
struct Piece {
    mask: [u8; 4],
    cut: Index,
    /// Control frames between this piece and the next.
    controls: Vec<(bool, Vec<u8>)>,
}

#[derive(Debug, Clone)]
enum Payload {
    Text(String),
    Binary(Vec<u8>),
}

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        vec(any::<char>(), 0..60).prop_map(|characters| Payload::Text(characters.into_iter().collect())),
        "[ -~]{0,200}".prop_map(Payload::Text),
        vec(any::<u8>(), 0..200).prop_map(Payload::Binary),
    ]
}

fn large_payload() -> impl Strategy<Value = Payload> {
    (vec(any::<char>(), 1..40), 0..65_536_usize, any::<bool>()).prop_map(|(characters, length, as_text)| {
        let mut content = String::from_iter(characters.into_iter().cycle().take(length));
        content.truncate(content.floor_char_boundary(65_536));
        if as_text { Payload::Text(content) } else { Payload::Binary(content.into_bytes()) }
    })
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let controls = vec((any::<bool>(), vec(any::<u8>(), 0..=125)), 0..2);
    let piece =
        (any::<[u8; 4]>(), any::<Index>(), controls).prop_map(|(mask, cut, controls)| Piece { mask, cut, controls });
    vec(piece, 1..5)
}

/// A message in as many frames as there are pieces, written by tungstenite.
fn write_message((payload, pieces): &(Payload, Vec<Piece>), (bytes, seen): &mut Stream) {
    let (content, event, first) = match payload {
        Payload::Text(content) => (content.as_bytes(), Seen::Text(content.clone()), TEXT),
        Payload::Binary(content) => (&content[..], Seen::Binary(content.clone()), BINARY),
    };
    let mut ends: Vec<usize> = pieces[1..].iter().map(|piece| piece.cut.index(content.len() + 1)).collect();
    ends.sort_unstable();
    ends.push(content.len());
    let mut start = 0;
    let mut put = |is_final: bool, opcode: OpCode, mask, payload: &[u8]| {
        let header = FrameHeader { is_final, opcode, mask: Some(mask), ..FrameHeader::default() };
        bytes.extend(frame_with(header, payload));
    };
    for (index, (piece, end)) in pieces.iter().zip(ends).enumerate() {
        let last = index + 1 == pieces.len();
        put(last, if index == 0 { first } else { CONTINUATION }, piece.mask, &content[start..end]);
        start = end;
        if last {
            seen.push(event.clone());
        }
        for (ping, payload) in &piece.controls {
            put(true, if *ping { PING } else { PONG }, piece.mask, payload);
            seen.push(if *ping { Seen::Ping(payload.clone()) } else { Seen::Pong(payload.clone()) });
        }
    }
}

fn stream(payload: impl Strategy<Value = Payload>, messages: usize) -> impl Strategy<Value = Stream> {
    vec((payload, pieces()), 1..=messages).prop_map(|messages| {
        let mut stream = Stream::default();
        for message in &messages {
            write_message(message, &mut stream);
        }
        stream
    })
}

fn sorted(cuts: &[Index], length: usize) -> Vec<usize> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(length + 1)).collect();
    cuts.sort_unstable();
    cuts
}

/// What [`Reader::feed_cut`] gives, with nothing left inside at the end.
fn read_cut(bytes: &[u8], cuts: impl IntoIterator<Item = usize>) -> Vec<Seen> {
    let mut reader = Reader::default();
    assert_eq!(reader.feed_cut(bytes, cuts), Ok(()));
    assert_eq!(reader.decoder.kept_bytes(), 0);
    reader.seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_stream_reads_the_same_under_every_cut((bytes, seen) in stream(payload(), 3)) {
        prop_assert_eq!(&read_cut(&bytes, []), &seen);
        prop_assert_eq!(&read_cut(&bytes, 0..bytes.len()), &seen);
        for cut in 0..=bytes.len() {
            prop_assert_eq!(&read_cut(&bytes, [cut]), &seen, "cut at {}", cut);
        }
    }

    #[test]
    fn any_stream_reads_the_same_under_many_cuts(
        (bytes, seen) in stream(payload(), 6),
        cuts in vec(vec(any::<Index>(), 1..60), 8),
    ) {
        for cuts in cuts {
            prop_assert_eq!(&read_cut(&bytes, sorted(&cuts, bytes.len())), &seen);
        }
    }

    #[test]
    fn large_messages_read_the_same_under_many_cuts(
        (bytes, seen) in stream(large_payload(), 2),
        cuts in vec(any::<Index>(), 0..60),
    ) {
        prop_assert_eq!(&read_cut(&bytes, []), &seen);
        prop_assert_eq!(&read_cut(&bytes, sorted(&cuts, bytes.len())), &seen);
    }

    #[test]
    fn damaged_streams_never_panic_and_end_the_same_under_every_cut(
        (mut bytes, _) in stream(payload(), 3),
        damage in vec((any::<Index>(), 0..8), 1..4),
        cuts in vec(any::<Index>(), 0..30),
    ) {
        for (at, bit) in damage {
            *at.get_mut(&mut bytes) ^= 1_u8 << bit;
        }
        same_however_cut(&bytes, &sorted(&cuts, bytes.len()))?;
    }

    #[test]
    fn random_bytes_never_panic_and_end_the_same_under_every_cut(
        // Half of them begin as a header does, so that they get further than the second byte.
        begin in prop_oneof![
            Just(Vec::new()),
            (prop::sample::select(&[0x01, 0x02, 0x81, 0x82, 0x88, 0x89, 0x8a][..]), 0x80..=0xff_u8)
                .prop_map(|(first, second)| vec![first, second]),
        ],
        random in vec(any::<u8>(), 0..400),
        cuts in vec(any::<Index>(), 0..30),
    ) {
        let bytes = [begin, random].concat();
        same_however_cut(&bytes, &sorted(&cuts, bytes.len()))?;
    }

    #[test]
    fn what_is_kept_stays_within_the_limit(
        (bytes, _) in stream(payload(), 4),
        message_bytes in 0..300_usize,
        cuts in vec(any::<Index>(), 0..60),
    ) {
        let mut reader = Reader::with_limits(message_bytes, 3);
        // Whether the stream is refused at these limits does not matter here.
        let _ = reader.feed_cut(&bytes, sorted(&cuts, bytes.len()));
        prop_assert!(reader.most_kept <= message_bytes + 125, "{}", reader.most_kept);
    }

    #[test]
    fn tungstenite_reads_what_we_write(messages in vec(sent(), 0..8), close in close()) {
        let mut bytes = Vec::new();
        for message in &messages {
            bytes.extend_from_slice(&match message {
                Seen::Text(content) => encoder::text(content.as_bytes()),
                Seen::Binary(content) => encoder::binary(content),
                Seen::Ping(payload) => encoder::ping(payload),
                Seen::Pong(payload) => encoder::pong(payload),
                Seen::Close(..) => panic!("a close frame is the last"),
            });
        }
        let Seen::Close(code, reason) = &close else { panic!("not a close: {close:?}") };
        bytes.extend_from_slice(&encoder::close(code.unwrap_or(1005), reason));
        let mut client = client(bytes);
        for message in messages.iter().chain([&close]) {
            prop_assert_eq!(&received(client.read().expect("a message")), message);
        }
        prop_assert!(matches!(client.read(), Err(Error::ConnectionClosed)));
    }

    #[test]
    fn a_built_frame_is_the_frame_made_at_once(parts in vec("\\PC{0,60}", 0..8), capacity in 0..300_usize) {
        let mut frame = FrameBuilder::text(capacity);
        for (index, part) in parts.iter().enumerate() {
            if index % 2 == 0 { frame.extend_from_slice(part.as_bytes()) } else { write!(frame, "{part}")? }
        }
        let payload = parts.concat();
        prop_assert_eq!(frame.payload_len(), payload.len());
        prop_assert_eq!(frame.finish(), encoder::text(payload.as_bytes()));
    }
}

/// Feeds the bytes whole, cut, and one by one: the same events, the same end, and never more kept than may be.
fn same_however_cut(bytes: &[u8], cuts: &[usize]) -> Result<(), TestCaseError> {
    let mut whole = Reader::default();
    let end = whole.feed(bytes);
    let singly: Vec<usize> = (0..bytes.len()).collect();
    for cuts in [cuts, &singly] {
        let mut reader = Reader::default();
        prop_assert_eq!(reader.feed_cut(bytes, cuts.iter().copied()), end);
        prop_assert_eq!(&reader.seen, &whole.seen);
        prop_assert!(reader.most_kept <= reader.limits.message_bytes + 125);
    }
    Ok(())
}

fn sent() -> impl Strategy<Value = Seen> {
    let near_the_length_forms = prop_oneof![0..130_usize, 65_500..65_600_usize];
    prop_oneof![
        "\\PC{0,100}".prop_map(Seen::Text),
        near_the_length_forms.clone().prop_map(|length| Seen::Text("x".repeat(length))),
        near_the_length_forms.prop_map(|length| Seen::Binary(vec![0xff; length])),
        vec(any::<u8>(), 0..=125).prop_map(Seen::Ping),
        vec(any::<u8>(), 0..=125).prop_map(Seen::Pong),
    ]
}

fn close() -> impl Strategy<Value = Seen> {
    let code = prop::sample::select(&[1000, 1001, 1002, 1003, 1007, 1009, 1012, 3000, 4401, 4999][..]);
    prop_oneof![
        Just(Seen::Close(None, String::new())),
        (code, "\\PC{0,30}").prop_map(|(code, reason)| Seen::Close(Some(code), reason)),
    ]
}

fn received(message: Message) -> Seen {
    match message {
        Message::Text(content) => Seen::Text(content.as_str().to_owned()),
        Message::Binary(content) => Seen::Binary(content.to_vec()),
        Message::Ping(payload) => Seen::Ping(payload.to_vec()),
        Message::Pong(payload) => Seen::Pong(payload.to_vec()),
        Message::Close(None) => Seen::Close(None, String::new()),
        Message::Close(Some(close)) => Seen::Close(Some(close.code.into()), close.reason.as_str().to_owned()),
        Message::Frame(frame) => panic!("reading gives no raw frames: {frame:?}"),
    }
}

/// A socket that gives what it was made with and keeps what is written.
struct Memory {
    input: Cursor<Vec<u8>>,
    output: Vec<u8>,
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn client(input: Vec<u8>) -> WebSocket<Memory> {
    WebSocket::from_raw_socket(Memory { input: Cursor::new(input), output: Vec::new() }, Role::Client, None)
}

/// The lengths at which the form of the length changes (RFC 6455 §5.2), cut in every place where the header or the mask can
/// be, and around the end of the payload.
#[test]
fn each_form_of_the_length_reads_the_same_under_every_cut() {
    for length in [0, 1, 124, 125, 126, 127, 128, 65_535, 65_536, 65_537] {
        for (opcode, mask) in [(TEXT, MASK), (BINARY, [0, 0xff, 0, 1])] {
            let header = FrameHeader { opcode, mask: Some(mask), ..FrameHeader::default() };
            let bytes = [frame_with(header, &vec![b'x'; length]), text("next")].concat();
            let event = if opcode == TEXT { Seen::Text("x".repeat(length)) } else { Seen::Binary(vec![b'x'; length]) };
            let expected = [event, Seen::Text("next".into())];
            let behind = bytes.len().saturating_sub(16).max(16);
            for cut in (0..16).chain(behind..bytes.len()) {
                for second in [cut + 1, cut + 3, bytes.len()] {
                    let mut reader = Reader::with_limits(65_537, 1);
                    let cuts = [cut.min(bytes.len()), second.min(bytes.len())];
                    assert_eq!(reader.feed_cut(&bytes, cuts), Ok(()), "{length} bytes, cut at {cuts:?}");
                    assert_eq!(reader.seen, expected, "{length} bytes, cut at {cuts:?}");
                }
            }
        }
    }
}

#[test]
fn we_read_what_a_tungstenite_client_writes_and_answers() {
    let mut client = client([encoder::ping(b"there?"), encoder::close(4408, "slow")].concat());
    client.send(Message::text("grüße")).expect("sent");
    client.send(Message::binary(vec![0xff; 300])).expect("sent");
    client.send(Message::Frame(Frame::message("half, ", TEXT, false))).expect("sent");
    assert!(client.read().expect("a ping").is_ping());
    client.flush().expect("the pong is sent between the fragments");
    client.send(Message::Frame(Frame::message("whole", CONTINUATION, true))).expect("sent");
    assert!(client.read().expect("a close frame").is_close());
    client.flush().expect("the answer is sent");
    let written = client.get_ref().output.clone();
    let expected = [
        Seen::Text("grüße".into()),
        Seen::Binary(vec![0xff; 300]),
        Seen::Pong(b"there?".into()),
        Seen::Text("half, whole".into()),
        Seen::Close(Some(4408), "slow".into()),
    ];
    assert_eq!(read_cut(&written, []), expected);
    assert_eq!(read_cut(&written, 0..written.len()), expected);
}

#[test]
fn control_payloads_are_cut_to_what_a_control_frame_may_carry() {
    let long = [b'x'; 200];
    assert_eq!(encoder::ping(&long), encoder::ping(&long[..125]));
    assert_eq!(encoder::pong(&long), encoder::pong(&long[..125]));
    assert_eq!(encoder::pong(&long).len(), 2 + 125);
    // The 42nd snowman would need the bytes 124 to 126.
    assert_eq!(encoder::close(1000, &"☃".repeat(60)), encoder::close(1000, &"☃".repeat(41)));
    // The 62nd ü would need the bytes 123 and 124.
    assert_eq!(encoder::close(1000, &"ü".repeat(70)), encoder::close(1000, &"ü".repeat(61)));
}

#[test]
fn a_code_that_must_not_be_sent_makes_an_empty_close_frame() {
    for code in [0, 1004, 1005, 1006, 1015, 5000] {
        assert_eq!(encoder::close(code, "no"), &[0x88, 0x00][..], "{code}");
    }
}

#[test]
fn a_frame_header_takes_the_fewest_bytes() {
    for (payload, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
        let content = vec![b'x'; payload];
        assert_eq!(encoder::text(&content).len(), header + payload);
        let mut built = FrameBuilder::text(0);
        built.extend_from_slice(&content);
        assert_eq!(built.finish(), encoder::text(&content));
    }
}
