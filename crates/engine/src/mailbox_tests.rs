//! Tests of the mailbox that need no model checker. Not beneath it, because `checks/loom` compiles its file by its path, with other
//! types for threads.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::mailbox::Mailbox;

fn mailbox(bound: usize) -> (Arc<Mailbox<u32>>, Arc<AtomicUsize>) {
    let wakes = Arc::new(AtomicUsize::new(0));
    let count = wakes.clone();
    let wake = Box::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    (Arc::new(Mailbox::new(bound, wake)), wakes)
}

#[test]
fn only_a_sleeping_shard_is_woken_and_only_once() {
    let (mailbox, wakes) = mailbox(8);
    mailbox.push(1);
    assert!(!mailbox.arm(), "something waits already");
    let mut taken = Vec::new();
    mailbox.take(&mut taken);
    assert!(mailbox.arm());
    mailbox.push(2);
    mailbox.push(3);
    assert_eq!(wakes.load(Ordering::SeqCst), 1);
}

#[test]
fn a_full_mailbox_refuses_offers_takes_answers_and_tells_who_waits() {
    let (mailbox, _) = mailbox(2);
    let mut mail = VecDeque::from([1, 2, 3]);
    mailbox.offer(&mut mail);
    assert_eq!(mail, [3]);
    assert!(!mailbox.has_room(5));
    mailbox.push(4);
    let mut taken = Vec::new();
    assert_eq!(mailbox.take(&mut taken), 1 << 5);
    assert_eq!(taken, [1, 2, 4]);
    assert!(mailbox.has_room(5));
}

#[test]
fn what_the_shard_took_and_holds_counts_until_it_is_done() {
    let (mailbox, _) = mailbox(2);
    mailbox.push(1);
    let mut taken = Vec::new();
    mailbox.take(&mut taken);
    assert_eq!(mailbox.hold(2), 0);
    assert!(!mailbox.is_open() && !mailbox.has_room(5));
    let mut mail = VecDeque::from([2, 3]);
    mailbox.offer(&mut mail);
    assert_eq!(mail, [2, 3], "there is no room");
    taken.clear();
    mailbox.push(4);
    assert_eq!(mailbox.take(&mut taken), 0, "no room came of it");
    assert_eq!(taken, [4], "orders come in all the same");
    assert_eq!(mailbox.hold(1), 1 << 5);
    mailbox.offer(&mut mail);
    assert_eq!(mail, [3]);
}

#[test]
fn shards_are_told_of_room_that_is_worth_it_and_of_the_last_in_any_case() {
    for (bound, worth_it) in [(1, 1), (16, 2), (16_384, 64)] {
        let (mailbox, _) = mailbox(bound);
        mailbox.hold(bound);
        assert!(!mailbox.has_room(3));
        if worth_it > 1 {
            assert_eq!(mailbox.hold(bound - worth_it + 1), 0);
        }
        assert_eq!(mailbox.hold(bound - worth_it), 1 << 3);
    }
}

#[test]
fn what_a_closed_mailbox_is_given_is_dropped() {
    let mailbox = Mailbox::new(1, Box::new(|| {}));
    let mail = Arc::new(());
    mailbox.push(mail.clone());
    mailbox.close();
    mailbox.push(mail.clone());
    let mut offered = VecDeque::from([mail.clone()]);
    mailbox.offer(&mut offered);
    assert!(offered.pop_front().is_some() && !mailbox.has_room(0), "what is not taken stays the giver's");
    mailbox.push_when_room(&mut vec![mail.clone(), mail.clone()]);
    assert_eq!(Arc::strong_count(&mail), 1);
}

#[test]
fn the_dispatcher_waits_for_room() {
    let (mailbox, _) = mailbox(1);
    mailbox.push(1);
    let dispatcher = {
        let mailbox = mailbox.clone();
        std::thread::spawn(move || mailbox.push_when_room(&mut vec![2, 3]))
    };
    let mut all = Vec::new();
    while all.len() < 3 {
        let mut taken = Vec::new();
        mailbox.take(&mut taken);
        all.append(&mut taken);
        std::thread::yield_now();
    }
    dispatcher.join().unwrap();
    assert_eq!(all, [1, 2, 3]);
}
