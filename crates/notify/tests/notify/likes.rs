//! From a like to the owner's inbox, and back.

use serde_json::json;
use tidings_wire::{UserId, server_frames::Notification};

use crate::world::{ANN, BOB, World, next};

#[tokio::test]
async fn a_like_is_one_notification_live_with_counters_and_stored() {
    let world = World::new().await;
    world.is_called(BOB, "Bob").await;
    let post = world.posts(ANN).await;
    let mut ann = world.v1(ANN).await;
    let mut guide = world.guide(ANN).await;
    world.likes(BOB, &post).await;
    let told: Notification = serde_json::from_value(next(&mut ann, "notification").await).expect("a notification");
    assert_eq!(told.message, "Bob liked your post");
    assert_eq!((told.unread, told.unseen, told.count), (Some(1), Some(1), 1));
    assert_eq!(told.data["liker_id"], 2);
    let flat = next(&mut guide, "notification").await;
    assert_eq!((&flat["subtype"], &flat["message"]), (&json!("post_like"), &json!("Bob liked your post")));
    assert_eq!((&flat["liker_id"], &flat["data"]["liker_id"]), (&json!(2), &json!(2)));
    let inbox = world.inbox(ANN).await;
    assert_eq!(inbox["notifications"][0]["id"], json!(told.id));
    assert_eq!((&inbox["unread"], &inbox["unseen"]), (&json!(1), &json!(1)));
    assert_eq!(world.inbox(BOB).await["notifications"], json!([]));
}

#[tokio::test]
async fn thirteen_likes_are_one_row_and_without_them_there_is_none() {
    let world = World::new().await;
    let post = world.posts(ANN).await;
    let likers: Vec<UserId> = (101..114).map(UserId::new).collect();
    for liker in &likers {
        world.likes(*liker, &post).await;
    }
    world.is_called(likers[12], "Zoe").await;
    let inbox = world.inbox(ANN).await;
    let rows = inbox["notifications"].as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{inbox}");
    assert_eq!(rows[0]["message"], "Zoe and 12 others liked your post");
    assert_eq!((&rows[0]["count"], rows[0]["actors"].as_array().map(Vec::len)), (&json!(13), Some(10)));
    assert_eq!(inbox["unread"], 1);
    world.unlikes(likers[12], &post).await;
    let inbox = world.inbox(ANN).await;
    assert_eq!(inbox["notifications"][0]["count"], 12);
    assert_eq!(inbox["notifications"][0]["actor"], 112);
    for liker in &likers {
        world.unlikes(*liker, &post).await;
    }
    let inbox = world.inbox(ANN).await;
    assert_eq!((&inbox["notifications"], &inbox["unread"], &inbox["unseen"]), (&json!([]), &json!(0), &json!(0)));
    assert_eq!(world.number("SELECT count(*) FROM notify_actors"), 0);
}

#[tokio::test]
async fn the_last_frame_of_a_storm_has_the_counters_of_the_inbox() {
    let world = World::new().await;
    let posts = [world.posts(ANN).await, world.posts(ANN).await, world.posts(ANN).await];
    let mut ann = world.v1(ANN).await;
    for round in 0..30_u32 {
        let likes = posts.iter().map(|post| world.likes(UserId::new(1_000 + round), post));
        futures_util::future::join_all(likes).await;
        let mark = json!({"state": "read", "up_to": 1_000_000});
        let like = world.likes(UserId::new(2_000 + round), &posts[0]);
        futures_util::future::join(world.does(ANN, "POST", "/inbox/mark", Some(mark)), like).await;
    }
    // What comes last is heard last: until then the counters may be those of any moment.
    world.notifies(json!({"to": [1], "subtype": "end", "message": "that was all"})).await;
    let end = loop {
        let frame = next(&mut ann, "notification").await;
        if frame["subtype"] == "end" {
            break frame;
        }
    };
    let inbox = world.inbox(ANN).await;
    assert_eq!((&end["unread"], &end["unseen"]), (&inbox["unread"], &inbox["unseen"]), "{end}");
}
