//! The models, as tests.

use loom_checks::{closed, room, wake};

#[test]
fn a_shard_gets_what_two_threads_push() {
    wake::two_pushes();
}

#[test]
fn a_shard_gets_what_one_thread_pushes_while_it_goes_to_sleep_again() {
    wake::one_push_after_the_other();
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_shard_that_looks_before_it_arms_sleeps_for_ever() {
    wake::a_shard_that_does_not_heed_the_mailbox();
}

#[test]
fn a_shard_that_found_no_room_is_told_when_there_is() {
    room::a_shard_that_found_no_room_is_told();
}

#[test]
fn a_shard_whose_room_another_took_is_told_all_the_same() {
    room::a_shard_whose_room_was_taken_is_told();
}

#[test]
fn the_dispatcher_waits_for_room_and_its_batch_stays_together() {
    room::the_dispatcher_waits_for_room();
}

#[test]
fn a_shard_is_told_when_what_another_held_is_done() {
    room::a_shard_is_told_when_what_was_held_is_done();
}

#[test]
fn the_dispatcher_waits_until_what_was_held_is_done() {
    room::the_dispatcher_waits_until_what_was_held_is_done();
}

#[test]
fn what_is_pushed_while_a_mailbox_closes_is_dropped() {
    closed::what_is_pushed_meanwhile_is_dropped();
}

#[test]
fn a_mailbox_that_closes_lets_the_dispatcher_go() {
    closed::the_dispatcher_waits_no_longer();
}
