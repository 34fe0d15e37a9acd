//! Users in pairs write to each other. A message is done when its receiver has it.

use std::collections::VecDeque;
use std::io::Write as _;
use std::time::Instant;

use super::letter::{Letter, Letters};
use super::pace::Pace;
use super::plan::{Person, Plan};
use super::run::{ProbeError, Timed};
use crate::checker::{Checker, Faults};
use crate::latency::Latency;
use crate::load::{LoadError, Outgoing, Scene, TICK};

pub(super) struct Pairs<'a> {
    people: &'a [Person],
    letters: Letters,
    /// A stream a receiver: each has one sender only.
    checker: Checker,
    pace: Pace,
    /// Whether the time for sending is not over.
    sending: bool,
    /// The user who sends next; they take turns.
    next: usize,
    most_under_way: usize,
    under_way: usize,
    sent: u64,
    delivered: u64,
    of_others: u64,
    /// By receiver: when what it has not got yet was sent. Bounded by what may be under way.
    sent_at: Vec<VecDeque<Instant>>,
    latency: Latency,
}

impl<'a> Pairs<'a> {
    pub(super) fn new(plan: &'a Plan, letters: Letters, under_way: usize) -> Self {
        let people = &plan.people[..plan.people.len() & !1];
        Self {
            people,
            letters,
            checker: Checker::new(people.len()),
            pace: plan.rate.pace(1, Instant::now()),
            sending: true,
            next: 0,
            most_under_way: under_way,
            under_way: 0,
            sent: 0,
            delivered: 0,
            of_others: 0,
            sent_at: vec![VecDeque::new(); people.len()],
            latency: Latency::default(),
        }
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    pub(super) fn of_others(&self) -> u64 {
        self.of_others
    }

    pub(super) fn latency(&self) -> &Latency {
        &self.latency
    }

    pub(super) fn faults(self) -> Faults {
        self.checker.finish()
    }

    fn send_due(&mut self, now: Instant, outgoing: &mut Outgoing) {
        while self.sending && !self.people.is_empty() && self.under_way < self.most_under_way && self.pace.take(now) {
            let sender = self.next;
            self.next = (sender + 1) % self.people.len();
            let receiver = partner(sender);
            let counter = self.checker.sends(receiver);
            outgoing.text(sender, |text| {
                let to = &self.people[receiver].id;
                write!(text, r#"{{"type":"private","to":{to},"content":""#).expect("writing to a Vec never fails");
                self.letters.content(text, counter);
                text.extend_from_slice(b"\"}");
            });
            self.sent_at[receiver].push_back(Instant::now());
            self.under_way += 1;
            self.sent += 1;
        }
    }
}

impl Scene for Pairs<'_> {
    fn message(&mut self, receiver: usize, payload: &[u8], at: Instant, out: &mut Outgoing) -> Result<(), LoadError> {
        let Some(from) = self.people.get(partner(receiver)) else {
            self.of_others += 1;
            return Ok(());
        };
        match self.letters.read(receiver, payload, "private", &from.id)? {
            Letter::Foreign => self.of_others += 1,
            Letter::Own(counter) if self.checker.receives(receiver, counter) => {
                // After a reordered message the times are exchanged too; but then the run has failed anyway.
                if let Some(sent_at) = self.sent_at[receiver].pop_front() {
                    self.latency.record(at - sent_at);
                }
                self.delivered += 1;
                self.under_way -= 1;
                self.send_due(at, out);
            }
            Letter::Own(_) => {}
        }
        Ok(())
    }

    fn done(&self) -> bool {
        self.under_way == 0
    }
}

impl Timed for Pairs<'_> {
    fn due(&mut self, now: Instant, sending: bool, outgoing: &mut Outgoing) -> Result<Instant, ProbeError> {
        self.sending = sending;
        self.send_due(now, outgoing);
        let full = self.under_way == self.most_under_way;
        Ok(if sending && !full { self.pace.next() } else { now + TICK })
    }

    fn counted(&self) -> u64 {
        self.delivered
    }
}

fn partner(index: usize) -> usize {
    index ^ 1
}
