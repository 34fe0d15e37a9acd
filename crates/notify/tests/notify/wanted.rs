//! Who gets it: preferences, blocks, mutes, policies, quiet hours by a clock that a test steps.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tidings_notify::{Kind, Notify};
use tidings_testkit::SteppedClock;
use tidings_wire::UserId;

use crate::world::{ANN, BOB, EVE, World, next};

#[tokio::test]
async fn what_is_switched_off_does_not_come_and_the_trace_says_why() {
    let world = World::new().await;
    let post = world.posts(ANN).await;
    let off = json!({"preferences": [{"subtype": "post_like", "channel": "in_app", "mode": "off"}]});
    world.does(ANN, "PUT", "/preferences", Some(off)).await;
    world.likes(BOB, &post).await;
    assert_eq!(world.inbox(ANN).await["notifications"], json!([]));
    let why = "SELECT count(*) FROM notify_trace WHERE step = 'filtered' AND why LIKE 'preference:%' AND subtype = 'post_like'";
    assert_eq!(world.number(why), 1);
    // One narrower choice lets this post through.
    let on = json!({"preferences": [{"object": format!("post:{post}"), "mode": "on"}]});
    world.does(ANN, "PUT", "/preferences", Some(on)).await;
    world.likes(EVE, &post).await;
    assert_eq!(world.inbox(ANN).await["notifications"][0]["actor"], 3);
    let inherit = json!({"preferences": [{"object": format!("post:{post}"), "mode": "inherit"}]});
    world.does(ANN, "PUT", "/preferences", Some(inherit)).await;
    let shown = world.get(ANN, "/preferences").await;
    assert_eq!(shown["preferences"].as_array().map(Vec::len), Some(1), "{shown}");
    assert!(
        shown["subtypes"].as_array().is_some_and(|all| all.iter().any(|one| one["title"] == "Likes of your posts"))
    );
}

#[tokio::test]
async fn a_subtype_that_nobody_registered_can_be_switched_off_too_and_comes_once_to_one_user() {
    let world = World::new().await;
    let news = json!({"to": [1, 1], "subtype": "news", "message": "x".repeat(2_000)});
    assert_eq!(world.notifies(news.clone()).await.status, 202);
    let inbox = world.inbox(ANN).await;
    assert_eq!(inbox["notifications"].as_array().map(Vec::len), Some(1), "{inbox}");
    assert_eq!(world.number("SELECT max(length(words)) FROM notify_rows"), 500);
    world.does(ANN, "PUT", "/preferences", Some(json!({"preferences": [{"subtype": "news", "mode": "off"}]}))).await;
    assert_eq!(world.notifies(news).await.status, 202);
    assert_eq!(world.inbox(ANN).await["unread"], 1);
}

#[tokio::test]
async fn what_is_mandatory_cannot_be_switched_off() {
    let sign_in = Kind::new("sign_in", "Sign-ins").text("en", "single", "A new sign-in").expect("a text");
    let world = World::of(Notify::standard().kind(sign_in.mandatory())).await;
    let refused = json!({"preferences": [{"subtype": "sign_in", "mode": "off"}]});
    let refused = world.send(ANN, "PUT", "/preferences", Some(refused)).await;
    assert_eq!((refused.status, refused.json()["field"].as_str()), (422, Some("preferences[0].mode")), "{refused:?}");
    world.does(ANN, "PUT", "/preferences", Some(json!({"preferences": [{"mode": "off"}]}))).await;
    assert_eq!(world.notifies(json!({"to": [1], "subtype": "sign_in"})).await.status, 202);
    assert_eq!(world.inbox(ANN).await["notifications"][0]["message"], "A new sign-in");
}

#[tokio::test]
async fn who_is_blocked_or_muted_causes_none() {
    let world = World::new().await;
    let post = world.posts(ANN).await;
    world.does(ANN, "PUT", &format!("/users/{BOB}/mute"), None).await;
    world.likes(BOB, &post).await;
    world.likes(EVE, &post).await;
    assert_eq!(world.inbox(ANN).await["notifications"][0]["actors"], json!([3]));
    world.does(ANN, "PUT", &format!("/users/{EVE}/block"), None).await;
    // What is there already is shown without whoever was blocked since.
    let row = &world.inbox(ANN).await["notifications"][0];
    assert_eq!((row.get("actors"), row.get("actor")), (None, None), "{row}");
    assert_eq!(world.notifies(json!({"to": [1], "subtype": "news", "message": "Hi", "actor": 3})).await.status, 202);
    assert_eq!(world.number("SELECT count(*) FROM notify_trace WHERE why LIKE 'blocked:%'"), 1);
    assert_eq!(world.number("SELECT count(*) FROM notify_trace WHERE why LIKE 'muted:%'"), 1);
}

