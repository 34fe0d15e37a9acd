//! Whoever only listens hears, however busy others are.

use std::{collections::HashMap, io, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_engine::{
    Admission, Dialect, Parts, Settings,
    clock::{Clock, Now},
    registry::Registry,
    shard::{Slot, Sockets},
    simulation::Simulation,
    volatile::VolatileStore,
};
use tidings_testkit::SteppedClock;
use tidings_wire::{Audience, Limit, Me, Message, Sender, UserId};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Poke {
    to: UserId,
}

impl Message for Poke {
    const TYPE: &'static str = "poke";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::user(self.to)
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Broadcast {}

impl Message for Broadcast {
    const TYPE: &'static str = "broadcast";

    fn audience(&self, _: &Sender) -> Audience {
        Audience::everyone().me(Me::EveryConnection)
    }
}

/// What each connection was written since it was last looked at.
#[derive(Default)]
struct Wires(HashMap<Slot, Vec<u8>>);

impl Sockets for Wires {
    fn send(&mut self, slot: Slot, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let wire = self.0.entry(slot).or_default();
        parts.iter().for_each(|part| wire.extend_from_slice(part));
        Ok(parts.iter().map(|part| part.len()).sum())
    }

    fn finish(&mut self, _: Slot) {}

    fn shut(&mut self, _: Slot) {}
}

/// A text frame whose mask is zero (RFC 6455 §5.2).
fn frame(json: &str) -> Vec<u8> {
    let length = u8::try_from(json.len()).ok().filter(|length| *length < 126).expect("a short text");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], json.as_bytes()].concat()
}

fn open(node: &mut Simulation, user: u32, now: Now) -> Slot {
    node.shard(0).open(
        Admission {
            user: UserId::new(user),
            dialect: Dialect::Guide,
            peer: ([127, 0, 0, 1], 9).into(),
            expires_at_ms: None,
            greeting: bytes::Bytes::new(),
            permit: None,
        },
        now,
    )
}

#[test]
fn a_broadcast_reaches_an_idle_reader_while_more_than_a_flush_of_others_talk() {
    let mut registry = Registry::builder();
    registry.message::<Poke>();
    registry.message::<Broadcast>();
    let (store, clock) = (Arc::new(VolatileStore::new("an epoch")), SteppedClock::new());
    let settings = Settings { keep: false, ..Settings::default() };
    let talkers = 4 * settings.flush_budget as u32;
    let registry = registry.build().unwrap();
    let now = clock.now();
    let mut node = Simulation::new(Parts { registry, store: store.clone(), groups: store, clock, settings }).unwrap();
    let busy: Vec<Slot> = (0..talkers).map(|user| open(&mut node, user, now)).collect();
    let idle = open(&mut node, 1_000, now);
    let mut wires = [Wires::default()];
    // Pairs: each answers a poke with a poke, for ever.
    let pokes = |node: &mut Simulation, user: u32| {
        let poke = format!(r#"{{"type":"poke","to":{}}}"#, user ^ 1);
        node.shard(0).input(busy[user as usize], &mut frame(&poke), now);
    };
    (0..talkers).for_each(|user| pokes(&mut node, user));
    node.shard(0).input(busy[0], &mut frame(r#"{"type":"broadcast"}"#), now);
    for _ in 0..1_000 {
        node.round(&mut wires, now);
        if wires[0].0.contains_key(&idle) {
            return;
        }
        for user in 0..talkers {
            if wires[0].0.remove(&busy[user as usize]).is_some() {
                pokes(&mut node, user);
            }
        }
    }
    panic!("a thousand rounds, and the idle reader has not heard the broadcast");
}
