//! `cargo xtask miri`: the engine's tests that need no kernel under Miri, which sees undefined behaviour, data races and leaks.
//!
//! What is unsafe in this repository lies where Miri can't go: the driver's promise to tokio about a descriptor, and glibc's
//! `malloc_trim`. What it can run is what stands on other people's unsafe code: `bytes`, `slab`, `hashbrown`, `smallvec`,
//! `roaring`, and the threads around the mailbox, the queue and the members.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};

use crate::nightly;

/// Runs them. `Ok(false)` where one failed, or Miri found something.
///
/// # Errors
/// Miri is missing: the message holds the lines to install it.
pub(crate) fn run(root: &Path) -> Result<bool> {
    nightly::ensure("miri", &[nightly::TOOLCHAIN])?;
    let mut good = true;
    for arguments in RUNS {
        println!("miri: cargo miri test {}", arguments.join(" "));
        let status = nightly::program("cargo")
            .args(["miri", "test"])
            .args(*arguments)
            .args(LEFT_OUT.iter().flat_map(|test| ["--skip", test]))
            .env("MIRIFLAGS", FLAGS)
            .env("PROPTEST_CASES", CASES)
            .current_dir(root)
            .stdin(Stdio::null())
            .status()
            .context("start cargo miri")?;
        good &= status.success();
    }
    println!("miri: {}", if good { "found nothing" } else { "something failed" });
    Ok(good)
}

/// Tests may read the clock and files.
const FLAGS: &str = "-Zmiri-disable-isolation";

/// Cases of a property test: Miri takes a thousand times as long.
const CASES: &str = "2";

/// The library's own tests, and the codec's that are no property tests.
const RUNS: &[&[&str]] = &[
    &["-p", "tidings-engine", "--lib", "--"],
    &["-p", "tidings-engine", "--test", "websocket_codec", "--", "decoding::", "mistakes::"],
];

/// Left out are tests of thousands of rounds, users or kilobytes, which would take hours. What they go through, smaller tests
/// go through too.
const LEFT_OUT: [&str; 11] = [
    "a_declared_length_costs_nothing_until_its_bytes_arrive",
    "a_read_that_fails_leaves_nothing_behind",
    "a_read_that_nobody_waits_for_leaves_nothing_behind",
    "a_rollout_takes_about_its_share_of_users_and_always_the_same",
    "a_trickled_text_keeps_at_most_twice_what_arrived_and_frees_it_when_whole",
    "blocked_readers_are_kept_what_each_of_them_may_lack",
    "empty_fragments_are_counted",
    "every_close_code_is_taken_or_refused",
    "group_messages_go_on_while_users_come_and_go",
    "groups_beyond_the_bound_give_their_pins_back",
    "no_wake_is_lost_between_a_submitter_and_a_sleeping_writer",
];
