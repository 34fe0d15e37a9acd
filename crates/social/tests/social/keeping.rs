//! What is kept of a user: shown, changed, erased.

use serde_json::{Value, json};
use tidings_social::PostAction;
use tidings_wire::UserId;

use crate::world::{ANN, BOB, DAN, EVE, World, like};

#[tokio::test]
async fn me_has_the_servers_choices_and_the_packs_fields() {
    let world = World::new().await;
    let me = world.get(ANN, "/me").await.json();
    assert_eq!((&me["user"], &me["receipts"], &me["private"]), (&json!(ANN), &json!(true), &json!(false)));
    let patch = async |body| world.send(ANN, "PATCH", "/me", Some(body)).await;
    let me = patch(json!({"name": "Ann", "zone": "Europe/Berlin", "receipts": false})).await.json();
    assert_eq!(
        (&me["name"], &me["zone"], &me["receipts"], &me["visible"]),
        (&json!("Ann"), &json!("Europe/Berlin"), &json!(false), &json!(true))
    );
    let me = patch(json!({"private": true, "zone": ""})).await.json();
    assert_eq!((&me["name"], me.get("zone"), &me["private"]), (&json!("Ann"), None, &json!(true)));
    for (body, field) in
        [(json!({"name": 7, "visible": false}), "name"), (json!({"private": false, "receipts": "yes"}), "receipts")]
    {
        let refused = patch(body).await;
        assert_eq!((refused.status, &refused.json()["field"]), (422, &json!(field)));
    }
    let me = world.get(ANN, "/me").await.json();
    assert_eq!((&me["visible"], &me["private"]), (&json!(true), &json!(true)), "a refused change changes nothing");
    world.server.stop().await;
}

#[tokio::test]
async fn an_erasure_takes_away_all_that_a_user_posted_did_and_is_in() {
    let world = World::new().await;
    let (anns, bobs) = (world.posts(ANN).await, world.posts(BOB).await);
    world.send(ANN, "PATCH", "/me", Some(json!({"name": "Ann"}))).await;
    for user in [BOB, EVE] {
        world.follows(user, ANN).await;
        world.follows(ANN, user).await;
        world.does(user, "PUT", &format!("/posts/{anns}/like")).await;
    }
    world.follows(EVE, BOB).await;
    for user in [ANN, EVE] {
        world.does(user, "PUT", &format!("/posts/{bobs}/like")).await;
        for content in ["one", "two"] {
            world.post(user, &format!("/posts/{bobs}/comments"), json!({"content": content})).await;
        }
        world.post(user, &format!("/posts/{bobs}/shares"), json!({})).await;
    }
    let stranger = UserId::new(9);
    world.does(ANN, "PUT", &format!("/users/{stranger}/block")).await;
    world.does(stranger, "PUT", &format!("/users/{ANN}/mute")).await;
    assert_eq!(world.counters(BOB, bobs).await, [2, 4, 2]);

    world.server.tidings().erase(ANN).await.expect("it can be erased");
    world.server.tidings().erase(ANN).await.expect("a repeat has nothing to do");
    assert_eq!(world.counters(BOB, bobs).await, [1, 2, 1]);
    for (table, columns) in [
        ("users", "id"),
        ("posts", "owner"),
        ("likes", "liker"),
        ("comments", "author"),
        ("shares", "sharer"),
        ("follows", "follower, followee"),
        ("blocks", "blocker, blocked"),
        ("mutes", "muter, muted"),
    ] {
        let left = world.number(&format!("SELECT count(*) FROM social_{table} WHERE {ANN} IN ({columns})"));
        assert_eq!(left, 0, "{table}");
    }
    assert_eq!(world.number("SELECT count(*) FROM social_likes"), 1);
    assert_eq!(world.get(EVE, &format!("/posts/{anns}")).await.code(), "not_found");

    // Eve's likes are heard by Bob, and by nobody who is gone.
    let mut bob = world.client(BOB).await;
    world.does(EVE, "DELETE", &format!("/posts/{bobs}/like")).await;
    let mut eve = world.client(EVE).await;
    eve.send(&like(bobs)).await;
    assert_eq!(bob.expects::<PostAction>().await.from, Some(EVE));
    world.server.stop().await;
}

#[tokio::test]
async fn an_export_has_all_that_a_user_posted_did_and_is_in_and_not_who_shuns_them() {
    let world = World::new().await;
    let (anns, bobs) = (world.posts(ANN).await, world.posts(BOB).await);
    world.send(ANN, "PATCH", "/me", Some(json!({"name": "Ann", "private": true}))).await;
    for path in ["comments", "shares"] {
        world.post(ANN, &format!("/posts/{bobs}/{path}"), json!({"content": path})).await;
    }
    world.does(ANN, "PUT", &format!("/posts/{bobs}/like")).await;
    world.follows(ANN, BOB).await;
    assert_eq!(world.follows(EVE, ANN).await, "pending");
    world.does(ANN, "PUT", "/users/8/block").await;
    world.does(ANN, "PUT", "/users/9/mute").await;
    // What others do of themselves is theirs.
    world.does(DAN, "PUT", &format!("/users/{ANN}/block")).await;
    world.does(BOB, "PUT", &format!("/users/{ANN}/mute")).await;
    world.post(BOB, &format!("/posts/{bobs}/comments"), json!({"content": "mine"})).await;
    // More than one page, from beside the server.
    world.writes(&format!(
        "INSERT INTO social_follows (follower, followee, state, created_at) WITH RECURSIVE number(n) AS \
         (SELECT 1000 UNION ALL SELECT n + 1 FROM number WHERE n < 2200) SELECT n, {ANN}, 'accepted', 7 FROM number"
    ));

    let export = world.backend().await.get(&format!("/v1/users/{ANN}/export")).await;
    let lines: Vec<Value> = export.body.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |record: &str| lines.iter().filter(|line| line["record"] == record).collect::<Vec<_>>();
    for (record, expected) in [
        ("profile", json!({"name": "Ann", "private": true})),
        ("post", json!({"id": anns, "content": "hello"})),
        ("comment", json!({"post_id": bobs, "content": "comments"})),
        ("like", json!({"post_id": bobs})),
        ("share", json!({"post_id": bobs, "content": "shares"})),
        ("following", json!({"user_id": BOB, "state": "accepted"})),
        ("block", json!({"user_id": 8})),
        ("mute", json!({"user_id": 9})),
    ] {
        let [found] = of(record)[..] else { panic!("one {record} of {lines:?}") };
        for (field, value) in expected.as_object().expect("an object") {
            assert_eq!(&found[field], value, "{field} of {found}");
        }
        assert!(record == "profile" || found["timestamp"].is_i64(), "{found}");
    }
    let followers = of("follower");
    let who = |at: usize| (followers[at]["user_id"].clone(), followers[at]["state"].clone());
    assert_eq!((followers.len(), who(1200)), (1202, (json!(2200), json!("accepted"))), "page by page, in order");
    assert_eq!(who(1201), (json!(EVE), json!("pending")));
    assert_eq!(lines.last().map(|line| &line["record"]), Some(&json!("end")));
    assert!(!export.body.contains("mine"), "{}", export.body);
    world.server.stop().await;
}
