//! Power cuts: what was acknowledged is there when the power comes back.
//!
//! `kill -9` can't show that a sync matters, because the kernel writes all the same what a killed process wrote. Here the real
//! store runs on files of which a [`disk`] knows what was synced; in a step that a seed chooses the power goes, and of all that
//! was not synced nothing, a beginning, or any of its sectors is left, by the same seed. The store opens again on that, is
//! checked against all that it ever acknowledged, works on, and is cut again.
//!
//! # What must be found
//! | mistake | it is |
//! |---|---|
//! | `Planted::SynchronousNormal` | the writer's: a commit does not wait for the disk |
//! | `Planted::AcknowledgeBeforeCommit` | the writer's: acts are acknowledged before COMMIT |
//! | `Planted::NoRenewal` | the writer's: it goes on with the log as it is after a sync that failed |
//! | `Lie((Log, Sync))` | the disk's: it says that it synced the write-ahead log, and did not |
//! | `Lie((Log, SyncFolder))` | the disk's: the log's name is never synced |
//! | `Lie((Database, Sync))` | the disk's: what a checkpoint writes is never synced |
//!
//! So each kind of sync is shown to matter, and the two ways in which the writer could fail to wait for one are shown to be found.
//!
//! # What is like a real disk, and what is not
//! Like one: contents, lengths and names are lost each by itself, across files in any order, unless a sync of that file or of
//! the folder came between; a write under way arrives in part; sectors arrive in any order, and may be torn; the
//! shared memory's file may hold anything. Not like one: bytes beside a write never suffer (SQLite is built to count on that,
//! `SQLITE_POWERSAFE_OVERWRITE`), what was synced never rots, and what the store does past SQLite is
//! taken as synced: the folder and the empty file that a first start makes, and the copy before a migration. Threads run as
//! they like: a seed gives the same work, step of the cut and loss, not the same interleaving.
//!
//! # Syncs that fail with the power on
//! In courses of their own a few syncs of the log, of the database's file or of the folder fail, one after another. As on Linux, what
//! a file's sync could not write is then read as it was written, no later sync writes it, and it goes with the power. A sync of the
//! folder leaves the names to a later one, and SQLite passes over its failure, as its own VFS does. Somebody else's snapshots are
//! held meanwhile, so that checkpoints copy in part and without a sync. A first start has no such failure.
//!
//! # To repeat
//! A failure names its seed and keeps what the cut left. `TIDINGS_TEST_POWER_SEED=<seed>` runs that chain alone.
#![expect(clippy::unwrap_used, reason = "what a test can't set up ends it")]

mod book;
mod chain;
mod disk;
mod life;
mod vfs;

use chain::{Course, FIRST_STEPS, Mistake, RARE, Tally, chains, given_seed};
use disk::{Deed, Moment, Part};
use tidings_sqlite::Planted;

/// Chains within which a mistake must be found: thirty cuts.
const FOUND_WITHIN: u64 = 3;

/// The same where it takes a sync that fails, at a moment that matters: four hundred cuts.
const FOUND_WITHIN_FAILED_SYNCS: u64 = 40;

#[test]
fn after_300_power_cuts_everything_acknowledged_is_there() {
    let cuts = if is_thorough() { 6_000 } else { 400 };
    let Some(tally) = nothing_is_found(cuts / Course::Anywhere.cuts() as u64, Course::Anywhere) else { return };
    // The others came after a stop in good order.
    assert!(tally.moments.values().sum::<usize>() as u64 >= cuts * 3 / 4, "{tally:#?}");
    for (moment, _) in RARE {
        assert!(tally.moments.contains_key(&moment), "no cut fell into {moment:?}: {tally:#?}");
    }
    assert!(tally.unsynced_bytes > 100_000, "{tally:#?}");
}

#[test]
fn a_first_start_that_is_cut_in_any_step_is_made_up_for() {
    let times = if is_thorough() { 40 } else { 4 };
    let Some(tally) = nothing_is_found(times * FIRST_STEPS, Course::FirstStart) else { return };
    for deed in [Deed::Create, Deed::Write, Deed::Sync, Deed::SyncFolder, Deed::Delete] {
        let moment = (Part::Journal, deed);
        assert!(tally.moments.contains_key(&moment), "no cut fell into {moment:?}: {tally:#?}");
    }
}

#[test]
fn syncs_of_the_log_that_fail_cost_nothing_that_is_acknowledged() {
    nothing_is_lost_by_failed_syncs((Part::Log, Deed::Sync));
}

#[test]
fn syncs_of_the_database_that_fail_cost_nothing_that_is_acknowledged() {
    nothing_is_lost_by_failed_syncs((Part::Database, Deed::Sync));
}

#[test]
fn syncs_of_the_folder_that_fail_cost_nothing_that_is_acknowledged() {
    nothing_is_lost_by_failed_syncs((Part::Log, Deed::SyncFolder));
}

fn nothing_is_lost_by_failed_syncs(of: Moment) {
    let course = Course::FailedSyncs(of);
    let cuts = if is_thorough() { 3_000 } else { 200 };
    let Some(tally) = nothing_is_found(cuts / course.cuts() as u64, course) else { return };
    // A life that is cut in its first moments meets none: about every fourth cut has one, of the database.
    assert!(tally.failed_syncs as u64 > cuts / 8, "{tally:#?}");
}

/// Runs chains that must keep everything; none where the environment gives a seed, which alone is run.
fn nothing_is_found(count: u64, course: Course) -> Option<Tally> {
    let given = given_seed();
    let (first, count) = given.map_or_else(|| (fresh_seed(), count), |seed| (seed, 1));
    let tally = chains(first, count, course, None).unwrap_or_else(|found| panic!("{found}"));
    println!("{tally:#?}");
    given.is_none().then_some(tally)
}

fn fresh_seed() -> u64 {
    rand::random::<u32>().into()
}

fn is_thorough() -> bool {
    std::env::var_os("TIDINGS_THOROUGH").is_some()
}

#[test]
fn a_commit_that_does_not_wait_for_the_disk_is_found() {
    is_found(Course::Anywhere, Mistake::Planted(Planted::SynchronousNormal));
}

#[test]
fn an_acknowledgement_before_the_commit_is_found() {
    is_found(Course::Anywhere, Mistake::Planted(Planted::AcknowledgeBeforeCommit));
}

#[test]
fn a_log_that_is_not_written_anew_after_a_failed_sync_is_found() {
    is_found(Course::FailedSyncs((Part::Log, Deed::Sync)), Mistake::Planted(Planted::NoRenewal));
}

#[test]
fn a_disk_that_does_not_sync_the_log_is_found() {
    is_found(Course::Anywhere, Mistake::Lie((Part::Log, Deed::Sync)));
}

#[test]
fn a_disk_that_does_not_sync_the_logs_name_is_found() {
    is_found(Course::Anywhere, Mistake::Lie((Part::Log, Deed::SyncFolder)));
}

#[test]
fn a_disk_that_does_not_sync_what_a_checkpoint_writes_is_found() {
    is_found(Course::Anywhere, Mistake::Lie((Part::Database, Deed::Sync)));
}

fn is_found(course: Course, mistake: Mistake) {
    let within = if course == Course::Anywhere { FOUND_WITHIN } else { FOUND_WITHIN_FAILED_SYNCS };
    match chains(fresh_seed(), within, course, Some(mistake)) {
        Ok(tally) => panic!("{mistake:?} was not found: {tally:#?}"),
        Err(found) => {
            println!("{mistake:?}: {found}");
            std::fs::remove_dir_all(&found.kept).unwrap();
        }
    }
}
