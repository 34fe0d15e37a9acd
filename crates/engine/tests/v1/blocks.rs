//! Users who have blocked one another: nobody is told, and what the blocked one sends is a skip.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidings_engine::{
    Accepted, Context,
    ports::{BoxFuture, Relation, StoreError},
    publish::Consequences,
};
use tidings_testkit::{Client, World, golden::Dialect};
use tidings_wire::{Audience, BLOCKED, GroupId, Id, Limit, Message, Sender, UserId};

use crate::world::{Note, builder, connect, expects_type, frames, frames_in, note, resume, says, user};

/// Who has blocked whom, as a pack's table has it.
#[derive(Default)]
struct Table(Mutex<BTreeSet<(Id, UserId)>>);

impl Table {
    fn set(&self, by: UserId, whom: UserId, blocks: bool) {
        let mut rows = self.0.lock().expect("nothing panics while it is locked");
        if blocks {
            rows.insert((by.0, whom))
        } else {
            rows.remove(&(by.0, whom))
        };
    }
}

impl Relation for Table {
    fn members(&self, to: Id, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let rows = self.0.lock().expect("nothing panics while it is locked");
        let all = rows.iter().filter(|(by, _)| *by == to).map(|(_, whom)| *whom);
        let page = all.filter(|&user| after.is_none_or(|after| user > after)).take(limit as usize).collect();
        Box::pin(std::future::ready(Ok(page)))
    }

    fn max_age(&self) -> Option<Duration> {
        None
    }
}

/// The sender blocks somebody, or no longer.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Block {
    whom: UserId,
    blocks: bool,
}

impl Message for Block {
    const TYPE: &'static str = "block";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::nobody()
    }
}

fn world(shards: u16) -> World {
    let table = Arc::new(Table::default());
    let writes = table.clone();
    let block = move |block: Block, cx: Context| {
        let (table, by) = (writes.clone(), cx.sender().user.expect("users block"));
        async move {
            let Block { whom, blocks } = block;
            Ok(Accepted::new(block).project(move |_| {
                table.set(by, whom, blocks);
                Consequences::default().change(BLOCKED, by, whom, blocks)
            }))
        }
    };
    builder().message_with::<Block>(block).relation(BLOCKED, table).shards(shards).start()
}

fn blocks(world: &World, by: u32, whom: u32, blocks: bool) {
    world.backend().send(Some(user(by)), &Block { whom: user(whom), blocks }).expect("it is taken");
}

fn skip(from: u64, to: u64) -> Value {
    json!({"type": "skip", "conversation": "dm:1:2", "from": from, "to": to})
}

/// Sends, and takes what has come to that connection: the acknowledgement's seq.
fn sends(from: &Client, to: u32, text: &str) -> u64 {
    says(from, &note(to, text));
    let acks: Vec<_> = frames(from).into_iter().filter(|frame| frame["type"] == "ack").collect();
    acks[0]["seq"].as_u64().expect("a seq")
}

/// Types and seqs, in order.
fn heard(client: &Client) -> Vec<(String, Option<u64>)> {
    let line = |frame: &Value| {
        let seq = frame["seq"].as_u64().or(frame["from"].as_u64().filter(|_| frame["type"] == "skip"));
        (frame["type"].as_str().expect("a type").to_owned(), seq)
    };
    frames(client).iter().map(line).collect()
}

