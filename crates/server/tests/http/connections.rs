//! What the accept loop does with slow, large, many and idle clients, and at a stop.

use std::time::Duration;

use crate::{
    client::{Client, text_frame},
    world::{World, dev, with_http},
};

/// The bounds of time in these tests are short, and nothing is asserted about how long they took.
const SHORT: Duration = Duration::from_millis(200);

#[test]
fn silent_half_headed_and_idle_clients_are_closed() {
    let world = World::new(with_http(|http| http.header_timeout = SHORT));
    let (silent, mut half, mut idle) = (world.client(), world.client(), world.client());
    half.write("GET /healthz HTTP/1.1\r\nHost: ");
    assert_eq!(idle.ask("GET", "/healthz", &[], "").status, 200);
    for client in [silent, half, idle] {
        assert_eq!(String::from_utf8(client.closed()).unwrap(), "", "closed without an answer");
    }
}

#[test]
fn a_head_that_drips_is_closed_though_each_drop_is_in_time() {
    let world = World::new(with_http(|http| http.header_timeout = SHORT));
    let mut dripping = world.client();
    dripping.write("GET /healthz HTTP/1.1\r\n");
    let (stop, stopped) = std::sync::mpsc::sync_channel::<()>(0);
    let mut drops = dripping.again();
    let drip = std::thread::spawn(move || {
        // One field each 20 ms, until the server has closed or the test is over.
        while stopped.recv_timeout(SHORT / 10).is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout) {
            if !drops.try_write("X: y\r\n") {
                break;
            }
        }
    });
    assert_eq!(dripping.closed(), b"");
    drop(stop);
    drip.join().unwrap();
}

#[test]
fn a_body_that_drips_is_answered_with_408() {
    let world = World::new(with_http(|http| http.body_timeout = SHORT));
    let mut client = world.client();
    client.write("POST /v1/messages?user=7 HTTP/1.1\r\nHost: chat.localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
    assert_eq!(client.answer().problem(), (408, "unavailable".into()));
}

#[test]
fn a_body_over_the_limit_is_answered_with_413() {
    let world = World::new(with_http(|http| http.body_bytes = 1_000));
    let body = |bytes: usize| format!("{}{}", r#"{"type":"poke","to":2}"#, " ".repeat(bytes - 22));
    let send = |bytes| world.ask("POST", "/v1/messages?user=7", &[], &body(bytes));
    assert_eq!(send(1_000).status, 202);
    assert_eq!(send(1_001).problem(), (413, "too_large".into()));
    assert_eq!(send(500_000).problem(), (413, "too_large".into()), "the answer arrives though the body was not read");
}

#[test]
fn a_head_over_the_limits_is_answered_with_431() {
    let world = World::new(with_http(|http| http.header_fields = 10));
    let many: Vec<_> = (0..20).map(|_| ("X-Many", "1")).collect();
    assert_eq!(world.get("/healthz", &many).status, 431);
    assert_eq!(world.get("/healthz", &[("X-Long", &"x".repeat(64 * 1024))]).status, 431);
}

#[test]
fn one_connection_serves_many_requests_and_then_becomes_a_websocket() {
    let world = World::new(dev());
    let mut client = world.client();
    for user in 1..=3 {
        let answer = client.ask("GET", &format!("/v1/me?user={user}"), &[], "");
        assert_eq!(answer.json()["user"], user);
    }
    assert_eq!(client.ask("GET", "/nowhere", &[], "").status, 404);
    let mut ann = client.upgrade("/ws?user=1", &[]).unwrap();
    let mut bob = world.socket(2);
    bob.say(r#"{"type":"poke","to":1}"#);
    assert_eq!(ann.hears()["from"], 2);
}

#[test]
fn a_frame_in_the_requests_own_packet_is_not_lost() {
    let world = World::new(dev());
    let mut bob = world.socket(2);
    let mut ann = world.client();
    let request = "GET /ws?user=1 HTTP/1.1\r\nHost: chat.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    ann.write([request.as_bytes(), &text_frame(r#"{"type":"poke","to":2}"#)].concat());
    assert_eq!(bob.hears()["from"], 1);
    assert_eq!(ann.answer().status, 101);
}

#[test]
fn at_the_bound_of_open_connections_the_next_waits_for_one_to_end() {
    let world = World::new(with_http(|http| {
        http.connections = 1;
        http.header_timeout = SHORT;
    }));
    let silent = world.client();
    let mut next = world.client();
    assert_eq!(next.ask("GET", "/healthz", &[], "").status, 200, "once the silent one was closed");
    assert_eq!(silent.closed(), b"");
}

#[test]
fn an_address_with_too_many_open_connections_gets_no_more() {
    let world = World::new(with_http(|http| http.connections_per_address = 2));
    let mut open = [world.client(), world.client()];
    for client in &mut open {
        assert_eq!(client.ask("GET", "/healthz", &[], "").status, 200);
    }
    assert_eq!(world.client().closed(), b"");
    for client in open {
        client.upgrade("/ws?user=7", &[]).unwrap();
    }
    assert_eq!(world.get("/healthz", &[]).status, 200, "a WebSocket holds no place of HTTP");
}

#[test]
fn a_stop_closes_websockets_with_1012_and_ends_though_a_client_is_silent() {
    let world = World::new(dev());
    let mut ann = world.socket(1);
    let silent = world.client();
    let mut half = world.client();
    half.write("GET /healthz HTTP/1.1\r\n");
    let address = world.address;
    let stopping = std::thread::spawn(move || drop(world));
    assert_eq!(ann.close_code(), 1012);
    ann.close();
    stopping.join().unwrap();
    assert_eq!(silent.closed(), b"");
    assert_eq!(half.closed(), b"");
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn during_a_drain_the_server_says_so_and_takes_no_new_websockets() {
    let world = World::new(dev());
    let address = world.address;
    let mut ann = world.socket(1);
    let stopping = std::thread::spawn(move || drop(world));
    assert_eq!(ann.close_code(), 1012);
    // The drain waits for Ann's answer to the close.
    let ready = Client::connect(address).ask("GET", "/readyz", &[], "");
    assert_eq!((ready.status, &ready.json()["status"]), (503, &"draining".into()));
    let refused = Client::connect(address).upgrade("/ws?user=2", &[]).unwrap_err();
    assert_eq!(refused.problem(), (503, "unavailable".into()));
    assert!(refused.header("retry-after").is_some());
    ann.close();
    stopping.join().unwrap();
}
