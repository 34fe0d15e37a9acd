//! What connections keep in memory when much has gone through them and each was closed and opened again.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::rooms::{Pace, Until};
use super::{Figure, Round, Running, Size, fanout, idle, private};
use crate::load::Load;
use crate::usage;

/// Broadcasts under way, and private messages in turn.
const UNDER_WAY: usize = 32;

/// Broadcasts of a burst.
const BROADCASTS: u64 = 64;

/// How often all connections are closed and opened again.
const TIMES: usize = 5;

/// Memory is looked at this often …
const EVERY: Duration = Duration::from_millis(250);

/// … for as long as the connections are given to come to rest.
const RESTS_WITHIN: Duration = Duration::from_secs(60);

/// The floor keeps no outbox and has nothing to give back.
const FLOOR_RESTS_WITHIN: Duration = Duration::from_secs(1);

/// Readings that differ by no more are the same.
const WITHIN_KIB: u64 = 64;

pub(super) fn run(server: &Running, size: Size) -> anyhow::Result<Round> {
    let before = idle::before(server, size)?;
    let mut load = Load::open(&server.target, size.connections)?;
    burst(server, size, &mut load)?;
    let peak = read(server)?;
    for _ in 0..TIMES {
        drop(load);
        load = Load::open(&server.target, size.connections)?;
        burst(server, size, &mut load)?;
    }
    let busy = read(server)?;
    let (rest, seconds) = come_to_rest(server, &mut load)?;
    let each = |kib: Option<u64>| {
        kib.zip(before).map_or(f64::NAN, |(kib, before)| (kib as f64 - before as f64) / size.connections as f64)
    };
    Ok(Round {
        cost: rest.map(|_| each(rest)),
        resident_kib: rest,
        extra: vec![
            Figure::new("KiB a connection after the first burst", each(peak), "KiB"),
            Figure::new("KiB a connection after the last burst", each(busy), "KiB"),
            Figure::new("time to come to rest", seconds, "s"),
        ],
        ..Round::default()
    })
}

/// Broadcasts to all, then a private message to each.
fn burst(server: &Running, size: Size, load: &mut Load) -> anyhow::Result<()> {
    let mut broadcasts = fanout::rooms(server, size, Pace::UnderWay(UNDER_WAY));
    let sent = broadcasts.phase(load, Until { messages: BROADCASTS, ..Until::default() });
    broadcasts.finish(sent.map_err(anyhow::Error::from))?;
    let mut messages = private::rooms(server, size, Pace::UnderWay(UNDER_WAY))?;
    let sent = messages.phase(load, Until { messages: size.connections as u64, ..Until::default() });
    messages.finish(sent.map_err(anyhow::Error::from))
}

/// The memory at the end of the time given, and the seconds after which it had come down to that and stayed there.
fn come_to_rest(server: &Running, load: &mut Load) -> anyhow::Result<(Option<u64>, f64)> {
    let (start, within) = (Instant::now(), if server.beside { FLOOR_RESTS_WITHIN } else { RESTS_WITHIN });
    let mut readings = Vec::new();
    while server.pid.is_some() && start.elapsed() < within {
        load.linger(EVERY, &mut idle::Nothing)?;
        readings.extend(read(server)?.map(|kib| (start.elapsed(), kib)));
    }
    let Some(&(_, last)) = readings.last() else { return Ok((None, f64::NAN)) };
    let moved = readings.iter().rposition(|&(_, kib)| kib.abs_diff(last) > WITHIN_KIB);
    let at = moved.map_or(Duration::ZERO, |moved| readings[moved + 1].0);
    Ok((Some(last), at.as_secs_f64()))
}

fn read(server: &Running) -> anyhow::Result<Option<u64>> {
    server.pid.map(usage::resident_kib).transpose().context("the server's memory can't be read")
}
