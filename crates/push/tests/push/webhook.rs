//! What a backend gets.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::{
    endpoint::{Answer, Came, Endpoint, until},
    world::{ANN, SECRET, World},
};

/// Verifies as the specification says, by another way than the one that signs.
fn verifies(came: &Came) -> bool {
    let key = STANDARD.decode(&SECRET["whsec_".len()..]).expect("base64");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let (id, timestamp) = (came.header("webhook-id"), came.header("webhook-timestamp"));
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &came.body].concat();
    let signature = came.header("webhook-signature").strip_prefix("v1,").expect("a version");
    hmac::verify(&key, &signed, &STANDARD.decode(signature).expect("base64")).is_ok()
}

#[tokio::test]
async fn a_webhook_is_signed_and_carries_what_a_provider_needs() {
    let mut backend = Endpoint::start().await;
    let world = World::with_webhook(&backend.url("/hook")).await;
    for device in [json!({"kind": "fcm", "token": "f1"}), json!({"kind": "apns", "token": "a1"})] {
        assert_eq!(world.send(ANN, "PUT", "/push/subscriptions", &device).await.status, 204);
    }
    world.likes(2, ANN, 9).await;
    world.passes(31);
    let came = backend.next().await;
    assert!(verifies(&came), "{came:?}");
    assert_eq!((&*came.path, came.header("content-type")), ("/hook", "application/json"));
    assert_eq!(came.header("webhook-timestamp"), "1750000031");
    let told = came.json();
    assert_eq!((&told["type"], &told["timestamp"]), (&json!("notification"), &json!("2025-06-15T15:07:11Z")));
    let data = &told["data"];
    assert_eq!((&data["user"], &data["badge"], &data["collapse_key"]), (&json!(1), &json!(1), &json!("post:9")));
    assert_eq!((&data["title"], &data["body"]), (&json!("Likes of your posts"), &json!("User 2 liked your post")));
    assert_eq!(data["devices"], json!([{"kind": "fcm", "token": "f1"}, {"kind": "apns", "token": "a1"}]));
    assert_eq!((&data["notification"]["subtype"], &data["notification"]["actor"]), (&json!("post_like"), &json!(2)));
}

#[tokio::test]
async fn what_fails_is_repeated_with_its_id_then_laid_aside_and_sent_once_more_when_asked() {
    let mut backend = Endpoint::start().await;
    let world = World::with_webhook(&backend.url("/hook")).await;
    backend.statuses([500; 8]);
    world.likes(2, ANN, 9).await;
    world.passes(31);
    let id = backend.next().await.header("webhook-id").to_owned();
    for tries in 1..8 {
        let noted = format!("SELECT count(*) FROM notify_deliveries WHERE tries = {tries}");
        until("the failure is noted", || world.number(&noted) == 1).await;
        world.passes(60 * 60);
        let again = backend.next().await;
        assert_eq!(again.header("webhook-id"), id);
        assert!(verifies(&again), "it is signed anew");
    }
    until("it is given up", || world.waiting() == 0).await;
    let admin = world.server.by_service("admin").await;
    let list = admin.get("/v1/dead-letters").await.json();
    let letter = &list["dead_letters"][0];
    assert_eq!((&letter["delivery"], &letter["channel"], &letter["user"]), (&json!(id), &json!("webhook"), &json!(1)));
    assert_eq!(letter["why"], "not just now: answered with status 500");
    assert_eq!(world.server.by_service("read").await.get("/v1/dead-letters").await.status, 403);
    let replay = format!("/v1/dead-letters/{}/replay", letter["id"].as_str().expect("an id"));
    assert_eq!(admin.send("POST", &replay, None).await.status, 204);
    assert_eq!(backend.next().await.header("webhook-id"), id);
    until("it is done with", || world.waiting() == 0).await;
    assert_eq!(admin.get("/v1/dead-letters").await.json()["dead_letters"], json!([]));
    assert_eq!(admin.send("POST", &replay, None).await.status, 404);
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_kept() {
    let mut backend = Endpoint::start().await;
    let world = World::with_webhook(&backend.url("/hook")).await;
    let busy = |retry_after| Answer { status: 503, retry_after: Some(retry_after), ..Answer::default() };
    backend.answers([busy("7200"), busy("Sun, 15 Jun 2025 18:00:00 GMT")]);
    world.likes(2, ANN, 9).await;
    world.passes(31);
    backend.next().await;
    let due = "SELECT CASE WHEN tries = 0 THEN 0 ELSE due_at - 1750000031 END FROM notify_deliveries";
    until("the pause is noted", || world.number(due) == 7_200).await;
    world.passes(7_200);
    backend.next().await;
    // 17:07:11 by now.
    let due = "SELECT CASE WHEN tries < 2 THEN 0 ELSE due_at - 1750007231 END FROM notify_deliveries";
    until("the date is noted", || world.number(due) == 52 * 60 + 49).await;
}
