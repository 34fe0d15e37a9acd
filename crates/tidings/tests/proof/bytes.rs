//! Bytes that break the rules of RFC 6455 or HTTP end the connection with the right code, and hurt nobody else.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    support::process::PATIENCE,
    world::{Client, Plan, Raw, hears_nothing},
};

const TEXT: u8 = 0x81;
const TEXT_BEGINS: u8 = 0x01;
const GOES_ON: u8 = 0x00;
const ENDS: u8 = 0x80;
const HELLO: &[u8] = br#"{"type":"private","to":2,"content":"hi"}"#;

/// Frames by their first byte and payload.
type Frames<'a> = &'a [(u8, &'a [u8])];

#[test]
fn frames_against_the_rules_close_with_the_code_of_the_rule() {
    let plan = Plan::dev().unlimited();
    let server = plan.start();
    let mut bob = Client::dev(&server, "2");
    let (large, half) = (vec![b' '; 65_537], vec![b' '; 40_000]);
    let cases: [(&str, Frames<'_>, u16); 16] = [
        ("a message that is too large", &[(TEXT, &large)], 1009),
        ("a message that is too large in fragments", &[(TEXT_BEGINS, &half), (ENDS, &half)], 1009),
        ("a binary message", &[(0x82, HELLO)], 1003),
        ("a binary message in fragments", &[(0x02, b"a"), (ENDS, b"b")], 1003),
        ("what is no UTF-8", &[(TEXT, b"{\"type\":\"\xff\"}")], 1007),
        ("half a character", &[(TEXT, b"\"\xc3\"")], 1007),
        ("half a character at the end", &[(TEXT, b"\xe2\x82")], 1007),
        ("a surrogate", &[(TEXT, b"\xed\xa0\x80")], 1007),
        ("what is no UTF-8 over fragments", &[(TEXT_BEGINS, b"\xe2"), (GOES_ON, b"\x82"), (ENDS, b"\xc3")], 1007),
        ("a reserved bit", &[(0xc1, HELLO)], 1002),
        ("a reserved opcode", &[(0x83, HELLO)], 1002),
        ("a reserved control opcode", &[(0x8b, b"")], 1002),
        ("a control frame in fragments", &[(0x09, b"")], 1002),
        ("a control frame that is too long", &[(0x89, &[0; 126])], 1002),
        ("a fragment without a beginning", &[(ENDS, b"x")], 1002),
        ("a new message within another", &[(TEXT_BEGINS, b"x"), (TEXT, HELLO)], 1002),
    ];
    for (what, frames, code) in cases {
        let mut raw = Raw::upgraded(&server, "7");
        frames.iter().for_each(|(first, payload)| raw.frame(*first, payload));
        assert_eq!(raw.close_code(), code, "{what}");
    }
    let mut unmasked = Raw::upgraded(&server, "7");
    unmasked.write(&[TEXT, HELLO.len() as u8]);
    unmasked.write(HELLO);
    assert_eq!(unmasked.close_code(), 1002, "an unmasked frame");
    hears_nothing(&server, &mut [&mut bob]);
}

#[test]
fn close_frames_are_answered() {
    let plan = Plan::dev().unlimited();
    let server = plan.start();
    let cases: [(&[u8], u16); 7] = [
        (b"\x03\xe8", 1000),
        (b"\x03\xe8bye", 1000),
        (b"", 1000),
        (b"\x03\xe9", 1001),
        (b"\x03", 1002),
        (b"\x03\xe8\xff", 1007),
        (b"\x03\xed", 1002),
    ];
    for (payload, code) in cases {
        let mut raw = Raw::upgraded(&server, "7");
        raw.frame(0x88, payload);
        let (first, answer) = raw.read_frame();
        assert_eq!(first, 0x88);
        let answered = answer.get(..2).map_or(1000, |code| u16::from_be_bytes([code[0], code[1]]));
        assert!(answered == code || (answered == 1000 && code == 1001), "{payload:?}: {answered}");
        assert!(raw.ended_within(PATIENCE), "{payload:?}");
    }
}

#[test]
fn fragments_pings_and_the_largest_message_are_taken() {
    let plan = Plan::dev();
    let server = plan.start();
    let mut bob = Client::dev(&server, "2");
    let mut raw = Raw::upgraded(&server, "7");
    // "é" stands on a border, and a ping between.
    let text = r#"{"type":"private","to":2,"content":"é"}"#.as_bytes();
    let border = text.iter().position(|byte| *byte == 0xc3).unwrap() + 1;
    raw.frame(TEXT_BEGINS, &text[..border]);
    raw.frame(0x89, b"there?");
    assert_eq!(raw.read_frame(), (0x8a, b"there?".to_vec()));
    raw.frame(GOES_ON, b"");
    raw.frame(ENDS, &text[border..]);
    assert_eq!(bob.hear()["content"], "é");
    let frame =
        |bytes: usize| format!(r#"{{"type":"private","to":2,"content":"{}"}}"#, "x".repeat(bytes - HELLO.len() + 2));
    let largest = frame(64 * 1024);
    assert_eq!(largest.len(), 64 * 1024);
    raw.frame(TEXT, largest.as_bytes());
    assert_eq!(bob.hear()["content"].as_str().unwrap().len(), 64 * 1024 - HELLO.len() + 2);
    raw.frame(TEXT, b"[");
    let (first, answer) = raw.read_frame();
    assert_eq!(first, TEXT);
    assert!(String::from_utf8(answer).unwrap().contains("bad_json"), "the connection is still of use");
}

#[test]
fn a_head_that_drips_is_cut_off() {
    let plan = Plan::dev().set("SERVER__HEADER_TIMEOUT", "400ms");
    let server = plan.start();
    for head in ["GET /ws?user=7 HTTP/1.1\r\nHost: x\r\nX-Drip: ", "G", ""] {
        let mut raw = Raw::connect(&server);
        raw.write(head.as_bytes());
        let deadline = Instant::now() + PATIENCE;
        // The pace of the drip is the wait for the server's answer.
        while !raw.ended_within(Duration::from_millis(20)) && raw.drip(b'x') {
            assert!(Instant::now() < deadline, "{head:?} may drip for ever");
        }
    }
    let (mut ann, mut bob) = (Client::dev(&server, "7"), Client::dev(&server, "2"));
    ann.say(&json!({"type": "private", "to": 2, "content": "hi"}));
    assert_eq!(bob.hear()["content"], "hi");
}

#[test]
fn a_silent_peer_is_pinged_and_then_given_up() {
    let plan = Plan::dev().set("ENGINE__PING_AFTER", "200ms").set("ENGINE__PONG_WITHIN", "600ms");
    let server = plan.start();
    let mut answers = Raw::upgraded(&server, "7");
    let mut silent = Raw::upgraded(&server, "2");
    for _ in 0..6 {
        let (first, payload) = answers.read_frame();
        assert_eq!(first, 0x89);
        answers.frame(0x8a, &payload);
    }
    assert_eq!(silent.read_frame().0, 0x89);
    assert_eq!(silent.close_code(), 1001);
}
