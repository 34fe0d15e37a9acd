//! The suite of [`MessageStore`](tidings_engine::ports::MessageStore), erasing: what goes for good, and what stays as it was.

use tidings_engine::{
    act::{CommitNumber, Op, Outcome},
    ports::{Choices, Erased, Event, Line, Page, Reader, Standing},
};
use tidings_wire::{ConversationKey, GroupId, UserId};

use super::{
    stores::Stores,
    world::{World, act, receipt, wait},
};

fn dm() -> ConversationKey {
    ConversationKey::dm(UserId::new(2), UserId::new(7))
}

/// Lines as text: `3` a message, `3=1` an edit of 1, `3x1` a deletion, `4-6` a skip.
fn text(lines: &[Line]) -> String {
    let one = |line: &Line| match line {
        Line::Skip { from, to } => format!("{from}-{to}"),
        Line::Message(message) => match message.event {
            None => message.seq.to_string(),
            Some(Event::Edited(of)) => format!("{}={of}", message.seq),
            Some(Event::Deleted(of)) => format!("{}x{of}", message.seq),
        },
    };
    lines.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn erase(world: &World, user: u32) -> u64 {
    let mut erased = 0;
    loop {
        let Erased { messages, more } = wait(world.store().erase(UserId::new(user)));
        assert!(messages <= 10_000, "one call must not hold the others up");
        erased += messages;
        if !more {
            return erased;
        }
    }
}

/// Its messages and events, in every stream; others' stay, and so do all numbers.
pub fn what_was_erased_is_gone_and_skipped(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    let key = ConversationKey::Group(group);
    for user in [1, 2] {
        world.join(group, user);
    }
    for from in [1, 2, 2, 1, 2, 1, 2] {
        world.send_to(group, from);
    }
    world.changed(key, 2, Some(2), Some("{}"));
    world.changed(key, 3, None, None);
    world.changed(key, 5, None, Some("{}"));
    world.send(2, 7);
    assert_eq!(text(&world.lines(key, 1)), "1 2 3 4 5 6 7 8=2 9x3 10=5");
    assert_eq!(world.line(1, key), (10, 6, 1));

    assert_eq!(erase(&world, 2), 6);
    assert_eq!(
        text(&world.lines(key, 1)),
        "1 2-3 4 5-5 6 7-8 9x3 10-10",
        "a deletion is told, an edit of nothing is not"
    );
    assert_eq!(world.line(1, key), (10, 6, 0));
    let pages = |before, after, limit| {
        let page = world.history(key, 1, Page { before, after, limit }).expect("it is seen");
        (text(&page.lines), page.more)
    };
    assert_eq!(pages(None, Some(2), 2), ("3-3 4".to_owned(), true));
    assert_eq!(pages(None, Some(7), 10), ("8-8 9x3 10-10".to_owned(), false));
    assert_eq!(pages(Some(4), None, 1), ("2-3".to_owned(), true));
    assert_eq!(pages(Some(6), Some(4), 5), ("5-5".to_owned(), false));
    let message = |seq| wait(world.store().message(key, seq, Reader::Service)).map(|message| message.seq);
    assert_eq!((message(1), message(2)), (Some(1), None));
    let log: Vec<_> = wait(world.store().since(CommitNumber(0), 100)).into_iter().map(|(commit, _)| commit.0).collect();
    assert_eq!(log, [1, 4, 6, 9]);
    let summary = &world.list(7, None, 1).conversations[0];
    assert_eq!((summary.head, summary.unread, summary.touched_at > 0), (1, 0, true));
    assert_eq!(summary.last, None);

    assert_eq!(wait(world.store().erase(UserId::new(2))), Erased { messages: 0, more: false });
    assert_eq!(world.settle(world.to_group(UserId::new(1), group)).commit, Some(CommitNumber(12)));
    assert_eq!(text(&world.lines(key, 1)), "1 2-3 4 5-5 6 7-8 9x3 10-10 11");
}

/// Others' commits pass between two calls.
pub fn an_erasure_comes_in_steps(stores: &dyn Stores) {
    const MESSAGES: usize = 10_500;
    let world = World::open(stores);
    for _ in 0..MESSAGES / 1_500 {
        let some = (0..1_500).map(|_| world.message(UserId::new(2), dm())).collect::<Vec<_>>();
        world.settle_all(some);
    }
    world.send(7, 2);
    let first = wait(world.store().erase(UserId::new(2)));
    assert!(first.more && first.messages > 0, "{first:?}");
    assert_eq!(world.line(7, dm()), (10_501, 10_501, 0));
    assert_eq!(world.line(2, dm()).2, 1, "what is left of one's own is not unread");
    assert_eq!(first.messages + erase(&world, 2), MESSAGES as u64);
    let standings = wait(world.store().standings(UserId::new(7), vec![dm()]));
    assert_eq!(standings[0].map(|standing| (standing.oldest, standing.head)), Some((10_501, 10_501)));
}

/// A repeat of what was erased, or pruned, is a new message.
pub fn erased_keys_are_free_again(stores: &dyn Stores) {
    let world = World::open(stores);
    let [ann, bob] = [2, 7].map(UserId::new);
    let keyed = |from| world.keyed(from, dm(), ("k", 1));
    world.settle_all([keyed(ann), keyed(bob)]);
    erase(&world, 2);
    assert_eq!(wait(world.store().keyed(ann, "k".parse().expect("it is a key"))), None);
    let outcomes = world.settle_all([keyed(ann), keyed(bob)]);
    assert_eq!(receipt(&outcomes[0]).seq, 3);
    assert!(matches!(&outcomes[1], Outcome::Duplicate(first) if first.seq == 2), "{outcomes:?}");
    assert_eq!(wait(world.store().prune("private", i64::MAX, 10)), 2);
    assert_eq!(receipt(&world.settle(keyed(bob)).outcome).seq, 4);
}

/// As if the user had never read or chosen anything; who is a member is for the caller to say.
pub fn an_erasure_takes_marks_and_choices_and_leaves_memberships(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    let key = ConversationKey::Group(group);
    for user in [1, 2] {
        world.join(group, user);
    }
    for from in [1, 2, 1] {
        world.send_to(group, from);
    }
    world.read(key, 2, 3);
    wait(world.store().choose(UserId::new(2), Choices { receipts: false, visible: false }));
    assert!([1, 2].into_iter().all(|user| wait(world.store().mute(UserId::new(user), key, Some(50)))));
    erase(&world, 2);
    assert_eq!(world.line(2, key), (3, 0, 2), "all that others sent is unread");
    assert_eq!(world.line(1, key), (3, 3, 0));
    assert_eq!(wait(world.store().choices(UserId::new(2))), Choices::default());
    let muted = [1, 2].map(|user| world.list(user, None, 9).conversations[0].muted_until);
    assert_eq!(muted, [Some(50), None]);
    assert_eq!(wait(world.opened.groups.members(group, None, 10)), [1, 2].map(UserId::new));
    assert_eq!(world.send_to(group, 2).seq, 4);
    assert_eq!(world.line(2, key), (4, 4, 0));
}

/// Of that type alone, by their times, whatever the order of their commits.
pub fn the_oldest_of_a_type_are_pruned_first(stores: &dyn Stores) {
    let world = World::open(stores);
    for (kind, time) in [("photo", 10), ("photo", 30), ("private", 10), ("photo", 20), ("photo", 20), ("photo", 40)] {
        let mut entry = world.entry(dm(), "{}");
        (entry.kind, entry.created_at_ms) = (kind, time);
        world.stored(act(Some(UserId::new(2)), [Op::Message(entry)]));
    }
    let prune =
        |kind: &str, before, limit| (wait(world.store().prune(kind, before, limit)), text(&world.lines(dm(), 7)));
    assert_eq!(prune("photo", 10, 9), (0, "1 2 3 4 5 6".to_owned()));
    assert_eq!(prune("photo", 40, 2), (2, "2 3 4-4 5 6".to_owned()));
    assert_eq!(world.line(7, dm()), (6, 0, 4));
    assert_eq!(prune("photo", 40, 9), (2, "3 4-5 6".to_owned()));
    assert_eq!(prune("photo", 40, 9), (0, "3 4-5 6".to_owned()));
    assert_eq!(prune("poke", i64::MAX, 9).0, 0);
    assert_eq!(world.line(7, dm()), (6, 0, 2));
    assert_eq!(world.send(2, 7).seq, 7);
}

/// An event goes by its own time, as one of its message's type; a deletion is told after its message is pruned.
pub fn events_are_pruned_at_an_age_of_their_own(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send(2, 7);
    world.send(2, 7);
    world.send(7, 2);
    let edit = world.changed(dm(), 1, Some(2), Some("{}"));
    let deletion = world.changed(dm(), 2, Some(2), None);
    let prune = |before| (wait(world.store().prune("private", before, 9)), text(&world.lines(dm(), 7)));
    assert_eq!(prune(edit.created_at_ms), (3, "4-4 5x2".to_owned()));
    assert_eq!(prune(edit.created_at_ms + 1), (1, "5x2".to_owned()));
    let event = wait(world.store().since(CommitNumber(0), 10)).pop().expect("it is there").1;
    assert_eq!((&*event.kind, &*event.body, event.event), ("private", &b"{}"[..], Some(Event::Deleted(2))));
    assert_eq!(prune(deletion.created_at_ms + 1), (1, String::new()));
}

/// All of it is gone: there is nothing to show, and the numbers go on.
pub fn a_stream_without_messages_keeps_its_head(stores: &dyn Stores) {
    let world = World::open(stores);
    for _ in 0..3 {
        world.send(2, 7);
    }
    erase(&world, 2);
    for (before, after) in [(None, None), (None, Some(0)), (Some(2), None), (None, Some(9))] {
        let page = world.history(dm(), 7, Page { before, after, limit: 10 }).expect("it is there");
        assert_eq!((page.lines, page.oldest, page.head, page.more), (vec![], 4, 3, false));
    }
    let standing = wait(world.store().standings(UserId::new(7), vec![dm()]));
    assert_eq!(standing, [Some(Standing { oldest: 4, head: 3, touched: CommitNumber(3) })]);
    assert_eq!(world.line(7, dm()), (3, 0, 0));
    assert_eq!(world.send(7, 2).seq, 4);
    assert_eq!(text(&world.lines(dm(), 7)), "4");
}

/// Messages and events of the user, with and without keys, in pages.
pub fn what_a_user_wrote_is_read_in_commit_order(stores: &dyn Stores) {
    let world = World::open(stores);
    let [ann, bob] = [2, 7].map(UserId::new);
    for number in 0..20 {
        // The order of the keys is not that of the commits.
        let key = format!("key-{}", number * 7 % 20);
        let from = if number % 3 == 0 { bob } else { ann };
        let sent = match number % 2 {
            0 => world.keyed(from, dm(), (&key, 1)),
            _ => world.message(from, ConversationKey::dm(from, from)),
        };
        world.stored(sent);
    }
    world.changed(dm(), 2, Some(2), Some(r#"{"content":"new"}"#));
    world.changed(dm(), 3, Some(2), Some("{}"));
    world.changed(dm(), 3, Some(2), None);
    world.changed(dm(), 5, None, None);
    let all = wait(world.store().since(CommitNumber(0), 100));
    let own: Vec<_> = all.into_iter().filter(|(_, message)| message.sender == Some(ann)).collect();
    assert!(own.len() >= 14, "{}", own.len());
    for limit in [1, 3, 100] {
        let mut read = Vec::new();
        loop {
            let after = read.last().map_or(CommitNumber(0), |&(commit, _)| commit);
            let page = wait(world.store().written_by(ann, after, limit));
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            read.extend(page);
        }
        assert_eq!(read, own);
    }
    assert_eq!(wait(world.store().written_by(UserId::new(3), CommitNumber(0), 10)), []);
    erase(&world, 2);
    assert_eq!(wait(world.store().written_by(ann, CommitNumber(0), 10)), []);
}

/// Its place in the list is that of the moment, also when the message that it was is gone.
pub fn a_group_that_was_left_stands_still_whatever_goes(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    let key = ConversationKey::Group(group);
    for user in [1, 2] {
        world.join(group, user);
    }
    world.send(2, 3);
    world.send_to(group, 2);
    let last = world.send_to(group, 1);
    world.leave(group, 2);
    world.send(2, 7);
    erase(&world, 1);
    let page = world.list(2, None, 10).conversations;
    let order: Vec<_> = page.iter().map(|summary| summary.conversation).collect();
    assert_eq!(order, [dm(), key, ConversationKey::dm(UserId::new(2), UserId::new(3))]);
    assert_eq!((page[1].head, page[1].unread, page[1].touched_at), (2, 0, last.created_at_ms / 1_000));
    assert_eq!(page[1].last.as_ref().map(|message| message.seq), Some(1));
    let standing = wait(world.store().standings(UserId::new(2), vec![key]));
    assert_eq!(standing, [Some(Standing { oldest: 1, head: 2, touched: CommitNumber(3) })]);
}

/// Each once: those that a message comes to between two pages, those that are left, and those that were.
pub fn the_groups_of_a_user_are_paged_whatever_is_touched_meanwhile(stores: &dyn Stores) {
    let world = World::open(stores);
    let of = |after, limit| wait(world.store().groups_of(UserId::new(2), after, limit));
    assert_eq!(of(None, 10), []);
    let group = |number: u32| GroupId::new(number * 7 % 11);
    for number in 1..=10 {
        for user in [1, 2] {
            world.join(group(number), user);
        }
        world.send(1, 2);
    }
    world.join(GroupId::new(20), 1);
    world.join(GroupId::new(21), 2);
    world.leave(GroupId::new(21), 2);
    world.send_to(group(1), 1);
    world.leave(group(1), 2);
    world.join(group(1), 2);
    for touched in 1..=10 {
        let mut read = Vec::new();
        while let page = of(read.last().copied(), 3)
            && !page.is_empty()
        {
            assert!(page.len() <= 3);
            read.extend(page);
            assert!(read.len() <= 10, "some came twice: {read:?}");
            world.send_to(group(touched), 1);
            world.leave(read[0], 2);
        }
        read.sort_unstable();
        assert_eq!(read, (1..=10).map(GroupId::new).collect::<Vec<_>>());
    }
    assert_eq!(of(Some(GroupId::new(99)), 10), [], "nobody was ever there");
    assert_eq!(of(None, 100).len(), 10);
}
