//! What goes with time, and what goes with a user.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tidings_notify::Notify;
use tidings_testkit::SteppedClock;
use tidings_wire::client_frames::Hello;

use crate::world::{ANN, BOB, EVE, World, next};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn a_row_of_ninety_days_goes_and_is_told_and_later_nobody_knows_of_it() {
    let (clock, folder) = (SteppedClock::new(), Arc::new(tempfile::tempdir().expect("a folder")));
    clock.set_unix_ms(1_780_000_000_000);
    let world = World::on(folder, Notify::standard(), clock.clone()).await;
    let post = world.posts(ANN).await;
    world.likes(BOB, &post).await;
    let mut ann = world.server.v1_saying(ANN, Hello::default()).await;
    let epoch = ann.expects_welcome().await.epoch;
    clock.advance(DAY * 91);
    world.comes_to("SELECT count(*) FROM notify_rows WHERE is_removed = 1", 1).await;
    // Nobody's connection lasts so long.
    drop(ann);
    let hello = |head: u64| Hello {
        epoch: Some(epoch.clone()),
        heads: [("inbox".to_owned(), head)].into(),
        ..Hello::default()
    };
    let mut ann = world.server.v1_saying(ANN, hello(1)).await;
    let gone = next(&mut ann, "notification").await;
    assert_eq!((&gone["removed"], &gone["seq"], &gone["unread"]), (&json!(true), &json!(2), &json!(0)), "{gone}");
    assert_eq!(world.inbox(ANN).await["notifications"], json!([]));
    drop(ann);
    clock.advance(DAY * 31);
    world.comes_to("SELECT count(*) FROM notify_rows", 0).await;
    let mut ann = world.server.v1_saying(ANN, hello(1)).await;
    let resumed = next(&mut ann, "resumed").await;
    assert_eq!(resumed["inbox"], json!({"head": 2}), "what is held is replaced by pages");
}

#[tokio::test]
async fn with_a_user_goes_their_inbox_and_their_part_in_others() {
    let world = World::new().await;
    let post = world.posts(ANN).await;
    let theirs = world.posts(BOB).await;
    world.likes(BOB, &post).await;
    world.likes(EVE, &post).await;
    world.likes(ANN, &theirs).await;
    world.notifies(json!({"to": [1], "subtype": "news", "message": "Bob is here", "actor": 2})).await;
    world.does(BOB, "PUT", "/preferences", Some(json!({"preferences": [{"subtype": "mention", "mode": "off"}]}))).await;
    let export = world.server.by_service("read").await.get(&format!("/v1/users/{BOB}/export")).await;
    let records: Vec<&str> = export.body.lines().filter(|line| line.contains("\"notification\"")).collect();
    assert!(records.len() == 1 && records[0].contains("liked your post"), "{}", export.body);
    assert!(export.body.contains("\"record\":\"preference\""), "{}", export.body);
    let erased = world.server.by_service("admin").await.delete(&format!("/v1/users/{BOB}/data")).await;
    assert_eq!(erased.status, 200, "{erased:?}");
    let inbox = world.inbox(ANN).await;
    let rows = inbox["notifications"].as_array().expect("rows");
    assert_eq!((rows.len(), &rows[0]["actors"], &rows[0]["events"]), (1, &json!([3]), &json!(1)), "{inbox}");
    assert_eq!(inbox["unread"], 1);
    for table in ["notify_inboxes", "notify_preferences", "notify_policies"] {
        assert_eq!(world.number(&format!("SELECT count(*) FROM {table} WHERE owner = 2")), 0, "{table}");
    }
    assert_eq!(world.number("SELECT count(*) FROM notify_rows WHERE owner = 2 OR actor = 2"), 0);
    assert_eq!(world.number("SELECT count(*) FROM notify_actors WHERE actor = 2"), 0);
}