#[test]
fn a_blocked_user_is_acknowledged_and_the_blocker_gets_skips_in_their_places() {
    for shards in [1, 3] {
        let world = world(shards);
        let [ann, ann_at_home, bob, bob_at_home] = [1, 1, 2, 2].map(|id| connect(&world, id));
        let [guide] = world.clients([2]);
        sends(&ann, 2, "before");
        blocks(&world, 2, 1, true);
        assert_eq!(sends(&ann, 2, "unheard"), 2);
        sends(&bob_at_home, 1, "still sent");
        sends(&ann, 2, "unheard too");
        blocks(&world, 2, 1, false);
        assert_eq!(sends(&ann, 2, "after"), 5);
        let expected = [("note", 1), ("skip", 2), ("note", 3), ("skip", 4), ("note", 5)];
        assert_eq!(heard(&bob), expected.map(|(kind, seq)| (kind.to_owned(), Some(seq))));
        let texts = |client: &Client, dialect| {
            let text = |frame: Value| frame["text"].as_str().map(str::to_owned);
            frames_in(dialect, client).into_iter().filter_map(text).collect::<Vec<_>>()
        };
        assert_eq!(texts(&ann_at_home, Dialect::V1), ["before", "unheard", "still sent", "unheard too", "after"]);
        assert_eq!(texts(&guide, Dialect::Guide), ["before", "still sent", "after"]);

        // Also after unblocking, and for whoever was away.
        let back = resume(&world, 2, &json!({"dm:1:2": 1}));
        assert_eq!(expects_type(&back, "skip"), skip(2, 2));
        assert_eq!(expects_type(&back, "note")["text"], "still sent");
        assert_eq!(expects_type(&back, "skip"), skip(4, 4));
        assert_eq!(expects_type(&back, "note")["text"], "after");
        expects_type(&back, "resumed");
    }
}

#[test]
fn events_of_what_is_withheld_are_skips_and_an_edit_says_nothing_new_either() {
    let world = world(1);
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    sends(&ann, 2, "seen");
    blocks(&world, 2, 1, true);
    sends(&ann, 2, "unheard");
    let edit = |seq: u64, text: &str| {
        let body = json!({"to": 2, "text": text});
        says(&ann, &json!({"type": "edit", "ref": 1, "conversation": "dm:1:2", "seq": seq, "body": body}));
        expects_type(&ann, "ack");
    };
    let delete = |seq: u64| {
        says(&ann, &json!({"type": "delete", "ref": 1, "conversation": "dm:1:2", "seq": seq}));
        expects_type(&ann, "ack");
    };
    edit(2, "again");
    edit(1, "said anew");
    blocks(&world, 2, 1, false);
    delete(2);
    let expected = [("note", 1), ("skip", 2), ("skip", 3), ("skip", 4), ("skip", 5)];
    assert_eq!(heard(&bob), expected.map(|(kind, seq)| (kind.to_owned(), Some(seq))));
    sends(&ann, 2, "after");
    says(&bob, &json!({"type": "history", "conversation": "dm:1:2"}));
    expects_type(&bob, "note");
    let page = expects_type(&bob, "history");
    let messages = page["messages"].as_array().expect("a page");
    assert_eq!(messages.iter().map(|line| line["seq"].as_u64()).collect::<Vec<_>>(), [Some(6)], "{page}");
    says(&bob, &json!({"type": "delete", "ref": 1, "conversation": "dm:1:2", "seq": 2}));
    assert_eq!(expects_type(&bob, "error")["code"], "not_found");
}

#[test]
fn what_is_not_kept_reaches_no_blocker_and_nobody_is_told() {
    let world = world(2);
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    blocks(&world, 2, 1, true);
    let wave = |to: u32| json!({"type": "wave", "ref": 7, "to": to});
    says(&ann, &wave(2));
    expects_type(&ann, "ack");
    bob.expects_nothing();
    says(&bob, &wave(1));
    expects_type(&ann, "wave");
    expects_type(&bob, "ack");
    // A service that acts for the user is that user.
    world.backend().send(Some(user(1)), &Note { to: user(2), text: "by a key".to_owned() }).expect("it is taken");
    expects_type(&ann, "note");
    assert_eq!(expects_type(&bob, "skip"), skip(1, 1));
    blocks(&world, 2, 1, false);
    says(&ann, &wave(2));
    expects_type(&bob, "wave");
}

