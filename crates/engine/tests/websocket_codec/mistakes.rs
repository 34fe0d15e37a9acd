//! What the decoder refuses, when, and with which close code.

use tidings_engine::websocket::ProtocolError::{self, *};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::frames::*;

/// The error and its close code, which must be the same whole, cut anywhere and byte by byte; how many bytes it took in the
/// last case.
fn refused(bytes: &[u8], expected: ProtocolError, close_code: u16) -> usize {
    let mut whole = Reader::default();
    assert_eq!(whole.feed(bytes), Err(expected), "whole: {bytes:02x?}");
    assert_eq!(expected.close_code(), close_code);
    assert_eq!(whole.decoder.kept_bytes(), 0);
    for cut in 0..=bytes.len() {
        let mut halves = Reader::default();
        assert_eq!(halves.feed_cut(bytes, [cut]), Err(expected), "cut at {cut}: {bytes:02x?}");
        assert_eq!(halves.seen, whole.seen);
    }
    let mut trickled = Reader::default();
    for (index, byte) in bytes.iter().enumerate() {
        if let Err(error) = trickled.feed(&[*byte]) {
            assert_eq!(error, expected, "byte by byte: {bytes:02x?}");
            assert_eq!(trickled.seen, whole.seen);
            return index + 1;
        }
    }
    panic!("not refused byte by byte: {bytes:02x?}");
}

#[test]
fn reserved_bits_are_refused_at_the_first_byte() {
    for bit in [0x40, 0x20, 0x10] {
        let mut bytes = text("hello");
        bytes[0] |= bit;
        assert_eq!(refused(&bytes, ReservedBits, 1002), 1);
    }
}

#[test]
fn reserved_opcodes_are_refused_at_the_first_byte() {
    let data = (0x3..=0x7).map(|opcode| (opcode, OpCode::Data(Data::Reserved(opcode))));
    let control = (0xb..=0xf).map(|opcode| (opcode, OpCode::Control(Control::Reserved(opcode))));
    for (number, opcode) in data.chain(control) {
        assert_eq!(refused(&frame(true, opcode, b"x"), ReservedOpcode(number), 1002), 1);
    }
}

#[test]
fn fragmented_and_long_control_frames_are_refused_from_the_header() {
    for opcode in [PING, PONG, CLOSE] {
        assert_eq!(refused(&frame(false, opcode, b""), FragmentedControl, 1002), 1);
        for length in [126, 65_536] {
            assert_eq!(refused(&header(true, opcode, length), LongControl, 1002), 2);
        }
    }
    let longest = [b'x'; 125];
    let mut reader = Reader::default();
    assert_eq!(reader.feed(&frame(true, PING, &longest)), Ok(()));
    assert_eq!(reader.seen, [Seen::Ping(longest.into())]);
}

#[test]
fn unmasked_frames_are_refused() {
    for opcode in [TEXT, PING] {
        let bytes = frame_with(FrameHeader { opcode, mask: None, ..FrameHeader::default() }, b"hi");
        assert_eq!(refused(&bytes, Unmasked, 1002), 2);
    }
}

#[test]
fn lengths_must_be_in_their_shortest_form() {
    for length in [0_u16, 1, 125] {
        let bytes = [&[0x81, 0xfe][..], &length.to_be_bytes(), &MASK].concat();
        assert_eq!(refused(&bytes, LengthNotMinimal, 1002), 4);
    }
    for length in [0_u64, 125, 126, 65_535] {
        let bytes = [&[0x82, 0xff][..], &length.to_be_bytes(), &MASK].concat();
        assert_eq!(refused(&bytes, LengthNotMinimal, 1002), 10);
    }
}

#[test]
fn a_length_with_its_top_bit_set_is_refused() {
    for length in [1_u64 << 63, u64::MAX] {
        let bytes = [&[0x81, 0xff][..], &length.to_be_bytes(), &MASK].concat();
        assert_eq!(refused(&bytes, LengthTopBit, 1002), 10);
    }
}

