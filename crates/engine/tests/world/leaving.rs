//! Leaving the last conversation that two people shared ends what they see of one another.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use serde_json::{Value, json};
use tidings_engine::ports::{Acquaintances, BoxFuture, Groups, MessageStore, StoreError, Visibility};
use tidings_testkit::{Client, World, memory::MemoryStore};
use tidings_wire::{GroupId, UserId};

use crate::{
    messages::{GROUP, private, user, world},
    watching::{arrives, asks, expects_presence, presence_in, watches},
};

const SECOND: Duration = Duration::from_secs(1);

/// Who shares a conversation, with a count of the users who were asked for; and once in a while it does not answer.
struct Counted {
    inner: Acquaintances,
    asked: AtomicUsize,
    fails: AtomicUsize,
    /// Questions are read, and not answered.
    holds: Arc<AtomicBool>,
}

impl Visibility for Counted {
    fn may_see(&self, asker: UserId, users: Vec<UserId>) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        if self.fails.load(Ordering::Relaxed) > 0 {
            self.fails.fetch_sub(1, Ordering::Relaxed);
            return Box::pin(std::future::ready(Err(StoreError::Full)));
        }
        self.asked.fetch_add(users.len(), Ordering::Relaxed);
        let (read, holds) = (self.inner.may_see(asker, users), self.holds.clone());
        Box::pin(async move {
            let seen = read.await;
            std::future::poll_fn(|_| match holds.load(Ordering::Relaxed) {
                true => Poll::Pending,
                false => Poll::Ready(()),
            })
            .await;
            seen
        })
    }
}

/// A world in which people who share a conversation see one another.
fn acquainted(shards: u16) -> (World, Arc<Counted>) {
    let builder = world().shards(shards);
    let memory = Arc::new(MemoryStore::new(builder.clock()));
    let inner = Acquaintances::new(memory.clone());
    let sees =
        Arc::new(Counted { inner, asked: AtomicUsize::new(0), fails: AtomicUsize::new(0), holds: Arc::default() });
    let (store, groups): (Arc<dyn MessageStore>, Arc<dyn Groups>) = (memory.clone(), memory);
    (builder.store(store, groups).visibility(sees.clone()).start(), sees)
}

/// Throws away what has come: memberships, messages.
fn quiet(clients: &[&Client]) {
    clients.iter().for_each(|client| drop(client.texts()));
}

/// What was told of presence since: of whom, and whether they are online.
fn told(client: &Client) -> Vec<(u32, bool)> {
    let frames = client.texts();
    let frames = frames.iter().map(|text| serde_json::from_str::<Value>(text).expect("a frame is JSON"));
    let presence = frames.filter(|frame| frame["type"] == "presence");
    presence.map(|frame| presence_in(&frame)).map(|(user, last_seen)| (user, last_seen.is_none())).collect()
}

#[test]
fn who_leaves_the_only_group_that_two_shared_is_told_of_no_more_either_way() {
    let (world, _) = acquainted(2);
    let [ann, bob, eve] = [1, 2, 3].map(|id| arrives(&world, id));
    world.backend().adds(GROUP, [1, 2, 3].map(user));
    quiet(&[&ann, &bob, &eve]);
    assert_eq!(watches(&ann, &[2, 3]), [(2, None), (3, None)]);
    assert_eq!(watches(&bob, &[1, 3]), [(1, None), (3, None)]);
    world.backend().set_member(GROUP, user(2), false);
    world.advance(SECOND);
    assert_eq!(told(&ann), [(2, false)], "bob looks as if he was never there, eve as before");
    let mut seen = told(&bob);
    seen.sort_unstable();
    assert_eq!(seen, [(1, false), (3, false)]);
    let presence = world.backend().presence(Some(user(1)), vec![user(2)])[0];
    assert_eq!((presence.online, presence.last_seen), (false, None), "nor over HTTP, whatever was answered before");
    // Nor does what follows show anything.
    bob.disconnects();
    world.advance(15 * SECOND);
    let _bob = arrives(&world, 2);
    world.advance(SECOND);
    ann.expects_nothing();
}

