//! Connections and their upgrades: what each costs. Their end is not charged.

use std::time::Instant;

use anyhow::Context as _;

use super::{NOT_READ, Round, Running, Size};
use crate::load::Load;
use crate::usage::Meter;

/// Connections of other users, opened and closed before it counts.
pub(super) const WARM_UP: usize = 64;

/// With `again`, the same users have been there before.
pub(super) fn run(server: &Running, size: Size, again: bool) -> anyhow::Result<Round> {
    let others = server.target.from_user(server.target.first_user + size.connections);
    drop(Load::open(&others, WARM_UP.min(size.connections))?);
    if again {
        drop(Load::open(&server.target, size.connections)?);
    }
    let meter = Meter::start(server.pid).context(NOT_READ)?;
    let start = Instant::now();
    let load = Load::open(&server.target, size.connections)?;
    let per_second = size.connections as f64 / start.elapsed().as_secs_f64();
    let charge = meter.charge(size.connections as u64).context(NOT_READ)?;
    drop(load);
    Ok(Round {
        cost: charge.micros_each,
        resident_kib: charge.resident_kib,
        per_second: Some(per_second),
        ..Round::default()
    })
}
