//! Open connections of `tidings.v1` that bring another token.

use std::time::Duration;

use serde_json::json;
use tidings_engine::clock::{Clock, Now};
use tidings_server::auth::new_token;

use crate::{
    client::Socket,
    world::{SECRET, World, for_an_hour, of_user, options},
};

/// As long as a token and its leeway hold.
const A_TOKENS_TIME: Duration = Duration::from_secs(3_600 + 30);

fn token(world: &World, user: u32) -> String {
    world.token(user).strip_prefix("Bearer ").unwrap().to_owned()
}

fn renew(socket: &mut Socket, token: &str) {
    socket.say(&json!({"type": "token", "ref": 8, "token": token}).to_string());
}

#[test]
fn a_connection_ends_with_its_token_unless_it_brings_another() {
    let world = World::new(options());
    let (mut ann, mut bob) = (world.v1(7), world.v1(2));
    world.clock.advance(A_TOKENS_TIME / 2);
    // Whoever speaks is not silent, whatever the clock says.
    renew(&mut ann, &token(&world, 7));
    assert_eq!(ann.hears_type("ack")["ref"], 8);
    world.clock.advance(A_TOKENS_TIME / 2);
    bob.say(r#"{"type":"ping"}"#);
    assert_eq!(bob.last_code(), 4402);
    ann.say(r#"{"type":"ping","ref":9}"#);
    assert_eq!(ann.hears_type("pong")["ref"], 9);
    world.clock.advance(A_TOKENS_TIME / 2);
    ann.say(r#"{"type":"ping"}"#);
    assert_eq!(ann.last_code(), 4402);
}

#[test]
fn a_token_that_is_refused_changes_nothing() {
    let world = World::new(options());
    let mut ann = world.v1(7);
    let early = Now { unix_ms: world.clock.now().unix_ms - 7_200_000, ..world.clock.now() };
    let expired = new_token(SECRET, &for_an_hour(7), early).unwrap();
    let forged = new_token(&[1; 32], &for_an_hour(7), world.clock.now()).unwrap();
    let key = world.key("all");
    for refused in ["nonsense", &expired, &forged, key.strip_prefix("Bearer ").unwrap()] {
        renew(&mut ann, refused);
        let error = ann.hears_type("error");
        assert_eq!((&error["ref"], &error["code"]), (&json!(8), &json!("unauthorized")), "{error}");
    }
    ann.say(r#"{"type":"ping","ref":9}"#);
    assert_eq!(ann.hears_type("pong")["ref"], 9);
}

#[test]
fn another_users_token_closes_the_connection() {
    let world = World::new(options());
    let mut ann = world.v1(7);
    renew(&mut ann, &token(&world, 8));
    assert_eq!(ann.ends_with(), 4401);
}

#[test]
fn a_token_of_before_a_sign_out_renews_nothing() {
    let world = World::new(options());
    let (old, admin) = (token(&world, 7), world.key("admin"));
    let mut first = world.v1(7);
    let path = of_user(7, "connections");
    assert_eq!(world.ask("DELETE", &path, &[("Authorization", &admin)], "").json(), json!({"closed": 1}));
    assert_eq!(first.close_code(), 4403);
    world.clock.advance(Duration::from_secs(1));
    let mut again = world.v1(7);
    renew(&mut again, &old);
    assert_eq!(again.hears_type("error")["code"], "unauthorized");
    renew(&mut again, &token(&world, 7));
    assert_eq!(again.hears_type("ack")["ref"], 8);
    assert_eq!(world.ask("DELETE", &path, &[("Authorization", &admin)], "").json(), json!({"closed": 1}));
    assert_eq!(again.close_code(), 4403, "renewed or not");
}
