//! Connections that do nothing: what each keeps in memory.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::{Round, Running, Size};
use crate::load::{Load, LoadError, Outgoing, Scene};
use crate::usage;

/// Connections opened and closed before memory is read for the first time, so that what the first ones load (code,
/// caches) isn't charged to those that count.
const WARM_UP: usize = 64;

/// Memory is read this often.
const EVERY: Duration = Duration::from_millis(100);

/// Memory is at rest when so many readings in a row …
const READINGS: usize = 5;

/// … lie so close together. A server whose memory isn't at rest within [`READINGS_AT_MOST`] fails the run.
const WITHIN_KIB: u64 = 32;

/// 20 seconds.
const READINGS_AT_MOST: usize = 200;

pub(super) fn run(server: &Running, size: Size) -> anyhow::Result<Round> {
    let before = before(server, size)?;
    let start = Instant::now();
    let mut load = Load::open(&server.target, size.connections)?;
    let per_second = size.connections as f64 / start.elapsed().as_secs_f64();
    let after = server.pid.map(|pid| at_rest(pid, Some(&mut load), &mut Nothing)).transpose()?;
    let cost = before.zip(after).map(|(before, after)| (after as f64 - before as f64) / size.connections as f64);
    Ok(Round { cost, resident_kib: after, per_second: Some(per_second), ..Round::default() })
}

/// Resident KiB at rest, when there were some connections and are none.
pub(super) fn before(server: &Running, size: Size) -> anyhow::Result<Option<u64>> {
    let mut load = Load::open(&server.target, WARM_UP.min(size.connections))?;
    load.linger(EVERY, &mut Nothing)?;
    drop(load);
    server.pid.map(|pid| at_rest(pid, None, &mut Nothing)).transpose()
}

/// Resident KiB once they stay the same; meanwhile the connections, if there are any, answer pings, and the scene gets what else comes.
pub(super) fn at_rest(pid: u32, mut load: Option<&mut Load>, scene: &mut impl Scene) -> anyhow::Result<u64> {
    let mut readings = Vec::new();
    for _ in 0..READINGS_AT_MOST {
        match &mut load {
            Some(load) => load.linger(EVERY, scene)?,
            None => std::thread::sleep(EVERY),
        }
        readings.push(usage::resident_kib(pid).context("the server's memory can't be read")?);
        let last = &readings[readings.len().saturating_sub(READINGS)..];
        let (min, max) = (last.iter().min().copied(), last.iter().max().copied());
        if let (READINGS, Some(min), Some(max)) = (last.len(), min, max)
            && max - min <= WITHIN_KIB
        {
            return Ok(max);
        }
    }
    bail!("the server's memory didn't come to rest within {:?}", EVERY * READINGS_AT_MOST as u32)
}

/// Nobody sends anything, so nothing may come.
pub(super) struct Nothing;

impl Scene for Nothing {
    fn message(&mut self, receiver: usize, payload: &[u8], _: Instant, _: &mut Outgoing) -> Result<(), LoadError> {
        Err(LoadError::unexpected(receiver, payload))
    }

    fn done(&self) -> bool {
        true
    }
}
