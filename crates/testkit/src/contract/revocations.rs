//! The suite of [`Revocations`].

use tidings_engine::ports::Revocations;
use tidings_wire::UserId;

use super::{subject::Subject, world::wait};

/// Tests of everything that revocations promise. `make` is a function without parameters that returns a
/// [`Subject`] of `dyn Revocations` that holds none.
#[macro_export]
macro_rules! revocations_contract {
    ($make:expr) => {
        $crate::contract_cases!($make, revocations:
            only_who_was_signed_out_is
            the_latest_time_holds
            the_latest_are_told_first
        );
    };
}

/// Users of both forms of ids.
pub fn only_who_was_signed_out_is(revocations: &Subject<dyn Revocations>) {
    let uuid: UserId = "0192f0c1-2b3c-7def-8abc-0123456789ab".parse().expect("it is an id");
    for user in [UserId::new(2), uuid] {
        assert_eq!(wait(revocations.revoked_until(user)), None);
        wait(revocations.revoke(user, 1_000));
        assert_eq!(wait(revocations.revoked_until(user)), Some(1_000));
    }
    assert_eq!(wait(revocations.revoked_until(UserId::new(7))), None);
}

/// As many as were asked for, both forms of ids.
pub fn the_latest_are_told_first(revocations: &Subject<dyn Revocations>) {
    assert_eq!(wait(revocations.latest(5)), []);
    let uuid: UserId = "0192f0c1-2b3c-7def-8abc-0123456789ab".parse().expect("it is an id");
    for (user, until) in [(UserId::new(2), 1_000), (uuid, 3_000), (UserId::new(4), 2_000), (UserId::new(2), 500)] {
        wait(revocations.revoke(user, until));
    }
    let all = [(uuid, 3_000), (UserId::new(4), 2_000), (UserId::new(2), 1_000)];
    assert_eq!(wait(revocations.latest(5)), all);
    assert_eq!(wait(revocations.latest(2)), all[..2]);
}

/// An earlier time than a stored one changes nothing.
pub fn the_latest_time_holds(revocations: &Subject<dyn Revocations>) {
    let user = UserId::new(2);
    for (told, holds) in [(1_000, 1_000), (500, 1_000), (1_500, 1_500)] {
        wait(revocations.revoke(user, told));
        assert_eq!(wait(revocations.revoked_until(user)), Some(holds));
    }
}
