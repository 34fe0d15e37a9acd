//! Which web pages may do what: Origin, CORS, cookies.

use tidings_server::ServerOptions;

use crate::world::{COOKIE, World, dev, options};

const OWN: (&str, &str) = ("Origin", "https://chat.localhost");
const FRIEND: (&str, &str) = ("Origin", "https://app.example");
const STRANGER: (&str, &str) = ("Origin", "https://evil.example");

fn world() -> World {
    World::new(ServerOptions { origins: vec!["https://app.example".parse().unwrap()], ..options() })
}

#[test]
fn a_foreign_page_is_refused_by_name_of_the_setting() {
    let world = world();
    for refused in [
        world.upgrade("/ws", &[COOKIE, STRANGER]).unwrap_err(),
        world.get("/v1/me", &[COOKIE, STRANGER]),
        world.get("/v1/me", &[("Authorization", &world.token(1)), STRANGER]),
        world.get("/v1/me", &[COOKIE, ("Origin", "null")]),
        world.ask("OPTIONS", "/v1/messages", &[STRANGER, ("Access-Control-Request-Method", "POST")], ""),
    ] {
        assert_eq!(refused.problem(), (403, "not_allowed".into()));
        assert!(refused.detail().contains("setting `origins`"), "{}", refused.detail());
        assert_eq!(refused.header("access-control-allow-origin"), None);
    }
}

#[test]
fn pages_of_the_own_host_and_of_the_setting_connect_by_cookie() {
    let world = world();
    for origin in [OWN, FRIEND] {
        assert!(world.upgrade("/ws", &[COOKIE, origin]).is_ok(), "{origin:?}");
    }
    assert!(world.upgrade("/ws", &[COOKIE]).is_ok(), "no page at all");
}

#[test]
fn a_change_by_cookie_needs_an_allowed_page() {
    let world = world();
    let send = |headers: &[(&str, &str)]| world.ask("POST", "/v1/messages", headers, r#"{"type":"poke","to":2}"#);
    let refused = send(&[COOKIE]);
    assert_eq!(refused.problem(), (403, "not_allowed".into()));
    assert!(refused.detail().contains("`Origin`"));
    assert_eq!(send(&[COOKIE, OWN]).status, 202);
    assert_eq!(send(&[COOKIE, FRIEND]).status, 202);
    assert_eq!(send(&[COOKIE, STRANGER]).status, 403);
    assert_eq!(world.get("/v1/me", &[COOKIE]).status, 200, "reading by cookie needs none");
    assert_eq!(send(&[("Authorization", &world.token(1))]).status, 202, "a bearer needs none");
}

#[test]
fn an_allowed_page_may_ask_before_and_read_after() {
    let world = world();
    let preflight = world.ask("OPTIONS", "/v1/messages", &[FRIEND, ("Access-Control-Request-Method", "POST")], "");
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("POST"));
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("idempotency-key"));
    let read = world.get("/v1/me", &[COOKIE, FRIEND]);
    let refused = world.get("/v1/me", &[FRIEND]);
    assert_eq!((read.status, refused.status), (200, 401));
    for answer in [preflight, read, refused] {
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(answer.header("vary"), Some("origin"));
    }
}

#[test]
fn the_host_that_a_declared_proxy_names_is_the_own_one() {
    let forwarded = [
        ("Host", "10.0.0.7:8000"),
        ("X-Forwarded-Host", "chat.localhost"),
        ("X-Forwarded-Proto", "https"),
        COOKIE,
        OWN,
    ];
    let behind = World::new(ServerOptions { proxies: vec!["127.0.0.1".parse().unwrap()], ..options() });
    assert_eq!(behind.get("/v1/me", &forwarded).status, 200);
    assert_eq!(world().get("/v1/me", &forwarded).problem(), (403, "not_allowed".into()));
}

#[test]
fn another_page_can_not_speak_for_a_dev_user() {
    let world = World::new(dev());
    assert_eq!(world.get("/v1/me?user=7", &[STRANGER]).problem(), (403, "not_allowed".into()));
    assert_eq!(world.upgrade("/ws?user=7", &[STRANGER]).unwrap_err().problem(), (403, "not_allowed".into()));
}
