//! Somebody with many followers, of whom a hundredth is online, publishes by HTTP, one message at a time; compared with the same to
//! everyone. A message is done when every connection has it.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::{Figure, NOT_READ, Round, Running, Size, micros, peak_memory};
use crate::checker::Checker;
use crate::follows;
use crate::http::{Client, Request};
use crate::latency::Latency;
use crate::load::{Load, LoadError, Outgoing, Scene};
use crate::message::{self, Reader};
use crate::usage::Meter;

/// Messages that are published before it counts, beside the first, which reads who follows.
const WARM_UP: u64 = 5;

/// Messages of a round at most: to few, each costs little more than its request.
pub(super) const MESSAGES: u64 = 5_000;

/// Followers who are online.
pub(super) fn online(followers: usize) -> usize {
    (followers / 100).max(1)
}

pub(super) fn run(server: &Running, size: Size, followers: usize) -> anyhow::Result<Round> {
    anyhow::ensure!(size.connections <= followers, "so many connections need as many followers");
    let mut load = Load::open(&server.target, size.connections)?;
    let mut scene = Publisher::new(server, size, followers)?;
    let measured = measure(server, size, &mut load, &mut scene);
    let faults = scene.checker.finish();
    match measured {
        Err(error) if !faults.is_empty() => Err(error.context(faults)),
        Ok(_) if !faults.is_empty() => anyhow::bail!("{faults}"),
        other => other,
    }
}

fn measure(server: &Running, size: Size, load: &mut Load, scene: &mut Publisher) -> anyhow::Result<Round> {
    let meter = Meter::start(server.pid).context(NOT_READ)?;
    let answered = scene.publish(load).context("the first message")?;
    let first = scene.last.quantiles().map_or(f64::NAN, |last| last.max);
    let first_cpu = meter.charge(1).context(NOT_READ)?.micros_each;
    for _ in 0..WARM_UP {
        scene.publish(load)?;
    }
    scene.first.clear();
    scene.last.clear();
    let meter = Meter::start(server.pid).context(NOT_READ)?;
    let start = Instant::now();
    for _ in 0..size.messages {
        scene.publish(load)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let deliveries = size.messages * size.connections as u64;
    let charge = meter.charge(deliveries).context(NOT_READ)?;
    let (first_quantiles, last_quantiles) = (scene.first.quantiles(), scene.last.quantiles());
    // One more, uncharged: whatever came twice at the end stands before it.
    scene.publish(load)?;
    let each = charge.micros_each.map_or(f64::NAN, |each| each * size.connections as f64);
    let mut extra = vec![
        Figure::new("a message: CPU", each, "µs"),
        Figure::new("the first message: CPU", first_cpu.map_or(f64::NAN, |cpu| cpu / 1e3), "ms"),
        Figure::new("the first message: answered after", micros(answered) / 1e3, "ms"),
        Figure::new("the first message: heard by all after", first / 1e3, "ms"),
    ];
    extra.extend(peak_memory(server)?);
    Ok(Round {
        cost: charge.micros_each,
        resident_kib: charge.resident_kib,
        per_second: Some(deliveries as f64 / seconds),
        first: first_quantiles,
        last: last_quantiles,
        extra,
    })
}

/// Who publishes, and what the followers hear of it.
struct Publisher {
    client: Client,
    service_key: String,
    owner: u64,
    /// As the request has it.
    audience: String,
    content_bytes: usize,
    connections: usize,
    reader: Reader,
    checker: Checker,
    sent: u64,
    sent_at: Instant,
    /// Connections that don't have the message yet.
    left: usize,
    first: Latency,
    last: Latency,
}

impl Publisher {
    fn new(server: &Running, size: Size, followers: usize) -> anyhow::Result<Self> {
        let target = &server.target;
        let service_key =
            server.service_key.clone().context("publishing needs a service key, which `compare` makes")?;
        let owner = follows::owner(followers);
        let audience =
            if server.beside { r#"{"everyone":true}"#.to_owned() } else { format!(r#"{{"followers_of":{owner}}}"#) };
        Ok(Self {
            client: Client::new(target.address, &target.address.to_string(), target.silence),
            service_key,
            owner,
            audience,
            content_bytes: size.content_bytes,
            connections: size.connections,
            reader: Reader::new("broadcast", size.content_bytes, server.answers),
            checker: Checker::new(size.connections),
            sent: 0,
            sent_at: Instant::now(),
            left: 0,
            first: Latency::default(),
            last: Latency::default(),
        })
    }

    /// Publishes one, and waits until all have it. Returns after what time the request was answered.
    fn publish(&mut self, load: &mut Load) -> anyhow::Result<Duration> {
        (0..self.connections).for_each(|connection| {
            self.checker.sends(connection);
        });
        let mut content = Vec::new();
        message::content(&mut content, self.sent, self.content_bytes);
        let content = String::from_utf8(content).expect("digits and filler are ASCII");
        let Self { owner, audience, .. } = self;
        let body = format!(r#"{{"type":"broadcast","from":{owner},"content":"{content}","audience":{audience}}}"#);
        self.sent += 1;
        self.left = self.connections;
        self.sent_at = Instant::now();
        let (path, bearer) = ("/v1/messages", Some(self.service_key.as_str()));
        self.client.ask(&Request { method: "POST", path, bearer, body: body.as_bytes() })?.accepted()?;
        let answered = self.sent_at.elapsed();
        load.drive(self)?;
        Ok(answered)
    }
}

impl Scene for Publisher {
    fn message(&mut self, receiver: usize, payload: &[u8], at: Instant, _: &mut Outgoing) -> Result<(), LoadError> {
        let counter = self.reader.counter(payload, self.owner, self.checker.expected(receiver));
        let counter = counter.ok_or_else(|| LoadError::unexpected(receiver, payload))?;
        if !self.checker.receives(receiver, counter) {
            return Ok(());
        }
        let took = at.saturating_duration_since(self.sent_at);
        if self.left == self.connections && self.left > 1 {
            self.first.record(took);
        }
        self.left -= 1;
        if self.left == 0 {
            self.last.record(took);
        }
        Ok(())
    }

    fn done(&self) -> bool {
        self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundredth_is_online_and_never_nobody() {
        assert_eq!([10, 10_000, 1_000_000].map(online), [1, 100, 10_000]);
    }
}
