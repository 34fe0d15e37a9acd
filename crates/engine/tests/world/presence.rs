//! Presence: told to watchers, when it changes, as far as they may see it.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tidings_engine::{
    Settings,
    clock::Clock,
    ports::{Acquaintances, BoxFuture, StoreError, Visibility},
};
use tidings_testkit::{Client, World, memory::MemoryStore};
use tidings_wire::{CloseCode, UserId};

use crate::{
    messages::{GROUP, private, to_group, user, world},
    watching::{arrives, asks, expects_presence, watches},
};

const SECOND: Duration = Duration::from_secs(1);

/// A moment in which what changed a moment ago is told.
const SOON: Duration = Duration::from_millis(250);

fn seconds(world: &World) -> i64 {
    world.clock().now().unix()
}

#[test]
fn online_is_told_at_the_first_connection_and_offline_10_seconds_after_the_last() {
    let world = world().shards(2).start();
    let ann = arrives(&world, 1);
    assert_eq!(watches(&ann, &[2]), [(2, Some(Value::Null))]);
    let bob = world.client(user(2));
    assert_eq!(expects_presence(&ann), (2, None));
    let bob_at_home = arrives(&world, 2);
    bob.disconnects();
    world.advance(15 * SECOND);
    ann.expects_nothing();
    bob_at_home.disconnects();
    let left = seconds(&world);
    world.advance(Duration::from_millis(9_500));
    ann.expects_nothing();
    assert!(world.backend().presence(Some(user(1)), vec![user(2)])[0].online, "as it is told");
    assert!(!world.backend().presence(None, vec![user(2)])[0].online, "the app sees what is");
    world.advance(SECOND);
    assert_eq!(expects_presence(&ann), (2, Some(json!(left))));
    let eve = arrives(&world, 3);
    assert_eq!(watches(&eve, &[2, 1]), [(2, Some(json!(left))), (1, None)]);
    assert_eq!(world.backend().presence(Some(user(3)), vec![user(2)])[0].last_seen, Some(left));
}

#[test]
fn who_comes_back_within_10_seconds_was_never_away() {
    let world = world().shards(2).start();
    let ann = arrives(&world, 1);
    let mut bob = arrives(&world, 2);
    assert_eq!(watches(&ann, &[2]), [(2, None)]);
    for _ in 0..5 {
        bob.disconnects();
        world.advance(9 * SECOND);
        bob = arrives(&world, 2);
        world.advance(SECOND);
    }
    world.advance(12 * SECOND);
    ann.expects_nothing();
}

#[test]
fn a_watcher_that_has_gone_or_unwatched_is_told_nothing_and_costs_no_post() {
    let world = world().shards(2).start();
    let [ann, eve] = [1, 3].map(|id| arrives(&world, id));
    watches(&ann, &[2]);
    watches(&eve, &[2]);
    asks(&ann, json!({"type": "unwatch", "users": [2]}));
    eve.disconnects();
    let posts = world.posts();
    let _bob = arrives(&world, 2);
    world.advance(SECOND);
    ann.expects_nothing();
    assert_eq!(world.posts(), posts, "no shard has watchers of bob");
}

#[test]
fn only_the_shards_with_watchers_are_told() {
    let world = world().shards(4).start();
    let ann = crate::watching::welcomed(world.v1_on(3, user(1), &json!({"type": "hello"})));
    watches(&ann, &[2]);
    let posts = world.posts();
    let _bob = world.client_on(0, user(2));
    assert_eq!(world.posts(), posts + 1);
    assert_eq!(expects_presence(&ann), (2, None));
}

/// Sees even users, and those that are told to be seen.
#[derive(Default)]
struct Even(std::sync::Mutex<Vec<UserId>>);

impl Visibility for Even {
    fn may_see(&self, _: UserId, users: Vec<UserId>) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let open = self.0.lock().expect("nothing panics while it holds this lock").clone();
        let even = |id: &UserId| (0..100).step_by(2).any(|even| *id == user(even)) || open.contains(id);
        Box::pin(std::future::ready(Ok(users.into_iter().filter(even).collect())))
    }
}

#[test]
fn who_may_not_be_seen_looks_like_somebody_who_was_never_there() {
    let world = world().visibility(Arc::new(Even::default())).start();
    let ann = arrives(&world, 1);
    let bob = arrives(&world, 3);
    assert_eq!(
        watches(&ann, &[3, 5, 4, 1]),
        [(3, Some(Value::Null)), (5, Some(Value::Null)), (4, Some(Value::Null)), (1, None)],
        "hidden, hidden and away, never there, oneself"
    );
    bob.disconnects();
    world.advance(12 * SECOND);
    let _ = arrives(&world, 3);
    world.advance(SECOND);
    ann.expects_nothing();
    let asked = world.backend().presence(Some(user(1)), vec![user(3), user(1)]);
    assert_eq!(asked.iter().map(|one| (one.online, one.last_seen)).collect::<Vec<_>>(), [(false, None), (true, None)]);
    assert!(world.backend().presence(None, vec![user(3)])[0].online);
}

