//! Public and private accounts, and who hears of what: the guide's case.

use serde_json::json;
use tidings_social::PostAction;
use tidings_wire::UserId;

use crate::world::{ANN, BOB, DAN, EVE, World, like};

#[tokio::test]
async fn a_like_reaches_the_owner_and_the_online_accepted_followers_not_the_pending_one_nor_the_sender() {
    let world = World::new().await;
    let post = world.posts(ANN).await;
    for follower in [BOB, EVE, UserId::new(9)] {
        assert_eq!(world.follows(follower, ANN).await, "accepted");
    }
    assert_eq!(world.send(ANN, "PATCH", "/me", Some(json!({"private": true}))).await.status, 200);
    assert_eq!(world.follows(DAN, ANN).await, "pending");
    let [mut ann, mut bob, mut eve, mut dan] = world.clients([ANN, BOB, EVE, DAN]).await;
    eve.send(&like(post)).await;
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.expects::<PostAction>().await.from, Some(EVE));
        client.expects_nothing().await;
    }
    // Who is pending sees no posts of a private account, so hears nothing of them.
    dan.send(&like(post)).await;
    dan.expects_error(tidings_wire::Code::NotFound).await;
    for client in [&mut eve, &mut dan] {
        client.expects_nothing().await;
    }
    world.server.stop().await;
}

#[tokio::test]
async fn a_private_account_is_asked_and_answers() {
    let world = World::new().await;
    world.send(ANN, "PATCH", "/me", Some(json!({"private": true, "name": "Ann"}))).await;
    for follower in [DAN, EVE] {
        assert_eq!(world.follows(follower, ANN).await, "pending");
    }
    let asking = world.get(ANN, "/follows?state=pending").await.json();
    assert_eq!((&asking["follows"][0]["follower"], &asking["follows"][1]["follower"]), (&json!(EVE), &json!(DAN)));
    let page = world.get(ANN, "/follows?limit=1").await.json();
    assert_eq!((page["follows"].as_array().map(Vec::len), &page["more"]), (Some(1), &json!(true)));
    let answer = async |follower: UserId, accepted: bool| {
        let body = Some(json!({"accepted": accepted}));
        world.send(ANN, "PUT", &format!("/follows/{follower}"), body).await.status
    };
    assert_eq!((answer(DAN, true).await, answer(EVE, false).await, answer(BOB, true).await), (204, 204, 404));
    let shown = async |user| world.get(user, &format!("/users/{ANN}")).await.json();
    assert_eq!(
        shown(DAN).await,
        json!({"id": 1, "name": "Ann", "private": true, "follow": "accepted", "blocked": false, "muted": false})
    );
    assert_eq!(shown(EVE).await["follow"], "denied");
    assert_eq!(shown(BOB).await["follow"], json!(null));
    assert_eq!(world.follows(EVE, ANN).await, "pending", "who was denied asks anew");

    let followers = format!("/users/{ANN}/followers");
    assert_eq!(world.get(DAN, &followers).await.json(), json!({"users": [DAN], "more": false}));
    assert_eq!(world.get(BOB, &followers).await.code(), "not_found");
    assert_eq!(world.get(BOB, &format!("/posts?by={ANN}")).await.code(), "not_found");
    assert_eq!(world.get(DAN, &format!("/users/{DAN}/following")).await.json()["users"], json!([ANN]));
    world.does(DAN, "DELETE", &format!("/users/{ANN}/follow")).await;
    assert_eq!(world.get(ANN, &followers).await.json()["users"], json!([]));
    assert_eq!(world.send(ANN, "PUT", &format!("/users/{ANN}/follow"), None).await.code(), "bad_field");
    world.server.stop().await;
}
