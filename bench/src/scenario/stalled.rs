//! A fan-out to readers of whom one in a hundred has stopped reading. What the healthy ones cost and how long theirs takes,
//! beside the same without the others.

use std::thread;
use std::time::Duration;

use anyhow::bail;

use super::rooms::{Pace, Until};
use super::{Figure, Round, Running, Size, fanout, peak_memory};
use crate::load::Load;
use crate::scrape::Scrape;
use crate::stalled::{End, Stalled};

/// Broadcasts under way.
const UNDER_WAY: usize = 32;

/// The fan-out lasts at most this long, however slow the machine: the server gives a slow reader, from when it closes it,
/// ten seconds to come and read that.
const LASTS: Duration = Duration::from_secs(5);

/// How a server that drops slow readers closes them.
const SLOW_READER: u16 = 4409;

/// Those of so many connections who stop reading; all others are healthy.
pub(super) fn stalled(connections: usize) -> usize {
    (connections / 100).max(1)
}

pub(super) fn run(server: &Running, size: Size) -> anyhow::Result<Round> {
    let healthy = Size { connections: size.connections - stalled(size.connections), ..size };
    let mut load = Load::open(&server.target, healthy.connections)?;
    let others = if server.beside { 0 } else { stalled(size.connections) };
    let first = server.target.first_user + healthy.connections;
    let others: Vec<Stalled> =
        (first..first + others).map(|user| Stalled::open(&server.target, user)).collect::<Result<_, _>>()?;
    let rooms = fanout::rooms(server, healthy, Pace::UnderWay(UNDER_WAY));
    let until = Until { messages: size.messages, within: Some(LASTS), ..Until::default() };
    let measured = rooms.run(server, &mut load, until)?;
    let mut round: Round = measured.into();
    round.extra.extend(peak_memory(server)?);
    if !others.is_empty() {
        round.extra.extend(ends(server, others)?);
    }
    Ok(round)
}

/// Reads them all again, at once.
fn ends(server: &Running, others: Vec<Stalled>) -> anyhow::Result<Vec<Figure>> {
    let all = others.len();
    // The kernel holds what each has not read; before any of it is taken, the server must have given them up.
    let given_up = Scrape::of(&server.target)
        .unwrap_or_default()
        .value("tidings_connections_closed_total", &[("reason", "slow_reader")])
        .unwrap_or(f64::NAN);
    let ends: Vec<End> = thread::scope(|scope| {
        let reading: Vec<_> = others.into_iter().map(|one| scope.spawn(|| one.end())).collect();
        reading.into_iter().map(|one| one.join().expect("reading doesn't panic")).collect::<anyhow::Result<_>>()
    })?;
    let closed = ends.iter().filter(|&&end| end == End::Closed(SLOW_READER)).count();
    let open = ends.iter().filter(|&&end| end == End::Open).count();
    if open > 0 {
        bail!("{open} of {all} that stopped reading were not closed: {ends:?}");
    }
    Ok(vec![
        Figure::new("stopped reading", all as f64, "connections"),
        Figure::new("given up as slow readers by the server's count", given_up, "connections"),
        Figure::new("read the close frame 4409 in the end", closed as f64, "connections"),
    ])
}