#[tokio::test]
async fn what_strangers_do_waits_among_the_requests_or_is_dropped() {
    let world = World::new().await;
    let post = world.posts(ANN).await;
    world.does(ANN, "PUT", "/preferences", Some(json!({"policy": {"strangers": "filter"}}))).await;
    world.does(EVE, "PUT", &format!("/users/{ANN}/follow"), None).await;
    let mut ann = world.v1(ANN).await;
    world.likes(BOB, &post).await;
    let waits = next(&mut ann, "notification").await;
    assert_eq!((&waits["request"], &waits["actor"]), (&json!(true), &json!(2)), "{waits}");
    world.likes(EVE, &post).await;
    let inbox = world.inbox(ANN).await;
    let likes: Vec<_> =
        inbox["notifications"].as_array().into_iter().flatten().map(|row| row["subtype"].clone()).collect();
    assert!(likes.contains(&json!("post_like")), "{inbox}");
    let requests = world.get(ANN, "/inbox?filter=requests").await;
    let by: Vec<_> =
        requests["notifications"].as_array().into_iter().flatten().map(|row| row["actor"].clone()).collect();
    assert!(by.contains(&json!(2)), "{requests}");
    // What waits there is not counted: the like of a follower is, and whatever else came.
    let counted = inbox["notifications"].as_array().map_or(0, Vec::len);
    assert_eq!(inbox["unread"], counted);
    world.does(ANN, "PUT", "/preferences", Some(json!({"policy": {"strangers": "drop"}}))).await;
    world.likes(UserId::new(9), &post).await;
    assert_eq!(
        world.number("SELECT count(*) FROM notify_trace WHERE owner = 1 AND why LIKE 'policy: the recipient wants%'"),
        1
    );
}

/// The night to the 29th of March 2026, in which Berlin's clocks go forward: 23:30 local time.
const BEFORE_SPRING_MS: i64 = 1_774_737_000_000;

#[tokio::test]
async fn what_comes_in_quiet_hours_waits_to_the_minute_across_a_change_of_clocks() {
    let clock = SteppedClock::new();
    clock.set_unix_ms(BEFORE_SPRING_MS);
    let folder = Arc::new(tempfile::tempdir().expect("a folder"));
    let critical = Kind::new("alarm", "Alarms").text("en", "single", "Alarm").expect("a text");
    let notify = Notify::standard().kind(critical.critical());
    let world = World::on(folder, notify, clock.clone()).await;
    let post = world.posts(ANN).await;
    let quiet = json!({"zone": "Europe/Berlin", "hours": [{"from": "22:00", "to": "07:00"}]});
    world.does(ANN, "PUT", "/quiet-hours", Some(quiet.clone())).await;
    assert_eq!(world.get(ANN, "/quiet-hours").await, quiet);
    let mut ann = world.v1(ANN).await;
    world.likes(BOB, &post).await;
    world.likes(EVE, &post).await;
    assert_eq!(world.inbox(ANN).await["notifications"], json!([]), "it waits");
    assert_eq!(world.notifies(json!({"to": [1], "subtype": "alarm"})).await.status, 202);
    assert_eq!(next(&mut ann, "notification").await["subtype"], "alarm");
    // Whoever takes it back meanwhile was never there.
    world.unlikes(EVE, &post).await;
    // From 23:30 to 07:00 it is six hours and a half that night.
    clock.advance(Duration::from_secs(6 * 3_600 + 29 * 60 + 59));
    // Nobody's connection lasts so long.
    drop(ann);
    let mut ann = world.v1(ANN).await;
    world.notifies(json!({"to": [1], "subtype": "alarm"})).await;
    assert_eq!(next(&mut ann, "notification").await["subtype"], "alarm", "a second before the end it is still quiet");
    assert_eq!(world.inbox(ANN).await["unread"], 2);
    clock.advance(Duration::from_secs(1));
    let told = next(&mut ann, "notification").await;
    assert_eq!((&told["subtype"], &told["count"], &told["actors"]), (&json!("post_like"), &json!(1), &json!([2])));
}
