//! What the decoder does with what it accepts, and what that costs.

use std::ops::ControlFlow;

use tidings_engine::websocket::{Decoder, Event, FrameLimits, ProtocolError, frame_bytes};

use crate::frames::*;

#[test]
fn an_idle_decoder_is_one_pointer() {
    assert_eq!(size_of::<Decoder>(), size_of::<usize>());
}

#[test]
fn a_whole_message_is_lent_out_of_the_input_and_nothing_is_kept() {
    for (opcode, length) in [(TEXT, 0), (TEXT, 20), (TEXT, 126), (TEXT, 65_536), (BINARY, 300)] {
        let mut input = frame(true, opcode, &vec![b'x'; length]);
        let place = input.as_ptr_range();
        let mut decoder = Decoder::default();
        let mut events = 0;
        let fed = decoder.feed(&mut input, FrameLimits::default(), &mut |event| {
            let payload = data(event);
            assert_eq!(payload, vec![b'x'; length]);
            assert!(place.start <= payload.as_ptr() && payload.as_ptr_range().end <= place.end, "{length}");
            events += 1;
            ControlFlow::Continue(())
        });
        assert_eq!((fed, events, decoder.kept_bytes()), (Ok(()), 1, 0));
    }
}

fn data(event: Event<'_>) -> &[u8] {
    match event {
        Event::Text(text) => text.as_bytes(),
        Event::Binary(bytes) => bytes,
        control => panic!("not a data message: {control:?}"),
    }
}

#[test]
fn many_frames_in_one_input_come_in_order() {
    let mut reader = Reader::default();
    let input = [
        text("one"),
        frame(true, PING, b"?"),
        frame(true, BINARY, &[0xff, 0x00]),
        frame(true, PONG, b""),
        text(""),
        frame(true, CLOSE, &[0x03, 0xe8, b'b', b'y', b'e']),
    ]
    .concat();
    assert_eq!(reader.feed(&input), Ok(()));
    let expected = [
        Seen::Text("one".into()),
        Seen::Ping(b"?".into()),
        Seen::Binary(vec![0xff, 0x00]),
        Seen::Pong(Vec::new()),
        Seen::Text(String::new()),
        Seen::Close(Some(1000), "bye".into()),
    ];
    assert_eq!(reader.seen, expected);
}

#[test]
fn fragments_make_one_message_with_controls_before_it_that_came_in_between() {
    let snowman = "☃".as_bytes();
    let input = [
        frame(false, TEXT, &snowman[..1]),
        frame(true, PING, b"1"),
        frame(false, CONTINUATION, b""),
        frame(false, CONTINUATION, &snowman[1..2]),
        frame(true, PONG, b"2"),
        frame(true, CONTINUATION, &snowman[2..]),
        text("next"),
    ]
    .concat();
    let mut reader = Reader::default();
    assert_eq!(reader.feed_cut(&input, 0..input.len()), Ok(()));
    let expected =
        [Seen::Ping(b"1".into()), Seen::Pong(b"2".into()), Seen::Text("☃".into()), Seen::Text("next".into())];
    assert_eq!(reader.seen, expected);
    assert_eq!(reader.decoder.kept_bytes(), 0);
}

#[test]
fn a_close_frame_may_be_empty() {
    let mut reader = Reader::default();
    assert_eq!(reader.feed(&frame(true, CLOSE, b"")), Ok(()));
    assert_eq!(reader.seen, [Seen::Close(None, String::new())]);
}

#[test]
fn what_follows_a_close_frame_is_discarded() {
    let mut reader = Reader::default();
    let input = [frame(false, TEXT, b"half"), frame(true, CLOSE, &[0x0f, 0xa0]), vec![0xff; 20]].concat();
    assert_eq!(reader.feed(&input), Ok(()));
    assert_eq!(reader.seen, [Seen::Close(Some(4000), String::new())]);
    assert_eq!(reader.decoder.kept_bytes(), 0);
}

#[test]
fn a_break_ends_the_feed_and_frees_what_was_kept() {
    let mut input = [frame(false, TEXT, b"half"), frame(true, PING, b"1"), frame(true, PING, b"2")].concat();
    let mut decoder = Decoder::default();
    let mut events = 0;
    let fed = decoder.feed(&mut input, FrameLimits::default(), &mut |_| {
        events += 1;
        ControlFlow::Break(())
    });
    assert_eq!((fed, events, decoder.kept_bytes()), (Ok(()), 1, 0));
}

