//! One user speaks to all. A message is done when every connection has it, the sender's too.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Charge, Meter, Round, Running, Size};
use crate::checker::Checker;
use crate::latency::Latency;
use crate::load::{Load, LoadError, Outgoing, Scene};
use crate::message::{self, Reader};

/// The connection that sends, and its user's number.
const SENDER: usize = 0;
const SENDER_USER: u64 = 1;

pub(super) fn run(server: &Running, size: Size, under_way: usize) -> anyhow::Result<Round> {
    let mut load = Load::open(&server.target, size.connections)?;
    let mut crowd = Crowd::new(server, size);
    let measured = crowd.measure(server, &mut load, size.messages, under_way);
    let faults = crowd.checker.finish();
    let (charge, per_second) = match measured {
        Err(error) if !faults.is_empty() => return Err(error.context(faults)),
        other => other?,
    };
    if !faults.is_empty() {
        anyhow::bail!("{faults}");
    }
    Ok(Round {
        cost: charge.micros_each,
        resident_kib: charge.resident_kib,
        per_second: Some(per_second),
        first: crowd.first.quantiles(),
        last: crowd.last.quantiles(),
    })
}

struct Crowd {
    reader: Reader,
    checker: Checker,
    receivers: usize,
    content_bytes: usize,
    sent: u64,
    /// Sending stops at this counter.
    limit: u64,
    /// Messages that not all have, the oldest first.
    flights: VecDeque<Flight>,
    first: Latency,
    last: Latency,
}

struct Flight {
    sent_at: Instant,
    left: usize,
}

impl Crowd {
    fn new(server: &Running, size: Size) -> Self {
        Self {
            reader: Reader::new("broadcast", size.content_bytes, server.answers),
            checker: Checker::new(size.connections),
            receivers: size.connections,
            content_bytes: size.content_bytes,
            sent: 0,
            limit: 0,
            flights: VecDeque::new(),
            first: Latency::default(),
            last: Latency::default(),
        }
    }

    fn measure(
        &mut self,
        server: &Running,
        load: &mut Load,
        messages: u64,
        under_way: usize,
    ) -> anyhow::Result<(Charge, f64)> {
        self.phase(load, (messages / 20).max(under_way as u64), under_way)?;
        self.first.clear();
        self.last.clear();
        let meter = Meter::start(server.pid)?;
        let start = Instant::now();
        self.phase(load, messages, under_way)?;
        let seconds = start.elapsed().as_secs_f64();
        let deliveries = messages * self.receivers as u64;
        let charge = meter.charge(deliveries)?;
        let (first, last) = (std::mem::take(&mut self.first), std::mem::take(&mut self.last));
        // One more, uncharged: whatever came twice at the end stands before it.
        self.phase(load, 1, 1)?;
        (self.first, self.last) = (first, last);
        Ok((charge, deliveries as f64 / seconds))
    }

    /// Sends `messages` more and waits until all have them.
    fn phase(&mut self, load: &mut Load, messages: u64, under_way: usize) -> Result<(), LoadError> {
        self.limit += messages;
        let mut outgoing = Outgoing::default();
        for _ in 0..under_way {
            self.send_next(&mut outgoing);
        }
        load.send(&mut outgoing)?;
        load.drive(self)
    }

    fn send_next(&mut self, outgoing: &mut Outgoing) {
        if self.sent == self.limit {
            return;
        }
        for receiver in 0..self.receivers {
            self.checker.sends(receiver);
        }
        outgoing.text(SENDER, |text| message::broadcast(text, self.sent, self.content_bytes));
        self.sent += 1;
        self.flights.push_back(Flight { sent_at: Instant::now(), left: self.receivers });
    }
}

impl Scene for Crowd {
    fn message(&mut self, receiver: usize, payload: &[u8], at: Instant, out: &mut Outgoing) -> Result<(), LoadError> {
        let expected = self.checker.expected(receiver);
        let counter = self
            .reader
            .counter(payload, SENDER_USER, expected)
            .ok_or_else(|| LoadError::unexpected(receiver, payload))?;
        if !self.checker.receives(receiver, counter) {
            return Ok(());
        }
        let oldest = self.sent - self.flights.len() as u64;
        let flight = &mut self.flights[(counter - oldest) as usize];
        if flight.left == self.receivers {
            self.first.record(at - flight.sent_at);
        }
        flight.left -= 1;
        if flight.left == 0 {
            self.last.record(at - flight.sent_at);
        }
        while self.flights.front().is_some_and(|flight| flight.left == 0) {
            self.flights.pop_front();
            self.send_next(out);
        }
        Ok(())
    }

    fn done(&self) -> bool {
        self.flights.is_empty() && self.sent == self.limit
    }
}
