//! The suite of [`MessageStore`](tidings_engine::ports::MessageStore), reading: history, keys, the log.

use tidings_engine::{
    act::{CommitNumber, Op, Outcome},
    ports::{Line, Page, Reader},
};
use tidings_wire::{ConversationKey, GroupId, UserId};

use super::{
    stores::Stores,
    world::{World, act, receipt, seqs, wait},
};

const UUID: &str = "0192f0c1-2b3c-7def-8abc-0123456789ab";

/// Each interval of membership shows what came in it, and nothing between.
pub fn members_see_what_came_while_they_were_there(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    let key = ConversationKey::Group(group);
    world.join(group, 1);
    world.send_to(group, 1);
    world.join(group, 2);
    assert_eq!(world.seqs(key, 2), None, "nothing came since");
    world.send_to(group, 2);
    world.send_to(group, 1);
    world.leave(group, 2);
    world.send_to(group, 1);
    assert_eq!(world.seqs(key, 2), Some(vec![2, 3]));
    world.join(group, 2);
    world.send_to(group, 1);
    assert_eq!(world.seqs(key, 2), Some(vec![2, 3, 5]));
    assert_eq!(world.seqs(key, 1), Some(vec![1, 2, 3, 4, 5]));
    assert_eq!(world.seqs(key, 3), None, "a stranger sees nothing");
    let page = |before, after, limit| world.history(key, 2, Page { before, after, limit }).expect("it is seen");
    assert_eq!(page(Some(5), None, 2).lines[0].last(), 3, "a page crosses what is hidden");
    assert_eq!(page(Some(5), None, 1).lines, [Line::Skip { from: 4, to: 4 }]);
    assert_eq!(seqs(&page(None, Some(2), 10).messages().cloned().collect::<Vec<_>>()), [3, 5]);
    assert!(page(Some(5), None, 1).more);
    assert!(!page(Some(3), None, 1).more);
}

/// A dm is seen by its two, a note to oneself by its one, from the first message on.
pub fn a_dm_is_seen_by_its_two(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send(2, 7);
    world.send(7, 7);
    let [ann, bob] = [2, 7].map(UserId::new);
    let dm = ConversationKey::dm(ann, bob);
    assert_eq!([2, 7, 3].map(|user| world.seqs(dm, user)), [Some(vec![1]), Some(vec![1]), None]);
    let note = ConversationKey::dm(bob, bob);
    assert_eq!([2, 7].map(|user| world.seqs(note, user)), [None, Some(vec![1])]);
}

/// A service with a key sees whole streams, but not such as do not exist.
pub fn a_service_sees_all(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    let read = |limit| {
        let page = Page { before: None, after: None, limit };
        wait(world.store().history(ConversationKey::Group(group), Reader::Service, page))
    };
    assert_eq!(read(10), None);
    world.join(group, 2);
    assert_eq!(read(10), None, "it has no message");
    world.send_to(group, 2);
    world.send_to(group, 2);
    world.leave(group, 2);
    let page = read(1).expect("it has messages");
    assert_eq!(
        (seqs(&page.messages().cloned().collect::<Vec<_>>()), page.oldest, page.head, page.more),
        (vec![2], 1, 2, true)
    );
}

/// The latest without bounds, backwards from `before`, onwards from `after`.
pub fn pages_go_both_ways(stores: &dyn Stores) {
    let world = World::open(stores);
    for _ in 0..10 {
        world.send(2, 7);
    }
    let dm = ConversationKey::dm(UserId::new(2), UserId::new(7));
    let page = |before, after, limit| {
        let page = world.history(dm, 7, Page { before, after, limit }).expect("it is seen");
        assert_eq!((page.oldest, page.head), (1, 10));
        (seqs(&page.messages().cloned().collect::<Vec<_>>()), page.more)
    };
    assert_eq!(page(None, None, 3), (vec![8, 9, 10], true));
    assert_eq!(page(Some(8), None, 3), (vec![5, 6, 7], true));
    assert_eq!(page(Some(3), None, 3), (vec![1, 2], false));
    assert_eq!(page(Some(1), None, 3), (vec![], false));
    assert_eq!(page(Some(99), None, 2), (vec![9, 10], true));
    assert_eq!(page(None, Some(0), 3), (vec![1, 2, 3], true));
    assert_eq!(page(None, Some(7), 3), (vec![8, 9, 10], false));
    assert_eq!(page(None, Some(10), 3), (vec![], false));
    assert_eq!(page(None, Some(99), 3), (vec![], false));
    assert_eq!(page(None, None, 100), ((1..=10).collect(), false));
}

