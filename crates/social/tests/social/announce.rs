//! `Acts::Announce`: routed and told, stored nowhere.

use serde_json::json;
use tidings_social::{Action, Acts, PostAction, PostUpdate, Social, Subtype};

use crate::world::{ANN, BOB, DAN, EVE, World, acts, like};

#[tokio::test]
async fn acts_are_told_and_not_stored() {
    let world = World::of(Social::new().acts(Acts::Announce)).await;
    let post = world.posts(ANN).await;
    world.follows(EVE, ANN).await;
    let [mut ann, mut bob, mut eve] = world.clients([ANN, BOB, EVE]).await;
    let mut watcher = world.server.v1(DAN).await;
    watcher.sends_json(&json!({"type": "watch", "ref": 1, "topics": [format!("post:{post}")]})).await;
    watcher.expects_ack(1).await;

    bob.send(&like(post)).await;
    for client in [&mut ann, &mut eve] {
        assert_eq!(client.expects::<PostAction>().await.action, Action::Like);
    }
    world.does(BOB, "PUT", &format!("/posts/{post}/like")).await;
    for client in [&mut ann, &mut eve] {
        assert_eq!(client.expects::<PostUpdate>().await.subtype, Subtype::PostLike);
    }
    bob.send(&acts(post, "comment", Some("hi"))).await;
    for client in [&mut ann, &mut eve, &mut watcher] {
        assert_eq!(client.expects::<PostAction>().await.action, Action::Comment);
    }
    let comments = format!("/posts/{post}/comments");
    let said = world.post(BOB, &comments, json!({"content": "again"})).await;
    assert_eq!((said.status, said.json().get("id")), (201, None));
    for client in [&mut ann, &mut eve, &mut watcher] {
        assert_eq!(client.expects::<PostUpdate>().await.subtype, Subtype::PostComment);
        client.expects_nothing().await;
    }
    for (method, path) in [("DELETE", format!("/posts/{post}/like")), ("GET", comments)] {
        assert_eq!(world.send(BOB, method, &path, None).await.code(), "not_enabled");
    }
    let keyed = world.server.by(BOB).header("Idempotency-Key", "k");
    assert_eq!(keyed.post(&format!("/v1/posts/{post}/shares"), &json!({})).await.code(), "not_enabled");
    assert_eq!(world.get(BOB, &format!("/posts/{post}")).await.json().get("likes"), None);
    for table in ["likes", "comments", "shares"] {
        assert_eq!(world.number(&format!("SELECT count(*) FROM social_{table}")), 0, "{table}");
    }
    bob.expects_nothing().await;
    world.server.stop().await;
}
