//! Those who watch a post.

use serde_json::{Value, json};
use tidings_social::PostCounters;
use tidings_testkit::server::V1Client;
use tidings_wire::{Code, PostId};

use crate::world::{ANN, BOB, DAN, EVE, World, acts, like};

async fn watches(client: &mut V1Client, post: PostId) {
    client.sends_json(&json!({"type": "watch", "ref": 1, "topics": [format!("post:{post}")]})).await;
    client.expects_ack(1).await;
}

#[tokio::test]
async fn counters_are_told_as_they_stand_and_many_changes_by_few_messages() {
    let world = World::new().await;
    let post = world.posts(ANN).await;
    let mut eve = world.server.v1(EVE).await;
    watches(&mut eve, post).await;
    let users: Vec<_> = (100..140).map(tidings_wire::UserId::new).collect();
    let path = format!("/posts/{post}/like");
    futures_util::future::join_all(users.iter().map(|&user| world.does(user, "PUT", &path))).await;

    let mut told = Vec::new();
    while told.last() != Some(&40) {
        let counters = eve.expects::<PostCounters>().await;
        assert_eq!((counters.post_id, counters.topic.as_str()), (post, &*format!("post:{post}")));
        told.push(counters.likes);
    }
    assert!(told.is_sorted() && told.len() < 20, "joined: {told:?}");

    world.does(users[0], "DELETE", &path).await;
    assert_eq!(eve.expects::<PostCounters>().await.likes, 39);
    eve.expects_nothing().await;
    world.server.stop().await;
}

/// The next two frames: the post's counters with so many comments, and another, which is given back. Counters are joined beside
/// the messages, so either may come first.
async fn with_counters(client: &mut V1Client, comments: i64) -> Value {
    let frames = [client.expects_json().await, client.expects_json().await];
    let (counters, others): (Vec<_>, Vec<_>) = frames.into_iter().partition(|frame| frame["type"] == "post_counters");
    let ([counters], [other]) = (&counters[..], &others[..]) else { panic!("{counters:?} {others:?}") };
    assert_eq!(counters["comments"], comments);
    other.clone()
}

#[tokio::test]
async fn a_comment_reaches_the_watchers_once_whichever_way_it_came() {
    let world = World::new().await;
    let post = world.posts(ANN).await;
    world.follows(BOB, ANN).await;
    let (mut bob, mut eve) = (world.server.v1(BOB).await, world.server.v1(EVE).await);
    for client in [&mut bob, &mut eve] {
        watches(client, post).await;
    }
    let mut dan = world.client(DAN).await;
    dan.send(&acts(post, "comment", Some("over the socket"))).await;
    let update = with_counters(&mut eve, 1).await;
    assert_eq!((&update["type"], &update["subtype"]), (&json!("post_update"), &json!("post_comment")));
    assert_eq!((&update["commenter_id"], &update["from"]), (&json!(DAN), &json!(DAN)));
    assert_eq!(update["content"], "over the socket");
    assert_eq!(with_counters(&mut bob, 1).await["type"], "post_action");
    let comments = format!("/posts/{post}/comments");
    let by_http = world.post(DAN, &comments, json!({"content": "over http"})).await.json();
    for client in [&mut bob, &mut eve] {
        let told = with_counters(client, 2).await;
        assert_eq!((&told["type"], &told["comment_id"]), (&json!("post_update"), &by_http["id"]));
        client.expects_nothing().await;
    }
    let listed = world.get(EVE, &comments).await.json();
    assert_eq!(listed["comments"][0]["id"], update["comment_id"], "{listed}");
    dan.expects_nothing().await;
    world.server.stop().await;
}

