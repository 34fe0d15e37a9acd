//! One connection after the other pings: the way there and back, through the shard and nothing behind it.

use std::time::Instant;

use super::pace::Pace;
use super::plan::Plan;
use super::run::{ProbeError, Timed};
use crate::latency::Latency;
use crate::load::{LoadError, Outgoing, Scene, TICK};

pub(super) struct Pings {
    connections: usize,
    pace: Pace,
    sent: u64,
    /// Who pinged, with which payload and when, until the pong is there.
    under_way: Option<(usize, [u8; 8], Instant)>,
    latency: Latency,
    answered: u64,
    of_others: u64,
}

impl Pings {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            connections: plan.people.len(),
            pace: plan.rate.pace(1, Instant::now()),
            sent: 0,
            under_way: None,
            latency: Latency::default(),
            answered: 0,
            of_others: 0,
        }
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn answered(&self) -> u64 {
        self.answered
    }

    pub(super) fn of_others(&self) -> u64 {
        self.of_others
    }

    pub(super) fn latency(&self) -> &Latency {
        &self.latency
    }
}

impl Scene for Pings {
    fn message(&mut self, _: usize, _: &[u8], _: Instant, _: &mut Outgoing) -> Result<(), LoadError> {
        self.of_others += 1;
        Ok(())
    }

    fn pong(&mut self, receiver: usize, payload: &[u8], at: Instant) -> Result<(), LoadError> {
        // Another pong is unsolicited, which RFC 6455 section 5.5.3 allows.
        if let Some((sender, expected, sent_at)) = self.under_way
            && sender == receiver
            && expected == payload
        {
            self.latency.record(at - sent_at);
            self.answered += 1;
            self.under_way = None;
        }
        Ok(())
    }

    fn done(&self) -> bool {
        self.under_way.is_none()
    }
}

impl Timed for Pings {
    fn due(&mut self, now: Instant, sending: bool, outgoing: &mut Outgoing) -> Result<Instant, ProbeError> {
        if !sending || self.under_way.is_some() {
            return Ok(now + TICK);
        }
        if self.pace.take(now) {
            let sender = (self.sent % self.connections as u64) as usize;
            let payload = self.sent.to_be_bytes();
            outgoing.ping(sender, &payload);
            self.sent += 1;
            self.under_way = Some((sender, payload, Instant::now()));
            return Ok(now + TICK);
        }
        Ok(self.pace.next())
    }

    fn counted(&self) -> u64 {
        self.answered
    }
}
