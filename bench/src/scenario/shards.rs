//! The same traffic with two shards and with one: what a delivery costs, and how the load splits.
//!
//! The generator is one thread. On a machine with two cores it and two shards share them, so that two shards can't deliver
//! more than one; but what a delivery costs them is charged to them alone, and can be compared.

use anyhow::Context as _;

use super::rooms::{Pace, Until};
use super::{Figure, Round, Running, Size, Traffic, fanout, private};
use crate::load::Load;
use crate::scrape::Scrape;
use crate::usage;

/// Messages under way.
pub(super) const UNDER_WAY: usize = 32;

/// What the names of the server's shard threads begin with.
const SHARD: &str = "shard-";

pub(super) fn run(server: &Running, size: Size, traffic: Traffic) -> anyhow::Result<Round> {
    let mut load = Load::open(&server.target, size.connections)?;
    let rooms = match traffic {
        Traffic::Fanout => fanout::rooms(server, size, Pace::UnderWay(UNDER_WAY)),
        Traffic::Private => private::rooms(server, size, Pace::UnderWay(UNDER_WAY))?,
    };
    let cpu = || server.pid.map(usage::by_thread).transpose().context("the server's threads can't be read");
    let before = cpu()?.unwrap_or_default();
    let mut round: Round = rooms.run(server, &mut load, Until { messages: size.messages, ..Until::default() })?.into();
    let after = cpu()?.unwrap_or_default();
    // Shards by number; the floor has none, and no metrics.
    let scrape = Scrape::of(&server.target).unwrap_or_default();
    let (mut micros, mut connections) = (Vec::new(), Vec::new());
    for (name, nanos) in after.iter().filter(|(name, _)| name.starts_with(SHARD)) {
        let used = nanos - before.get(name).copied().unwrap_or(0);
        let open = scrape.value("tidings_connections", &[("shard", &name[SHARD.len()..])]).unwrap_or(f64::NAN);
        round.extra.push(Figure::new(format!("{name}: CPU"), used as f64 / 1e6, "ms"));
        round.extra.push(Figure::new(format!("{name}: connections"), open, "connections"));
        micros.push(used as f64);
        connections.push(open);
    }
    round.extra.push(Figure::new("busiest shard's CPU by their mean", greatest_by_mean(&micros), "ratio"));
    round.extra.push(Figure::new("fullest shard's connections by their mean", greatest_by_mean(&connections), "ratio"));
    Ok(round)
}

/// 1 where all are the same; NaN without any.
fn greatest_by_mean(values: &[f64]) -> f64 {
    let greatest = values.iter().copied().fold(f64::NAN, f64::max);
    greatest * values.len() as f64 / values.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_split_is_one_and_all_on_one_of_two_is_two() {
        assert_eq!(greatest_by_mean(&[3.0, 3.0]), 1.0);
        assert_eq!(greatest_by_mean(&[0.0, 8.0]), 2.0);
        assert!(greatest_by_mean(&[]).is_nan());
    }
}
