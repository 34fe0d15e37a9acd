//! A mailbox that was closed holds nothing and keeps nobody waiting.

use loom::{sync::Arc, thread};

use crate::model::{bounded, mailbox};

/// The shard ends while a thread pushes and offers: whatever came in is dropped, which tells whoever waits for an answer.
pub fn what_is_pushed_meanwhile_is_dropped() {
    loom::model(|| {
        let (mailbox, _) = mailbox(1);
        let mail = Arc::new(());
        let pusher = {
            let (mailbox, mail) = (mailbox.clone(), mail.clone());
            thread::spawn(move || {
                mailbox.push(mail.clone());
                // Refused, where there is no room or the mailbox is closed; then it is the pusher's to drop.
                mailbox.offer(&mut [mail].into());
            })
        };
        mailbox.close();
        pusher.join().expect("it only pushes");
        assert_eq!(Arc::strong_count(&mail), 1);
        assert!(!mailbox.is_open() && !mailbox.has_room(0) && mailbox.is_empty());
    });
}

/// The shard ends while the dispatcher waits for room: it waits no longer.
pub fn the_dispatcher_waits_no_longer() {
    bounded(|| {
        let (mailbox, _) = mailbox(1);
        let mail = Arc::new(());
        mailbox.push(mail.clone());
        let dispatcher = {
            let (mailbox, mail) = (mailbox.clone(), mail.clone());
            thread::spawn(move || mailbox.push_when_room(&mut vec![mail.clone(), mail]))
        };
        mailbox.close();
        dispatcher.join().expect("it only pushes");
        assert_eq!(Arc::strong_count(&mail), 1);
    });
}
