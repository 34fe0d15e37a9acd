//! The suite of [`MessageStore`](tidings_engine::ports::MessageStore), reading: a user's conversations and what is unread.

use tidings_engine::{
    act::Op,
    ports::{Before, ConversationSummary},
};
use tidings_wire::{ConversationKey, GroupId, UserId};

use super::{
    stores::Stores,
    world::{World, act},
};

fn dm(one: u32, other: u32) -> ConversationKey {
    ConversationKey::dm(UserId::new(one), UserId::new(other))
}

fn keys(page: &[ConversationSummary]) -> Vec<ConversationKey> {
    page.iter().map(|summary| summary.conversation).collect()
}

/// By the last message, whatever was begun first and whatever the clock says.
pub fn the_list_begins_with_the_latest(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send(2, 7);
    world.send(2, 3);
    world.send(4, 2);
    assert_eq!(keys(&world.list(2, None, 10).conversations), [dm(2, 4), dm(2, 3), dm(2, 7)]);
    let mut early = world.entry(dm(2, 7), r#"{"content":"a clock was set back"}"#);
    early.created_at_ms = 1_999;
    let sent = world.stored(act(Some(UserId::new(7)), [Op::Message(early)]));
    let page = world.list(2, None, 10);
    assert_eq!(keys(&page.conversations), [dm(2, 7), dm(2, 4), dm(2, 3)]);
    let first = &page.conversations[0];
    assert_eq!(first.touched_at, 1, "seconds, rounded down");
    assert_eq!(first.last.as_ref().map(|last| last.id), Some(sent.id));
    assert_eq!(keys(&world.list(3, None, 10).conversations), [dm(2, 3)]);
}

/// Who sends has read up to there.
pub fn sending_moves_the_own_mark(stores: &dyn Stores) {
    let world = World::open(stores);
    let [ann, bob] = [2, 7].map(UserId::new);
    let both = [(ann, 0), (bob, 1), (ann, 2), (ann, 3)];
    world.settle_all(both.map(|(from, _)| world.message(from, dm(2, 7))));
    assert_eq!(world.line(2, dm(2, 7)), (4, 4, 0));
    assert_eq!(world.line(7, dm(2, 7)), (4, 2, 2));
    world.send(7, 7);
    assert_eq!(world.line(7, dm(7, 7)), (1, 1, 0));
}

/// Messages of others above one's mark, in dms and groups.
pub fn what_others_sent_is_unread(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    let key = ConversationKey::Group(group);
    world.join(group, 1);
    world.send_to(group, 1);
    world.join(group, 2);
    assert_eq!(world.line(2, key), (1, 1, 0), "what came before the join is not unread");
    world.send_to(group, 1);
    world.send_to(group, 1);
    assert_eq!(world.line(2, key), (3, 1, 2));
    assert_eq!(world.line(1, key), (3, 3, 0));
    world.send_to(group, 2);
    assert_eq!(world.line(2, key), (4, 4, 0));
    assert_eq!(world.line(1, key), (4, 3, 1));
}

/// What a service sends for nobody is nobody's own.
pub fn a_push_from_nobody_is_unread_for_both(stores: &dyn Stores) {
    let world = World::open(stores);
    let receipt = world.stored(act(None, [Op::Message(world.entry(dm(2, 7), "{}"))]));
    assert_eq!(receipt.seq, 1);
    for user in [2, 7] {
        assert_eq!(world.line(user, dm(2, 7)), (1, 0, 1));
    }
    assert_eq!(world.list(2, None, 1).conversations[0].last.as_ref().and_then(|last| last.sender), None);
}

/// From the one named, or from a time.
pub fn the_list_is_read_in_pages(stores: &dyn Stores) {
    let world = World::open(stores);
    for other in 10..20 {
        world.send(2, other);
    }
    let newest_first: Vec<_> = (10..20).rev().map(|other| dm(2, other)).collect();
    let mut read = Vec::new();
    let mut before = None;
    loop {
        let page = world.list(2, before, 4);
        read.extend(keys(&page.conversations));
        if !page.more {
            break;
        }
        assert_eq!(page.conversations.len(), 4);
        before = read.last().copied().map(Before::Conversation);
    }
    assert_eq!(read, newest_first);
    let touched = world.list(2, None, 10).conversations[6].touched_at;
    assert_eq!(keys(&world.list(2, Some(Before::Touched(touched)), 10).conversations), newest_first[7..]);
    let strange = world.list(2, Some(Before::Conversation(dm(3, 4))), 10);
    assert!(strange.conversations.is_empty() && !strange.more, "nothing follows what is not in the list");
}

/// A member sees a group to which nobody has written yet, below all that has messages.
pub fn a_group_without_messages_stands_last(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send(2, 7);
    world.join(GroupId::new(5), 2);
    let page = world.list(2, None, 10);
    let group = ConversationKey::Group(GroupId::new(5));
    assert_eq!(keys(&page.conversations), [dm(2, 7), group]);
    let empty = &page.conversations[1];
    assert_eq!((empty.head, empty.read, empty.unread, empty.touched_at), (0, 0, 0, 0));
    assert_eq!(empty.last, None);
    world.leave(GroupId::new(5), 2);
    assert_eq!(keys(&world.list(2, None, 10).conversations), [dm(2, 7)], "nothing is left to see");
}

/// Who left sees it as it was then; what goes on there doesn't show.
pub fn a_group_that_was_left_stands_still(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    let key = ConversationKey::Group(group);
    world.join(group, 1);
    world.join(group, 2);
    let last = world.send_to(group, 1);
    world.leave(group, 2);
    world.send(2, 7);
    world.send_to(group, 1);
    let page = world.list(2, None, 10);
    assert_eq!(keys(&page.conversations), [dm(2, 7), key]);
    let left = &page.conversations[1];
    assert_eq!((left.head, left.read, left.unread), (1, 0, 1));
    assert_eq!(left.touched_at, last.created_at_ms / 1_000);
    assert_eq!(left.last.as_ref().map(|message| message.id), Some(last.id));
    let next = world.list(2, Some(Before::Conversation(dm(2, 7))), 10);
    assert_eq!(keys(&next.conversations), [key]);
}

/// What was unread when a user left is unread when they come back; what came between never is.
pub fn who_comes_back_keeps_what_was_unread(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    let key = ConversationKey::Group(group);
    for user in [1, 2, 3] {
        world.join(group, user);
    }
    world.send_to(group, 1);
    world.send_to(group, 3);
    world.leave(group, 2);
    world.leave(group, 3);
    world.send_to(group, 1);
    for user in [2, 3] {
        assert_eq!(world.join(group, user), Some(3));
    }
    assert_eq!(world.line(2, key), (3, 0, 2));
    assert_eq!(world.line(3, key), (3, 3, 0), "nothing was unread");
    world.leave(group, 2);
    assert_eq!(world.join(group, 2), Some(3));
    assert_eq!(world.line(2, key), (3, 0, 2), "a short visit changes nothing");
    world.send_to(group, 1);
    assert_eq!(world.line(2, key), (4, 0, 3));
    assert_eq!(world.line(3, key), (4, 3, 1));
    world.send_to(group, 2);
    assert_eq!(world.line(2, key), (5, 5, 0));
}
