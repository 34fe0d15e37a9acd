//! Who is let in, as whom, and until when.

use std::time::Duration;

use futures_util::FutureExt;
use serde_json::json;
use tidings_engine::{
    clock::{Clock, Now},
    ports::ServiceKeys,
};
use tidings_server::auth::{NewToken, new_token};
use tidings_wire::UserId;

use crate::{
    client::Answer,
    world::{COOKIE, SECRET, START, World, bearer, dev, for_an_hour, of_user, options},
};

fn me(world: &World, authorization: &str) -> Answer {
    world.get("/v1/me", &[("Authorization", authorization)])
}

fn refusal(answer: &Answer) -> String {
    assert_eq!(answer.problem(), (401, "unauthorized".into()));
    assert!(answer.header("www-authenticate").is_some_and(|challenge| challenge.starts_with("Bearer")));
    answer.detail()
}

#[test]
fn without_identity_there_is_no_way_in() {
    let world = World::new(options());
    assert!(refusal(&world.upgrade("/ws", &[]).unwrap_err()).contains("no identity"));
    assert!(refusal(&world.upgrade("/ws?user=7", &[]).unwrap_err()).contains("no identity"), "only dev takes ?user=");
    assert!(refusal(&world.get("/v1/me", &[])).contains("no identity"));
    assert!(refusal(&world.get("/v1/me", &[("Authorization", "Basic YTpi")])).contains("no identity"));
}

#[test]
fn a_token_opens_both_doors() {
    let world = World::new(options());
    let token = world.token(7);
    let answer = me(&world, &token);
    assert_eq!(answer.json()["user"], 7);
    assert_eq!(answer.json()["credential"], "token");
    assert!(world.upgrade("/ws", &[("Authorization", &token)]).is_ok());
}

#[test]
fn a_bad_token_is_refused_by_its_reason_and_no_cookie_makes_up_for_it() {
    let mut options = options();
    options.tokens.as_mut().unwrap().audience = Some("chat".into());
    let world = World::new(options);
    let now = world.clock.now();
    let with = |secret: &[u8], token: NewToken<'_>, now: Now| bearer(&new_token(secret, &token, now).unwrap());
    let early = Now { unix_ms: (START - 7_200) * 1_000, ..now };
    let chat = NewToken { audience: Some("chat"), ..for_an_hour(7) };
    // {"alg":"HS512","typ":"JWT"}
    let hs512 = format!("Bearer eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.{}", "e30.AAAA");
    for (token, reason) in [
        (with(SECRET, chat.clone(), early), "expired"),
        (with(&[1; 32], chat.clone(), now), "signature"),
        (with(SECRET, NewToken { audience: Some("shop"), ..chat.clone() }, now), "audience"),
        (hs512, "algorithm"),
        (bearer("nonsense"), "malformed"),
        (bearer("tdk_nonsense"), "service key"),
    ] {
        let detail = refusal(&me(&world, &token));
        assert!(detail.contains(reason), "{detail}");
        refusal(&world.upgrade("/ws", &[("Authorization", &token), COOKIE]).unwrap_err());
    }
    assert_eq!(me(&world, &with(SECRET, chat, now)).status, 200);
}

#[test]
fn a_token_that_was_good_is_refused_once_its_time_is_over() {
    let world = World::new(options());
    let token = world.token(7);
    assert_eq!(me(&world, &token).status, 200);
    world.clock.advance(Duration::from_secs(3_600 + 29));
    assert_eq!(me(&world, &token).status, 200, "within the leeway");
    world.clock.advance(Duration::from_secs(1));
    assert!(refusal(&me(&world, &token)).contains("expired"));
}

#[test]
fn a_session_opens_both_doors_until_it_ends() {
    let world = World::new(options());
    let cookie = ("Cookie", "theme=dark; tidings_session=session-1");
    assert_eq!(
        world.get("/v1/me", &[cookie]).json(),
        json!({"user": 1, "credential": "session", "expires_at": START + 100, "receipts": true, "visible": true})
    );
    assert!(world.upgrade("/ws", &[cookie]).is_ok());
    refusal(&world.get("/v1/me", &[("Cookie", "tidings_session=bob")]));
    world.clock.advance(Duration::from_secs(100));
    refusal(&world.get("/v1/me", &[cookie]));
}

#[test]
fn dev_takes_anybodys_word_integers_and_uuids_alike() {
    let world = World::new(dev());
    assert_eq!(world.get("/v1/me?user=7", &[]).json()["user"], 7);
    let uuid = "0192f0c1-2b3c-7def-8abc-0123456789ab";
    assert_eq!(world.get(&format!("/v1/me?user={uuid}"), &[]).json()["user"], uuid);
    assert!(world.upgrade(&format!("/ws?user={uuid}"), &[]).is_ok());
    let refused = world.get("/v1/me?user=seven", &[]);
    assert_eq!(refused.problem(), (422, "bad_field".into()));
    assert_eq!(refused.json()["field"], "user");
}

#[test]
fn dev_takes_nobodys_word_through_a_name_that_may_be_anybodys() {
    let world = World::new(dev());
    // A page of evil.example whose name was made to lead here is of this server's own host and port.
    let rebound = [("Host", "evil.example"), ("Origin", "http://evil.example")];
    assert_eq!(world.get("/v1/me?user=7", &rebound).problem(), (403, "not_allowed".into()));
    assert!(world.upgrade("/ws?user=7", &rebound).is_err());
    for host in ["localhost:8000", "127.0.0.1", "[::1]:8000"] {
        assert_eq!(world.get("/v1/me?user=7", &[("Host", host)]).status, 200, "{host}");
    }
    assert_eq!(world.get("/v1/me?user=7&user=8", &[]).problem(), (422, "bad_field".into()));
}

