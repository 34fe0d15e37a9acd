//! Pages and marks of the inbox over the socket.

use serde_json::{Value, json};
use tidings_engine::ports::{InboxMarked, MarkedRows};
use tidings_testkit::memory::MemoryInbox;
use tidings_wire::{MessageId, server_frames::RowState};

use crate::{
    inbox::{seqs, with_rows},
    world::{builder, connect, expects_type, says, user, world},
};

#[test]
fn a_page_shows_the_latest_change_first() {
    let (world, inbox) = with_rows(5);
    inbox.grows(user(2), MessageId::from_stored(2).unwrap());
    let bob = connect(&world, 2);
    let page = |asked: &Value| {
        says(&bob, asked);
        let page = expects_type(&bob, "inbox");
        let seqs = seqs(page["notifications"].as_array().unwrap());
        (page["ref"].clone(), seqs, page["more"].clone(), page["unread"].clone())
    };
    let all = (json!(6), vec![6, 5, 4, 3, 1], json!(false), json!(5));
    assert_eq!(page(&json!({"type": "inbox", "ref": 6})), all);
    let some = page(&json!({"type": "inbox", "ref": 7, "before": 5, "limit": 2}));
    assert_eq!(some, (json!(7), vec![4, 3], json!(true), json!(5)));
    inbox.marks(user(2), InboxMarked { state: RowState::Archived, rows: MarkedRows::UpTo(3) });
    let archived = page(&json!({"type": "inbox", "filter": "archived"}));
    assert_eq!(archived, (json!(null), vec![3, 1], json!(false), json!(3)));
    assert_eq!(page(&json!({"type": "inbox", "filter": "unread"})).1, [6, 5, 4]);
    assert_eq!(page(&json!({"type": "inbox", "filter": "requests"})).1, [] as [u64; 0]);
}

#[test]
fn fifty_rows_are_a_page_and_a_hundred_the_most() {
    let (world, _) = with_rows(120);
    let bob = connect(&world, 2);
    for (asked, rows) in [(json!({"type": "inbox"}), 50), (json!({"type": "inbox", "limit": 100}), 100)] {
        says(&bob, &asked);
        assert_eq!(expects_type(&bob, "inbox")["notifications"].as_array().unwrap().len(), rows);
    }
}

#[test]
fn a_mark_is_acknowledged_and_told_on_all_the_users_connections() {
    let (world, inbox) = with_rows(3);
    let [bob, phone] = [(); 2].map(|()| connect(&world, 2));
    says(&bob, &json!({"type": "inbox_mark", "ref": 7, "state": "read", "up_to": 2}));
    assert_eq!(expects_type(&bob, "ack")["ref"], 7);
    says(&bob, &json!({"type": "inbox_mark", "state": "archived", "ids": ["3"]}));
    bob.expects_nothing();
    world.backend().tells_all(&inbox);
    for client in [&bob, &phone] {
        let mark = json!({"type": "inbox_state", "seq": 4, "state": "read", "up_to": 2, "unread": 1, "unseen": 1});
        assert_eq!(expects_type(client, "inbox_state"), mark);
        let row = expects_type(client, "notification");
        assert_eq!((&row["seq"], &row["state"], &row["unread"]), (&json!(5), &json!("archived"), &json!(0)));
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_its_field() {
    let (world, inbox) = with_rows(1);
    let bob = connect(&world, 2);
    let many: Vec<_> = (1..=101).map(|id| id.to_string()).collect();
    for (asked, field) in [
        (json!({"type": "inbox", "limit": 0}), "limit"),
        (json!({"type": "inbox", "limit": 101}), "limit"),
        (json!({"type": "inbox", "filter": "read"}), "filter"),
        (json!({"type": "inbox", "before": -1}), "before"),
        (json!({"type": "inbox_mark", "state": "unseen", "up_to": 1}), "state"),
        (json!({"type": "inbox_mark", "state": "read"}), "up_to"),
        (json!({"type": "inbox_mark", "state": "read", "up_to": 1, "ids": ["1"]}), "up_to"),
        (json!({"type": "inbox_mark", "state": "read", "ids": many}), "ids"),
    ] {
        let mut asked = asked;
        asked["ref"] = json!(9);
        says(&bob, &asked);
        let error = expects_type(&bob, "error");
        let told = (error["code"].as_str(), error["field"].as_str(), error["ref"].as_u64());
        assert_eq!(told, (Some("bad_field"), Some(field), Some(9)), "{asked}");
    }
    assert!(inbox.take_untold().is_empty(), "nothing was marked");
}

#[test]
fn pages_and_marks_count_as_what_is_asked() {
    let inbox = MemoryInbox::default();
    let world = builder().notifications(inbox.notifications()).start();
    let bob = connect(&world, 2);
    for asked in
        [json!({"type": "inbox", "ref": 1}), json!({"type": "inbox_mark", "ref": 1, "state": "read", "up_to": 0})]
    {
        let refused = (0..1_300).find(|_| {
            says(&bob, &asked);
            bob.expects_json()["code"] == "limited"
        });
        assert!(refused.is_some(), "{asked}");
    }
}

#[test]
fn without_an_inbox_there_are_zeros_and_refusals() {
    let world = world();
    let bob = world.v1(user(2), &json!({"type": "hello", "epoch": "memory", "heads": {"inbox": 3}}));
    assert_eq!(expects_type(&bob, "welcome")["inbox"], json!({"head": 0, "unseen": 0, "unread": 0}));
    assert_eq!(expects_type(&bob, "reset")["conversation"], "inbox");
    expects_type(&bob, "resumed");
    for asked in
        [json!({"type": "inbox", "ref": 4}), json!({"type": "inbox_mark", "ref": 4, "state": "read", "up_to": 1})]
    {
        says(&bob, &asked);
        let error = expects_type(&bob, "error");
        assert_eq!((&error["code"], &error["ref"]), (&json!("not_enabled"), &json!(4)));
    }
}
