//! A backend notifies all followers of somebody by one call, and waits until the last of them has theirs: they are stored in the
//! ascending order of their recipients, and the last one is connected. Compared with the same where somebody did it, so that it is
//! looked up for each recipient how the two stand to one another.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::{Figure, NOT_READ, Round, Running, Size, peak_memory};
use crate::follows;
use crate::http::{Client, Request};
use crate::latency::Latency;
use crate::load::{Load, LoadError, Outgoing, Scene};
use crate::usage::Meter;

/// Calls of a round.
pub(super) const CALLS: u64 = 3;

pub(super) fn run(server: &Running, size: Size, followers: usize) -> anyhow::Result<Round> {
    let service_key = server.service_key.clone().context("notifying needs a service key, which `compare` makes")?;
    // Users are numbered from 1: the connection of this number is the last of the followers.
    let mut load = Load::open(&server.target.from_user(followers), 1)?;
    let target = &server.target;
    let mut client = Client::new(target.address, &target.address.to_string(), target.silence);
    let actor = if server.beside { format!(r#","actor":{}"#, follows::owner(followers)) } else { String::new() };
    let mut last = Latency::default();
    let mut seconds = 0.0;
    let mut answered = Latency::default();
    let meter = Meter::start(server.pid).context(NOT_READ)?;
    for call in 0..size.messages {
        let owner = follows::owner(followers);
        let message = format!("notification {call}");
        let body = format!(r#"{{"to":{{"followers_of":{owner}}},"subtype":"news","message":"{message}"{actor}}}"#);
        let (path, bearer) = ("/v1/notifications", Some(service_key.as_str()));
        let mut scene = Last { message, heard: false };
        let began = Instant::now();
        client.ask(&Request { method: "POST", path, bearer, body: body.as_bytes() })?.accepted()?;
        answered.record(began.elapsed());
        load.drive(&mut scene)?;
        let took: Duration = began.elapsed();
        last.record(took);
        seconds += took.as_secs_f64();
    }
    let recipients = size.messages * followers as u64;
    let charge = meter.charge(recipients).context(NOT_READ)?;
    let mut extra = vec![Figure::new("recipients", recipients as f64, "")];
    extra.extend(peak_memory(server)?);
    Ok(Round {
        cost: charge.micros_each,
        resident_kib: charge.resident_kib,
        per_second: Some(recipients as f64 / seconds),
        first: answered.quantiles(),
        last: last.quantiles(),
        extra,
    })
}

/// The last recipient, who waits for this notification.
struct Last {
    message: String,
    heard: bool,
}

impl Scene for Last {
    fn message(&mut self, receiver: usize, payload: &[u8], _: Instant, _: &mut Outgoing) -> Result<(), LoadError> {
        let frame: serde_json::Value =
            serde_json::from_slice(payload).map_err(|_| LoadError::unexpected(receiver, payload))?;
        if frame["type"] != "notification" || frame["message"] != self.message.as_str() {
            return Err(LoadError::unexpected(receiver, payload));
        }
        self.heard = true;
        Ok(())
    }

    fn done(&self) -> bool {
        self.heard
    }
}