#[test]
fn a_dm_or_another_group_keeps_the_watch() {
    let (world, _) = acquainted(2);
    let [ann, bob, eve] = [1, 2, 3].map(|id| arrives(&world, id));
    let other = GroupId::new(77);
    world.backend().adds(GROUP, [1, 2, 3].map(user));
    world.backend().adds(other, [2, 3].map(user));
    ann.send(&private(user(2), "hi"));
    quiet(&[&ann, &bob, &eve]);
    assert_eq!(watches(&ann, &[2]), [(2, None)]);
    assert_eq!(watches(&eve, &[2]), [(2, None)]);
    world.backend().set_member(GROUP, user(2), false);
    world.advance(SECOND);
    quiet(&[&bob]);
    [&ann, &eve].into_iter().for_each(Client::expects_nothing);
    bob.disconnects();
    world.advance(11 * SECOND);
    [&ann, &eve].into_iter().for_each(|client| assert_eq!(expects_presence(client).0, 2));
    world.backend().set_member(other, user(2), false);
    world.advance(SECOND);
    ann.expects_nothing();
    assert_eq!(expects_presence(&eve), (2, Some(Value::Null)), "whose last seen is not theirs to know any more");
}

#[test]
fn only_who_watches_or_is_watched_is_asked_about_and_nobody_where_nobody_watches() {
    let (world, sees) = acquainted(2);
    world.backend().adds(GROUP, (1..=200).map(user));
    let [ann, bob] = [1, 2].map(|id| arrives(&world, id));
    watches(&ann, &[2, 3, 4]);
    let (asked, posts) = (sees.asked.load(Ordering::Relaxed), world.posts());
    world.backend().set_member(GROUP, user(9), false);
    world.advance(SECOND);
    assert_eq!(
        (sees.asked.load(Ordering::Relaxed), world.posts()),
        (asked, posts),
        "nobody watches 9, who is not here"
    );
    world.backend().set_member(GROUP, user(2), false);
    world.advance(SECOND);
    assert_eq!(sees.asked.load(Ordering::Relaxed) - asked, 1, "whether ann sees bob");
    assert_eq!(told(&ann), [(2, false)]);
    drop(bob);
}

/// Users 1 and 2, who share a group and a dm; the first watches the second.
fn watches_whom_they_wrote_to(world: &World) -> [Client; 2] {
    let [ann, bob] = [1, 2].map(|id| arrives(world, id));
    world.backend().adds(GROUP, [1, 2].map(user));
    ann.send(&private(user(2), "hi"));
    quiet(&[&ann, &bob]);
    watches(&ann, &[2]);
    [ann, bob]
}

#[test]
fn a_port_that_does_not_answer_is_asked_again_and_shows_nobody_meanwhile() {
    let (world, sees) = acquainted(1);
    let [ann, _bob] = watches_whom_they_wrote_to(&world);
    sees.fails.store(1, Ordering::Relaxed);
    world.backend().set_member(GROUP, user(2), false);
    world.advance(SECOND / 2);
    assert_eq!(told(&ann), [(2, false)]);
    world.advance(2 * SECOND);
    assert_eq!(told(&ann), [(2, true)], "they share a dm");
}

#[test]
fn a_watch_that_was_answered_from_before_the_leaving_ends_too() {
    let (world, sees) = acquainted(2);
    let [ann, bob] = [1, 2].map(|id| arrives(&world, id));
    world.backend().adds(GROUP, [1, 2].map(user));
    quiet(&[&ann, &bob]);
    sees.holds.store(true, Ordering::Relaxed);
    asks(&ann, json!({"type": "watch", "users": [2]}));
    world.backend().set_member(GROUP, user(2), false);
    sees.holds.store(false, Ordering::Relaxed);
    world.advance(SECOND);
    assert_eq!(told(&ann).last(), Some(&(2, false)));
}

