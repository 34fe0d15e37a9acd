//! Types that are kept for a time: what is older goes, readers skip it.

use std::time::Duration;

use serde_json::json;
use tidings_engine::registry::TypeSettings;
use tidings_wire::{Keep, Key};

use crate::{
    messages::{Poke, Private, poke, private, user, world},
    watching::{arrives, asks},
};

const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn what_is_older_than_its_type_is_kept_is_skipped_and_the_rest_stays() {
    let keep = TypeSettings { keep: Some(Keep::For(HOUR)), ..TypeSettings::default() };
    let world = world().configure("private", keep).settings(|settings| settings.ping_after = 10 * HOUR).start();
    let ann = arrives(&world, 1);
    let bob = world.client(user(2));
    // More than one step deletes.
    for number in 0..2_500 {
        ann.send(&private(bob.user(), format!("{number}")));
    }
    ann.texts();
    assert_eq!(bob.expects_some::<Private>().len(), 2_500);
    world.advance(HOUR / 2);
    ann.send(&private(bob.user(), "young"));
    ann.texts();
    world.advance(HOUR / 2 + Duration::from_secs(90));
    asks(&ann, json!({"type": "history", "ref": 1, "conversation": "dm:1:2", "after": 0}));
    let page = ann.expects_json();
    assert_eq!(page["messages"][0]["content"], "young", "{page}");
    assert_eq!((&page["oldest"], &page["head"]), (&json!(2_501), &json!(2_501)));
    let again = world.v1(user(2), &json!({"type": "hello", "epoch": "memory", "heads": {"dm:1:2": 2_400}}));
    assert_eq!(again.expects_json()["type"], "welcome");
    let reset = again.expects_json();
    assert_eq!((&reset["type"], &reset["reason"]), (&json!("reset"), &json!("pruned")), "{reset}");
    assert_eq!(again.expects_json()["content"], "young");
    assert_eq!(bob.expects::<Private>().message.content, "young");
    bob.expects_nothing();
}

#[test]
fn a_key_of_what_is_not_kept_is_remembered_for_a_day_and_then_free_again() {
    let world = world().settings(|settings| settings.ping_after = 100 * HOUR).start();
    let bob = world.client(user(2));
    let key: Key = "k1".parse().unwrap();
    let send = || world.backend().begins_send(Some(user(1)), &poke(bob.user()), Some(key.clone())).answer().unwrap();
    let first = send();
    assert_eq!(bob.expects::<Poke>().id, first.id);
    world.advance(24 * HOUR - Duration::from_secs(1));
    let again = send();
    assert_eq!((again.id, again.timestamp, again.duplicate), (first.id, first.timestamp, true));
    world.advance(Duration::from_secs(120));
    let other = send();
    assert!(!other.duplicate && other.id != first.id);
    assert_eq!(bob.expects::<Poke>().id, other.id, "and nothing in between");
    bob.expects_nothing();
}
