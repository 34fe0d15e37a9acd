//! Every push is seen by the shard or wakes it.

use loom::thread;

use crate::model::{bounded, drive, mailbox};

/// Two threads push, the shard sleeps in between: it gets both.
pub fn two_pushes() {
    bounded(|| {
        let (mailbox, token) = mailbox(8);
        let pushers = [1, 2].map(|mail| {
            let mailbox = mailbox.clone();
            thread::spawn(move || mailbox.push(mail))
        });
        let mut all = drive(&mailbox, &token, 2, |_| panic!("nobody waits for room"));
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
        pushers.into_iter().for_each(|pusher| pusher.join().expect("it only pushes"));
    });
}

/// One thread pushes twice, once with a bound: the second push may come while the shard is on its way to sleep again.
pub fn one_push_after_the_other() {
    loom::model(|| {
        let (mailbox, token) = mailbox(8);
        let pusher = {
            let mailbox = mailbox.clone();
            thread::spawn(move || {
                mailbox.push(1);
                let mut offered = [2].into();
                mailbox.offer(&mut offered);
                assert!(offered.is_empty(), "there is room for eight");
            })
        };
        assert_eq!(drive(&mailbox, &token, 2, |_| panic!("nobody waits for room")), [1, 2]);
        pusher.join().expect("it only pushes");
    });
}

/// Looks into the queue, finds nothing, arms and sleeps whatever the mailbox says: a push in between wakes nobody.
pub fn a_shard_that_does_not_heed_the_mailbox() {
    loom::model(|| {
        let (mailbox, token) = mailbox(8);
        let pusher = {
            let mailbox = mailbox.clone();
            thread::spawn(move || mailbox.push(1))
        };
        let mut taken = Vec::new();
        mailbox.take(&mut taken);
        if taken.is_empty() {
            // The right one sleeps only where this is true.
            let _ = mailbox.arm();
            token.take();
        }
        pusher.join().expect("it only pushes");
    });
}
