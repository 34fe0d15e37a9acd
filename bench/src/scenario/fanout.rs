//! One user speaks to all. A message is done when every connection has it, the sender's too.

use super::rooms::{Kind, Pace, Room, Rooms, Until};
use super::{Round, Running, Size};
use crate::load::Load;

pub(super) fn run(server: &Running, size: Size, pace: Pace) -> anyhow::Result<Round> {
    let mut load = Load::open(&server.target, size.connections)?;
    let until = Until { messages: size.messages, ..Until::default() };
    Ok(rooms(server, size, pace).run(server, &mut load, until)?.into())
}

/// One room, of all.
pub(super) fn rooms(server: &Running, size: Size, pace: Pace) -> Rooms {
    let all = Room { sender: 0, to: 0, listeners: (0..size.connections).collect() };
    Rooms::new(server, size.content_bytes, Kind::Broadcast, pace, size.connections, vec![all])
}
