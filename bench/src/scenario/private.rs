//! Users in pairs write to each other: 1 to 2 and 2 to 1, 3 to 4 and 4 to 3. A message is done when its receiver has it.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Charge, Meter, Round, Running, Size};
use crate::checker::Checker;
use crate::latency::Latency;
use crate::load::{Load, LoadError, Outgoing, Scene};
use crate::message::{self, Reader};

pub(super) fn run(server: &Running, size: Size, under_way: usize) -> anyhow::Result<Round> {
    if size.connections % 2 == 1 {
        anyhow::bail!("pairs need an even number of connections");
    }
    let mut load = Load::open(&server.target, size.connections)?;
    let mut pairs = Pairs::new(server, size);
    let measured = pairs.measure(server, &mut load, size, under_way);
    let faults = pairs.checker.finish();
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
        first: None,
        last: pairs.latency.quantiles(),
    })
}

struct Pairs {
    reader: Reader,
    /// A stream a receiver: each has one sender only.
    checker: Checker,
    users: usize,
    content_bytes: usize,
    /// The user who sends next; they take turns.
    next: usize,
    left_to_send: u64,
    under_way: u64,
    /// By receiver: when what it has not got yet was sent.
    sent_at: Vec<VecDeque<Instant>>,
    latency: Latency,
}

impl Pairs {
    fn new(server: &Running, size: Size) -> Self {
        Self {
            reader: Reader::new("private", size.content_bytes, server.answers),
            checker: Checker::new(size.connections),
            users: size.connections,
            content_bytes: size.content_bytes,
            next: 0,
            left_to_send: 0,
            under_way: 0,
            sent_at: vec![VecDeque::new(); size.connections],
            latency: Latency::default(),
        }
    }

    fn measure(
        &mut self,
        server: &Running,
        load: &mut Load,
        size: Size,
        under_way: usize,
    ) -> anyhow::Result<(Charge, f64)> {
        // Everyone has sent once before it counts: what a first message sets up is not what one costs.
        self.phase(load, (size.messages / 20).max(size.connections as u64), under_way)?;
        self.latency.clear();
        let meter = Meter::start(server.pid)?;
        let start = Instant::now();
        self.phase(load, size.messages, under_way)?;
        let seconds = start.elapsed().as_secs_f64();
        let charge = meter.charge(size.messages)?;
        let latency = std::mem::take(&mut self.latency);
        // One more to everyone, uncharged: whatever came twice at the end stands before it.
        self.phase(load, size.connections as u64, under_way)?;
        self.latency = latency;
        Ok((charge, size.messages as f64 / seconds))
    }

    /// Sends `messages` more and waits until they have arrived.
    fn phase(&mut self, load: &mut Load, messages: u64, under_way: usize) -> Result<(), LoadError> {
        self.left_to_send = messages;
        let mut outgoing = Outgoing::default();
        for _ in 0..under_way {
            self.send_next(&mut outgoing);
        }
        load.send(&mut outgoing)?;
        load.drive(self)
    }

    fn send_next(&mut self, outgoing: &mut Outgoing) {
        if self.left_to_send == 0 {
            return;
        }
        self.left_to_send -= 1;
        self.under_way += 1;
        let sender = self.next;
        self.next = (sender + 1) % self.users;
        let receiver = partner(sender);
        let counter = self.checker.sends(receiver);
        outgoing.text(sender, |text| message::private(text, user(receiver), counter, self.content_bytes));
        self.sent_at[receiver].push_back(Instant::now());
    }
}

impl Scene for Pairs {
    fn message(&mut self, receiver: usize, payload: &[u8], at: Instant, out: &mut Outgoing) -> Result<(), LoadError> {
        let expected = self.checker.expected(receiver);
        let counter = self
            .reader
            .counter(payload, user(partner(receiver)), expected)
            .ok_or_else(|| LoadError::unexpected(receiver, payload))?;
        if !self.checker.receives(receiver, counter) {
            return Ok(());
        }
        // After a reordered message the times are exchanged too; but then the run has failed anyway.
        if let Some(sent_at) = self.sent_at[receiver].pop_front() {
            self.latency.record(at - sent_at);
        }
        self.under_way -= 1;
        self.send_next(out);
        Ok(())
    }

    fn done(&self) -> bool {
        self.under_way == 0 && self.left_to_send == 0
    }
}

fn partner(index: usize) -> usize {
    index ^ 1
}

fn user(index: usize) -> u64 {
    index as u64 + 1
}