#[test]
fn when_it_changes_who_sees_whom_watchers_are_told_what_they_see_now() {
    let sees = Arc::new(Even::default());
    let world = world().shards(2).visibility(sees.clone()).start();
    let [ann, ann_at_home] = [1, 1].map(|id| arrives(&world, id));
    let _bob = arrives(&world, 3);
    watches(&ann, &[3]);
    watches(&ann_at_home, &[3]);
    sees.0.lock().unwrap().push(user(3));
    world.backend().sight_changed(user(1), user(3));
    [&ann, &ann_at_home].into_iter().for_each(|client| assert_eq!(expects_presence(client), (3, None)));
    sees.0.lock().unwrap().clear();
    world.backend().sight_changed(user(1), user(3));
    [&ann, &ann_at_home].into_iter().for_each(|client| assert_eq!(expects_presence(client), (3, Some(Value::Null))));
}

#[test]
fn people_who_share_a_conversation_see_one_another() {
    let builder = world();
    let memory = Arc::new(MemoryStore::new(builder.clock()));
    let sees = Arc::new(Acquaintances::new(memory.clone()));
    let world = builder.store(memory.clone(), memory).visibility(sees).start();
    let [ann, bob, eve, kim] = [1, 2, 3, 4].map(|id| arrives(&world, id));
    ann.send(&private(bob.user(), "hi"));
    world.backend().adds(GROUP, [ann.user(), eve.user()]);
    [&ann, &bob, &eve].into_iter().for_each(|client| drop(client.texts()));
    assert_eq!(watches(&ann, &[2, 3, 4]), [(2, None), (3, None), (4, Some(Value::Null))]);
    assert_eq!(watches(&bob, &[1, 3]), [(1, None), (3, Some(Value::Null))]);
    assert_eq!(watches(&kim, &[1]), [(1, Some(Value::Null))]);
    ann.send(&to_group("hello"));
}

#[test]
fn the_invisible_look_offline_to_others_at_once_and_are_online_to_the_engine() {
    let world = world().shards(2).start();
    let [ann, bob, bob_at_home] = [1, 2, 2].map(|id| arrives(&world, id));
    watches(&ann, &[2]);
    watches(&bob, &[2]);
    world.advance(SECOND);
    world.backend().chooses(user(2), None, Some(false)).unwrap();
    let hidden = seconds(&world) - 10;
    assert_eq!(expects_presence(&ann), (2, Some(json!(hidden))), "as if the last connection went 10 s ago");
    bob.expects_nothing();
    assert!(world.is_online(user(2)) && world.backend().presence(None, vec![user(2)])[0].online);
    assert!(!world.backend().presence(Some(user(1)), vec![user(2)])[0].online);
    ann.send(&private(user(2), "still heard"));
    assert_eq!(bob.expects_json()["content"], "still heard");
    ann.texts();
    // Coming and going shows nothing, whatever the dialect, and when they were really last seen neither.
    bob.disconnects();
    bob_at_home.disconnects();
    world.advance(30 * SECOND);
    let guide = world.client(user(2));
    world.advance(SECOND);
    guide.disconnects();
    world.advance(30 * SECOND);
    ann.expects_nothing();
    let eve = arrives(&world, 3);
    assert_eq!(watches(&eve, &[2]), [(2, Some(json!(hidden)))]);
    let _guide = world.client(user(2));
    world.advance(SECOND);
    eve.expects_nothing();
    world.backend().chooses(user(2), None, Some(true)).unwrap();
    world.advance(SOON);
    [&ann, &eve].into_iter().for_each(|client| assert_eq!(expects_presence(client), (2, None)));
}

#[test]
fn who_was_invisible_while_nobody_watched_left_no_trace() {
    let world = world().start();
    world.backend().chooses(user(2), None, Some(false)).unwrap();
    let bob = world.client(user(2));
    world.advance(SECOND);
    bob.disconnects();
    world.advance(12 * SECOND);
    let ann = arrives(&world, 1);
    assert_eq!(watches(&ann, &[2]), [(2, Some(Value::Null))]);
    let eve = world.client(user(3));
    world.advance(SECOND);
    eve.disconnects();
    let left = seconds(&world);
    world.advance(12 * SECOND);
    assert_eq!(watches(&ann, &[3]), [(3, Some(json!(left)))], "who was visible is remembered, watched or not");
}

#[test]
fn a_store_that_says_nothing_of_choices_lets_nobody_be_told_online_until_it_does() {
    let world = world().start();
    let ann = arrives(&world, 1);
    watches(&ann, &[2]);
    world.store().reads_no_choices(true);
    let _bob = world.client(user(2));
    world.advance(3 * SECOND);
    ann.expects_nothing();
    world.store().reads_no_choices(false);
    world.advance(2 * SECOND);
    assert_eq!(expects_presence(&ann), (2, None));
}