#[test]
fn a_declared_length_costs_nothing_until_its_bytes_arrive() {
    for (fin, opcode) in [(true, TEXT), (false, TEXT), (true, BINARY), (false, BINARY)] {
        let mut reader = Reader::default();
        reader.feed(&header(fin, opcode, 65_536)).expect("the length is the limit");
        assert_eq!(reader.decoder.kept_bytes(), 0);
        for arrived in 1..=65_535 {
            reader.feed(&[b'x' ^ MASK[(arrived - 1) % 4]]).expect("the message is valid so far");
            assert!(reader.decoder.kept_bytes() <= 2 * arrived, "{arrived}");
        }
        assert!(reader.most_kept <= 65_536);
    }
}

#[test]
fn a_trickled_text_keeps_at_most_twice_what_arrived_and_frees_it_when_whole() {
    let content = "grüße ☃ 🦀 ".repeat(2_000);
    let input = text(&content);
    let mut reader = Reader::default();
    for (index, byte) in input.iter().enumerate() {
        reader.feed(&[*byte]).expect("the text is valid");
        assert!(reader.decoder.kept_bytes() <= 2 * (index + 1), "{index}");
    }
    assert!(reader.most_kept <= content.len());
    assert_eq!(reader.decoder.kept_bytes(), 0);
    assert_eq!(reader.seen, [Seen::Text(content)]);
}

#[test]
fn a_message_of_exactly_the_limits_is_taken() {
    let mut reader = Reader::with_limits(10, 3);
    let input = [
        frame(true, TEXT, &[b'x'; 10]),
        frame(false, TEXT, &[b'x'; 4]),
        frame(false, CONTINUATION, b""),
        frame(true, CONTINUATION, &[b'x'; 6]),
    ]
    .concat();
    assert_eq!(reader.feed(&input), Ok(()));
    assert_eq!(reader.seen, [Seen::Text("x".repeat(10)), Seen::Text("x".repeat(10))]);
}

#[test]
fn a_message_beyond_the_limit_is_refused_from_its_header() {
    let error = Err(ProtocolError::MessageTooLong { limit: 65_536 });
    for length in [65_537, u64::from(u32::MAX) + 1, u64::MAX >> 1] {
        assert_eq!(Reader::default().feed(&header(true, TEXT, length)), error, "{length}");
        assert_eq!(Reader::default().feed(&header(false, BINARY, length)), error, "{length}");
    }
    let mut reader = Reader::default();
    let first = [frame(false, TEXT, &[b'x'; 65_000]), header(true, CONTINUATION, 537)].concat();
    assert_eq!(reader.feed(&first), error);
    assert_eq!(reader.decoder.kept_bytes(), 0, "a failed decoder holds nothing");
}

#[test]
fn empty_fragments_are_counted() {
    for opcode in [TEXT, BINARY] {
        let mut reader = Reader::default();
        reader.feed(&frame(false, opcode, b"")).expect("the first frame");
        for _ in 1..1024 {
            reader.feed(&frame(false, CONTINUATION, b"")).expect("within the limit");
            reader.feed(&frame(true, PING, b"")).expect("controls are not counted");
        }
        let error = reader.feed(&frame(true, CONTINUATION, b""));
        assert_eq!(error, Err(ProtocolError::TooManyFragments { limit: 1024 }));
    }
}

#[test]
fn the_length_of_the_first_frame_is_known_from_its_header() {
    for length in [0, 1, 125, 126, 65_535, 65_536] {
        let first = frame(true, TEXT, &vec![b'x'; length]);
        let both = [&first[..], &text("behind it")].concat();
        assert_eq!(frame_bytes(&both), Ok(Some(first.len() as u64)), "{length}");
        let header_bytes = first.len() - length;
        for whole in 0..header_bytes {
            assert_eq!(frame_bytes(&first[..whole]), Ok(None), "{whole} of {header_bytes}");
        }
        assert_eq!(frame_bytes(&first[..header_bytes]), Ok(Some(first.len() as u64)));
    }
    assert_eq!(frame_bytes(&[0xc1]), Err(ProtocolError::ReservedBits));
}
