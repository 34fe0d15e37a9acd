//! Who found a mailbox full hears when there is room.

use loom::thread;

use crate::{
    mailbox::Mailbox,
    model::{Token, bounded, drive, mailbox},
};

/// The number of the shard that asks.
const ASKER: u16 = 5;

/// A shard offers to one that is full, and where there is no room sleeps until it is told: its mail arrives.
pub fn a_shard_that_found_no_room_is_told() {
    loom::model(|| {
        let (mailbox, token) = mailbox(1);
        mailbox.push(1);
        let room = Token::new();
        let asker = {
            let (mailbox, room) = (mailbox.clone(), room.clone());
            thread::spawn(move || {
                while !mailbox.has_room(ASKER) || !is_taken(&mailbox) {
                    room.take();
                }
            })
        };
        let told = |waiting| {
            assert_eq!(waiting, 1 << ASKER);
            room.set();
        };
        assert_eq!(drive(&mailbox, &token, 2, told), [1, 2]);
        asker.join().expect("it only offers");
    });
}

/// The same, while another thread takes the room that there was: then it asks again, as `Node::offer` does.
pub fn a_shard_whose_room_was_taken_is_told() {
    bounded(|| {
        let (mailbox, token) = mailbox(1);
        let room = Token::new();
        let asker = {
            let (mailbox, room) = (mailbox.clone(), room.clone());
            thread::spawn(move || {
                loop {
                    while mailbox.has_room(ASKER) {
                        if is_taken(&mailbox) {
                            return;
                        }
                    }
                    room.take();
                }
            })
        };
        let other = {
            let mailbox = mailbox.clone();
            thread::spawn(move || mailbox.push(1))
        };
        let mut all = drive(&mailbox, &token, 2, |_| room.set());
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
        asker.join().expect("it only offers");
        other.join().expect("it only pushes");
    });
}

/// The dispatcher waits for room with a batch, which arrives as one.
pub fn the_dispatcher_waits_for_room() {
    loom::model(|| {
        let (mailbox, token) = mailbox(1);
        mailbox.push(1);
        let dispatcher = {
            let mailbox = mailbox.clone();
            thread::spawn(move || {
                let mut batch = vec![2, 3];
                mailbox.push_when_room(&mut batch);
                assert!(batch.is_empty());
            })
        };
        assert_eq!(drive(&mailbox, &token, 3, |_| panic!("no shard waits for room")), [1, 2, 3]);
        dispatcher.join().expect("it only pushes");
    });
}

/// The room is held by what the shard took and is not done with: the other shard hears when it is.
pub fn a_shard_is_told_when_what_was_held_is_done() {
    loom::model(|| {
        let (mailbox, token) = mailbox(1);
        assert_eq!(mailbox.hold(1), 0);
        let room = Token::new();
        let asker = {
            let (mailbox, room) = (mailbox.clone(), room.clone());
            thread::spawn(move || {
                while !mailbox.has_room(ASKER) || !is_taken(&mailbox) {
                    room.take();
                }
            })
        };
        if mailbox.hold(0) != 0 {
            room.set();
        }
        // What the shard takes tells nobody, so it is the other call that must.
        assert_eq!(drive(&mailbox, &token, 1, |_| ()), [2]);
        asker.join().expect("it only offers");
    });
}

/// The same for the dispatcher.
pub fn the_dispatcher_waits_until_what_was_held_is_done() {
    loom::model(|| {
        let (mailbox, token) = mailbox(1);
        assert_eq!(mailbox.hold(1), 0);
        let dispatcher = {
            let mailbox = mailbox.clone();
            thread::spawn(move || mailbox.push_when_room(&mut vec![2]))
        };
        mailbox.hold(0);
        assert_eq!(drive(&mailbox, &token, 1, |_| panic!("no shard waits for room")), [2]);
        dispatcher.join().expect("it only pushes");
    });
}

/// Offers one letter; whether there was room for it.
fn is_taken(mailbox: &Mailbox<u32>) -> bool {
    let mut offered = [2].into();
    mailbox.offer(&mut offered);
    offered.is_empty()
}
