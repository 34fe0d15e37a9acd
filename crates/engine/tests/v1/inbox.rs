//! The inbox over the socket: where it stands, what changes, and what changed while one was away.

use std::sync::Arc;

use serde_json::{Value, json};
use tidings_engine::{
    Accepted, Context, Notifications,
    ports::{BoxFuture, Inbox, InboxChanges, InboxMarked, InboxPageAsked, MarkedRows, StoreError},
    publish::Consequences,
};
use tidings_testkit::{Client, Hold, World, golden::Dialect, memory::MemoryInbox};
use tidings_wire::{
    CloseCode, MessageId, Reject, Seq, UserId,
    server_frames::{InboxHead, InboxPage, RowState},
};

use crate::world::{Note, builder, connect, expects_type, frames, frames_in, note, resume, says, user};

/// A world with these inboxes; Bob, user 2, has so many rows there.
pub(crate) fn with_rows(rows: u64) -> (World, MemoryInbox) {
    let inbox = MemoryInbox::default();
    let world = builder().notifications(inbox.notifications()).start();
    (1..=rows).for_each(|number| {
        inbox.puts(user(2), &number.to_string());
    });
    inbox.take_untold();
    (world, inbox)
}

/// The seqs of these frames, as far as they have one.
pub(crate) fn seqs(frames: &[Value]) -> Vec<u64> {
    frames.iter().filter_map(|frame| frame["seq"].as_u64()).collect()
}

fn kinds(frames: &[Value]) -> Vec<&str> {
    frames.iter().filter_map(|frame| frame["type"].as_str()).collect()
}

/// Bob's inbox goes on from here; the `welcome` is taken.
fn resume_from(world: &World, seq: u64) -> Client {
    resume(world, 2, &json!({"inbox": seq}))
}

#[test]
fn a_welcome_says_where_the_inbox_stands() {
    let (world, inbox) = with_rows(3);
    inbox.marks(user(2), InboxMarked { state: RowState::Seen, rows: MarkedRows::UpTo(2) });
    let bob = world.v1(user(2), &json!({"type": "hello"}));
    assert_eq!(expects_type(&bob, "welcome")["inbox"], json!({"head": 4, "unseen": 1, "unread": 3}));
    assert_eq!(expects_type(&bob, "resumed"), json!({"type": "resumed", "behind": []}));
    bob.expects_nothing();
    let ann = world.v1(user(1), &json!({"type": "hello"}));
    assert_eq!(expects_type(&ann, "welcome")["inbox"], json!({"head": 0, "unseen": 0, "unread": 0}));
}

#[test]
fn a_change_is_told_in_both_dialects_as_far_as_it_has_a_form_there() {
    let (world, inbox) = with_rows(0);
    let bob = connect(&world, 2);
    let [guide, eve] = world.clients([2, 3]);
    let row = inbox.puts(user(2), "Ann liked your post");
    world.backend().tells_all(&inbox);
    let told = expects_type(&bob, "notification");
    assert_eq!((&told["seq"], &told["id"], &told["state"]), (&json!(1), &json!(row.to_string()), &json!("unseen")));
    assert!(told.get("replayed").is_none(), "{told}");
    let [flat] = &frames_in(Dialect::Guide, &guide)[..] else { panic!("one frame") };
    assert_eq!((&flat["type"], &flat["message"]), (&json!("notification"), &json!("Ann liked your post")));
    inbox.removes(user(2), row);
    world.backend().tells_all(&inbox);
    let gone = expects_type(&bob, "notification");
    assert_eq!((&gone["removed"], &gone["unread"]), (&json!(true), &json!(0)));
    guide.expects_nothing();
    eve.expects_nothing();
}

