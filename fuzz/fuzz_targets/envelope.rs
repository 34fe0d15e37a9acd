#![no_main]

#[path = "../checks/envelope.rs"]
mod envelope;

// The chat pack's types without the pack: its crate brings a whole HTTP server, which takes minutes to build under a sanitizer.
#[path = "../../crates/chat/src/broadcast.rs"]
mod broadcast;
#[path = "../../crates/chat/src/event.rs"]
mod event;
#[path = "../../crates/chat/src/group.rs"]
mod group;
#[path = "../../crates/chat/src/private.rs"]
mod private;

use self::{broadcast::Broadcast, event::Event, group::Group, private::Private};
use tidings_engine::{Sent, registry::TypeSettings};

libfuzzer_sys::fuzz_target!(|input: &[u8]| envelope::check(input));
