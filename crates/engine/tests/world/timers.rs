//! Pings, silence and expiry.

use std::time::Duration;

use tidings_wire::CloseCode;

use crate::messages::{Poke, poke, user, world};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_silent_connection_is_pinged_after_25_seconds_and_closed_after_35() {
    let world = world().start();
    let [ann] = world.clients([1]);
    ann.silent();
    world.advance(24 * SECOND + SECOND / 2);
    assert_eq!(ann.pings(), 0);
    world.advance(SECOND);
    assert_eq!(ann.pings(), 1);
    world.advance(9 * SECOND);
    assert!(ann.pings() == 0 && ann.is_open() && world.is_online(ann.user()));
    world.advance(SECOND);
    ann.expects_close(CloseCode::GoingAway);
    assert!(!world.is_online(ann.user()));
    world.advance(11 * SECOND);
    assert_eq!(world.connections_on(0), 0, "the close frame was never answered");
}

#[test]
fn a_pong_keeps_it_open() {
    let world = world().start();
    let [ann] = world.clients([1]);
    world.advance(600 * SECOND);
    assert!(ann.is_open());
    assert!((22..=24).contains(&ann.pings()), "a timer is up to a quarter of a second late");
}

#[test]
fn whatever_it_sends_counts_as_a_sign_of_life() {
    let world = world().start();
    let [ann] = world.clients([1]);
    ann.silent();
    for _ in 0..20 {
        world.advance(20 * SECOND);
        ann.send(&poke(user(9)));
    }
    assert!(ann.is_open() && ann.pings() == 0);
    for byte in b"\x81\xfe\x01\x00half a frame, drip by drip" {
        world.advance(20 * SECOND);
        ann.sends_raw(&[*byte]);
    }
    assert!(ann.is_open());
    assert_eq!(ann.pings(), 0);
}

#[test]
fn what_it_hears_is_no_sign_of_its_life() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    bob.silent();
    for _ in 0..35 {
        ann.send(&poke(bob.user()));
        world.advance(SECOND);
    }
    assert_eq!(bob.expects_some::<Poke>().len(), 35);
    world.advance(SECOND / 2);
    bob.expects_close(CloseCode::GoingAway);
}

#[test]
fn it_ends_when_its_credentials_do() {
    let world = world().start();
    let ann = world.client_for(user(1), 90 * SECOND);
    let long = world.client_for(user(2), Duration::from_secs(1_000_000));
    world.advance(89 * SECOND + SECOND / 2);
    assert!(ann.is_open());
    world.advance(SECOND);
    ann.expects_close(CloseCode::Expired);
    assert!(ann.is_gone() && long.is_open());
    let late = world.client_for(user(3), Duration::ZERO);
    late.expects_close(CloseCode::Expired);
}

#[test]
fn a_wall_clock_that_jumps_moves_no_ping() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    world.clock().set_unix_ms(1_000);
    world.advance(24 * SECOND);
    assert_eq!(ann.pings(), 0);
    ann.send(&poke(bob.user()));
    let early = bob.expects::<Poke>();
    assert_eq!(early.timestamp, 25);
    ann.send(&poke(bob.user()));
    assert!(bob.expects::<Poke>().id > early.id, "ids rise though the clock was set back");
}