#[test]
fn what_changed_while_one_was_away_comes_once_ascending_and_then_what_changes() {
    let (world, inbox) = with_rows(250);
    let id = |id| MessageId::from_stored(id).unwrap();
    inbox.grows(user(2), id(1));
    inbox.grows(user(2), id(200));
    inbox.removes(user(2), id(201));
    inbox.marks(user(2), InboxMarked { state: RowState::Read, rows: MarkedRows::UpTo(240) });
    inbox.take_untold();
    let bob = resume_from(&world, 10);
    let missed = frames(&bob);
    let expected: Vec<u64> = (11..=254).filter(|seq| ![200, 201].contains(seq)).collect();
    assert_eq!(seqs(&missed), expected);
    let (resumed, replayed) = missed.split_last().unwrap();
    assert_eq!(*resumed, json!({"type": "resumed", "ref": 1, "behind": []}));
    assert!(replayed.iter().all(|frame| frame["replayed"] == true));
    assert_eq!(replayed[0]["state"], "read", "as it stands now");
    assert_eq!(kinds(&replayed[replayed.len() - 2..]), ["notification", "inbox_state"]);
    inbox.puts(user(2), "new");
    world.backend().tells_all(&inbox);
    let live = expects_type(&bob, "notification");
    assert_eq!((&live["seq"], live.get("replayed")), (&json!(255), None));
    bob.expects_nothing();
}

#[test]
fn what_changes_before_the_welcome_stands_in_it_or_follows_it() {
    for (hold, head, behind) in [(Hold::Readings, 2, vec![]), (Hold::Answers, 1, vec![2])] {
        for told in ["at once", "late"] {
            let (world, inbox) = with_rows(1);
            inbox.holds_heads(hold);
            let bob = world.v1(user(2), &json!({"type": "hello"}));
            inbox.puts(user(2), "new");
            if told == "at once" {
                world.backend().tells_all(&inbox);
            }
            bob.expects_nothing();
            inbox.holds_heads(Hold::Nothing);
            assert_eq!(expects_type(&bob, "welcome")["inbox"]["head"], head, "{hold:?}");
            world.backend().tells_all(&inbox);
            assert_eq!(seqs(&frames(&bob)), behind, "{hold:?}, told {told}");
        }
    }
}

#[test]
fn what_changes_during_a_reading_is_neither_lost_nor_doubled() {
    // Row 4 changes under the reading: it comes as the reading found it, and as it stands then.
    let [seen, unseen] = [vec![3, 5, 6, 7], vec![3, 4, 5, 6, 7]];
    for (hold, expected) in [(Hold::Readings, seen), (Hold::Answers, unseen)] {
        for told in ["at once", "late", "behind"] {
            let (world, inbox) = with_rows(5);
            inbox.holds_changes(hold);
            let bob = resume_from(&world, 2);
            inbox.grows(user(2), MessageId::from_stored(4).unwrap());
            inbox.puts(user(2), "new");
            if told == "at once" {
                world.backend().tells_all(&inbox);
            }
            bob.expects_nothing();
            let mut heard = Vec::new();
            inbox.holds_changes(Hold::Nothing);
            if told == "behind" {
                // When all was sent: what is on its way still was seen.
                heard.extend(frames(&bob));
                assert!(kinds(&heard).contains(&"resumed"));
            }
            world.backend().tells_all(&inbox);
            heard.extend(frames(&bob));
            assert_eq!(seqs(&heard), expected, "{hold:?}, told {told}");
        }
    }
}

#[test]
fn more_than_is_replayed_is_named() {
    let (world, inbox) = with_rows(1_200);
    let ann = connect(&world, 1);
    says(&ann, &note(2, "old"));
    let bob = resume(&world, 2, &json!({"inbox": 0, "dm:1:2": 0}));
    let missed = frames(&bob);
    assert_eq!(seqs(&missed), (1..=1_000).collect::<Vec<_>>(), "the inbox goes first");
    let resumed = missed.last().unwrap();
    assert_eq!(resumed["inbox"], json!({"head": 1_200}));
    assert_eq!(resumed["behind"], json!([{"conversation": "dm:1:2", "head": 1}]), "the room is shared");
    inbox.puts(user(2), "new");
    world.backend().tells_all(&inbox);
    assert_eq!(seqs(&frames(&bob)), [1_201]);
    says(&bob, &json!({"type": "inbox", "before": 1_201, "limit": 100}));
    assert_eq!(expects_type(&bob, "inbox")["notifications"][0]["seq"], 1_200);
}

