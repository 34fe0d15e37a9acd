//! Limits: what is too much is refused with the way out, and only for the one who asks too much.

use serde_json::json;

use crate::world::{Api, As, Client, Plan, hears_nothing};

#[test]
fn a_sender_over_the_rate_is_told_when_to_come_back() {
    let plan = Plan::dev().set("TYPES__PRIVATE__LIMIT", "3/min");
    let server = plan.start();
    let (mut ann, mut bob) = (Client::dev(&server, "7"), Client::dev(&server, "2"));
    let mut phone = Client::dev(&server, "7");
    let message = json!({"type": "private", "to": 2, "content": "hi"});
    for seq in 1..=3 {
        ann.say(&message);
        assert_eq!((&bob.hear()["seq"], &phone.hear()["seq"]), (&json!(seq), &json!(seq)));
    }
    for client in [&mut ann, &mut phone] {
        let refused = client.refused(&message.to_string());
        assert_eq!(refused["code"], "limited", "the rate is the sender's, on all connections: {refused}");
        assert!((1..=60_000).contains(&refused["retry_after_ms"].as_u64().unwrap()), "{refused}");
    }
    let over_http = Api::of(&server, As::Dev("7")).send(&message);
    assert_eq!((over_http.status, &over_http.body["code"]), (429, &json!("limited")), "{}", over_http.body);
    assert!(over_http.body["retry_after_ms"].as_u64() > Some(0) && over_http.head.contains("retry-after: "));
    ann.say(&json!({"type": "broadcast", "content": "another type"}));
    assert_eq!(ann.hear()["content"], "another type");
    bob.say(&json!({"type": "private", "to": 7, "content": "another sender"}));
    assert_eq!(ann.hear()["content"], "another sender");
    drop(bob);
    phone.hear();
    phone.hear();
    hears_nothing(&server, &mut [&mut ann, &mut phone]);
}

#[test]
fn with_limits_off_there_is_no_rate() {
    let plan = Plan::dev().set("TYPES__PRIVATE__LIMIT", "3/min").unlimited();
    let server = plan.start();
    let (mut ann, mut bob) = (Client::dev(&server, "7"), Client::dev(&server, "2"));
    for seq in 1..=300 {
        ann.say(&json!({"type": "private", "to": 2, "content": "hi"}));
        assert_eq!(bob.hear()["seq"], seq);
    }
}

#[test]
fn a_users_and_an_addresss_connections_are_counted() {
    for (setting, users, label) in [
        ("LIMITS__CONNECTIONS_PER_USER", ["7", "7", "7"], "user"),
        ("LIMITS__CONNECTIONS_PER_ADDRESS", ["1", "2", "3"], "address"),
    ] {
        let plan = Plan::dev().set(setting, 2);
        let server = plan.start();
        let mut first = Client::dev(&server, users[0]);
        let mut second = Client::dev(&server, users[1]);
        let refusal = Client::with(&server, &format!("/ws?user={}", users[2]), &[]).err().unwrap();
        assert_eq!((refusal.status, &refusal.problem["code"]), (429, &json!("limited")), "{label}");
        let detail = refusal.problem["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("limits.connections_per_{label}")), "{detail}");
        assert!(refusal.head.contains("retry-after: "), "{}", refusal.head);
        let forwarded = [("x-forwarded-for", "192.0.2.7")];
        let refusal = Client::with(&server, &format!("/ws?user={}", users[2]), &forwarded).err().unwrap();
        assert_eq!(refusal.status, 429, "whom nobody declared a proxy is not believed");
        let suspects = refusal.problem["detail"].as_str().unwrap().contains("`proxies`");
        assert_eq!(suspects, label == "address", "{}", refusal.problem);
        hears_nothing(&server, &mut [&mut first, &mut second]);
    }
}

#[test]
fn a_declared_proxy_is_believed_about_its_clients() {
    let plan = Plan::dev().set("LIMITS__CONNECTIONS_PER_ADDRESS", 2).set("SERVER__PROXIES", "127.0.0.1");
    let server = plan.start();
    let from = |address: &str| Client::with(&server, "/ws?user=7", &[("x-forwarded-for", address)]);
    let _home = [from("192.0.2.1").unwrap(), from("192.0.2.1").unwrap()];
    assert_eq!(from("192.0.2.1").err().unwrap().status, 429);
    let _others = [from("192.0.2.2").unwrap(), from("2001:db8::1").unwrap(), from("2001:db8::2").unwrap()];
    assert_eq!(from("2001:db8::3").err().unwrap().status, 429, "an IPv6 address counts by its /64");
    assert!(from("2001:db8:0:1::1").is_ok());
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let plan = Plan::dev();
    let server = plan.start();
    let api = Api::of(&server, As::Dev("7"));
    let message = |bytes: usize| json!({"type": "private", "to": 2, "content": "x".repeat(bytes)});
    let refused = api.send(&message(66_000));
    assert_eq!((refused.status, &refused.body["code"]), (413, &json!("too_large")), "{}", refused.body);
    assert_eq!(api.send(&message(65_000)).status, 201);
}

#[test]
fn requests_for_what_is_not_there_are_told_so() {
    let plan = Plan::dev();
    let server = plan.start();
    let api = Api::of(&server, As::Dev("7"));
    let nowhere = api.get("/v1/nothing");
    assert_eq!((nowhere.status, &nowhere.body["code"]), (404, &json!("not_found")));
    let method = api.call("PATCH", "/v1/messages", None);
    assert_eq!((method.status, method.head.contains("allow: ")), (405, true), "{}", method.head);
    let broken = api.ask("POST", "/v1/messages", &[], "{");
    assert_eq!((broken.status, &broken.body["code"]), (400, &json!("bad_json")));
}
