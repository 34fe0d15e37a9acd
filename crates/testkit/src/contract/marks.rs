//! The suite of [`MessageStore`](tidings_engine::ports::MessageStore), marks: how far users have read, where streams stand, what
//! users chose.

use tidings_engine::{
    act::{CommitNumber, Op, Outcome, ReadMark, Seen},
    ports::{Choices, Standing},
};
use tidings_wire::{Code, ConversationKey, GroupId, UserId};

use super::{
    stores::Stores,
    world::{World, act, wait},
};

fn dm() -> ConversationKey {
    ConversationKey::dm(UserId::new(2), UserId::new(7))
}

/// There is an answer only where it moved.
pub fn a_mark_only_moves_forward(stores: &dyn Stores) {
    let world = World::open(stores);
    for _ in 0..5 {
        world.send(2, 7);
    }
    assert_eq!(world.read(dm(), 7, 0), None);
    assert_eq!(world.read(dm(), 7, 3), Some((3, 2)));
    assert_eq!(world.read(dm(), 7, 3), None);
    assert_eq!(world.read(dm(), 7, 1), None);
    assert_eq!(world.line(7, dm()), (5, 3, 2));
    assert_eq!(world.read(dm(), 2, 5), None, "the sender has read up to there");
    world.store().stop();
    drop(world);
    assert_eq!(World::open(stores).line(7, dm()), (5, 3, 2), "it is kept");
}

/// Nobody reads what has not come yet.
pub fn a_mark_above_the_head_stands_at_the_head(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send(2, 7);
    assert_eq!(world.read(dm(), 7, u64::from(u32::MAX)), Some((1, 0)));
    assert_eq!(world.read(dm(), 7, u64::from(u32::MAX)), None);
    world.send(2, 7);
    assert_eq!(world.line(7, dm()), (2, 1, 1));
}

/// Nor is anything else of the act done.
pub fn who_was_never_there_reads_nothing(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    let key = ConversationKey::Group(group);
    let read = |of, user: u32| {
        let user = UserId::new(user);
        world.refused(act(Some(user), [Op::Message(world.entry(dm(), "{}")), Op::Read(of, user, 1)]))
    };
    assert_eq!(read(key, 2), Code::NotFound, "there is no such group");
    assert_eq!(read(dm(), 3), Code::NotFound);
    world.join(group, 2);
    world.send_to(group, 2);
    assert_eq!(read(key, 3), Code::NotFound);
    world.join(group, 3);
    assert_eq!(world.read(key, 3, 1), None, "a member who has seen nothing yet");
    assert_eq!(world.seqs(dm(), 2), None, "the acts were undone");
    assert_eq!(wait(world.store().since(CommitNumber(0), 10)).len(), 1);
}

/// A send and a read of one user, in one act and in two of one commit, and the reads of others meanwhile.
pub fn a_read_sees_what_its_own_commit_sent(stores: &dyn Stores) {
    let world = World::open(stores);
    let [ann, bob] = [2, 7].map(UserId::new);
    let read = |user, seq| act(Some(user), [Op::Read(dm(), user, seq)]);
    let mut both = world.message(ann, dm());
    both.ops.push(Op::Read(dm(), ann, 9));
    both.ops.push(Op::Read(dm(), bob, 3));
    let outcomes = world.settle_all([
        world.message(bob, dm()),
        world.message(ann, dm()),
        read(ann, 1),
        read(bob, 2),
        both,
        world.message(bob, dm()),
        read(ann, 4),
        read(bob, 4),
    ]);
    let reads: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Stored { reads, .. } => reads.iter().map(|mark| (mark.user, mark.seq, mark.unread)).collect(),
            other => panic!("{other:?}"),
        })
        .collect::<Vec<Vec<_>>>();
    let nothing = Vec::new();
    assert_eq!(reads[2], nothing, "ann has sent 2");
    assert_eq!(reads[3], [(bob, 2, 0)]);
    assert_eq!(reads[4], [(bob, 3, 0)], "ann has sent 3");
    assert_eq!(reads[6], [(ann, 4, 0)]);
    assert_eq!(reads[7], nothing, "bob has sent 4");
    for user in [2, 7] {
        assert_eq!(world.line(user, dm()), (4, 4, 0));
    }
}

