//! The suite of [`MessageStore`](tidings_engine::ports::MessageStore), changing: edits, deletions, and their events.

use tidings_engine::{
    act::{CommitNumber, Op, Outcome},
    ports::{Event, Line, Page, Reader, StoredMessage},
};
use tidings_wire::{Code, ConversationKey, GroupId, UserId};

use super::{
    stores::Stores,
    world::{World, act, receipt, wait},
};

fn dm() -> ConversationKey {
    ConversationKey::dm(UserId::new(2), UserId::new(7))
}

fn message(world: &World, of: ConversationKey, seq: u64, reader: u32) -> Option<StoredMessage> {
    wait(world.store().message(of, seq, Reader::User(UserId::new(reader))))
}

fn only_message(line: &Line) -> &StoredMessage {
    match line {
        Line::Message(message) => message,
        Line::Skip { .. } => panic!("a message was to be shown: {line:?}"),
    }
}

/// The event has a seq, an id, a sender and a time of its own; both show the latest body.
pub fn an_edit_is_an_event_and_the_message_has_the_new_body(stores: &dyn Stores) {
    let world = World::open(stores);
    let sent = world.stored(world.keyed(UserId::new(2), dm(), ("k", 1)));
    world.send(7, 2);
    let settled = world.settle(act(None, [world.change(dm(), 1, Some(2), Some(r#"{"content":"one"}"#))]));
    let first = receipt(&settled.outcome);
    assert_eq!((first.seq, first.conversation), (3, dm()));
    assert_eq!(settled.commit, Some(CommitNumber(3)));
    let second = world.changed(dm(), 1, Some(2), Some(r#"{"content":"two"}"#));

    let lines = world.lines(dm(), 7);
    let [original, _, early, late] = &lines[..] else { panic!("{lines:?}") };
    let (original, early, late) = (only_message(original), only_message(early), only_message(late));
    assert_eq!((original.id, original.created_at_ms, original.seq), (sent.id, sent.created_at_ms, 1));
    assert_eq!((original.edited_at_ms, original.deleted_at_ms), (Some(second.created_at_ms), None));
    assert_eq!(original.key.as_ref().map(|key| key.as_str()), Some("k"));
    for (event, receipt) in [(early, &first), (late, &second)] {
        assert_eq!((event.seq, event.id, event.created_at_ms), (receipt.seq, receipt.id, receipt.created_at_ms));
        assert_eq!((event.event, event.sender), (Some(Event::Edited(1)), Some(UserId::new(2))));
        assert_eq!((&event.key, event.edited_at_ms, event.deleted_at_ms), (&None, None, None));
    }
    for message in [original, early, late] {
        assert_eq!((&*message.kind, message.version, &*message.body), ("private", 2, &br#"{"content":"two"}"#[..]));
    }
    assert_eq!(message(&world, dm(), 1, 7).as_ref(), Some(original));
    assert_eq!(message(&world, dm(), 3, 7), None, "an event is no message");
    let log: Vec<_> = wait(world.store().since(CommitNumber(0), 10)).into_iter().map(|(_, message)| message).collect();
    assert_eq!(log.iter().map(|message| message.event.is_some()).collect::<Vec<_>>(), [false, false, true, true]);
    assert_eq!(&log[2], early);
}

/// The message stays where it is, without its body.
pub fn a_deletion_empties_the_message_and_is_an_event(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send(2, 7);
    world.send(2, 7);
    let deletion = world.changed(dm(), 1, Some(2), None);
    let lines = world.lines(dm(), 7);
    let [gone, _, event] = &lines[..] else { panic!("{lines:?}") };
    let (gone, event) = (only_message(gone), only_message(event));
    assert_eq!((&*gone.body, gone.deleted_at_ms, gone.event), (&b"{}"[..], Some(deletion.created_at_ms), None));
    assert_eq!((event.event, &*event.body, &*event.kind), (Some(Event::Deleted(1)), &b"{}"[..], "private"));
    assert_eq!((event.seq, event.id, event.sender), (3, deletion.id, Some(UserId::new(2))));
    assert_eq!(message(&world, dm(), 1, 7).as_ref(), Some(gone));
    let last = |user| world.list(user, None, 1).conversations[0].last.as_ref().map(|last| last.seq);
    assert_eq!(last(7), Some(2), "an event is not what was said last");
    world.changed(dm(), 2, None, None);
    assert_eq!(last(7), None, "nor is what was deleted");
}

/// Others who see it are told that it is not theirs; a service may change every message.
pub fn only_the_sender_and_services_change_a_message(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send(2, 7);
    world.stored(act(None, [Op::Message(world.entry(dm(), "{}"))]));
    for (of, by) in [(1, 7), (2, 2)] {
        let change = act(Some(UserId::new(by)), [world.change(dm(), of, Some(by), None)]);
        assert_eq!(world.refused(change), Code::NotAllowed);
    }
    assert_eq!(world.changed(dm(), 1, None, Some("{}")).seq, 3, "what was refused took no seq");
    assert_eq!(only_message(&world.lines(dm(), 2)[2]).sender, None);
    assert_eq!(world.changed(dm(), 2, None, None).seq, 4);
}

/// `not_found`, whatever the reason.
pub fn what_is_not_there_or_not_seen_does_not_change(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    let key = ConversationKey::Group(group);
    let refused = |key, of, by: Option<u32>| world.refused(act(None, [world.change(key, of, by, Some("{}"))]));
    assert_eq!(refused(key, 1, None), Code::NotFound, "there is no such stream");
    world.join(group, 2);
    world.send_to(group, 2);
    world.join(group, 3);
    world.send_to(group, 2);
    for of in [0, 3, u64::from(u32::MAX)] {
        assert_eq!(refused(key, of, None), Code::NotFound, "there is no seq {of}");
    }
    assert_eq!(refused(key, 1, Some(3)), Code::NotFound, "it came before the join");
    assert_eq!(refused(key, 2, Some(3)), Code::NotAllowed);
    assert_eq!(refused(key, 2, Some(9)), Code::NotFound, "a stranger");
    assert_eq!(world.changed(key, 1, Some(2), Some("{}")).seq, 3);
    assert_eq!(refused(key, 3, Some(2)), Code::NotFound, "an event");
    world.changed(key, 1, Some(2), None);
    assert_eq!(refused(key, 1, Some(2)), Code::NotFound, "it is deleted already");
    world.leave(group, 2);
    assert_eq!(world.changed(key, 2, Some(2), None).seq, 5, "who left still sees it");
}

/// What came before it in the act is undone too, and takes no seq and no commit.
pub fn a_refused_change_undoes_its_act(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    world.send(2, 7);
    let acts = || {
        let message = Op::Message(world.entry(dm(), "{}"));
        let new = Op::Message(world.entry(ConversationKey::Group(group), "{}"));
        let good = world.change(dm(), 1, None, Some(r#"{"content":"no"}"#));
        let join = Op::Join(group, UserId::new(2));
        act(Some(UserId::new(2)), [message, new, good, join, world.change(dm(), 9, None, None)])
    };
    let outcomes = world.settle_all([acts(), world.message(UserId::new(2), dm()), acts()]);
    assert!(matches!(&outcomes[0], Outcome::Refused(reject) if reject.code == Code::NotFound), "{outcomes:?}");
    assert_eq!(receipt(&outcomes[1]).seq, 2);
    assert_eq!(wait(world.store().since(CommitNumber(0), 10)).len(), 2);
    assert_eq!(message(&world, dm(), 1, 2).expect("it is there").edited_at_ms, None);
    assert_eq!(world.line(2, dm()), (2, 2, 0));
    assert_eq!(wait(world.opened.groups.members(group, None, 10)), []);
    assert_eq!(world.seqs(ConversationKey::Group(group), 2), None);
    assert_eq!(world.settle(world.message(UserId::new(2), dm())).commit, Some(CommitNumber(3)));
}

/// In pages and in the log; neighbours are one skip.
pub fn an_edit_of_what_was_deleted_is_skipped(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send(2, 7);
    for _ in 0..3 {
        world.changed(dm(), 1, Some(2), Some("{}"));
    }
    world.send(7, 2);
    world.changed(dm(), 1, Some(2), None);
    let lines = world.lines(dm(), 7);
    assert_eq!(lines[1], Line::Skip { from: 2, to: 4 });
    assert_eq!(lines.iter().map(Line::last).collect::<Vec<_>>(), [1, 4, 5, 6]);
    let page = world.history(dm(), 7, Page::after(2, 1)).expect("it is seen");
    assert_eq!((page.lines, page.more), (vec![Line::Skip { from: 3, to: 4 }], true));
    let log =
        wait(world.store().since(CommitNumber(0), 3)).into_iter().map(|(commit, message)| (commit.0, message.seq));
    assert_eq!(log.collect::<Vec<_>>(), [(1, 1), (5, 5), (6, 6)]);
}

/// The key stays with its message.
pub fn a_repeat_of_a_message_that_changed_gets_the_first_answer(stores: &dyn Stores) {
    let world = World::open(stores);
    let same = || world.keyed(UserId::new(2), dm(), ("k", 1));
    let first = world.stored(same());
    for body in [Some("{}"), None] {
        world.changed(dm(), 1, Some(2), body);
        let again = world.settle(same()).outcome;
        assert!(matches!(&again, Outcome::Duplicate(known) if *known == first), "{again:?}");
    }
}

/// A change moves the stream up in the list, and its time.
pub fn a_change_touches_its_stream(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send(2, 7);
    world.send(2, 3);
    let event = world.changed(dm(), 1, Some(2), Some("{}"));
    let first = &world.list(2, None, 10).conversations[0];
    assert_eq!((first.conversation, first.head, first.unread), (dm(), 2, 0));
    assert_eq!(first.touched_at, event.created_at_ms / 1_000);
    assert_eq!(first.last.as_ref().map(|last| last.seq), Some(1));
    assert_eq!(world.line(7, dm()), (2, 0, 1));
}

/// Messages, events and counters are there after a restart.
pub fn changes_outlive_the_process(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send(2, 7);
    world.changed(dm(), 1, Some(2), Some(r#"{"content":"new"}"#));
    let last = world.changed(dm(), 1, Some(2), None);
    let lines = world.lines(dm(), 7);
    world.store().stop();
    drop(world);
    let world = World::open(stores);
    assert_eq!((world.start.last_commit, world.start.last_id), (CommitNumber(3), Some(last.id)));
    assert_eq!(world.lines(dm(), 7), lines);
}

/// About 96 KiB of bodies, and one entry at least, in both directions; what follows is found behind it.
pub fn a_page_stops_early_at_its_bytes(stores: &dyn Stores) {
    let world = World::open(stores);
    let body = |kib: usize| format!("{{\"content\":\"{}\"}}", "x".repeat(kib * 1_024));
    for kib in [40, 40, 40, 120, 1] {
        world.stored(act(None, [Op::Message(world.entry(dm(), body(kib)))]));
    }
    let page = |before, after| {
        let page = world.history(dm(), 7, Page { before, after, limit: 100 }).expect("it is seen");
        (page.lines.iter().map(Line::last).collect::<Vec<_>>(), page.more)
    };
    assert_eq!(page(None, Some(0)), (vec![1, 2], true));
    assert_eq!(page(None, Some(2)), (vec![3], true));
    assert_eq!(page(None, Some(3)), (vec![4], true));
    assert_eq!(page(None, None), (vec![5], true));
    assert_eq!(page(Some(5), None), (vec![4], true));
    assert_eq!(page(Some(4), None), (vec![2, 3], true));
    assert_eq!(page(Some(2), None), (vec![1], false));
}
