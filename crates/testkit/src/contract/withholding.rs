//! The suite of [`MessageStore`](tidings_engine::ports::MessageStore), withholding: what one of a dm's two is never shown, because they
//! had blocked its sender.

use tidings_engine::{
    act::{Act, Change, CommitNumber, Entry, Op},
    ports::{Before, Line, Page, Reader},
};
use tidings_wire::{Code, ConversationKey, GroupId, UserId};

use super::{
    stores::Stores,
    world::{World, act, met, receipt, wait, withheld},
};

fn dm() -> ConversationKey {
    ConversationKey::dm(UserId::new(2), UserId::new(7))
}

/// What a user is shown: seqs of messages and events, and skips.
fn shown(world: &World, user: u32) -> Vec<(u64, u64, bool)> {
    let told = |line: &Line| match line {
        Line::Message(message) => (message.seq, message.seq, true),
        Line::Skip { from, to } => (*from, *to, false),
    };
    world.lines(dm(), user).iter().map(told).collect()
}

fn acquainted(world: &World, of: u32, user: u32) -> bool {
    !wait(world.store().acquainted(UserId::new(of), vec![UserId::new(user)])).is_empty()
}

/// An edit by a user whom the other of the dm has blocked by then.
fn edit(world: &World, of: u64, (by, from): (u32, u32)) -> Act {
    let Op::Change(change) = world.change(dm(), of, Some(by), Some(r#"{"content":"anew"}"#)) else {
        unreachable!("it is a change")
    };
    act(Some(UserId::new(by)), [Op::Change(Change { withheld: Some(UserId::new(from)), ..change })])
}

/// A seq like others to its sender and to services, a skip to the other.
pub fn what_is_withheld_is_a_skip(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send(7, 2);
    assert_eq!(world.send_blocked(2, 7).seq, 2);
    assert_eq!(world.send_blocked(2, 7).seq, 3);
    world.send(7, 2);
    assert_eq!(world.seqs(dm(), 2), Some(vec![1, 2, 3, 4]));
    assert_eq!(shown(&world, 7), [(1, 1, true), (2, 3, false), (4, 4, true)]);
    let message = |reader| wait(world.store().message(dm(), 2, reader));
    assert!(message(Reader::User(UserId::new(2))).is_some_and(|message| message.withheld.is_none()));
    assert_eq!(message(Reader::User(UserId::new(7))), None);
    assert!(message(Reader::Service).is_some());
    let page = |after| world.history(dm(), 7, Page::after(after, 1)).expect("it is seen");
    assert_eq!(page(1).lines, [Line::Skip { from: 2, to: 3 }]);
    assert_eq!(page(2).lines, [Line::Skip { from: 3, to: 3 }]);
    let told = |user: Option<u32>| user.map(UserId::new);
    for log in [
        wait(world.store().since(CommitNumber(0), 10)),
        wait(world.store().written_by(UserId::new(2), CommitNumber(0), 10)),
    ] {
        for (CommitNumber(number), message) in log {
            assert_eq!(message.withheld, told((2..=3).contains(&number).then_some(7)), "{number}");
        }
    }
}

/// However much of it there is, and whatever is read.
pub fn what_is_withheld_is_never_unread(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send(2, 7);
    for _ in 0..300 {
        world.send_blocked(2, 7);
    }
    assert_eq!(world.line(7, dm()), (301, 0, 1));
    let last = || world.list(7, None, 1).conversations[0].last.as_ref().map(|last| last.seq);
    assert_eq!(last(), Some(1));
    world.send(2, 7);
    assert_eq!((world.line(7, dm()), last()), ((302, 0, 2), Some(302)));
    assert_eq!(world.read(dm(), 7, 40), Some((40, 1)), "a mark may stand at one");
    assert_eq!(world.read(dm(), 7, 301), Some((301, 1)));
    world.send_blocked(2, 7);
    assert_eq!(world.read(dm(), 7, 400), Some((303, 0)));
    assert_eq!(world.line(2, dm()), (303, 303, 0));
    assert_eq!(shown(&world, 7), [(1, 1, true), (2, 301, false), (302, 302, true), (303, 303, false)]);
}

/// It comes to be theirs with the first message that they are shown; until then the two share nothing.
pub fn a_dm_of_nothing_else_is_not_the_blockers(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send_blocked(2, 7);
    let outcome = world.settle(edit(&world, 1, (2, 7))).outcome;
    assert!(!met(&outcome) && withheld(&outcome) == [(receipt(&outcome).id, UserId::new(7))]);
    let blocker = UserId::new(7);
    assert!(world.list(7, None, 10).conversations.is_empty());
    assert_eq!(wait(world.store().conversation(blocker, dm())), None);
    assert_eq!(world.history(dm(), 7, Page::after(0, 10)), None);
    assert_eq!(wait(world.store().standings(blocker, vec![dm()])), [None]);
    assert!(!wait(world.store().mute(blocker, dm(), Some(9))));
    assert_eq!(world.refused(act(Some(blocker), [Op::Read(dm(), blocker, 1)])), Code::NotFound);
    assert_eq!(world.line(2, dm()), (2, 1, 0), "to the sender it is a dm like others");
    assert!(!acquainted(&world, 7, 2) && !acquainted(&world, 2, 7));

    let outcome = world.settle(world.message(UserId::new(2), dm())).outcome;
    assert!(met(&outcome) && withheld(&outcome).is_empty());
    assert_eq!(world.line(7, dm()), (3, 0, 1));
    assert_eq!(shown(&world, 7), [(3, 3, true)]);
    assert_eq!(world.history(dm(), 7, Page::after(0, 10)).map(|page| page.oldest), Some(3));
    assert!(acquainted(&world, 7, 2) && acquainted(&world, 2, 7));
    assert!(!met(&world.settle(world.message(UserId::new(2), dm())).outcome));
    assert!(met(&world
        .settle(world.message(UserId::new(2), ConversationKey::dm(UserId::new(2), UserId::new(3))))
        .outcome));
}

/// Each sees what they sent, and neither of them the other.
pub fn both_may_have_blocked_one_another(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send_blocked(2, 7);
    world.send_blocked(7, 2);
    world.send_blocked(2, 7);
    assert_eq!(shown(&world, 2), [(1, 1, true), (2, 2, false), (3, 3, true)]);
    assert_eq!(shown(&world, 7), [(2, 2, true), (3, 3, false)]);
    assert_eq!((world.line(2, dm()), world.line(7, dm())), ((3, 3, 0), (3, 2, 0)));
    assert!(!acquainted(&world, 7, 2) && !acquainted(&world, 2, 7));
    assert!(met(&world.settle(world.message(UserId::new(7), dm())).outcome));
    assert!(acquainted(&world, 7, 2) && acquainted(&world, 2, 7));
    assert_eq!((world.line(2, dm()), world.line(7, dm())), ((4, 3, 1), (4, 4, 0)));
}

/// The blocker's list stays as it was.
pub fn what_is_withheld_moves_nothing(stores: &dyn Stores) {
    let world = World::open(stores);
    let other = ConversationKey::dm(UserId::new(3), UserId::new(7));
    let stands = || wait(world.store().standings(UserId::new(7), vec![dm(), other]));
    let listed = || {
        let page = world.list(7, None, 10).conversations;
        page.iter().map(|summary| (summary.conversation, summary.touched_at)).collect::<Vec<_>>()
    };
    world.send(2, 7);
    world.send(3, 7);
    let (before, stood) = (listed(), stands());
    world.send_blocked(2, 7);
    world.send_blocked(2, 7);
    assert_eq!(world.changed(dm(), 2, Some(2), None).seq, 4);
    assert_eq!(listed(), before);
    assert_eq!(world.list(7, Some(Before::Conversation(other)), 10).conversations[0].conversation, dm());
    for (stands, stood) in stands().into_iter().zip(stood) {
        assert_eq!(stands.map(|stands| stands.touched), stood.map(|stood| stood.touched));
    }
    let head = |of: usize| stands()[of].map(|stands| (stands.oldest, stands.head));
    assert_eq!(head(0), Some((1, 4)), "whoever resumes comes to the head");
    assert_eq!(world.list(2, None, 1).conversations[0].touched_at, 5, "the sender's moves");

    world.send(7, 2);
    world.send(3, 7);
    let before = listed();
    assert_eq!(before[1], (dm(), 6));
    world.send_blocked(2, 7);
    assert_eq!(listed(), before);
    world.send(2, 7);
    assert_eq!(listed()[0].0, dm());
}

/// By whomever; and nobody changes what they are not shown.
pub fn events_of_what_is_withheld_are_withheld(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send(7, 2);
    world.send_blocked(2, 7);
    assert_eq!(world.refused(act(None, [world.change(dm(), 2, Some(7), None)])), Code::NotFound);
    for (seq, by, body) in [(3, Some(2), Some("{}")), (4, None, Some("{}")), (5, Some(2), None)] {
        let outcome = world.settle(act(by.map(UserId::new), [world.change(dm(), 2, by, body)])).outcome;
        assert_eq!(receipt(&outcome).seq, seq);
        assert_eq!(withheld(&outcome), [(receipt(&outcome).id, UserId::new(7))]);
    }
    assert_eq!(shown(&world, 7), [(1, 1, true), (2, 5, false)]);
    assert_eq!(shown(&world, 2), [(1, 1, true), (2, 2, true), (3, 4, false), (5, 5, true)]);
    assert_eq!(world.line(7, dm()), (5, 1, 0));
    let change = world.settle(act(Some(UserId::new(7)), [world.change(dm(), 1, Some(7), Some("{}"))])).outcome;
    assert!(withheld(&change).is_empty(), "the blocker's own are told");
    assert_eq!(world.line(2, dm()), (6, 2, 0));
}

/// Whoever is blocked says nothing new by changing what they said before; to take it back is no news.
pub fn an_edit_by_one_who_is_blocked_takes_the_message_away(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send(2, 7);
    world.send(2, 7);
    world.send(2, 7);
    assert_eq!(world.line(7, dm()), (3, 0, 3));
    let outcome = world.settle(edit(&world, 2, (2, 7))).outcome;
    assert_eq!(withheld(&outcome), [(receipt(&outcome).id, UserId::new(7))]);
    assert_eq!(shown(&world, 7), [(1, 1, true), (2, 2, false), (3, 3, true), (4, 4, false)]);
    assert_eq!(world.line(7, dm()), (4, 0, 2));
    assert_eq!(wait(world.store().message(dm(), 2, Reader::User(UserId::new(7)))), None);
    assert_eq!(shown(&world, 2).len(), 4);
    // Once more, now that it is withheld; then of its neighbour.
    world.settle(edit(&world, 2, (2, 7)));
    world.settle(edit(&world, 3, (2, 7)));
    assert_eq!(shown(&world, 7), [(1, 1, true), (2, 6, false)]);
    let Op::Change(change) = world.change(dm(), 1, Some(2), None) else { unreachable!("it is a change") };
    let taken_back = Op::Change(Change { withheld: Some(UserId::new(7)), ..change });
    let outcome = world.settle(act(Some(UserId::new(2)), [taken_back])).outcome;
    assert!(withheld(&outcome).is_empty());
    assert_eq!(shown(&world, 7), [(1, 1, true), (2, 6, false), (7, 7, true)]);
    assert_eq!(world.line(7, dm()), (7, 0, 0));
}

/// In groups nothing is: members read one another.
pub fn in_groups_nothing_is_withheld(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    let key = ConversationKey::Group(group);
    for user in [2, 7] {
        world.join(group, user);
    }
    let entry = Entry { withheld: Some(UserId::new(7)), ..world.entry(key, "{}") };
    let outcome = world.settle(act(Some(UserId::new(2)), [Op::Message(entry)])).outcome;
    assert!(withheld(&outcome).is_empty());
    assert_eq!((world.seqs(key, 7), world.line(7, key)), (Some(vec![1]), (1, 0, 1)));
}

/// Whatever goes for good, and after another start.
pub fn what_is_withheld_stays_so(stores: &dyn Stores) {
    let world = World::open(stores);
    world.send_blocked(2, 7);
    world.send(2, 7);
    world.send_blocked(2, 7);
    world.store().stop();
    let world = World::open(stores);
    assert_eq!(shown(&world, 7), [(2, 2, true), (3, 3, false)]);
    assert_eq!(world.line(7, dm()), (3, 0, 1));
    world.send(7, 2);
    assert_eq!(wait(world.store().prune("private", 1_500, 1)), 1);
    assert_eq!(shown(&world, 7), [(2, 2, true), (3, 3, false), (4, 4, true)]);
    assert_eq!(wait(world.store().erase(UserId::new(2))).messages, 2);
    assert_eq!(shown(&world, 7), [(4, 4, true)]);
    assert_eq!(world.line(7, dm()), (4, 4, 0));
}
