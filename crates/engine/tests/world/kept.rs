//! What the store does to a send: it holds, it is full, it breaks, it knows the key.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_testkit::Client;
use tidings_wire::{Code, Key};

use crate::messages::{Poke, Private, poke, private, user, world};

fn contents(client: &Client) -> Vec<String> {
    client.expects_some::<Private>().into_iter().map(|got| got.message.content).collect()
}

#[test]
fn nobody_hears_of_a_message_before_its_commit() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    let at_home = world.client(ann.user());
    world.store().holds();
    ann.send(&private(bob.user(), "hi"));
    bob.expects_nothing();
    at_home.expects_nothing();
    world.store().goes_on();
    bob.expects::<Private>();
    at_home.expects::<Private>();
}

#[test]
fn sixty_four_are_under_way_and_the_rest_waits_for_its_turn() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    world.store().holds();
    ann.sends_all((0..100).map(|number| private(bob.user(), number.to_string())));
    assert_eq!(world.store().waiting(), 64);
    ann.send(&poke(bob.user()));
    bob.expects_nothing();
    world.store().goes_on();
    let (pokes, privates): (Vec<_>, Vec<_>) = bob.texts().into_iter().partition(|text| text.contains("poke"));
    assert_eq!(pokes.len(), 1, "it is in no stream, so it may overtake some that were under way");
    let seqs = privates.iter().map(|text| serde_json::from_str::<Value>(text).unwrap()["seq"].as_u64());
    assert_eq!(seqs.collect::<Vec<_>>(), (1..=100).map(Some).collect::<Vec<_>>());
    ann.expects_nothing();
}

#[test]
fn a_full_store_is_waited_for_and_order_is_kept() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    world.store().holds();
    world.store().takes_at_most(3);
    ann.sends_all((0..10).map(|number| private(bob.user(), number.to_string())));
    assert_eq!(world.store().waiting(), 3);
    world.advance(Duration::from_millis(750));
    ann.expects_nothing();
    world.store().goes_on();
    assert_eq!(contents(&bob), (0..10).map(|number| number.to_string()).collect::<Vec<_>>());
    ann.expects_nothing();
}

#[test]
fn a_store_that_stays_full_is_unavailable_after_a_second_and_reading_goes_on() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    world.store().holds();
    world.store().takes_at_most(2);
    ann.sends_all((0..5).map(|number| private(bob.user(), number.to_string())));
    ann.send(&poke(bob.user()));
    bob.expects::<Poke>();
    world.advance(Duration::from_millis(750));
    ann.expects_nothing();
    world.advance(Duration::from_millis(500));
    for _ in 0..3 {
        assert!(ann.expects_error(Code::Unavailable).retry_after_ms.is_some());
    }
    ann.expects_nothing();
    world.store().goes_on();
    assert_eq!(contents(&bob), ["0", "1"]);
    ann.send(&private(bob.user(), "again"));
    assert_eq!(bob.expects::<Private>().seq, Some(3), "what was refused took no seq");
}

#[test]
fn a_backends_call_waits_for_room_as_long() {
    let world = world().start();
    let [bob] = world.clients([2]);
    world.store().holds();
    world.store().takes_at_most(1);
    let first = world.backend().begins_send(Some(user(1)), &private(bob.user(), "first"), None);
    let mut second = world.backend().begins_send(Some(user(1)), &private(bob.user(), "second"), None);
    let mut third = world.backend().begins_send(Some(user(1)), &private(bob.user(), "third"), None);
    world.advance(Duration::from_millis(900));
    assert!(second.is_open() && third.is_open());
    world.advance(Duration::from_millis(200));
    assert_eq!(second.answer().unwrap_err().code, Code::Unavailable);
    assert_eq!(third.answer().unwrap_err().code, Code::Unavailable);
    world.store().goes_on();
    assert_eq!(first.answer().unwrap().place, Some(("dm:1:2".parse().unwrap(), 1)));
    let after = world.backend().send(Some(user(1)), &private(bob.user(), "after")).unwrap();
    assert_eq!(after.place, Some(("dm:1:2".parse().unwrap(), 2)));
    assert_eq!(contents(&bob), ["first", "after"]);
}

#[test]
fn a_broken_store_is_unavailable_while_all_else_goes_on() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    world.store().breaks();
    ann.send(&private(bob.user(), "lost"));
    ann.expects_error(Code::Unavailable);
    ann.send(&poke(bob.user()));
    bob.expects::<Poke>();
    world.store().goes_on();
    ann.send(&private(bob.user(), "kept"));
    assert_eq!(bob.expects::<Private>().seq, Some(1));
}

#[test]
fn a_repeat_under_a_key_is_stored_and_heard_once() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    let at_home = world.client(ann.user());
    let text = |content: &str| json!({"type": "private", "to": 2, "content": content, "key": "k1"}).to_string();
    ann.sends_text(&text("hi"));
    ann.sends_text(&text("hi"));
    at_home.sends_text(&text("hi"));
    let got = bob.expects::<Private>();
    assert!(got.json.get("key").is_none(), "the guide's dialect knows no keys");
    bob.expects_nothing();
    ann.expects_nothing();
    ann.sends_text(&text("something else"));
    ann.expects_error(Code::KeyReused);
    assert_eq!(got.seq, Some(1));
}

#[test]
fn a_service_that_acts_for_a_user_has_keys_of_its_own() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    ann.sends_text(&json!({"type": "private", "to": 2, "content": "mine", "key": "k1"}).to_string());
    bob.expects::<Private>();
    let key: Key = "k1".parse().unwrap();
    let sends =
        |content| world.backend().begins_send(Some(ann.user()), &private(bob.user(), content), Some(key.clone()));
    let first = sends("the app's").answer().unwrap();
    assert!(!first.duplicate, "a user can't take a service's key");
    let again = sends("the app's").answer().unwrap();
    assert_eq!((again.id, again.duplicate, again.place), (first.id, true, Some(("dm:1:2".parse().unwrap(), 2))));
    assert_eq!(sends("something else").answer().unwrap_err().code, Code::KeyReused);
    let bobs = world.backend().begins_send(Some(bob.user()), &private(ann.user(), "hi"), Some(key.clone()));
    assert!(!bobs.answer().unwrap().duplicate, "nor is one user's another's");
}

#[test]
fn who_left_before_the_commit_has_still_sent_it() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    world.store().holds();
    ann.send(&private(bob.user(), "bye"));
    ann.disconnects();
    let [eve] = world.clients([3]);
    world.store().goes_on();
    assert_eq!(bob.expects::<Private>().from, Some(user(1)));
    eve.expects_nothing();
}

#[test]
fn what_was_sent_before_a_clean_close_is_accepted() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    world.holding(|| {
        ann.sends_all((0..200).map(|number| private(bob.user(), number.to_string())));
        ann.closes(1000);
    });
    ann.expects_close_frame(Some(1000));
    assert_eq!(contents(&bob).len(), 200);
}
