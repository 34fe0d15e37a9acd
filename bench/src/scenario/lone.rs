//! Two users exchange private messages, one at a time, beside others who have much to do. What the others do is made by a
//! thread of its own, so that the two are not kept waiting by their own program more than need be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::rooms::{Kind, Measured, Pace, Room, Rooms, Until};
use super::{Figure, Round, Running, Size, private};
use crate::backend;
use crate::load::Load;
use crate::scrape::Scrape;

/// What goes on beside the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    /// A backend posts private messages that are kept, 256 under way.
    Posts,
    /// A thousand users send each other private messages that are kept, as many under way.
    Senders,
    /// One member of a group floods it. All its members are online, and nothing is kept.
    Flood,
}

/// The two.
pub(super) const PAIR: usize = 2;

/// Messages to the flooded group under way.
const FLOOD_UNDER_WAY: usize = 8;

/// The group's number.
const GROUP: u64 = 1;

/// The two exchange messages for at most this long: under a flood each may take long.
const LASTS: Duration = Duration::from_secs(5);

/// The others must be at full speed by then.
const AT_SPEED_WITHIN: Duration = Duration::from_secs(120);

/// How much was done beside.
struct Beside {
    messages: u64,
    time: Duration,
}

pub(super) fn run(server: &Running, size: Size, noise: Noise) -> anyhow::Result<Round> {
    let others = size.connections.saturating_sub(PAIR);
    if let (Noise::Flood, Some(key)) = (noise, &server.service_key) {
        backend::join(&server.target, key, (1..=others as u64).map(|user| (GROUP, user)))?;
    }
    let load = Load::open(&server.target, others)?;
    let stop = Arc::new(AtomicBool::new(false));
    thread::scope(|scope| {
        let (at_speed, is_at_speed) = sync_channel(1);
        let beside = (!server.beside).then(|| {
            let stop = Arc::clone(&stop);
            scope.spawn(move || make(server, size, noise, load, stop, at_speed))
        });
        // A thread that fails drops its end of the channel; what failed is told when it is joined.
        let began = beside.is_none() || is_at_speed.recv_timeout(AT_SPEED_WITHIN).is_ok();
        let round = if began { measure(server, size, others, noise) } else { Ok(Round::default()) };
        stop.store(true, Ordering::Relaxed);
        let beside =
            beside.map(|thread| thread.join().expect("it doesn't panic")).transpose().context("what goes on beside")?;
        let mut round = round?;
        if let Some(Beside { messages, time }) = beside {
            anyhow::ensure!(began, "what goes on beside was not at speed within {AT_SPEED_WITHIN:?}");
            round.extra.push(Figure::new("messages beside", messages as f64 / time.as_secs_f64(), "1/s"));
        }
        Ok(round)
    })
}

/// The two, and what the server says of its own times meanwhile.
fn measure(server: &Running, size: Size, others: usize, noise: Noise) -> anyhow::Result<Round> {
    let target = server.target.from_user(server.target.first_user + others);
    // No process: what it uses is the others' doing.
    let pair = Running { target, pid: None, ..server.clone() };
    let mut load = Load::open(&pair.target, PAIR)?;
    let rooms = private::rooms(&pair, Size { connections: PAIR, ..size }, Pace::UnderWay(1))?;
    let before = Scrape::of(&server.target).ok();
    let until = Until { messages: size.messages, within: Some(LASTS), ..Until::default() };
    let measured = rooms.run(&pair, &mut load, until)?;
    let after = Scrape::of(&server.target).ok();
    let mut extra = vec![Figure::new("messages of the two", measured.messages as f64, "messages")];
    if noise == Noise::Flood {
        let scrapes = before.zip(after);
        extra.extend(own_times(&scrapes, "read to write", "tidings_write_delay_seconds", &[("type", "private")]));
        extra.extend(own_times(&scrapes, "a shard's turn", "tidings_turn_seconds", &[]));
    }
    let Measured { last, .. } = measured;
    Ok(Round {
        cost: last.map(|last| last.p99),
        per_second: Some(measured.deliveries_a_second()),
        last,
        extra,
        ..Round::default()
    })
}

/// The p99 of a histogram of the server's, and the bucket that it lies in; not told where the server has no such metric.
fn own_times(scrapes: &Option<(Scrape, Scrape)>, what: &str, name: &str, labels: &[(&str, &str)]) -> Vec<Figure> {
    let gained = scrapes.as_ref().and_then(|(before, after)| after.histogram_since(before, name, labels));
    let p99 = gained.as_ref().and_then(|gained| gained.quantile(0.99));
    let micros = |seconds: Option<f64>| seconds.map_or(f64::NAN, |seconds| seconds * 1e6);
    let figure = |which: &str, value, unit| Figure::new(format!("server's own: {what}, {which}"), value, unit);
    vec![
        figure("p99", micros(p99.map(|p99| p99.value)), "µs"),
        figure("p99's bucket is above", micros(p99.map(|p99| p99.above)), "µs"),
        figure("p99's bucket ends at", micros(p99.map(|p99| p99.at_most)), "µs"),
        figure("samples", gained.map_or(f64::NAN, |gained| gained.count()), "samples"),
    ]
}

/// Makes the noise until it is told to stop. `at_speed` is told when it is at full speed.
fn make(
    server: &Running,
    size: Size,
    noise: Noise,
    mut load: Load,
    stop: Arc<AtomicBool>,
    at_speed: SyncSender<()>,
) -> anyhow::Result<Beside> {
    let others = Size { connections: size.connections - PAIR, ..size };
    let mut rooms = match noise {
        Noise::Posts => return posts(server, size, &stop, &at_speed),
        Noise::Senders => private::rooms(server, others, Pace::UnderWay(others.connections))?,
        Noise::Flood => {
            let room = Room { sender: 0, to: GROUP, listeners: (1..others.connections).collect() };
            let pace = Pace::UnderWay(FLOOD_UNDER_WAY);
            Rooms::new(server, size.content_bytes, Kind::Group, pace, others.connections, vec![room])
        }
    };
    let done = rooms.warm_up(&mut load, 0).and_then(|()| {
        let (start, sent) = (Instant::now(), rooms.sent());
        // The other side is gone only if the run has failed, and then `stop` is set.
        let _ = at_speed.send(());
        let until = Until { messages: u64::MAX, stop: Some(stop), ..Until::default() };
        rooms.phase(&mut load, until)?;
        Ok(Beside { messages: rooms.sent() - sent, time: start.elapsed() })
    });
    rooms.finish(done.map_err(anyhow::Error::from))
}

/// The backend's messages go between users who are not there.
fn posts(server: &Running, size: Size, stop: &AtomicBool, at_speed: &SyncSender<()>) -> anyhow::Result<Beside> {
    let key = server.service_key.as_deref().context("posting needs a service key, which `compare` makes")?;
    let start = Instant::now();
    let warm = 4 * backend::POSTS_AT_ONCE as u64;
    let messages = backend::post(&server.target, key, size.content_bytes, |number| {
        if number == warm {
            let _ = at_speed.send(());
        }
        !stop.load(Ordering::Relaxed)
    })?;
    Ok(Beside { messages, time: start.elapsed() })
}