#[test]
fn a_continuation_needs_an_open_message() {
    for fin in [false, true] {
        refused(&frame(fin, CONTINUATION, b"x"), NothingToContinue, 1002);
        let after_a_whole_one =
            [frame(false, TEXT, b"a"), frame(true, CONTINUATION, b"b"), frame(fin, CONTINUATION, b"c")].concat();
        refused(&after_a_whole_one, NothingToContinue, 1002);
    }
}

#[test]
fn a_new_message_must_not_begin_inside_a_fragmented_one() {
    for opcode in [TEXT, BINARY] {
        let bytes = [frame(false, TEXT, b"a"), frame(true, PING, b""), frame(true, opcode, b"b")].concat();
        refused(&bytes, MessageInterrupted, 1002);
    }
}

#[test]
fn close_frames_are_checked() {
    refused(&frame(true, CLOSE, &[3]), HalfCloseCode, 1002);
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        refused(&frame(true, CLOSE, &code.to_be_bytes()), CloseCode(code), 1002);
    }
    refused(&frame(true, CLOSE, &[0x03, 0xe8, 0xce, 0xba, 0xe1, 0xbd]), ReasonNotUtf8, 1007);
}

/// RFC 6455 §7.4.1, the IANA registry of §11.7 and the ranges of §7.4.2, over all that two bytes can say.
#[test]
fn every_close_code_is_taken_or_refused() {
    for code in 0..=u16::MAX {
        let mut reader = Reader::default();
        let fed = reader.feed(&frame(true, CLOSE, &code.to_be_bytes()));
        let may_be_sent = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        assert_eq!(fed, if may_be_sent { Ok(()) } else { Err(CloseCode(code)) });
        assert_eq!(reader.seen.len(), usize::from(may_be_sent), "{code}");
    }
}

#[test]
fn text_is_refused_at_the_byte_that_no_text_can_have() {
    // Payload, and which of its bytes, counted from one, makes it wrong.
    let cases: [(&[u8], usize); 12] = [
        (b"\x80", 1),
        (b"ok\xff", 3),
        (b"\xc0\xaf", 1),
        (b"\xc1\xbf", 1),
        (b"\xe0\x80\xaf", 2),
        (b"\xed\xa0\x80", 2),
        (b"\xf0\x80\x80\x80", 2),
        (b"\xf4\x90\x80\x80", 2),
        (b"\xf5\x80\x80\x80", 1),
        (b"\xe2\x98x", 3),
        (b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited", 13),
        (b"\xf0\x9f\xa6\xff", 4),
    ];
    for (payload, wrong) in cases {
        // More of the frame is announced than is sent, so it is refused though it is not whole.
        let long = [payload, &[b'.'; 50]].concat();
        let bytes = &frame(true, TEXT, &long)[..6 + payload.len()];
        assert_eq!(refused(bytes, TextNotUtf8, 1007), 6 + wrong, "{payload:02x?}");
        // The same when each byte comes in a frame of its own.
        let mut bytes = frame(false, TEXT, b"");
        for byte in payload {
            bytes.extend(frame(false, CONTINUATION, &[*byte]));
        }
        assert_eq!(refused(&bytes, TextNotUtf8, 1007), 6 + 7 * wrong, "{payload:02x?}");
    }
}

#[test]
fn text_must_not_end_inside_a_character() {
    for cut in 1..4 {
        let crab = &"🦀".as_bytes()[..cut];
        refused(&frame(true, TEXT, crab), TextNotUtf8, 1007);
        refused(&[frame(false, TEXT, crab), frame(true, CONTINUATION, b"")].concat(), TextNotUtf8, 1007);
    }
}

#[test]
fn binary_may_hold_any_bytes() {
    let any: Vec<u8> = (0..=255).collect();
    let mut reader = Reader::default();
    let input = [frame(false, BINARY, &any[..100]), frame(true, CONTINUATION, &any[100..])].concat();
    assert_eq!(reader.feed_cut(&input, 0..input.len()), Ok(()));
    assert_eq!(reader.seen, [Seen::Binary(any)]);
}
