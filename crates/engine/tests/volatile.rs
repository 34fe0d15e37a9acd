//! The store of a deployment that keeps nothing: memberships, revocations and rollouts, and a plain answer to all else.

use std::sync::Arc;

use smallvec::smallvec;
use tidings_engine::{
    act::{Act, CommitNumber, Op, Outcome, Require, Write},
    ports::{Page, Reader, Revocations, Rollouts, ServiceKeys, SessionResolver, StoreError},
    volatile::VolatileStore,
};
use tidings_testkit::contract::{Opened, Stores, Subject, World, act, wait};
use tidings_wire::{Code, ConversationKey, GroupId, UserId};

struct Nothing;

impl Stores for Nothing {
    fn open(&self, _queue_acts: usize) -> Opened {
        Opened::same(store())
    }
}

fn store() -> Arc<VolatileStore> {
    Arc::new(VolatileStore::new("this start"))
}

fn revocations() -> Subject<dyn Revocations> {
    Subject::new(store(), ())
}

fn rollouts() -> Subject<dyn Rollouts> {
    Subject::new(store(), ())
}

fn nothing() -> Nothing {
    Nothing
}

mod groups {
    use super::nothing;

    tidings_testkit::contract_cases!(nothing, groups: own_groups_say_so members_come_in_pages_by_their_ids);
}

tidings_testkit::revocations_contract!(revocations);
tidings_testkit::rollouts_contract!(rollouts);

fn is_refused(outcome: &Outcome, code: Code) -> bool {
    matches!(outcome, Outcome::Refused(reject) if reject.code == code)
}

#[test]
fn memberships_change_and_are_told() {
    let world = World::open(&Nothing);
    let group = GroupId::new(5);
    assert_eq!(&*world.start.epoch, "this start");
    assert_eq!(world.leave(group, 2), None);
    assert_eq!([world.join(group, 2), world.join(group, 2)], [Some(0), None]);
    assert_eq!(wait(world.opened.groups.members(group, None, 10)), [UserId::new(2)]);
    assert_eq!([world.leave(group, 2), world.leave(group, 2)], [Some(0), None]);
    assert_eq!(wait(world.opened.groups.members(group, None, 10)), []);
}

#[test]
fn what_would_be_kept_is_refused_whole() {
    let world = World::open(&Nothing);
    let ann = UserId::new(2);
    let group = GroupId::new(5);
    let dm = ConversationKey::dm(ann, UserId::new(7));
    assert!(is_refused(&world.settle(world.message(ann, dm)).outcome, Code::NotEnabled));
    let sql = Op::Sql(Write::new("DELETE FROM likes", []));
    assert!(is_refused(&world.settle(act(Some(ann), [Op::Join(group, ann), sql])).outcome, Code::NotEnabled));
    assert_eq!(wait(world.opened.groups.members(group, None, 10)), []);
}

#[test]
fn requirements_are_looked_at() {
    let world = World::open(&Nothing);
    let [ann, bob] = [2, 7].map(UserId::new);
    let group = GroupId::new(5);
    let invite = || Act { require: smallvec![Require::Member(group, ann)], ..act(Some(ann), [Op::Join(group, bob)]) };
    assert!(is_refused(&world.settle(invite()).outcome, Code::NotAMember));
    world.join(group, 2);
    assert!(matches!(world.settle(invite()).outcome, Outcome::Stored { .. }));
}

#[test]
fn reads_say_that_nothing_is_kept() {
    let world = World::open(&Nothing);
    let ann = UserId::new(2);
    let page = Page { before: None, after: None, limit: 10 };
    let dm = ConversationKey::dm(ann, ann);
    assert!(matches!(wait_for(world.store().history(dm, Reader::User(ann), page)), Err(StoreError::NotEnabled)));
    assert!(matches!(wait_for(world.store().conversations(ann, None, 10)), Err(StoreError::NotEnabled)));
    assert!(matches!(wait_for(world.store().query("SELECT 1".into(), vec![])), Err(StoreError::NotEnabled)));
    assert_eq!(wait(world.store().since(CommitNumber(0), 10)), []);
    let store = store();
    assert_eq!(wait(store.resolve("cookie".to_owned())), None);
    assert_eq!(wait(store.find([0; 32])), None);
    assert!(!wait(ServiceKeys::revoke(&*store, "app".to_owned())));
}

#[test]
fn after_the_stop_nothing_is_taken() {
    let world = World::open(&Nothing);
    world.store().stop();
    let join = act(None, [Op::Join(GroupId::new(5), UserId::new(2))]);
    assert!(matches!(world.settle(join).outcome, Outcome::Unavailable(_)));
}

fn wait_for<T>(answer: impl Future<Output = T>) -> T {
    futures_util::FutureExt::now_or_never(answer).expect("it is there at once")
}