#[test]
fn a_port_that_hangs_is_given_up_and_asked_again() {
    let (world, sees) = acquainted(1);
    let [ann, _bob] = watches_whom_they_wrote_to(&world);
    sees.holds.store(true, Ordering::Relaxed);
    world.backend().set_member(GROUP, user(2), false);
    world.advance(4 * SECOND);
    ann.expects_nothing();
    world.advance(2 * SECOND);
    assert_eq!(told(&ann), [(2, false)]);
    sees.holds.store(false, Ordering::Relaxed);
    world.advance(6 * SECOND);
    assert_eq!(told(&ann), [(2, true)]);
}

#[test]
fn hundreds_of_watchers_of_one_who_leaves_are_all_told() {
    const WATCHERS: u32 = 300;
    let (world, sees) = acquainted(2);
    world.backend().adds(GROUP, (1..=WATCHERS + 1).map(user));
    let bob = arrives(&world, WATCHERS + 1);
    let watchers: Vec<Client> = (1..=WATCHERS).map(|id| arrives(&world, id)).collect();
    for watcher in &watchers {
        assert_eq!(watches(watcher, &[WATCHERS + 1]), [(WATCHERS + 1, None)]);
    }
    let asked = sees.asked.load(Ordering::Relaxed);
    world.backend().set_member(GROUP, bob.user(), false);
    world.advance(SECOND);
    for watcher in &watchers {
        assert_eq!(expects_presence(watcher), (WATCHERS + 1, Some(json!(null))));
    }
    assert_eq!(sees.asked.load(Ordering::Relaxed) - asked, WATCHERS as usize);
}

/// The order in which a chat begins: watch, write.
#[test]
fn whoever_comes_to_share_a_conversation_begins_to_see_whom_they_watch() {
    for shards in [1, 2] {
        let (world, _) = acquainted(shards);
        let [ann, bob, eve] = [1, 2, 3].map(|id| arrives(&world, id));
        assert_eq!(watches(&ann, &[2, 3]), [(2, Some(Value::Null)), (3, Some(Value::Null))]);
        assert_eq!(watches(&bob, &[1]), [(1, Some(Value::Null))]);
        ann.send(&private(user(2), "hi"));
        world.advance(SECOND);
        assert_eq!(told(&ann), [(2, true)]);
        assert_eq!(told(&bob), [(1, true)]);
        drop(eve.texts());
        world.backend().adds(GroupId::new(9), [1, 3].map(user));
        world.advance(SECOND);
        assert_eq!(told(&ann), [(3, true)]);
    }
}

/// Does not answer one user while it hangs.
struct HangsFor(UserId, AtomicBool);

impl Visibility for HangsFor {
    fn may_see(&self, asker: UserId, users: Vec<UserId>) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        if asker == self.0 && self.1.load(Ordering::Relaxed) {
            return Box::pin(std::future::pending());
        }
        Box::pin(std::future::ready(Ok(users)))
    }
}

#[test]
fn a_question_that_hangs_hides_nobody_from_others() {
    let port = Arc::new(HangsFor(user(1), AtomicBool::new(false)));
    let world = world().visibility(port.clone()).start();
    world.backend().adds(GROUP, [1, 2, 3].map(user));
    let [ann, bob, eve] = [1, 2, 3].map(|id| arrives(&world, id));
    [&ann, &bob, &eve].into_iter().for_each(|client| drop(client.texts()));
    assert_eq!([watches(&ann, &[2]), watches(&eve, &[2])], [[(2, None)], [(2, None)]]);
    port.1.store(true, Ordering::Relaxed);
    world.backend().set_member(GROUP, user(2), false);
    world.advance(30 * SECOND);
    assert_eq!(told(&eve), []);
    assert_eq!(told(&ann), [(2, false)], "nobody is shown on a doubt");
    port.1.store(false, Ordering::Relaxed);
    world.advance(10 * SECOND);
    assert_eq!(told(&ann), [(2, true)]);
}
