//! Group messages: members as of the commit.

use tidings_wire::{Code, GroupId};

use crate::messages::{GROUP, Group, Poke, Shout, poke, to_group, user, world};

#[test]
fn every_member_hears_it_but_the_sending_connection() {
    let world = world().start();
    let [ann, bob, eve] = world.clients([1, 2, 3]);
    let (ann_at_home, bob_at_home) = (world.client(ann.user()), world.client(bob.user()));
    world.backend().adds(GROUP, [ann.user(), bob.user(), user(9)]);
    ann.send(&to_group("hi"));
    for hears in [&bob, &bob_at_home, &ann_at_home] {
        let got = hears.expects::<Group>();
        assert_eq!(
            (got.from, got.conversation, got.seq),
            (Some(ann.user()), Some("group:5".parse().unwrap()), Some(1))
        );
    }
    ann.expects_nothing();
    eve.expects_nothing();
}

#[test]
fn a_stranger_is_no_member_whether_the_group_exists_or_not() {
    let world = world().start();
    let [ann, eve] = world.clients([1, 3]);
    world.backend().set_member(GROUP, ann.user(), true);
    eve.send(&to_group("hi"));
    let existing = eve.expects_error(Code::NotAMember);
    eve.send(&Group { group_id: GroupId::new(404), content: "hi".into() });
    assert_eq!(eve.expects_error(Code::NotAMember), existing, "nothing tells which groups exist");
    ann.expects_nothing();
    eve.send(&poke(ann.user()));
    ann.expects::<Poke>();
}

#[test]
fn memberships_change_in_commit_order() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    let backend = world.backend();
    backend.set_member(GROUP, ann.user(), true);
    world.store().holds();
    let join = backend.begins_set_member(GROUP, bob.user(), true);
    ann.send(&to_group("with bob"));
    let leave = backend.begins_set_member(GROUP, bob.user(), false);
    ann.send(&to_group("without bob"));
    let again = backend.begins_set_member(GROUP, bob.user(), true);
    ann.send(&to_group("with bob again"));
    assert_eq!(world.store().waiting(), 6);
    bob.expects_nothing();
    world.store().goes_on();
    let heard: Vec<_> = bob.expects_some::<Group>().into_iter().map(|got| (got.message.content, got.seq)).collect();
    assert_eq!(heard, [("with bob".to_owned(), Some(1)), ("with bob again".to_owned(), Some(3))]);
    [join, leave, again].into_iter().for_each(|call| call.answer().unwrap());
}

#[test]
fn who_left_before_the_commit_is_refused_by_the_transaction() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    world.backend().adds(GROUP, [ann.user(), bob.user()]);
    ann.send(&to_group("here"));
    bob.expects::<Group>();
    world.store().holds();
    let leave = world.backend().begins_set_member(GROUP, ann.user(), false);
    ann.send(&to_group("gone"));
    world.store().goes_on();
    leave.answer().unwrap();
    ann.expects_error(Code::NotAMember);
    bob.expects_nothing();
    bob.send(&to_group("still here"));
    ann.expects_nothing();
}

#[test]
fn a_join_under_way_is_not_yet_a_membership() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    world.backend().set_member(GROUP, bob.user(), true);
    world.store().holds();
    let join = world.backend().begins_set_member(GROUP, ann.user(), true);
    ann.send(&to_group("early"));
    ann.expects_error(Code::NotAMember);
    world.store().goes_on();
    join.answer().unwrap();
    ann.send(&to_group("now"));
    assert_eq!(bob.expects::<Group>().content, "now");
}

#[test]
fn a_cold_group_is_loaded_by_its_first_message() {
    let world = world().settings(|settings| settings.group_cache_bytes = 1).start();
    let [ann, bob] = world.clients([1, 2]);
    for group in (1..30).map(GroupId::new) {
        world.backend().adds(group, [ann.user(), bob.user()]);
    }
    // The cache holds one group at most: each message meets a cold one, and those behind it wait for their turn.
    ann.sends_all(
        (0..90_u32).map(|number| Group { group_id: GroupId::new(1 + number % 29), content: number.to_string() }),
    );
    let heard = bob.expects_some::<Group>();
    assert_eq!(heard.len(), 90);
    assert!(heard.iter().enumerate().all(|(number, got)| got.content == number.to_string()));
    ann.expects_nothing();
}

#[test]
fn a_large_group_is_loaded_in_pages() {
    let world = world().start();
    let members: Vec<_> = (1..=200_u32).map(|id| id * 101).collect();
    for &member in &members {
        world.backend().set_member(GROUP, user(member), true);
    }
    let clients: Vec<_> = members.iter().step_by(7).map(|&member| world.client(user(member))).collect();
    clients[0].send(&to_group("all of you"));
    clients[0].expects_nothing();
    clients[1..].iter().for_each(|client| assert_eq!(client.expects::<Group>().content, "all of you"));
}

#[test]
fn a_message_that_is_not_kept_reaches_the_members_of_now() {
    let world = world().start();
    let [ann, bob, eve] = world.clients([1, 2, 3]);
    let shout = Shout { groups: vec![GROUP], ..Shout::default() };
    ann.send(&shout);
    ann.expects_error(Code::NotAMember);
    world.backend().adds(GROUP, [ann.user(), bob.user()]);
    ann.send(&shout);
    bob.expects::<Shout>();
    world.backend().set_member(GROUP, bob.user(), false);
    world.backend().set_member(GROUP, eve.user(), true);
    ann.send(&shout);
    eve.expects::<Shout>();
    bob.expects_nothing();
    ann.expects_nothing();
}

#[test]
fn a_backend_sends_for_a_member_and_for_nobody_else() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    world.backend().adds(GROUP, [ann.user(), bob.user()]);
    let sent = world.backend().send(Some(ann.user()), &to_group("by post")).unwrap();
    assert_eq!(sent.place, Some(("group:5".parse().unwrap(), 1)));
    for hears in [&ann, &bob] {
        let got = hears.expects::<Group>();
        assert_eq!((got.id, got.from, got.timestamp), (sent.id, Some(ann.user()), sent.timestamp));
    }
    let refused = world.backend().send(Some(user(3)), &to_group("by a stranger")).unwrap_err();
    assert_eq!(refused.code, Code::NotAMember);
    let refused = world.backend().send(None, &to_group("by nobody")).unwrap_err();
    assert_eq!((refused.code, refused.field.as_deref()), (Code::BadField, Some("from")));
}
