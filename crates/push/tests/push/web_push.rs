//! What a browser gets.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use web_push_native::p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};

use crate::{
    endpoint::{Came, Endpoint, until},
    world::{ANN, BOB, World},
};

/// The claims of a token that this key has signed (RFC 8292).
fn claims(came: &Came, key: &str) -> Value {
    let authorization = came.header("authorization");
    let token = authorization.strip_prefix("vapid t=").and_then(|rest| rest.split_once(", k="));
    let (token, shown) = token.unwrap_or_else(|| panic!("{authorization}"));
    assert_eq!(shown, key);
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let key = VerifyingKey::from_sec1_bytes(&bytes(key)).expect("a key");
    let signature = Signature::from_slice(&bytes(signature)).expect("a signature");
    key.verify(signed.as_bytes(), &signature).expect("the server signed it");
    serde_json::from_slice(&bytes(signed.split_once('.').expect("two parts").1)).expect("claims")
}

#[tokio::test]
async fn a_browser_gets_what_was_not_read_encrypted_for_it_and_signed() {
    let mut service = Endpoint::start().await;
    let world = World::with_web_push().await;
    let browser = world.subscribes(ANN, service.url("/push/ann")).await;
    let key = world.get(ANN, "/push/key").await["key"].as_str().expect("a key").to_owned();
    world.likes(2, ANN, 9).await;
    world.likes(3, ANN, 9).await;
    world.passes(31);
    let came = service.next().await;
    assert_eq!(came.path, "/push/ann");
    assert_eq!(
        (came.header("content-encoding"), came.header("ttl"), came.header("urgency")),
        ("aes128gcm", "86400", "normal")
    );
    let inbox = world.get(ANN, "/inbox").await;
    assert_eq!(inbox["notifications"][0]["id"], came.header("topic"));
    let claims = claims(&came, &key);
    assert_eq!((&claims["aud"], &claims["sub"]), (&json!(service.url("")), &json!("mailto:ops@tidings.example")));
    assert!(!String::from_utf8_lossy(&came.body).contains("liked"), "it is encrypted");
    let told = browser.decrypts(&came.body);
    // Both likes came within the delay: one push, with the latest words.
    assert_eq!(
        (&told["body"], &told["title"]),
        (&json!("User 3 and 1 other liked your post"), &json!("Likes of your posts"))
    );
    assert_eq!((&told["unread"], &told["data"], &told["group"]), (&json!(1), &json!({"post_id": 9}), &json!("post:9")));
    until("it is done with", || world.waiting() == 0).await;
    assert!(service.rest().is_empty());
}

#[tokio::test]
async fn nothing_is_pushed_before_the_delay_is_over_nor_of_what_was_read_within_it() {
    let mut service = Endpoint::start().await;
    let world = World::with_web_push().await;
    world.subscribes(ANN, service.url("/ann")).await;
    let bob = world.subscribes(BOB, service.url("/bob")).await;
    world.likes(3, ANN, 9).await;
    world.passes(20);
    world.likes(3, BOB, 8).await;
    let inbox = world.get(ANN, "/inbox").await;
    let read = json!({"state": "read", "up_to": inbox["notifications"][0]["seq"]});
    assert_eq!(world.send(ANN, "POST", "/inbox/mark", &read).await.status, 204);
    // Ann's is due and read, Bob's is not due.
    world.passes(15);
    until("Ann's is decided about", || world.waiting() == 1).await;
    assert!(service.rest().is_empty());
    world.passes(15);
    let came = service.next().await;
    assert_eq!((&*came.path, &bob.decrypts(&came.body)["unread"]), ("/bob", &json!(1)));
    until("all is decided about", || world.waiting() == 0).await;
    assert!(service.rest().is_empty());
}

#[tokio::test]
async fn nothing_is_pushed_to_who_is_there_nor_of_what_was_taken_back() {
    let mut service = Endpoint::start().await;
    let world = World::with_web_push().await;
    for (user, path) in [(ANN, "/ann"), (BOB, "/bob")] {
        world.subscribes(user, service.url(path)).await;
    }
    let ann = world.server.v1(ANN).await;
    world.likes(3, ANN, 9).await;
    world.likes(3, BOB, 8).await;
    let back = json!({"to": [BOB], "subtype": "post_like", "actor": 3, "group_key": "post:8", "taken_back": true});
    let taken_back = world.server.by_service("notify").await.post("/v1/notifications", &back).await;
    assert_eq!(taken_back.status, 202, "{taken_back:?}");
    world.passes(31);
    until("both are decided about", || world.waiting() == 0).await;
    assert!(service.rest().is_empty());
    drop(ann);
}

#[tokio::test]
async fn what_comes_while_it_is_sent_is_a_push_of_its_own() {
    let mut service = Endpoint::start().await;
    let world = World::with_web_push().await;
    let browser = world.subscribes(ANN, service.url("/ann")).await;
    service.holds();
    world.likes(2, ANN, 9).await;
    world.passes(31);
    let first = browser.decrypts(&service.next().await.body);
    world.likes(3, ANN, 9).await;
    service.lets_go();
    until("the second waits", || {
        world.number("SELECT count(*) FROM notify_deliveries WHERE created_at > 1750000000") == 1
    })
    .await;
    world.passes(31);
    let second = browser.decrypts(&service.next().await.body);
    assert_eq!((&first["count"], &second["count"]), (&json!(1), &json!(2)));
    assert_ne!(first["delivery"], second["delivery"]);
}

#[tokio::test]
async fn who_wants_no_push_gets_none_and_still_finds_it_in_the_inbox() {
    let mut service = Endpoint::start().await;
    let world = World::with_web_push().await;
    world.subscribes(ANN, service.url("/ann")).await;
    let preferences = world.get(ANN, "/preferences").await;
    assert_eq!(preferences["subtypes"][0]["channels"], json!(["in_app", "web_push"]));
    let off = json!({"preferences": [{"channel": "web_push", "mode": "off"}]});
    assert_eq!(world.send(ANN, "PUT", "/preferences", &off).await.status, 200);
    world.likes(2, ANN, 9).await;
    assert_eq!(world.get(ANN, "/inbox").await["unread"], 1);
    assert_eq!(world.waiting(), 0);
    assert!(service.rest().is_empty());
}

#[tokio::test]
async fn all_of_a_users_browsers_get_it_and_who_has_none_costs_nothing() {
    let mut service = Endpoint::start().await;
    let world = World::with_web_push().await;
    for path in ["/one", "/two"] {
        world.subscribes(ANN, service.url(path)).await;
    }
    world.likes(3, BOB, 8).await;
    assert_eq!(world.waiting(), 0);
    world.likes(3, ANN, 9).await;
    assert_eq!(world.waiting(), 2);
    // One of the two fails at first: the other gets nothing again.
    service.statuses([500]);
    world.passes(31);
    let mut paths = [service.next().await.path, service.next().await.path];
    paths.sort();
    assert_eq!(paths, ["/one", "/two"]);
    until("one is to be repeated", || world.number("SELECT count(*) FROM notify_deliveries WHERE tries = 1") == 1)
        .await;
    until("the other is done", || world.waiting() == 1).await;
    world.passes(60);
    service.next().await;
    until("all is done", || world.waiting() == 0).await;
    assert!(service.rest().is_empty());
}
