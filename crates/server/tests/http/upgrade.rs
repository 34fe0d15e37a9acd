//! What `/ws` says to those who don't connect as RFC 6455 wants it.

use crate::world::{World, dev};

#[test]
fn a_plain_request_is_told_to_upgrade() {
    let world = World::new(dev());
    let answer = world.get("/ws?user=7", &[]);
    assert_eq!(answer.problem(), (426, "bad_field".into()));
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    let posted = world.ask("POST", "/ws?user=7", &[], "");
    assert_eq!(posted.problem(), (405, "not_allowed".into()));
    assert!(posted.header("allow").unwrap().contains("GET"));
}

#[test]
fn another_version_is_told_which_one_is_spoken() {
    let world = World::new(dev());
    let headers = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "8"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let answer = world.get("/ws?user=7", &headers);
    assert_eq!(answer.problem(), (426, "bad_field".into()));
    assert_eq!(answer.header("sec-websocket-version"), Some("13"));
}

#[test]
fn a_subprotocol_that_is_not_spoken_is_not_chosen() {
    let world = World::new(dev());
    let mut ann = world.upgrade("/ws?user=7", &[("Sec-WebSocket-Protocol", "chat, tidings.v2")]).unwrap();
    ann.say_wrong(r#"{"type":"hello"}"#);
    assert_eq!(ann.hears_type("error")["code"], "unknown_type", "it is the guide's dialect");
}