#[test]
fn typing_and_receipts_are_silent_between_the_two_and_in_both_directions() {
    let world = world(2);
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    sends(&ann, 2, "one");
    sends(&bob, 1, "two");
    [&ann, &bob].into_iter().for_each(|client| drop(frames(client)));
    let types_and_reads = |client: &Client, to: u32, seq: u64| {
        world.advance(Duration::from_secs(3));
        says(client, &json!({"type": "typing", "to": to}));
        says(client, &json!({"type": "read", "conversation": "dm:1:2", "seq": seq}));
        world.advance(Duration::from_secs(3));
    };
    let kinds = |client: &Client| heard(client).into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
    types_and_reads(&bob, 1, 1);
    types_and_reads(&ann, 2, 2);
    assert_eq!(
        (kinds(&ann), kinds(&bob)),
        (vec!["typing".to_owned(), "read".to_owned()], vec!["typing".to_owned(), "read".to_owned()])
    );
    blocks(&world, 2, 1, true);
    for text in ["three", "four"] {
        world.backend().send(Some(user(3)), &Note { to: user(1), text: text.to_owned() }).expect("it is taken");
    }
    sends(&bob, 1, "three");
    [&ann, &bob].into_iter().for_each(|client| drop(frames(client)));
    types_and_reads(&ann, 2, 3);
    assert_eq!((kinds(&ann), kinds(&bob)), (vec!["read".to_owned()], vec![]), "one's own mark is told to oneself");
    sends(&ann, 2, "unheard");
    drop(frames(&bob));
    types_and_reads(&bob, 1, 4);
    assert_eq!((kinds(&ann), kinds(&bob)), (vec![], vec!["read".to_owned()]));
}

#[test]
fn presence_is_silent_between_the_two_from_the_block_on_until_it_ends() {
    let world = world(2);
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    for (client, other) in [(&ann, 2), (&bob, 1)] {
        says(client, &json!({"type": "watch", "users": [other]}));
        assert_eq!(expects_type(client, "presence")["online"], true);
    }
    blocks(&world, 2, 1, true);
    world.advance(Duration::from_secs(1));
    for client in [&ann, &bob] {
        let unseen = expects_type(client, "presence");
        assert!(unseen["online"] == false && unseen["last_seen"].is_null(), "{unseen}");
    }
    assert!(!world.backend().presence(Some(user(1)), vec![user(2)])[0].online);
    assert!(world.backend().presence(None, vec![user(2)])[0].online, "the app itself sees it as it is");
    blocks(&world, 2, 1, false);
    world.advance(Duration::from_secs(1));
    [&ann, &bob].into_iter().for_each(|client| assert_eq!(expects_type(client, "presence")["online"], true));

    // An app that changes its own table says so.
    assert!(world.backend().outdate(BLOCKED, user(2)));
    world.advance(Duration::from_secs(1));
    [&ann, &bob].into_iter().for_each(Client::expects_nothing);
}

#[test]
fn a_dm_of_nothing_but_what_is_withheld_is_not_in_the_blockers_list() {
    let world = world(1);
    let ann = connect(&world, 1);
    blocks(&world, 2, 1, true);
    sends(&ann, 2, "unheard");
    let welcome = |id: u32| expects_type(&world.v1(user(id), &json!({"type": "hello"})), "welcome");
    assert_eq!(welcome(2)["conversations"], json!([]));
    assert_eq!(welcome(1)["conversations"][0]["last"]["text"], "unheard");
    blocks(&world, 2, 1, false);
    sends(&ann, 2, "heard");
    let listed = &welcome(2)["conversations"][0];
    assert_eq!((&listed["head"], &listed["unread"], &listed["last"]["text"]), (&json!(2), &json!(1), &json!("heard")));
}

#[test]
fn members_who_have_blocked_one_another_read_each_other_in_groups() {
    let world = world(1);
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    world.backend().adds(GroupId::new(5), [1, 2].map(user));
    blocks(&world, 2, 1, true);
    drop(frames(&bob));
    says(&ann, &json!({"type": "post", "group_id": 5, "text": "to all"}));
    assert_eq!(expects_type(&bob, "post")["text"], "to all");
}

#[test]
fn what_is_delivered_late_is_withheld_too() {
    let world = world(1);
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    blocks(&world, 2, 1, true);
    world.store().loses_settlements();
    says(&ann, &note(2, "lost"));
    bob.expects_nothing();
    world.advance(Duration::from_secs(5));
    assert_eq!(expects_type(&ann, "note")["text"], "lost");
    assert_eq!(expects_type(&bob, "skip"), skip(1, 1));
    bob.expects_nothing();
}
