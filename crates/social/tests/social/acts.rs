//! One act, either way.

use serde_json::json;
use tidings_social::{Action, PostAction, PostUpdate, Subtype};
use tidings_wire::{Code, PostId};

use crate::world::{ANN, BOB, DAN, EVE, World, acts, like};

#[tokio::test]
async fn a_like_over_the_socket_and_one_over_http_are_the_same_act() {
    let world = World::new().await;
    let post = world.posts(ANN).await;
    world.follows(EVE, ANN).await;
    let [mut ann, mut bob, mut eve, mut dan] = world.clients([ANN, BOB, EVE, DAN]).await;

    bob.send(&like(post)).await;
    for client in [&mut ann, &mut eve] {
        let told = client.expects::<PostAction>().await;
        assert_eq!((told.from, told.post_id, told.action), (Some(BOB), post, Action::Like));
        assert_eq!(told.json["user_id"], json!(BOB));
    }
    bob.send(&like(post)).await;
    world.does(BOB, "PUT", &format!("/posts/{post}/like")).await;
    assert_eq!(world.counters(ANN, post).await, [1, 0, 0]);

    world.does(DAN, "PUT", &format!("/posts/{post}/like")).await;
    dan.send(&like(post)).await;
    // Had one of Bob's repeats been told, it would come before Dan's like.
    for client in [&mut ann, &mut eve] {
        let told = client.expects::<PostUpdate>().await;
        assert_eq!((told.subtype, told.liker_id, told.from), (Subtype::PostLike, Some(DAN), Some(DAN)));
    }
    dan.send(&acts(post, "share", Some("look"))).await;
    for client in [&mut ann, &mut eve] {
        assert_eq!(client.expects::<PostAction>().await.action, Action::Share);
    }
    assert_eq!(world.counters(ANN, post).await, [2, 0, 1]);
    assert_eq!(world.number("SELECT count(*) FROM social_likes"), 2);

    world.does(BOB, "DELETE", &format!("/posts/{post}/like")).await;
    world.does(BOB, "DELETE", &format!("/posts/{post}/like")).await;
    assert_eq!(world.counters(ANN, post).await, [1, 0, 1]);
    for client in [&mut ann, &mut bob, &mut eve, &mut dan] {
        client.expects_nothing().await;
    }
    world.server.stop().await;
}

#[tokio::test]
async fn what_can_not_be_done_is_refused_either_way() {
    let world = World::new().await;
    let post = world.posts(ANN).await;
    let mut bob = world.client(BOB).await;
    let nowhere = PostId::new(7);
    bob.send(&like(nowhere)).await;
    bob.expects_error(Code::NotFound).await;
    assert_eq!(world.send(BOB, "PUT", "/posts/7/like", None).await.code(), "not_found");
    for content in [None, Some("  ")] {
        bob.send(&acts(post, "comment", content)).await;
        assert_eq!(bob.expects_error(Code::BadField).await.field.as_deref(), Some("content"));
    }
    let long = "x".repeat(2_001);
    bob.send(&acts(post, "comment", Some(&long))).await;
    assert_eq!(bob.expects_error(Code::BadField).await.field.as_deref(), Some("content"));
    let comments = format!("/posts/{post}/comments");
    for body in [json!({"content": " "}), json!({"content": long}), json!({})] {
        assert_eq!(world.post(BOB, &comments, body).await.json()["field"], "content");
    }
    assert_eq!(world.post(BOB, "/posts", json!({"content": "x".repeat(10_001)})).await.code(), "bad_field");
    assert_eq!(world.counters(ANN, post).await, [0; 3]);
    world.server.stop().await;
}

#[tokio::test]
async fn who_is_blocked_or_muted_is_not_heard_and_who_is_blocked_finds_nothing() {
    let world = World::new().await;
    let post = world.posts(ANN).await;
    for follower in [BOB, EVE] {
        world.follows(follower, ANN).await;
    }
    let [mut ann, mut bob, mut eve, mut dan] = world.clients([ANN, BOB, EVE, DAN]).await;
    world.does(BOB, "PUT", &format!("/users/{DAN}/mute")).await;
    dan.send(&like(post)).await;
    for client in [&mut ann, &mut eve] {
        client.expects::<PostAction>().await;
    }
    world.does(EVE, "PUT", &format!("/users/{DAN}/block")).await;
    dan.send(&acts(post, "share", None)).await;
    ann.expects::<PostAction>().await;
    world.does(ANN, "PUT", &format!("/users/{DAN}/block")).await;
    dan.send(&acts(post, "comment", Some("hi"))).await;
    dan.expects_error(Code::NotFound).await;
    assert_eq!(world.get(DAN, &format!("/posts/{post}")).await.code(), "not_found");
    assert_eq!(world.get(DAN, &format!("/users/{ANN}")).await.code(), "not_found");
    assert_eq!(world.send(DAN, "PUT", &format!("/users/{ANN}/follow"), None).await.code(), "not_found");

    // Undone, all is as before.
    world.does(ANN, "DELETE", &format!("/users/{DAN}/block")).await;
    world.does(EVE, "DELETE", &format!("/users/{DAN}/block")).await;
    world.does(BOB, "DELETE", &format!("/users/{DAN}/mute")).await;
    dan.send(&acts(post, "comment", Some("hi"))).await;
    for client in [&mut ann, &mut bob, &mut eve] {
        assert_eq!(client.expects::<PostAction>().await.action, Action::Comment);
        client.expects_nothing().await;
    }
    world.server.stop().await;
}

#[tokio::test]
async fn a_post_under_a_key_is_there_once() {
    let world = World::new().await;
    let post = world.posts(ANN).await;
    let keyed = |user, key: &str| world.server.by(user).header("Idempotency-Key", key);
    let comments = format!("/v1/posts/{post}/comments");
    let shares = format!("/v1/posts/{post}/shares");
    for (path, body, other) in [
        ("/v1/posts", json!({"content": "one"}), json!({"content": "two"})),
        (&*comments, json!({"content": "one"}), json!({"content": "two"})),
        (&*shares, json!({}), json!({"content": "two"})),
    ] {
        let requests = (0..8).map(|_| {
            let (by, body) = (keyed(BOB, "k1"), body.clone());
            async move { by.post(path, &body).await }
        });
        let answers = futures_util::future::join_all(requests).await;
        let ids: std::collections::BTreeSet<_> = answers.iter().map(|answer| answer.json()["id"].to_string()).collect();
        assert!(ids.len() == 1 && answers.iter().all(|answer| answer.status == 201), "{answers:?}");
        assert_eq!(keyed(BOB, "k1").post(path, &other).await.code(), "key_reused");
        assert_eq!(keyed(EVE, "k1").post(path, &other).await.status, 201, "another user's keys are their own");
        assert_eq!(keyed(BOB, &"k".repeat(65)).post(path, &body).await.code(), "bad_field");
    }
    assert_eq!(world.counters(ANN, post).await, [0, 2, 2]);
    assert_eq!(world.number("SELECT count(*) FROM social_posts"), 3);
    world.server.stop().await;
}