/// With both bounds, those between, and where they are too many the latest are left out.
pub fn a_page_between_two_seqs_begins_at_the_lower(stores: &dyn Stores) {
    let world = World::open(stores);
    for _ in 0..10 {
        world.send(2, 7);
    }
    let dm = ConversationKey::dm(UserId::new(2), UserId::new(7));
    let page = |before, after, limit| {
        let page = world.history(dm, 2, Page { before: Some(before), after: Some(after), limit }).expect("it is seen");
        (seqs(&page.messages().cloned().collect::<Vec<_>>()), page.more)
    };
    assert_eq!(page(8, 3, 10), (vec![4, 5, 6, 7], false));
    assert_eq!(page(8, 3, 2), (vec![4, 5], true));
    assert_eq!(page(4, 3, 2), (vec![], false));
    assert_eq!(page(3, 8, 2), (vec![], false));
}

/// A look-up by a sender's key finds receipt and hash.
pub fn a_key_finds_its_message(stores: &dyn Stores) {
    let world = World::open(stores);
    let [ann, bob] = [2, 7].map(UserId::new);
    let stored = world.stored(world.keyed(ann, ConversationKey::dm(ann, bob), ("k", 9)));
    let find = |user, key: &str| wait(world.store().keyed(user, key.parse().expect("it is a key")));
    assert_eq!(find(ann, "k"), Some((stored, [9; 16])));
    assert_eq!(find(bob, "k"), None);
    assert_eq!(find(ann, "other"), None);
}

/// What the dispatcher missed is read by commit number, in pages.
pub fn the_log_is_read_in_commit_order(stores: &dyn Stores) {
    let world = World::open(stores);
    let told: Vec<_> = (0..10_u32)
        .map(|number| {
            let [from, to] = [number % 3, 7].map(UserId::new);
            let settled = world.settle(world.message(from, ConversationKey::dm(from, to)));
            (settled.commit.expect("it is stored"), receipt(&settled.outcome).id)
        })
        .collect();
    let mut read = Vec::new();
    let mut after = CommitNumber(0);
    loop {
        let page = wait(world.store().since(after, 3));
        let Some((last, _)) = page.last() else { break };
        assert!(page.len() <= 3);
        after = *last;
        read.extend(page.into_iter().map(|(commit, message)| (commit, message.id)));
    }
    assert_eq!(read, told);
}

/// All fields of a message, and bodies up to the largest frame, come back as they went in.
pub fn bodies_come_back_byte_for_byte(stores: &dyn Stores) {
    let world = World::open(stores);
    let [ann, bob] = [2, 7].map(UserId::new);
    let dm = ConversationKey::dm(ann, bob);
    let bodies = [
        "{}".to_owned(),
        r#"{"content":"žluťoučký 🐎 \u0000"}"#.to_owned(),
        format!("{{\"content\":\"{}\"}}", "x".repeat(65_536)),
    ];
    for body in bodies {
        let mut entry = world.entry(dm, body.clone());
        (entry.kind, entry.version) = ("photo", 3);
        let sent = entry.clone();
        let mut message = act(Some(ann), [Op::Message(entry)]);
        message.key =
            Some(("k".repeat(64).replacen('k', &body.len().to_string(), 1)[..64].parse().expect("a key"), [1; 16]));
        let key = message.key.clone().map(|(key, _)| key);
        let seq = world.stored(message).seq;
        let page = world.history(dm, 7, Page { before: None, after: None, limit: 1 }).expect("it is seen");
        let found = page.messages().next().expect("it is in it");
        assert_eq!((found.seq, found.id, found.created_at_ms), (seq, sent.id, sent.created_at_ms));
        assert_eq!((&*found.kind, found.version, found.sender), ("photo", 3, Some(ann)));
        assert_eq!((&found.key, &found.body, found.conversation), (&key, &sent.body, dm));
    }
}

/// Integers and UUIDs live side by side, as users and as groups.
pub fn ids_of_both_forms_are_kept(stores: &dyn Stores) {
    let world = World::open(stores);
    let ann = UserId::new(2);
    let large: UserId = "9223372036854775807".parse().expect("2^63 - 1 is an id");
    let bob: UserId = UUID.parse().expect("it is an id");
    let group: GroupId = UUID.parse().expect("it is an id");
    for (one, other) in [(ann, bob), (bob, bob), (large, bob), (ann, large)] {
        let dm = ConversationKey::dm(one, other);
        let receipt = world.stored(world.message(other, dm));
        assert_eq!((receipt.seq, receipt.conversation), (1, dm));
        let page = Page { before: None, after: None, limit: 1 };
        let page = wait(world.store().history(dm, Reader::User(one), page)).expect("it is seen");
        assert_eq!(page.messages().next().expect("it is in it").sender, Some(other));
    }
    let joins = [bob, large, ann].map(|user| Op::Join(group, user));
    let Outcome::Stored { membership, .. } = world.settle(act(None, joins)).outcome else { panic!("it is stored") };
    assert_eq!(membership.len(), 3);
    assert_eq!(wait(world.opened.groups.members(group, None, 10)), [ann, large, bob]);
    assert_eq!(world.stored(world.to_group(bob, group)).conversation, ConversationKey::Group(group));
    let listed = wait(world.store().conversations(bob, None, 10));
    assert_eq!(listed.conversations.len(), 4);
    assert_eq!(listed.conversations[0].conversation, ConversationKey::Group(group));
}
