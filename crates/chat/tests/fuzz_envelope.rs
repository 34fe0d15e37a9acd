//! The inputs of the fuzz target `envelope` that are worth keeping, replayed.

#[path = "../../../fuzz/checks/envelope.rs"]
mod envelope;
#[path = "../../../fuzz/checks/seeds.rs"]
mod seeds;

use tidings_chat::{Broadcast, Event, Group, Private};
use tidings_server::{Sent, TypeSettings};

#[test]
fn every_seed_of_the_envelope_target_holds() {
    seeds::replay("envelope", envelope::check);
}
