//! The end of a connection: whoever begins it, and whatever was wrong.

use tidings_engine::Settings;
use tidings_wire::CloseCode;

use crate::messages::{Broadcast, Poke, broadcast, poke, user, world};

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;

#[test]
fn the_clients_close_is_answered_with_its_code() {
    for code in [1000, 1001, 3000, 4999] {
        let world = world().start();
        let [ann, bob] = world.clients([1, 2]);
        ann.closes(code);
        ann.expects_close_frame(Some(code));
        assert!(ann.is_gone() && !world.is_online(ann.user()));
        bob.send(&broadcast("still here"));
        bob.expects::<Broadcast>();
    }
}

#[test]
fn a_close_without_a_code_is_answered_without_one() {
    let world = world().start();
    let [ann] = world.clients([1]);
    ann.silent();
    ann.sends_frame(CLOSE, b"");
    ann.expects_close_frame(None);
    assert!(ann.is_gone());
}

#[test]
fn what_follows_a_close_frame_is_ignored() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    ann.silent();
    ann.sends_frame(CLOSE, &1000_u16.to_be_bytes());
    ann.send(&poke(bob.user()));
    bob.expects_nothing();
    ann.expects_close_frame(Some(1000));
}

#[test]
fn what_follows_the_servers_close_frame_is_ignored() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    ann.silent();
    ann.sends_frame(BINARY, b"\0");
    ann.send(&poke(bob.user()));
    ann.sends_frame(PING, b"anybody?");
    bob.send(&poke(ann.user()));
    bob.expects_nothing();
    ann.expects_close(CloseCode::Binary);
}

#[test]
fn nothing_goes_out_behind_a_close_frame() {
    let world = world().socket_bytes(4_000).start();
    let [ann, bob] = world.clients([1, 2]);
    bob.silent();
    bob.stops_reading();
    (0..10).for_each(|_| ann.send(&broadcast("x".repeat(1_000))));
    assert_eq!(world.backend().disconnects(bob.user(), CloseCode::Revoked), 1);
    (0..10).for_each(|_| ann.send(&broadcast("y".repeat(1_000))));
    bob.reads_on();
    // The client itself refuses what comes behind a close frame.
    assert_eq!(bob.expects_some::<Broadcast>().len(), 10);
    bob.expects_close(CloseCode::Revoked);
    (0..10).for_each(|_| ann.send(&broadcast("z".repeat(1_000))));
    bob.disconnects();
    assert!(bob.is_gone());
}

#[test]
fn nothing_goes_out_behind_the_answer_to_a_close_frame() {
    let world = world().socket_bytes(4_000).start();
    let [ann, bob] = world.clients([1, 2]);
    bob.stops_reading();
    (0..10).for_each(|_| ann.send(&broadcast("x".repeat(1_000))));
    bob.closes(1000);
    assert!(!world.is_online(bob.user()));
    (0..10).for_each(|_| ann.send(&broadcast("y".repeat(1_000))));
    bob.reads_on();
    assert_eq!(bob.expects_some::<Broadcast>().len(), 10);
    bob.expects_close_frame(Some(1000));
    assert!(bob.is_gone());
}

#[test]
fn a_client_that_says_goodbye_and_reads_nothing_does_not_stay() {
    let world = world().socket_bytes(4_000).start();
    let [ann, bob] = world.clients([1, 2]);
    bob.stops_reading();
    (0..10).for_each(|_| ann.send(&broadcast("x".repeat(1_000))));
    bob.closes(1000);
    assert_eq!(world.connections_on(0), 2);
    world.advance(std::time::Duration::from_secs(11));
    assert_eq!(world.connections_on(0), 1);
}

#[test]
fn a_connection_that_breaks_is_forgotten() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    ann.disconnects();
    assert!(!world.is_online(ann.user()) && ann.is_gone());
    bob.send(&poke(ann.user()));
    bob.send(&broadcast("hi"));
    bob.expects::<Broadcast>();
    assert_eq!(world.connections_on(0), 1);
}

