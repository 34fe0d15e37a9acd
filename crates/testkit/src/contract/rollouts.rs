//! The suite of [`Rollouts`].

use tidings_engine::{Rollout, ports::Rollouts};
use tidings_wire::UserId;

use super::{subject::Subject, world::wait};

/// Tests of everything that a store of rollouts promises. `make` is a function without parameters that returns a
/// [`Subject`] of `dyn Rollouts` that holds none.
#[macro_export]
macro_rules! rollouts_contract {
    ($make:expr) => {
        $crate::contract_cases!($make, rollouts:
            what_was_set_is_told_by_name
            a_later_one_takes_the_place_of_an_earlier_one
            what_is_taken_back_is_gone
            as_many_users_as_may_be_named_come_back
        );
    };
}

/// Users of both forms of ids, and a share of nothing.
pub fn what_was_set_is_told_by_name(rollouts: &Subject<dyn Rollouts>) {
    assert_eq!(wait(rollouts.all()), []);
    let (poke, cheer) = (rollout(10, &["7", "0192f0c1-2b3c-7def-8abc-0123456789ab"]), rollout(0, &[]));
    wait(rollouts.set("poke".into(), poke.clone()));
    wait(rollouts.set("cheer".into(), cheer.clone()));
    assert_eq!(wait(rollouts.all()), [("cheer".into(), cheer), ("poke".into(), poke)]);
}

/// Its users too.
pub fn a_later_one_takes_the_place_of_an_earlier_one(rollouts: &Subject<dyn Rollouts>) {
    wait(rollouts.set("poke".into(), rollout(10, &["7", "8"])));
    wait(rollouts.set("poke".into(), rollout(100, &["9"])));
    assert_eq!(wait(rollouts.all()), [("poke".into(), rollout(100, &["9"]))]);
}

/// Of one type, and only once.
pub fn what_is_taken_back_is_gone(rollouts: &Subject<dyn Rollouts>) {
    wait(rollouts.set("poke".into(), rollout(10, &["7"])));
    wait(rollouts.set("cheer".into(), rollout(20, &["7"])));
    assert!(wait(rollouts.take_back("poke".into())));
    assert!(!wait(rollouts.take_back("poke".into())));
    wait(rollouts.set("poke".into(), rollout(0, &[])));
    let left = [("cheer".into(), rollout(20, &["7"])), ("poke".into(), rollout(0, &[]))];
    assert_eq!(wait(rollouts.all()), left, "nobody of before is named");
}

/// The bound holds where they are stored too.
pub fn as_many_users_as_may_be_named_come_back(rollouts: &Subject<dyn Rollouts>) {
    let users = (0..Rollout::MAX_USERS as u32).map(UserId::new).collect();
    let many = Rollout::new(0, users).expect("it is at the bound");
    wait(rollouts.set("poke".into(), many.clone()));
    assert_eq!(wait(rollouts.all()), [("poke".into(), many)]);
}

fn rollout(percent: u64, users: &[&str]) -> Rollout {
    let users = users.iter().map(|user| user.parse().expect("it is an id")).collect();
    Rollout::new(percent, users).expect("it is within the bounds")
}
