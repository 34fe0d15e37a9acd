//! Where users' devices are reached.

use serde_json::json;

use crate::{
    endpoint::{Endpoint, until},
    world::{ANN, BOB, World},
};

#[tokio::test]
async fn a_user_has_at_most_twenty_and_the_one_goes_that_was_renewed_longest_ago() {
    let service = Endpoint::start().await;
    let world = World::with_web_push().await;
    let first = world.subscribes(ANN, service.url("/0")).await;
    for number in 1..20 {
        world.passes(1);
        world.subscribes(ANN, service.url(&format!("/{number}"))).await;
    }
    world.passes(1);
    assert_eq!(world.send(ANN, "PUT", "/push/subscriptions", &first.subscription()).await.status, 204);
    world.passes(1);
    world.subscribes(ANN, service.url("/20")).await;
    let count =
        |path: &str| world.number(&format!("SELECT count(*) FROM notify_subscriptions WHERE address LIKE '%{path}'"));
    assert_eq!((count(""), count("/0"), count("/1"), count("/2"), count("/20")), (20, 1, 0, 1, 1));
}

#[tokio::test]
async fn a_device_is_its_last_users() {
    let mut service = Endpoint::start().await;
    let world = World::with_web_push().await;
    world.subscribes(ANN, service.url("/shared")).await;
    world.likes(3, ANN, 9).await;
    let browser = world.subscribes(BOB, service.url("/shared")).await;
    world.likes(3, BOB, 8).await;
    world.passes(31);
    let told = browser.decrypts(&service.next().await.body);
    assert_eq!(told["data"], json!({"post_id": 8}));
    until("all is decided about", || world.waiting() == 0).await;
    assert!(service.rest().is_empty(), "what was Ann's is not shown to Bob");
}

#[tokio::test]
async fn a_subscription_can_be_forgotten_by_its_user_alone() {
    let service = Endpoint::start().await;
    let world = World::with_web_push().await;
    world.subscribes(ANN, service.url("/ann")).await;
    let old = json!({"kind": "webpush", "endpoint": service.url("/ann")});
    assert_eq!(world.send(BOB, "DELETE", "/push/subscriptions", &old).await.status, 204);
    assert_eq!(world.number("SELECT count(*) FROM notify_subscriptions"), 1);
    assert_eq!(world.send(ANN, "DELETE", "/push/subscriptions", &old).await.status, 204);
    assert_eq!(world.number("SELECT count(*) FROM notify_subscriptions"), 0);
}

#[tokio::test]
async fn what_cannot_be_sent_to_is_refused_with_its_field() {
    let service = Endpoint::start().await;
    let world = World::with_web_push().await;
    let good = world.subscribes(ANN, service.url("/ann")).await.subscription();
    for (field, wrong) in [
        ("endpoint", json!({"endpoint": ""})),
        ("endpoint", json!({"endpoint": "nowhere"})),
        ("endpoint", json!({"endpoint": "ftp://push.example/1"})),
        ("endpoint", json!({"endpoint": "https://user@push.example/1"})),
        ("keys.p256dh", json!({"keys": {"p256dh": "AAAA", "auth": "YSBzZWNyZXQgb2Ygb3Vycw"}})),
        ("keys.auth", json!({"keys": {"p256dh": good["keys"]["p256dh"], "auth": "c2hvcnQ"}})),
    ] {
        let mut body = good.clone();
        for (name, value) in wrong.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let answer = world.send(ANN, "PUT", "/push/subscriptions", &body).await;
        assert_eq!((answer.status, &answer.json()["field"]), (422, &json!(field)), "{body}");
    }
    let token = json!({"kind": "fcm", "token": "f1"});
    let answer = world.send(ANN, "PUT", "/push/subscriptions", &token).await;
    assert_eq!((answer.status, answer.code()), (501, "not_enabled".to_owned()));
}