#[test]
fn what_a_user_withdraws_is_hidden_before_it_is_stored_and_shown_again_where_that_fails() {
    let world = world().start();
    let [ann, _bob] = [1, 2].map(|id| arrives(&world, id));
    watches(&ann, &[2]);
    world.store().chooses_nothing(true);
    assert!(world.backend().chooses(user(2), None, Some(false)).is_err());
    world.advance(SECOND);
    let told: Vec<_> =
        ann.texts().iter().map(|text| serde_json::from_str::<Value>(text).unwrap()["online"].clone()).collect();
    assert_eq!(told.last().unwrap_or(&json!(true)), &json!(true), "nothing was stored");
    world.store().chooses_nothing(false);
    world.backend().chooses(user(2), Some(false), Some(false)).unwrap();
    world.advance(SECOND);
    assert!(expects_presence(&ann).1.is_some());
    let now = world.backend().chooses(user(2), None, Some(true)).unwrap();
    assert!(!now.receipts && now.visible, "what is not given stays");
}

#[test]
fn a_storm_of_3000_users_is_one_post_a_shard_and_a_frame_a_watched_user() {
    const USERS: u32 = 3_000;
    let world = world().shards(2).start();
    let [ann, eve] = [10_001, 10_002].map(|id| arrives(&world, id));
    let watched: Vec<u32> = (0..500).collect();
    watches(&ann, &watched);
    watches(&eve, &[0]);
    let arrive = |range: std::ops::Range<u32>| range.map(|id| world.client(user(id))).collect::<Vec<Client>>();
    let mut clients = Vec::new();
    let posts = world.posts();
    world.holding(|| clients = arrive(0..USERS));
    world.advance(SECOND);
    assert_eq!(ann.texts().len(), 500);
    assert_eq!(eve.texts().len(), 1);
    let handed = world.posts() - posts;
    assert!(handed <= 4, "{handed} posts for {USERS} users");
    // All go and come back within 10 s: nothing is told, and no shard is handed anything.
    let posts = world.posts();
    world.holding(|| clients.iter().for_each(Client::disconnects));
    world.advance(5 * SECOND);
    world.holding(|| clients = arrive(0..USERS));
    world.advance(20 * SECOND);
    [&ann, &eve].into_iter().for_each(|client| client.expects_nothing());
    assert_eq!(world.posts(), posts);
    // All go for good.
    world.holding(|| clients.iter().for_each(Client::disconnects));
    world.advance(12 * SECOND);
    assert_eq!((ann.texts().len(), eve.texts().len()), (500, 1));
    let handed = world.posts() - posts;
    assert!(handed <= 4, "{handed} posts for {USERS} users");
}

/// Who does not read answers no pings either: that is not what is tested here.
fn patient(outbox_bytes: usize) -> impl FnOnce(&mut Settings) {
    move |settings| {
        settings.outbox_bytes = outbox_bytes;
        settings.ping_after = Duration::from_secs(3_600);
    }
}

#[test]
fn a_watcher_who_does_not_read_is_told_the_newest_state_once_it_does_and_never_closed() {
    let world = world().socket_bytes(200).settings(patient(4_000)).start();
    let ann = arrives(&world, 1);
    let watched: Vec<u32> = (10..210).collect();
    watches(&ann, &watched);
    ann.stops_reading();
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..4 {
        clients = watched.iter().map(|&id| world.client(user(id))).collect();
        world.advance(SECOND);
        // The hundred that go come back too late not to be told, the last time not at all.
        clients.iter().take(100).for_each(Client::disconnects);
        world.advance(11 * SECOND);
    }
    ann.reads_on();
    world.advance(SECOND);
    assert!(ann.is_open(), "presence closes nobody");
    let frames: Vec<Value> = ann.texts().iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert!((200..300).contains(&frames.len()), "{} frames for 1,200 changes", frames.len());
    for (at, &id) in watched.iter().enumerate() {
        let last = frames.iter().rev().find(|frame| frame["user"] == id).expect("each has changed");
        assert_eq!(last["online"], json!(at >= 100), "{last}");
    }
    drop(clients);
}

#[test]
fn only_messages_close_a_slow_reader_and_typing_is_not_kept_for_one() {
    let world = world().socket_bytes(400).settings(patient(2_000)).start();
    let [ann, bob] = [1, 2].map(|id| arrives(&world, id));
    watches(&ann, &[2]);
    ann.stops_reading();
    for number in 0..40 {
        asks(&bob, json!({"type": "typing", "to": 1}));
        world.advance(3 * SECOND);
        if number == 0 {
            (0..2).for_each(|_| bob.send(&private(user(1), "x".repeat(300))));
            bob.texts();
        }
    }
    assert!(world.is_online(user(1)));
    ann.reads_on();
    world.advance(SECOND);
    let types: Vec<Value> =
        ann.texts().iter().map(|text| serde_json::from_str::<Value>(text).unwrap()["type"].clone()).collect();
    let typing = types.iter().filter(|kind| **kind == json!("typing")).count();
    assert!(typing <= 5, "{types:?}");
    asks(&bob, json!({"type": "typing", "to": 1}));
    assert_eq!(ann.expects_json()["type"], "typing");
    ann.stops_reading();
    (0..20).for_each(|_| bob.send(&private(user(1), "x".repeat(300))));
    ann.reads_on();
    world.advance(SECOND);
    ann.texts();
    ann.expects_close(CloseCode::SlowReader);
}
