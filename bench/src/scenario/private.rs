//! Users in pairs write to each other: 1 to 2 and 2 to 1, 3 to 4 and 4 to 3. A message is done when its receiver has it.

use super::rooms::{Kind, Pace, Room, Rooms, Until};
use super::{Figure, Round, Running, Size, micros};
use crate::load::Load;
use crate::log_watch::LogWatch;

pub(super) fn run(server: &Running, size: Size, pace: Pace) -> anyhow::Result<Round> {
    let rooms = rooms(server, size, pace)?;
    let mut load = Load::open(&server.target, size.connections)?;
    Ok(rooms.run(server, &mut load, Until { messages: size.messages, ..Until::default() })?.into())
}

/// The same where messages are kept: also how long nothing came, and how large the database's log got.
pub(super) fn run_kept(server: &Running, size: Size, pace: Pace) -> anyhow::Result<Round> {
    let rooms = rooms(server, size, pace)?.kept(server);
    let mut load = Load::open(&server.target, size.connections)?;
    let watch = server.data.as_deref().map(LogWatch::start);
    let measured = rooms.run(server, &mut load, Until { messages: size.messages, ..Until::default() })?;
    let pause = Figure::new("longest pause of deliveries", micros(measured.longest_pause) / 1e3, "ms");
    let log = watch.map(|watch| watch.most_bytes() as f64 / MIB);
    let mut round: Round = measured.into();
    round.extra.push(pause);
    round.extra.extend(log.map(|mib| Figure::new("greatest write-ahead log", mib, "MiB")));
    Ok(round)
}

const MIB: f64 = 1024.0 * 1024.0;

/// A room a user, with one listener.
pub(super) fn rooms(server: &Running, size: Size, pace: Pace) -> anyhow::Result<Rooms> {
    if size.connections % 2 == 1 {
        anyhow::bail!("pairs need an even number of connections");
    }
    let room = |sender: usize| {
        let listener = sender ^ 1;
        Room { sender, to: (server.target.first_user + listener) as u64, listeners: vec![listener] }
    };
    let rooms = (0..size.connections).map(room).collect();
    Ok(Rooms::new(server, size.content_bytes, Kind::Private, pace, size.connections, rooms))
}
