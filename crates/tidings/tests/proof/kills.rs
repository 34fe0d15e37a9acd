//! Kills under load, at any moment and at each point where a crash is told apart: what was acknowledged is stored with the id
//! and seq that were told, once, without a hole, and every receiver has it in order.

use std::{path::PathBuf, time::Duration};

use bench::prove::{Blow, Plan, Verdict, run};
use rand::RngExt;
use tidings_engine::failpoint::{Failpoint, VARIABLE};

use crate::{is_thorough, on_one_and_two_shards};

/// Plays the blows on a fresh folder; whatever is wrong ends the test and leaves the folder.
fn played(shards: u16, blows: Vec<Blow>) -> Verdict {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        program: PathBuf::from(env!("CARGO_BIN_EXE_tidings")),
        folder: folder.path().to_owned(),
        environment: vec![("TIDINGS_ENGINE__SHARDS".to_owned(), shards.to_string())],
        blows,
    };
    let found = run(&plan, &mut ());
    println!("{found:?}");
    match found {
        Ok(verdict) if verdict.is_good() && verdict.kills == plan.blows.len() => verdict,
        found => panic!("{found:#?} after {:#?}; the database and the log are in {:?}", plan.blows, folder.keep()),
    }
}

on_one_and_two_shards! {
    fn killed_at_any_moment_under_load_nothing_acknowledged_is_lost_doubled_or_out_of_order(shards: u16) {
        let kills = if is_thorough() { 50 } else { 5 };
        let mut random = rand::rng();
        let mut blow = || Blow::Kill {
            after: random.random_range(1..=600),
            then: random.random_range(Duration::ZERO..Duration::from_millis(20)),
        };
        let verdict = played(shards, (0..kills).map(|_| blow()).collect());
        assert!(verdict.acknowledged > kills, "{verdict:?}");
        assert_eq!(verdict.holes, 0, "nobody had to ask: {verdict:?}");
    }
}

/// Kills at one point, each time at another passing of it.
fn killed_at(point: Failpoint, passings: std::ops::RangeInclusive<u64>) -> Verdict {
    let times = if is_thorough() { 20 } else { 3 };
    let mut random = rand::rng();
    let mut blow = || Blow::ByItself {
        variable: VARIABLE,
        value: format!("{}:{}", point.name(), random.random_range(passings.clone())),
    };
    let verdict = played(2, (0..times).map(|_| blow()).collect());
    assert_eq!(verdict.holes, 0, "nobody had to ask: {verdict:?}");
    verdict
}

#[test]
fn killed_before_a_commit_a_repeat_stores_once() {
    killed_at(Failpoint::BeforeCommit, 1..=60);
}

#[test]
fn killed_after_a_commit_and_before_its_acknowledgement_a_repeat_gets_the_first_seq() {
    let verdict = killed_at(Failpoint::AfterCommit, 1..=60);
    assert!(verdict.duplicates >= 3, "each time something was stored that nobody had been told of: {verdict:?}");
}

#[test]
fn killed_between_the_acknowledgement_and_the_fan_out_receivers_get_all_when_they_resume() {
    killed_at(Failpoint::Dispatched, 1..=120);
}

#[test]
fn killed_in_the_middle_of_a_fan_out_receivers_get_all_when_they_resume() {
    killed_at(Failpoint::Written, 20..=1_000);
}