/// Up to the last that they saw, and no further.
pub fn who_left_reads_what_they_saw(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    let key = ConversationKey::Group(group);
    for user in [1, 2] {
        world.join(group, user);
    }
    for _ in 0..3 {
        world.send_to(group, 1);
    }
    world.leave(group, 2);
    world.send_to(group, 1);
    assert_eq!(world.line(2, key), (3, 0, 3));
    assert_eq!(world.read(key, 2, 2), Some((2, 1)));
    assert_eq!(world.read(key, 2, 9), Some((3, 0)));
    world.join(group, 2);
    assert_eq!(world.line(2, key), (4, 4, 0), "what came between is not unread");
    let message = world.entry(key, "{}");
    let (leaves, user) = (Op::Leave(group, UserId::new(2)), UserId::new(2));
    let settled = world.settle(act(Some(user), [leaves, Op::Message(message), Op::Read(key, user, 9)]));
    let Outcome::Stored { reads, .. } = &settled.outcome else { panic!("{settled:?}") };
    assert!(reads.is_empty(), "what a user sends to a group that they left is not seen by them: {reads:?}");
}

/// Neither above the mark nor in what a read leaves.
pub fn events_and_deleted_messages_are_not_unread(stores: &dyn Stores) {
    let world = World::open(stores);
    for _ in 0..4 {
        world.send(2, 7);
    }
    world.changed(dm(), 1, Some(2), Some("{}"));
    assert_eq!(world.line(7, dm()), (5, 0, 4), "an edit counts once, as the message that it is");
    world.changed(dm(), 2, Some(2), None);
    assert_eq!(world.line(7, dm()), (6, 0, 3));
    world.changed(dm(), 4, None, None);
    assert_eq!(world.line(7, dm()), (7, 0, 2));
    assert_eq!(world.line(2, dm()), (7, 4, 0));
    let user = UserId::new(7);
    let settled = world.settle(act(Some(user), [Op::Read(dm(), user, 1)]));
    let Outcome::Stored { reads, .. } = settled.outcome else { panic!("it is stored") };
    assert_eq!(reads[..], [ReadMark { conversation: dm(), user, seq: 1, unread: 1 }]);
}

/// For each stream that was asked for, in that order.
pub fn streams_say_where_they_stand(stores: &dyn Stores) {
    let world = World::open(stores);
    let [left, joined, strange] = [5, 6, 8].map(GroupId::new);
    let [left_key, joined_key, strange_key] = [left, joined, strange].map(ConversationKey::Group);
    world.join(left, 1);
    world.send_to(left, 1);
    world.join(left, 2);
    world.send_to(left, 1);
    world.leave(left, 2);
    world.send_to(left, 1);
    world.join(joined, 1);
    world.send_to(joined, 1);
    world.join(joined, 2);
    world.join(strange, 1);
    world.send_to(strange, 1);
    world.send(2, 7);
    world.changed(dm(), 1, Some(2), None);
    let none = ConversationKey::dm(UserId::new(2), UserId::new(3));
    let streams = vec![dm(), strange_key, left_key, none, joined_key, dm()];
    let standings = wait(world.store().standings(UserId::new(2), streams));
    let at = |oldest, head, touched| Some(Standing { oldest, head, touched: CommitNumber(touched) });
    let dm = at(1, 2, 7);
    assert_eq!(standings, [dm, None, at(2, 2, 2), None, at(2, 1, 4), dm]);
    let many: Vec<_> = (0..500).map(|other| ConversationKey::dm(UserId::new(2), UserId::new(other))).collect();
    assert_eq!(wait(world.store().standings(UserId::new(2), many)).iter().flatten().count(), 1);
}

/// Who chose nothing has the default.
pub fn choices_are_kept(stores: &dyn Stores) {
    let world = World::open(stores);
    let [ann, bob] = [2, 7].map(UserId::new);
    assert_eq!(wait(world.store().choices(ann)), Choices { receipts: true, visible: true });
    for (receipts, visible) in [(false, true), (true, false), (false, false)] {
        wait(world.store().choose(ann, Choices { receipts, visible }));
        assert_eq!(wait(world.store().choices(ann)), Choices { receipts, visible });
    }
    assert_eq!(wait(world.store().choices(bob)), Choices::default());
    world.store().stop();
    drop(world);
    assert_eq!(wait(World::open(stores).store().choices(ann)), Choices { receipts: false, visible: false });
}

/// It shows in the own list alone, counts nothing, and whoever joins anew has muted nothing.
pub fn a_mute_belongs_to_a_membership(stores: &dyn Stores) {
    let world = World::open(stores);
    let (group, [ann, bob]) = (GroupId::new(5), [2, 7].map(UserId::new));
    let key = ConversationKey::Group(group);
    let mute = |user, until| wait(world.store().mute(user, key, until));
    assert!(!mute(ann, Some(50)), "there is no such conversation");
    world.join(group, 7);
    assert!(!mute(ann, Some(50)), "nor is she in it");
    world.join(group, 2);
    assert!(mute(ann, Some(50)));
    world.send_to(group, 7);
    let muted = |user: u32| wait(world.store().conversation(UserId::new(user), key)).map(|line| line.muted_until);
    assert_eq!((muted(2), muted(7)), (Some(Some(50)), Some(None)));
    assert_eq!(world.line(2, key), (1, 0, 1), "it is unread all the same");
    assert!(mute(ann, None) && mute(bob, Some(70)));
    assert_eq!((muted(2), muted(7)), (Some(None), Some(Some(70))));
    world.leave(group, 7);
    assert_eq!(muted(7), Some(Some(70)));
    world.send_to(group, 2);
    world.join(group, 7);
    assert_eq!(muted(7), Some(None));
    assert!(mute(bob, Some(90)));
    drop(world);
    let world = World::open(stores);
    assert_eq!(world.list(7, None, 9).conversations[0].muted_until, Some(90));
}

