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
