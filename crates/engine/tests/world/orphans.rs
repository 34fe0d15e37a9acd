//! What was read whole from a connection that has gone while its message waited.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use tidings_engine::{
    Context,
    ports::{BoxFuture, Relation, StoreError},
};
use tidings_testkit::World;
use tidings_wire::{BLOCKED, CloseCode, Id, UserId};
use tokio::sync::oneshot;

use crate::{
    messages::{Poke, Private, poke, private, user},
    watching::arrives,
};

/// Nobody has blocked anybody, which is known of user 2 only when somebody says so.
struct Slow(Mutex<Option<oneshot::Receiver<()>>>);

impl Relation for Slow {
    fn members(&self, by: Id, _: Option<UserId>, _: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let told = self.0.lock().expect("nothing panics while it is locked").take_if(|_| UserId(by) == user(2));
        Box::pin(async move {
            if let Some(told) = told {
                let _ = told.await;
            }
            Ok(Vec::new())
        })
    }

    fn max_age(&self) -> Option<Duration> {
        None
    }
}

fn slow() -> (World, oneshot::Sender<()>) {
    let (tell, told) = oneshot::channel();
    let slow = Arc::new(Slow(Mutex::new(Some(told))));
    (crate::messages::world().shards(2).relation(BLOCKED, slow).start(), tell)
}

#[test]
fn a_kept_message_is_stored_and_heard_though_its_sender_goes_before_the_receivers_blocks_are_read() {
    let (world, tell) = slow();
    let [ann, bob] = world.clients([1, 2]);
    ann.send(&private(user(2), "goodbye"));
    ann.disconnects();
    bob.expects_nothing();
    tell.send(()).expect("the message waits for it");
    world.advance(Duration::from_millis(1));
    assert_eq!(bob.expects::<Private>().content, "goodbye");
    // It was stored: whoever comes back finds it.
    let ann = arrives(&world, 1);
    ann.sends_text(&json!({"type": "history", "ref": 1, "conversation": "dm:1:2"}).to_string());
    assert_eq!(ann.expects_json()["messages"][0]["content"], "goodbye");
}

#[test]
fn what_is_not_kept_is_heard_too_and_what_waited_behind_it_is_not() {
    let (world, tell) = slow();
    let [ann, bob] = world.clients([1, 2]);
    ann.send(&poke(user(2)));
    ann.send(&private(user(2), "behind it"));
    ann.disconnects();
    tell.send(()).expect("the message waits for it");
    world.advance(Duration::from_millis(1));
    bob.expects::<Poke>();
    bob.expects_nothing();
}

#[test]
fn a_handler_goes_on_as_long_as_it_might_and_no_longer() {
    for (takes, heard) in [(4, 1), (6, 0)] {
        let world = tidings_testkit::world()
            .message_with::<Poke>(move |poke: Poke, _: Context| async move {
                let _ = tokio::time::timeout(Duration::from_secs(takes), std::future::pending::<()>()).await;
                Ok(poke)
            })
            .start();
        let [ann, bob] = world.clients([1, 2]);
        ann.send(&poke(user(2)));
        ann.disconnects();
        (0..8).for_each(|_| world.advance(Duration::from_secs(1)));
        assert_eq!(bob.texts().len(), heard, "{takes} s");
    }
}

#[test]
fn whoever_is_signed_out_does_nothing_more() {
    let (world, tell) = slow();
    let [ann, bob] = world.clients([1, 2]);
    ann.send(&private(user(2), "from a stolen session"));
    ann.disconnects();
    assert_eq!(world.backend().disconnects(ann.user(), CloseCode::Revoked), 0);
    let _ = tell.send(());
    world.advance(Duration::from_millis(1));
    bob.expects_nothing();
}