#[test]
fn a_service_key_does_what_its_scopes_say() {
    let world = World::new(options());
    let (read, send, all) = (world.key("read"), world.key("send"), world.key("all"));
    let poke = r#"{"type":"poke","to":2,"from":7}"#;
    let members = "/v1/groups/5/members/7";
    let as_service =
        |method: &str, path: &str, key: &str, body: &str| world.ask(method, path, &[("Authorization", key)], body);
    for (answer, scope) in [
        (as_service("POST", "/v1/messages", &read, poke), "send"),
        (as_service("GET", "/v1/presence?users=2", &send, ""), "read"),
        (as_service("PUT", members, &send, ""), "admin"),
        (as_service("DELETE", &of_user(2, "connections"), &read, ""), "admin"),
    ] {
        assert_eq!(answer.problem(), (403, "not_allowed".into()));
        assert!(answer.detail().contains(&format!("lacks the scope `{scope}`")), "{}", answer.detail());
    }
    assert_eq!(as_service("POST", "/v1/messages", &send, poke).status, 202);
    assert_eq!(as_service("GET", "/v1/presence?users=2", &read, "").status, 200);
    assert_eq!(as_service("PUT", members, &all, "").status, 204);
    assert!(refusal(&world.upgrade("/ws", &[("Authorization", &all)]).unwrap_err()).contains("for users"));
    let user = world.token(7);
    assert_eq!(as_service("PUT", members, &user, "").problem(), (403, "not_allowed".into()));
}

#[test]
fn a_revoked_key_is_refused_as_soon_as_it_is_forgotten() {
    let world = World::new(options());
    let key = world.key("all");
    assert_eq!(me(&world, &key).json()["scopes"], json!(["send", "read", "notify", "admin"]));
    assert!(ServiceKeys::revoke(&*world.store, "key-all".into()).now_or_never().unwrap().unwrap());
    world.tidings.forget_keys();
    assert!(refusal(&me(&world, &key)).contains("revoked"));
}

#[test]
fn the_use_of_a_key_is_noted_but_not_each_time() {
    let world = World::new(options());
    let key = world.key("all");
    assert_eq!(me(&world, &key).status, 200);
    world.clock.advance(Duration::from_secs(1));
    // The note is written behind the answer; the server gets to it before it reads the next request.
    assert_eq!(me(&world, &key).status, 200);
    assert_eq!(world.keys()[0].last_used_at, Some(START), "the second use within a minute is not noted");
}

#[test]
fn a_sign_out_everywhere_closes_and_refuses_what_was_issued_before() {
    let world = World::new(options());
    let (token, other, admin) = (world.token(7), world.token(8), world.key("admin"));
    let mut open = world.upgrade("/ws", &[("Authorization", &token)]).unwrap();
    let mut bystander = world.upgrade("/ws", &[("Authorization", &other)]).unwrap();
    let answer = world.ask("DELETE", &of_user(7, "connections"), &[("Authorization", &admin)], "");
    assert_eq!((answer.status, answer.json()), (200, json!({"closed": 1})));
    assert_eq!(open.close_code(), 4403);
    assert!(refusal(&me(&world, &token)).contains("signed out"));
    refusal(&world.upgrade("/ws", &[("Authorization", &token)]).unwrap_err());
    world.clock.advance(Duration::from_secs(1));
    let newer = world.token(7);
    assert_eq!(me(&world, &newer).status, 200, "a token issued later is good");
    world.ask("POST", "/v1/messages", &[("Authorization", &newer)], r#"{"type":"poke","to":8}"#);
    assert_eq!(bystander.hears()["from"], 7, "nobody else was closed");
}

#[test]
fn a_sign_out_everywhere_refuses_sessions_too() {
    let world = World::new(options());
    let mut open = world.upgrade("/ws", &[COOKIE]).unwrap();
    let admin = world.key("admin");
    let answer = world.ask("DELETE", &of_user(1, "connections"), &[("Authorization", &admin)], "");
    assert_eq!(answer.json(), json!({"closed": 1}));
    assert_eq!(open.close_code(), 4403);
    refusal(&world.get("/v1/me", &[COOKIE]));
    world.clock.advance(Duration::from_secs(1));
    let later = world.store.create_session(UserId::new(1), START + 100);
    let later = format!("tidings_session={later}");
    assert_eq!(world.get("/v1/me", &[("Cookie", &later)]).json()["user"], 1);
}

#[test]
fn two_bearers_in_one_request_are_none() {
    let world = World::new(options());
    let (ann, bob) = (world.token(7), world.token(8));
    let both = [("Authorization", &*ann), ("Authorization", &*bob)];
    assert!(refusal(&world.get("/v1/me", &both)).contains("several `Authorization`"));
    assert!(refusal(&world.upgrade("/ws", &both).unwrap_err()).contains("several `Authorization`"));
}

#[test]
fn a_token_within_the_leeway_opens_a_connection_that_is_not_closed_at_once() {
    let world = World::new(options());
    let token = world.token(7);
    world.clock.advance(Duration::from_secs(3_600 + 10));
    let mut open = world.upgrade("/ws", &[("Authorization", &token)]).unwrap();
    let sent = world.ask("POST", "/v1/messages", &[("Authorization", &world.token(8))], r#"{"type":"poke","to":7}"#);
    assert_eq!(sent.status, 202);
    assert_eq!(open.hears()["from"], 8, "it was not closed");
}
