//! `tidings.v1` before its welcome: who is let in, and how the others are sent away.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::ready};
use serde_json::json;
use tidings_engine::{
    clock::{Clock, Now},
    ports::{BoxFuture, Revocations, StoreError},
};
use tidings_server::{ServerOptions, auth::new_token};
use tidings_wire::UserId;

use crate::{
    client::{Client, Socket, V1, frame, text_frame},
    world::{COOKIE, SECRET, START, World, app, dev, for_an_hour, of_user, options, with_http, with_limits},
};

/// The bound of time in these tests is short, and nothing is asserted about how long they took.
const SHORT: Duration = Duration::from_millis(100);

const HELLO: &str = r#"{"type":"hello","ref":1}"#;

fn with_token(token: &str) -> String {
    format!(r#"{{"type":"hello","ref":1,"token":"{token}"}}"#)
}

fn welcomed(socket: &mut Socket, user: u32) {
    let welcome = socket.hears_type("welcome");
    assert_eq!((&welcome["ref"], &welcome["user"]), (&json!(1), &json!(user)));
    assert_eq!(socket.hears_type("resumed")["ref"], 1);
}

#[test]
fn a_browser_says_who_it_is_in_its_hello() {
    let world = World::new(options());
    let mut ann = world.upgrade("/ws", &[V1, ("Origin", "http://chat.localhost")]).unwrap();
    assert!(!world.tidings.is_online(UserId::new(7)).now_or_never().unwrap(), "not before its welcome");
    ann.say(&world.hello(7));
    welcomed(&mut ann, 7);
    assert!(world.tidings.is_online(UserId::new(7)).now_or_never().unwrap());
    let connections = world.get(&of_user(7, "connections"), &[("Authorization", &world.key("read"))]).json();
    assert_eq!(connections["connections"][0]["dialect"], "tidings.v1");
    ann.close();
}

#[test]
fn the_upgrades_own_credentials_come_before_the_hellos_token() {
    let world = World::new(options());
    let token = world.token(7);
    for (headers, user) in [(("Authorization", &*token), 7), (COOKIE, 1)] {
        let mut socket = world.upgrade("/ws", &[V1, headers]).unwrap();
        socket.say(HELLO);
        welcomed(&mut socket, user);
        let mut socket = world.upgrade("/ws", &[V1, headers]).unwrap();
        socket.say(&world.hello(9));
        welcomed(&mut socket, user);
    }
    let mut rescued = world.upgrade("/ws", &[V1, ("Authorization", "Bearer nonsense")]).unwrap();
    rescued.say(&world.hello(9));
    welcomed(&mut rescued, 9);
    let dev = World::new(dev());
    let mut socket = dev.upgrade("/ws?user=5", &[V1]).unwrap();
    socket.say(HELLO);
    welcomed(&mut socket, 5);
}

#[test]
fn who_is_nobody_is_closed_with_4401() {
    let world = World::new(options());
    let early = Now { unix_ms: (START - 7_200) * 1_000, ..world.clock.now() };
    let expired = new_token(SECRET, &for_an_hour(7), early).unwrap();
    let forged = new_token(&[1; 32], &for_an_hour(7), world.clock.now()).unwrap();
    let key = world.key("all");
    let key_in_hello = with_token(key.strip_prefix("Bearer ").unwrap());
    for (headers, hello) in [
        (vec![V1], HELLO.to_owned()),
        (vec![V1], with_token("nonsense")),
        (vec![V1], with_token(&expired)),
        (vec![V1], with_token(&forged)),
        (vec![V1], key_in_hello),
        (vec![V1, ("Authorization", &key)], HELLO.to_owned()),
        (vec![V1, ("Cookie", "tidings_session=unknown")], HELLO.to_owned()),
    ] {
        let mut socket = world.upgrade("/ws", &headers).unwrap();
        socket.say(&hello);
        assert_eq!(socket.ends_with(), 4401, "{hello}");
    }
}

#[test]
fn whatever_comes_in_place_of_a_hello_closes_the_connection_with_its_code() {
    let world = World::new(options());
    let too_large = [&[0x81, 0x80 | 127][..], &70_000_u64.to_be_bytes(), &[0; 4]].concat();
    for (bytes, code) in [
        (text_frame(r#"{"type":"poke","to":2}"#), 1002),
        (text_frame("no JSON"), 1002),
        (text_frame(r#"["hello"]"#), 1002),
        (frame(0x80, b"continues nothing"), 1002),
        (frame(0xc1, b"reserved"), 1002),
        (b"\x81\x02hi".to_vec(), 1002),
        (frame(0x82, b"binary"), 1003),
        (frame(0x81, b"\xff\xfe"), 1007),
        (too_large, 1009),
    ] {
        let mut socket = world.visitor();
        socket.write(&bytes);
        assert_eq!(socket.ends_with(), code, "{:?}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn a_hello_that_makes_no_sense_is_told_what_to_change() {
    let world = World::new(options());
    for (hello, field) in [
        (r#"{"type":"hello","ref":3,"heads":{"dm:2:7":4}}"#, "epoch"),
        (r#"{"type":"hello","ref":3,"epoch":"e","heads":{"dm:7:2":4}}"#, "heads.dm:7:2"),
        (r#"{"type":"hello","ref":3,"token":5}"#, "token"),
    ] {
        let mut socket = world.visitor();
        socket.say_wrong(hello);
        let error = socket.hears_type("error");
        assert_eq!((&error["ref"], &error["field"]), (&json!(3), &json!(field)), "{error}");
        assert_eq!(socket.ends_with(), 1002);
    }
}

#[test]
fn who_says_nothing_or_half_a_hello_in_time_is_closed_with_4408() {
    let world = World::new(ServerOptions { hello_timeout: SHORT, ..options() });
    let (silent, mut half, mut chatty) = (world.visitor(), world.visitor(), world.visitor());
    half.write(&text_frame(HELLO)[..9]);
    chatty.write(frame(0x89, b"are you there?"));
    assert_eq!(chatty.pong(), b"are you there?");
    for socket in [silent, half, chatty] {
        assert_eq!(socket.ends_with(), 4408);
    }
}

#[test]
fn a_peer_that_closes_first_is_answered_with_its_own_code() {
    let world = World::new(options());
    let mut socket = world.visitor();
    socket.write(frame(0x88, &4000_u16.to_be_bytes()));
    assert_eq!(socket.ends_with(), 4000);
}

#[test]
fn a_hello_may_come_byte_by_byte_and_in_fragments_with_a_ping_between() {
    let world = World::new(options());
    let hello = world.hello(7);
    let mut dripping = world.visitor();
    for byte in text_frame(&hello) {
        dripping.write([byte]);
    }
    welcomed(&mut dripping, 7);
    let (front, back) = hello.split_at(20);
    let mut split = world.visitor();
    split.write(frame(0x01, front.as_bytes()));
    split.write(frame(0x89, b"?"));
    assert_eq!(split.pong(), b"?");
    split.write(frame(0x80, back.as_bytes()));
    welcomed(&mut split, 7);
}

#[test]
fn what_comes_behind_a_hello_in_one_packet_is_neither_lost_nor_touched() {
    let world = World::keeping(options());
    let mut bob = world.v1(2);
    let mut ann = world.client();
    let request = "GET /ws HTTP/1.1\r\nHost: chat.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Protocol: other, tidings.v1\r\n\r\n";
    let letter = |number: u32| {
        let content = format!("{number} {}", "x".repeat(1_000));
        text_frame(&json!({"type": "letter", "to": 2, "content": content, "ref": number}).to_string())
    };
    // More than the greeter reads at once.
    let letters: Vec<u8> = (1..=20).flat_map(letter).collect();
    ann.write([request.as_bytes(), &text_frame(&world.hello(7)), &letters].concat());
    assert_eq!(ann.answer().header("sec-websocket-protocol"), Some("tidings.v1"));
    for number in 1..=20 {
        let heard = bob.hears_type("letter");
        assert_eq!((&heard["seq"], &heard["from"]), (&json!(number), &json!(7)));
        assert!(heard["content"].as_str().unwrap().starts_with(&format!("{number} x")));
    }
}

#[test]
fn who_waits_for_a_hello_holds_a_place_of_http() {
    let world = World::new(with_http(|http| http.connections_per_address = 1));
    let mut waiting = world.upgrade("/ws?user=7", &[V1]).unwrap();
    assert_eq!(world.client().closed(), b"", "the address has no more places");
    waiting.say(HELLO);
    welcomed(&mut waiting, 7);
    assert_eq!(world.get("/healthz", &[]).status, 200, "a place of HTTP is free again");
}

#[test]
fn one_connection_too_many_of_a_user_is_closed_with_4429_and_of_an_address_refused_with_429() {
    let world = World::new(with_limits(1, 2));
    let mut first = world.upgrade("/ws?user=7", &[V1]).unwrap();
    first.say(HELLO);
    welcomed(&mut first, 7);
    let mut second = world.upgrade("/ws?user=7", &[V1]).unwrap();
    second.say(HELLO);
    assert_eq!(second.ends_with(), 4429);
    let mut other = world.upgrade("/ws?user=8", &[V1]).unwrap();
    // This one has no place yet: the address is full once the other is welcomed.
    let mut late = world.upgrade("/ws?user=9", &[V1]).unwrap();
    other.say(HELLO);
    welcomed(&mut other, 8);
    late.say(HELLO);
    assert_eq!(late.ends_with(), 4429);
    let refused = world.upgrade("/ws?user=9", &[V1]).unwrap_err();
    assert_eq!(refused.problem(), (429, "limited".into()));
}

#[test]
fn only_what_no_token_would_mend_refuses_the_upgrade() {
    let world = World::new(options());
    let foreign = world.upgrade("/ws", &[V1, ("Origin", "https://evil.example")]).unwrap_err();
    assert_eq!(foreign.problem(), (403, "not_allowed".into()));
    assert_eq!(world.get("/ws", &[V1]).problem(), (426, "bad_field".into()));
    let other = world.upgrade("/ws", &[("Sec-WebSocket-Protocol", "tidings.v2")]).unwrap_err();
    assert_eq!(other.problem(), (401, "unauthorized".into()), "an unknown subprotocol is the guide's dialect");
}

/// A store of sign-outs that does not answer.
struct Broken;

impl Revocations for Broken {
    fn revoke(&self, _: UserId, _: i64) -> BoxFuture<Result<(), StoreError>> {
        ready(Err(StoreError::Full)).boxed()
    }

    fn revoked_until(&self, _: UserId) -> BoxFuture<Result<Option<i64>, StoreError>> {
        ready(Err(StoreError::Full)).boxed()
    }

    fn latest(&self, _: u32) -> BoxFuture<Result<Vec<(UserId, i64)>, StoreError>> {
        ready(Err(StoreError::Full)).boxed()
    }
}

#[test]
fn where_the_store_does_not_say_who_it_is_the_client_comes_back_later() {
    let (app, clock, store) = app(options());
    let world = World::of(app.revocations(Arc::new(Broken)), clock, store);
    let token = world.token(7);
    for headers in [vec![V1], vec![V1, ("Authorization", &*token)]] {
        let mut socket = world.upgrade("/ws", &headers).unwrap();
        socket.say(if headers.len() == 1 { world.hello(7) } else { HELLO.to_owned() }.as_str());
        assert_eq!(socket.ends_with(), 1012);
    }
}

#[test]
fn a_stop_closes_those_who_have_not_said_hello_too() {
    let world = World::new(options());
    let waiting = world.visitor();
    let mut welcomed = world.v1(7);
    let address = world.address;
    let stopping = std::thread::spawn(move || drop(world));
    let drain = welcomed.hears_type("drain");
    assert!(drain["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0));
    assert_eq!(welcomed.close_code(), 1012);
    let refused = Client::connect(address).upgrade("/ws", &[V1]).unwrap_err();
    assert_eq!(refused.problem(), (503, "unavailable".into()));
    welcomed.close();
    assert_eq!(waiting.ends_with(), 1012);
    stopping.join().unwrap();
}

#[test]
fn a_sign_out_reaches_a_connection_that_was_on_its_way() {
    let world = World::new(options());
    let (token, admin) = (world.token(7), world.key("admin"));
    let mut early = world.upgrade("/ws", &[V1, ("Authorization", &token)]).unwrap();
    let path = of_user(7, "connections");
    assert_eq!(world.ask("DELETE", &path, &[("Authorization", &admin)], "").json(), json!({"closed": 0}));
    early.say(HELLO);
    assert_eq!(early.ends_with(), 4403, "its credentials were good when they were tried");
    let mut late = world.visitor();
    late.say(&with_token(token.strip_prefix("Bearer ").unwrap()));
    assert_eq!(late.ends_with(), 4401);
}