#[test]
fn the_inbox_leaves_the_rest_of_the_room_to_the_streams() {
    let (world, _) = with_rows(400);
    let ann = connect(&world, 1);
    (1..=700).for_each(|number| says(&ann, &note(2, &number.to_string())));
    let bob = resume(&world, 2, &json!({"inbox": 0, "dm:1:2": 0}));
    let missed = frames(&bob);
    let (resumed, replayed) = missed.split_last().unwrap();
    assert_eq!(kinds(replayed), [vec!["notification"; 400], vec!["note"; 600]].concat());
    assert_eq!((resumed.get("inbox"), &resumed["behind"][0]["head"]), (None, &json!(700)));
}

#[test]
fn another_epoch_or_a_head_above_the_servers_begins_anew() {
    let (world, inbox) = with_rows(3);
    for (epoch, held) in [("another", 2), ("memory", 9)] {
        let hello = json!({"type": "hello", "epoch": epoch, "heads": {"inbox": held}});
        let bob = world.v1(user(2), &hello);
        let head = expects_type(&bob, "welcome")["inbox"]["head"].clone();
        let reset = json!({"type": "reset", "conversation": "inbox", "reason": "epoch", "oldest": 0, "head": head});
        assert_eq!(expects_type(&bob, "reset"), reset);
        expects_type(&bob, "resumed");
        inbox.puts(user(2), "new");
        world.backend().tells_all(&inbox);
        assert_eq!(seqs(&frames(&bob)), [head.as_u64().unwrap() + 1], "what comes now is live");
    }
}

/// A world with inboxes, and little room for whoever does not read.
fn narrow() -> (World, MemoryInbox) {
    let inbox = MemoryInbox::default();
    let narrow = builder().settings(|settings| settings.outbox_bytes = 16 * 1024).socket_bytes(1_024);
    (narrow.notifications(inbox.notifications()).start(), inbox)
}

/// So many rows of a thousand bytes.
fn put_long(inbox: &MemoryInbox, rows: u64) {
    (0..rows).for_each(|_| {
        inbox.puts(user(2), &"x".repeat(1_000));
    });
}

#[test]
fn a_slow_reader_is_replayed_as_much_as_it_takes_and_other_streams_flow() {
    let (world, inbox) = narrow();
    let ann = connect(&world, 1);
    put_long(&inbox, 150);
    inbox.take_untold();
    inbox.holds_changes(Hold::Readings);
    let bob = resume_from(&world, 0);
    bob.stops_reading();
    inbox.holds_changes(Hold::Nothing);
    says(&ann, &note(2, "from Ann"));
    // Half of the outbox is full of what was missed. What is told meanwhile is noted, or it would be too much.
    put_long(&inbox, 150);
    world.backend().tells_all(&inbox);
    bob.reads_on();
    let seen = frames(&bob);
    let rows: Vec<_> = seen.iter().filter(|frame| frame["type"] == "notification").cloned().collect();
    assert_eq!(seqs(&rows), (1..=300).collect::<Vec<_>>());
    let at = |kind: &str| seen.iter().position(|frame| frame["type"] == kind).unwrap();
    assert!(at("note") < at("resumed"));
}

#[test]
fn a_live_reader_who_takes_nothing_is_closed() {
    let (world, inbox) = narrow();
    let bob = connect(&world, 2);
    bob.stops_reading();
    put_long(&inbox, 100);
    world.backend().tells_all(&inbox);
    bob.reads_on();
    bob.texts();
    bob.expects_close(CloseCode::SlowReader);
}

