//! The suite of [`ServiceKeys`].

use tidings_engine::ports::{KeyRecord, Scope, ServiceKeys};

use super::{subject::Subject, world::wait};

/// Tests of everything that service keys promise. `make` is a function without parameters that returns a
/// [`Subject`] of `dyn ServiceKeys` without keys.
#[macro_export]
macro_rules! service_keys_contract {
    ($make:expr) => {
        $crate::contract_cases!($make, keys:
            a_key_is_found_by_its_hash
            a_name_is_given_once
            a_revoked_key_has_gone
            keys_are_listed_by_name
            the_last_use_goes_forward
        );
    };
}

fn key(name: &str, byte: u8) -> KeyRecord {
    KeyRecord {
        name: name.to_owned(),
        hash: [byte; 32],
        scopes: "send,read".parse().expect("they are scopes"),
        created_at: 1_000,
        last_used_at: None,
    }
}

/// Name, scopes and times come back.
pub fn a_key_is_found_by_its_hash(keys: &Subject<dyn ServiceKeys>) {
    assert_eq!(wait(keys.find([1; 32])), None);
    assert!(wait(keys.insert(key("app", 1))));
    let all = KeyRecord { scopes: "all".parse().expect("it is a scope"), ..key("worker", 2) };
    assert!(wait(keys.insert(all.clone())));
    assert_eq!(wait(keys.find([1; 32])), Some(key("app", 1)));
    let found = wait(keys.find([2; 32])).expect("it is there");
    assert!(Scope::ALL.into_iter().all(|scope| found.scopes.allow(scope)));
    assert_eq!(found, all);
    assert_eq!(wait(keys.find([3; 32])), None);
}

/// A second key of the name is not stored, and the first stays.
pub fn a_name_is_given_once(keys: &Subject<dyn ServiceKeys>) {
    assert!(wait(keys.insert(key("app", 1))));
    assert!(!wait(keys.insert(key("app", 2))));
    assert_eq!(wait(keys.find([2; 32])), None);
    assert!(wait(keys.find([1; 32])).is_some());
}

/// Its name can be given again.
pub fn a_revoked_key_has_gone(keys: &Subject<dyn ServiceKeys>) {
    assert!(!wait(keys.revoke("app".to_owned())));
    wait(keys.insert(key("app", 1)));
    assert!(wait(keys.revoke("app".to_owned())));
    assert!(!wait(keys.revoke("app".to_owned())));
    assert_eq!(wait(keys.find([1; 32])), None);
    assert_eq!(wait(keys.list()), []);
    assert!(wait(keys.insert(key("app", 2))));
    assert_eq!(wait(keys.list()), [key("app", 2)]);
}

/// All that hold.
pub fn keys_are_listed_by_name(keys: &Subject<dyn ServiceKeys>) {
    for (name, byte) in [("worker", 1), ("app", 2), ("mobile", 3)] {
        wait(keys.insert(key(name, byte)));
    }
    wait(keys.revoke("mobile".to_owned()));
    let names: Vec<_> = wait(keys.list()).into_iter().map(|key| key.name).collect();
    assert_eq!(names, ["app", "worker"]);
}

/// An earlier time changes nothing, and neither does a name that is none.
pub fn the_last_use_goes_forward(keys: &Subject<dyn ServiceKeys>) {
    wait(keys.insert(key("app", 1)));
    for at in [2_000, 1_500] {
        wait(keys.used("app".to_owned(), at));
    }
    wait(keys.used("other".to_owned(), 9_000));
    assert_eq!(wait(keys.list()), [KeyRecord { last_used_at: Some(2_000), ..key("app", 1) }]);
}