#[test]
fn each_breach_of_rfc_6455_has_its_code() {
    let limit = Settings::default().frame_bytes;
    let masked = |opcode: u8, payload: &[u8]| {
        // A mask of zeros leaves the payload as it is (§5.3).
        let mut frame = vec![0x80 | opcode, 0x80 | 127];
        frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        frame
    };
    let fragment = |first: u8| vec![first, 0x81, 0, 0, 0, 0, b'a'];
    let many = [fragment(0x01), [fragment(0x00)].concat().repeat(1_024)].concat();
    let cases: [(Vec<u8>, CloseCode); 9] = [
        (b"\x81\x02{}".to_vec(), CloseCode::Protocol),
        (b"\xc1\x80\0\0\0\0".to_vec(), CloseCode::Protocol),
        (b"\x83\x80\0\0\0\0".to_vec(), CloseCode::Protocol),
        (fragment(0x00), CloseCode::Protocol),
        (b"\x81\x82\0\0\0\0\xc3\x28".to_vec(), CloseCode::NotUtf8),
        (b"\x88\x84\0\0\0\0\x03\xe8\xc3\x28".to_vec(), CloseCode::NotUtf8),
        (masked(TEXT, &vec![b' '; limit + 1]), CloseCode::TooLarge),
        (many, CloseCode::TooLarge),
        (b"\x82\x80\0\0\0\0".to_vec(), CloseCode::Binary),
    ];
    for (bytes, code) in cases {
        let world = world().start();
        let [ann, bob] = world.clients([1, 2]);
        ann.send(&poke(bob.user()));
        ann.sends_raw(&bytes);
        bob.expects::<Poke>();
        ann.expects_close(code);
        assert!(ann.is_gone(), "{code:?}");
        bob.expects_nothing();
    }
}

#[test]
fn text_may_be_cut_inside_a_character_and_around_a_ping() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    let text = r#"{"type":"poke","to":2,"note":"é€😀"}"#.as_bytes();
    let frame = |opcode: u8, payload: &[u8]| [&[opcode, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat();
    for cut in 1..text.len() {
        let (front, back) = text.split_at(cut);
        let bytes = [frame(0x01, front), frame(0x89, b"now"), frame(0x80, back)].concat();
        bytes.iter().for_each(|byte| ann.sends_raw(&[*byte]));
        ann.expects_pong(b"now");
        assert_eq!(bob.expects::<Poke>().note, "é€😀");
    }
}

#[test]
fn a_drain_closes_all_with_1012_spread_over_its_time() {
    let world = world().shards(2).start();
    let clients: Vec<_> = (0..100).map(|id| world.client(user(id))).collect();
    world.drains(std::time::Duration::from_secs(10));
    let open = |clients: &[tidings_testkit::Client]| clients.iter().filter(|client| client.is_open()).count();
    let mut counts = vec![open(&clients)];
    for _ in 0..10 {
        world.advance(std::time::Duration::from_secs(1));
        counts.push(open(&clients));
    }
    let expected: Vec<_> = (0..=10).map(|second| 100 - 10 * second).collect();
    assert!(counts.iter().zip(&expected).all(|(count, expected)| count.abs_diff(*expected) <= 4), "{counts:?}");
    assert_eq!(counts.last(), Some(&0));
    let late = world.client(user(7));
    for client in clients.iter().chain([&late]) {
        client.expects_close(CloseCode::Restart);
        assert!(client.is_gone());
    }
}

#[test]
fn the_peers_answer_ends_a_connection_that_the_server_closed_even_where_its_socket_stays_open() {
    let world = world().start();
    let [ann] = world.clients([1]);
    ann.silent();
    assert_eq!(world.backend().disconnects(ann.user(), CloseCode::Revoked), 1);
    ann.expects_close(CloseCode::Revoked);
    assert!(!ann.is_gone(), "the answer is waited for");
    ann.sends_frame(CLOSE, &CloseCode::Revoked.code().to_be_bytes());
    assert!(ann.is_gone());
}
