//! What is kept of a user: shown, changed, erased.

use serde_json::json;
use tidings_social::PostAction;
use tidings_wire::UserId;

use crate::world::{ANN, BOB, EVE, World, like};

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
