//! Connections and their upgrades: what each costs. Their end is not charged.

use std::time::Instant;

use super::{Meter, Round, Running, Size};
use crate::load::Load;

/// Connections opened and closed before it counts.
const WARM_UP: usize = 64;

pub(super) fn run(server: &Running, size: Size) -> anyhow::Result<Round> {
    drop(Load::open(&server.target, WARM_UP.min(size.connections))?);
    let meter = Meter::start(server.pid)?;
    let start = Instant::now();
    let load = Load::open(&server.target, size.connections)?;
    let per_second = size.connections as f64 / start.elapsed().as_secs_f64();
    let charge = meter.charge(size.connections as u64)?;
    drop(load);
    Ok(Round {
        cost: charge.micros_each,
        resident_kib: charge.resident_kib,
        per_second: Some(per_second),
        first: None,
        last: None,
    })
}
