//! Private messages, as the guide's.

use tidings_engine::clock::Clock;
use tidings_wire::MessageId;

use crate::messages::{Poke, Private, poke, private, world};

#[test]
fn it_reaches_the_other_on_every_connection_and_the_senders_other_ones() {
    let world = world().start();
    let [ann, bob, eve] = world.clients([1, 2, 3]);
    let (ann_at_home, bob_at_home) = (world.client(ann.user()), world.client(bob.user()));
    ann.send(&private(bob.user(), "hi"));
    for hears in [&bob, &bob_at_home, &ann_at_home] {
        let got = hears.expects::<Private>();
        assert_eq!((got.content.as_str(), got.from), ("hi", Some(ann.user())));
        assert_eq!((got.conversation, got.seq), (Some("dm:1:2".parse().unwrap()), Some(1)));
    }
    ann.expects_nothing();
    eve.expects_nothing();
}

#[test]
fn both_directions_are_one_stream_without_a_hole() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    for number in 0..10_u64 {
        let (from, to) = if number % 3 == 0 { (&bob, &ann) } else { (&ann, &bob) };
        from.send(&private(to.user(), "hi"));
        let got = to.expects::<Private>();
        assert_eq!((got.conversation, got.seq), (Some("dm:1:2".parse().unwrap()), Some(number + 1)));
    }
}

#[test]
fn a_note_to_oneself_is_heard_on_ones_other_connections() {
    let world = world().start();
    let [ann] = world.clients([7]);
    let at_home = world.client(ann.user());
    ann.send(&private(ann.user(), "milk"));
    let got = at_home.expects::<Private>();
    assert_eq!((got.conversation, got.seq), (Some("dm:7:7".parse().unwrap()), Some(1)));
    at_home.expects_nothing();
    ann.expects_nothing();
}

#[test]
fn what_the_client_forges_is_overwritten() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    ann.sends_text(
        r#"{"from":9,"id":"1","user_id":9,"timestamp":1,"conversation":"dm:8:9","seq":77,"replayed":true,"ref":5,
            "mood":"sly","type":"private","to":2,"content":"hi"}"#,
    );
    let got = bob.expects::<Private>();
    assert_eq!((got.from, got.seq), (Some(ann.user()), Some(1)));
    assert_eq!(got.timestamp, world.clock().now().unix());
    assert_ne!(got.id, MessageId::from_stored(1).unwrap());
    let mut names: Vec<_> = got.json.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let known = ["content", "conversation", "from", "id", "seq", "timestamp", "to", "type", "user_id"];
    assert_eq!(names, known, "unknown fields and the client's own envelope are dropped");
}

#[test]
fn ids_rise_and_say_when() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    let mut last = None;
    for _ in 0..5 {
        ann.send(&private(bob.user(), "hi"));
        ann.send(&poke(bob.user()));
        let (kept, not_kept) = (bob.expects::<Private>(), bob.expects::<Poke>());
        assert!(Some(kept.id) > last && not_kept.id > kept.id);
        last = Some(not_kept.id);
        world.advance(std::time::Duration::from_millis(700));
    }
    assert_eq!(bob.expects_some::<Poke>().len(), 0);
}

#[test]
fn without_a_store_it_is_delivered_and_has_no_seq() {
    let world = world().settings(|settings| settings.keep = false).start();
    let [ann, bob] = world.clients([1, 2]);
    ann.send(&private(bob.user(), "hi"));
    let got = bob.expects::<Private>();
    assert_eq!((got.conversation, got.seq), (None, None));
    ann.expects_nothing();
}

#[test]
fn a_user_who_is_away_hears_nothing_later() {
    let world = world().start();
    let [ann] = world.clients([1]);
    assert!(!world.is_online(crate::messages::user(2)));
    ann.send(&private(crate::messages::user(2), "hi"));
    let [bob] = world.clients([2]);
    assert!(world.is_online(bob.user()));
    bob.expects_nothing();
    bob.disconnects();
    assert!(!world.is_online(bob.user()));
}