#[test]
fn numbers_without_a_change_are_passed_over() {
    let (world, inbox) = with_rows(3);
    inbox.skips(user(2));
    let bob = resume_from(&world, 1);
    assert_eq!(seqs(&frames(&bob)), [2, 3]);
    let bob = resume_from(&world, 3);
    assert_eq!(expects_type(&bob, "resumed"), json!({"type": "resumed", "ref": 1, "behind": []}));
    inbox.puts(user(2), "new");
    world.backend().tells_all(&inbox);
    assert_eq!(seqs(&frames(&bob)), [5]);
}

#[test]
fn whoever_keeps_inboxes_hears_what_a_commit_changed_for_those_who_are_there() {
    let inbox = MemoryInbox::default();
    let changes = |note: Note, _: Context| async move {
        let (to, seq) = (note.to, note.text.len() as u64);
        Ok::<_, Reject>(Accepted::new(note).project(move |_| Consequences::default().inbox(to, seq)))
    };
    let world = tidings_testkit::world().message_with::<Note>(changes).notifications(inbox.notifications()).start();
    let [ann, _bob] = [1, 2].map(|id| connect(&world, id));
    says(&ann, &note(2, "four"));
    says(&ann, &note(3, "nobody is there"));
    assert_eq!(inbox.take_changed(), [(user(2), 4)]);
}

#[test]
fn an_inbox_that_never_rests_is_named_after_eight_readings() {
    let (world, inbox) = with_rows(1);
    inbox.holds_changes(Hold::Answers);
    let bob = resume_from(&world, 0);
    for round in 1..=8 {
        // What the reading found is outrun.
        inbox.puts(user(2), "more");
        world.backend().tells_all(&inbox);
        inbox.lets_pass(1);
        let heard = frames(&bob);
        assert_eq!(seqs(&heard), [round]);
        let resumed = heard.iter().find(|frame| frame["type"] == "resumed").map(|frame| &frame["inbox"]["head"]);
        assert_eq!(resumed, (round == 8).then_some(&json!(9)));
    }
    inbox.puts(user(2), "live");
    world.backend().tells_all(&inbox);
    assert_eq!(seqs(&frames(&bob)), [10]);
}

#[test]
fn an_inbox_that_does_not_answer_sends_the_client_away_for_now() {
    let (world, inbox) = with_rows(1);
    inbox.holds_heads(Hold::Refused);
    let bob = world.v1(user(2), &json!({"type": "hello"}));
    bob.expects_close(CloseCode::Restart);
    inbox.holds_heads(Hold::Nothing);
    inbox.holds_changes(Hold::Refused);
    let bob = resume_from(&world, 0);
    bob.expects_close(CloseCode::Restart);
    connect(&world, 2);
}

#[test]
fn an_inbox_that_panics_takes_nobody_elses_shard_away() {
    let world = builder().notifications(Notifications { inbox: Some(Arc::new(Broken)), notices: None }).start();
    let ann = world.v1(user(1), &json!({"type": "hello"}));
    ann.expects_close(CloseCode::Restart);
    let [guide] = world.clients([2]);
    guide.expects_nothing();
}

/// An inbox with a defect.
struct Broken;

impl Inbox for Broken {
    fn head(&self, _: UserId) -> BoxFuture<Result<InboxHead, StoreError>> {
        Box::pin(async { panic!("a defect of whoever keeps the inbox") })
    }

    fn after(&self, _: UserId, _: Seq, _: u32) -> BoxFuture<Result<InboxChanges, StoreError>> {
        unreachable!("nobody is welcomed")
    }

    fn page(&self, _: UserId, _: InboxPageAsked) -> BoxFuture<Result<InboxPage, Reject>> {
        unreachable!("nobody is welcomed")
    }

    fn mark(&self, _: UserId, _: InboxMarked) -> BoxFuture<Result<(), Reject>> {
        unreachable!("nobody is welcomed")
    }

    fn changed(&self, _: UserId, _: Seq) {}
}