fn last_seen(world: &World, users: &[u32]) -> Vec<(UserId, i64)> {
    let mut seen = wait(world.store().last_seen(users.iter().copied().map(UserId::new).collect()));
    seen.sort_unstable();
    seen
}

fn seen(user: u32, at: impl Into<Option<i64>>, sure: bool) -> Op {
    Op::Seen(Seen { user: UserId::new(user), at: at.into(), sure })
}

fn writes(world: &World, ops: impl IntoIterator<Item = Op>) {
    let outcome = world.settle(act(None, ops)).outcome;
    assert!(matches!(outcome, Outcome::Stored { .. }), "{outcome:?}");
}

/// The last that was written, of those who are asked about; and until it is taken away.
pub fn when_users_were_last_seen_is_kept(stores: &dyn Stores) {
    let world = World::open(stores);
    assert_eq!(last_seen(&world, &[]), []);
    let all: Vec<u32> = (1..=500).collect();
    assert_eq!(last_seen(&world, &all), []);
    writes(&world, [seen(2, 100, true), seen(7, 200, false), seen(3, 300, true), seen(2, 90, true)]);
    assert_eq!(last_seen(&world, &all), [(2, 90), (3, 300), (7, 200)].map(|(user, at)| (UserId::new(user), at)));
    assert_eq!(last_seen(&world, &[7, 8]), [(UserId::new(7), 200)]);
    writes(&world, [seen(3, None, true), seen(9, None, true)]);
    world.store().stop();
    drop(world);
    let world = World::open(stores);
    assert_eq!(last_seen(&world, &all), [(2, 90), (7, 200)].map(|(user, at)| (UserId::new(user), at)));
    wait(world.store().erase(UserId::new(7)));
    assert_eq!(last_seen(&world, &all), [(UserId::new(2), 90)]);
}

/// What was known stays.
pub fn who_chose_to_be_invisible_is_seen_only_where_it_is_sure(stores: &dyn Stores) {
    let world = World::open(stores);
    writes(&world, [seen(2, 100, true)]);
    wait(world.store().choose(UserId::new(2), Choices { receipts: true, visible: false }));
    writes(&world, [seen(2, 200, false)]);
    assert_eq!(last_seen(&world, &[2]), [(UserId::new(2), 100)]);
    writes(&world, [seen(2, 150, true)]);
    assert_eq!(last_seen(&world, &[2]), [(UserId::new(2), 150)]);
    wait(world.store().choose(UserId::new(2), Choices { receipts: false, visible: true }));
    writes(&world, [seen(2, 200, false)]);
    assert_eq!(last_seen(&world, &[2]), [(UserId::new(2), 200)]);
}

/// The two of a dm that has a message, and the members of a group as of now.
pub fn who_shares_a_conversation_is_acquainted(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    let acquainted = |of: u32, users: &[u32]| {
        let asked = users.iter().copied().map(UserId::new).collect();
        let mut found = wait(world.store().acquainted(UserId::new(of), asked));
        found.sort_unstable();
        found
    };
    let users = |of: &[u32]| of.iter().copied().map(UserId::new).collect::<Vec<_>>();
    assert_eq!(acquainted(2, &[]), []);
    assert_eq!(acquainted(2, &[3, 7]), []);
    world.send(2, 7);
    for user in [2, 3, 4] {
        world.join(group, user);
    }
    assert_eq!(acquainted(2, &[9, 7, 4, 3]), users(&[3, 4, 7]));
    assert_eq!(acquainted(7, &[2, 3, 4]), users(&[2]));
    assert_eq!(acquainted(3, &[2, 7]), users(&[2]));
    world.leave(group, 2);
    assert_eq!(acquainted(2, &[3, 4, 7]), users(&[7]));
    assert_eq!(acquainted(4, &[2, 3]), users(&[3]));
    let many: Vec<u32> = (5..504).chain([3]).collect();
    assert_eq!(acquainted(4, &many), users(&[3]), "500 in one question");
}