#[tokio::test]
async fn only_who_may_see_a_post_watches_it() {
    let world = World::new().await;
    let post = world.posts(ANN).await;
    world.does(ANN, "PUT", &format!("/users/{EVE}/block")).await;
    let mut eve = world.server.v1(EVE).await;
    for topic in [format!("post:{post}"), "post:7".to_owned(), "post:".to_owned(), format!("post:0{post}")] {
        eve.sends_json(&json!({"type": "watch", "ref": 1, "topics": [topic]})).await;
        eve.expects_error(Code::NotAllowed).await;
    }
    let mut dan = world.server.v1(DAN).await;
    watches(&mut dan, post).await;
    let mut bob = world.client(BOB).await;
    bob.send(&like(post)).await;
    assert_eq!(dan.expects::<PostCounters>().await.likes, 1);
    eve.expects_nothing().await;
    world.server.stop().await;
}

#[tokio::test]
async fn who_has_blocked_one_another_does_not_see_whether_the_other_is_online() {
    let world = World::new().await;
    let _bob = world.client(BOB).await;
    let online =
        async || world.get(ANN, &format!("/presence?users={BOB}")).await.json()["presence"][0]["online"].clone();
    let mut ann = world.server.v1(ANN).await;
    ann.sends_json(&json!({"type": "watch", "ref": 1, "users": [BOB]})).await;
    ann.expects_ack(1).await;
    assert_eq!((ann.expects_json().await["online"].clone(), online().await), (json!(true), json!(true)));
    world.does(BOB, "PUT", &format!("/users/{ANN}/block")).await;
    assert_eq!((ann.expects_json().await["online"].clone(), online().await), (json!(false), json!(false)));
    world.does(BOB, "DELETE", &format!("/users/{ANN}/block")).await;
    assert_eq!((ann.expects_json().await["online"].clone(), online().await), (json!(true), json!(true)));
    world.server.stop().await;
}

/// Of which post the next counters are: what followers hear stands between them.
async fn counted(client: &mut V1Client) -> Value {
    loop {
        let frame = client.expects_json().await;
        if frame["type"] == "post_counters" {
            return frame["post_id"].clone();
        }
    }
}

/// Waits until a client that watches two posts hears of the open one alone. Of the other another client still hears.
async fn ceases_to_hear(world: &World, client: &mut V1Client, closed: (PostId, &mut V1Client), open: PostId) {
    let (closed, witness) = closed;
    loop {
        // Both are liked, or none.
        let method = if world.counters(ANN, closed).await[0] == 0 { "PUT" } else { "DELETE" };
        world.does(ANN, method, &format!("/posts/{closed}/like")).await;
        assert_eq!(counted(witness).await, json!(closed));
        world.does(BOB, method, &format!("/posts/{open}/like")).await;
        if counted(client).await == json!(open) {
            return;
        }
        assert_eq!(counted(client).await, json!(open));
    }
}

#[tokio::test]
async fn who_may_see_a_post_no_more_hears_its_counters_no_more() {
    let world = World::new().await;
    let (anns, bobs) = (world.posts(ANN).await, world.posts(BOB).await);
    for user in [DAN, EVE] {
        world.follows(user, ANN).await;
    }
    world.send(ANN, "PATCH", "/me", Some(json!({"private": true}))).await;
    let [mut ann, mut dan, mut eve] =
        [world.server.v1(ANN).await, world.server.v1(DAN).await, world.server.v1(EVE).await];
    watches(&mut ann, anns).await;
    for client in [&mut dan, &mut eve] {
        watches(client, anns).await;
        watches(client, bobs).await;
    }
    world.does(ANN, "PUT", &format!("/users/{EVE}/block")).await;
    ceases_to_hear(&world, &mut eve, (anns, &mut ann), bobs).await;
    assert_eq!(counted(&mut dan).await, json!(anns), "others hear on");

    // A private account that takes back what it accepted closes its posts too.
    let mut dan = world.server.v1(DAN).await;
    watches(&mut dan, anns).await;
    watches(&mut dan, bobs).await;
    world.send(ANN, "PUT", &format!("/follows/{DAN}"), Some(json!({"accepted": false}))).await;
    ceases_to_hear(&world, &mut dan, (anns, &mut ann), bobs).await;
    world.server.stop().await;
}
