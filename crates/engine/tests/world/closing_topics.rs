//! Topics that close to somebody who watches them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use tidings_engine::ports::{BoxFuture, StoreError, Topics};
use tidings_testkit::{Client, World};
use tidings_wire::{Audience, Topic, UserId};
use tokio::sync::oneshot;

use crate::{
    messages::{Shout, user, world},
    watching::{arrives, asks, expects_ack},
};

/// What is said of the topics `door:*`; others are open to everybody.
enum Door {
    Open,
    Closed,
    NoAnswer,
    /// Open, once somebody says so; closed to who asks after that.
    Held(oneshot::Receiver<()>),
}

struct Doors(Mutex<Door>);

impl Doors {
    fn set(&self, door: Door) {
        *self.0.lock().expect("nothing panics while it is locked") = door;
    }
}

impl Topics for Doors {
    fn may_watch(&self, _: UserId, topic: Topic) -> BoxFuture<Result<bool, StoreError>> {
        if !topic.as_str().starts_with("door:") {
            return Box::pin(std::future::ready(Ok(true)));
        }
        let mut door = self.0.lock().expect("nothing panics while it is locked");
        let answer = match &*door {
            Door::Open => Ok(true),
            Door::Closed => Ok(false),
            Door::NoAnswer => Err(StoreError::Full),
            Door::Held(_) => {
                let Door::Held(told) = std::mem::replace(&mut *door, Door::Closed) else { unreachable!("it is held") };
                return Box::pin(async move {
                    let _ = told.await;
                    Ok(true)
                });
            }
        };
        Box::pin(std::future::ready(answer))
    }
}

fn start(door: Door) -> (World, Arc<Doors>) {
    let doors = Arc::new(Doors(Mutex::new(door)));
    (world().shards(2).topics(doors.clone()).start(), doors)
}

fn watches(client: &Client) {
    asks(client, json!({"type": "watch", "ref": 1, "topics": ["door:1", "news"]}));
}

/// Whether a client hears what is published to each of the two.
fn hears(world: &World, client: &Client) -> [bool; 2] {
    ["door:1", "news"].map(|topic| {
        let topic: Topic = topic.parse().expect("a topic's name");
        world.backend().send_to(Audience::topic(topic), &Shout::default()).expect("it is delivered");
        client.texts().len() == 1
    })
}

#[test]
fn a_watch_that_is_allowed_no_more_ends_and_others_go_on() {
    let (world, doors) = start(Door::Open);
    let [ann, bob] = [1, 2].map(|id| arrives(&world, id));
    for client in [&ann, &bob] {
        watches(client);
        expects_ack(client, 1);
    }
    doors.set(Door::Closed);
    assert_eq!(hears(&world, &ann), [true, true], "nobody has said that something changed");
    bob.texts();
    world.backend().sight_changed(ann.user(), user(9));
    assert_eq!(hears(&world, &ann), [false, true]);
    assert_eq!(bob.texts().len(), 2, "it was about Ann");
}

#[test]
fn a_port_without_an_answer_is_asked_again() {
    let (world, doors) = start(Door::Open);
    let ann = arrives(&world, 1);
    watches(&ann);
    expects_ack(&ann, 1);
    doors.set(Door::NoAnswer);
    world.backend().sight_changed(ann.user(), user(9));
    assert_eq!(hears(&world, &ann), [true, true]);
    doors.set(Door::Closed);
    world.advance(Duration::from_secs(2));
    assert_eq!(hears(&world, &ann), [false, true]);
}

#[test]
fn a_watch_that_was_being_asked_about_when_it_closed_ends() {
    let (tell, told) = oneshot::channel();
    let (world, _doors) = start(Door::Held(told));
    let ann = arrives(&world, 1);
    watches(&ann);
    ann.expects_nothing();
    world.backend().sight_changed(ann.user(), user(9));
    tell.send(()).expect("the watch waits for it");
    world.advance(Duration::from_millis(1));
    expects_ack(&ann, 1);
    assert_eq!(hears(&world, &ann), [false, true]);
}
