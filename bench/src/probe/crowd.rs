//! One speaks to all. A message is done when every receiver has it; then the next may go out.

use std::io::Write as _;
use std::time::Instant;

use super::letter::{Letter, Letters};
use super::pace::Pace;
use super::plan::{Person, Plan};
use super::run::{ProbeError, Timed};
use crate::checker::{Checker, Faults};
use crate::http::{Client, HttpError, Request};
use crate::latency::Latency;
use crate::load::{LoadError, Outgoing, Scene, TICK};

/// Who speaks, and in which way.
pub enum Speaker<'a> {
    /// The first user, to a group (its id as JSON) of which all are members. Everybody else hears it.
    Member {
        /// The group.
        group: &'a str,
    },
    /// A backend with its service key, to all users by name: a `broadcast` whose audience are they. All hear it, nobody else.
    Backend {
        /// A connection to the server.
        client: &'a mut Client,
        /// The path of `POST /v1/messages` there.
        path: &'a str,
        /// The key.
        key: &'a str,
    },
}

impl Speaker<'_> {
    pub(super) fn scenario(&self) -> &'static str {
        match self {
            Self::Member { .. } => "group",
            Self::Backend { .. } => "push",
        }
    }
}

pub(super) struct Crowd<'a> {
    people: &'a [Person],
    speaker: Speaker<'a>,
    letters: Letters,
    /// A stream a receiver. The first user's stays empty where they speak themselves.
    checker: Checker,
    pace: Pace,
    receivers: usize,
    sent: u64,
    delivered: u64,
    of_others: u64,
    sent_at: Instant,
    left: usize,
    first: Latency,
    last: Latency,
}

impl<'a> Crowd<'a> {
    pub(super) fn new(plan: &'a Plan, letters: Letters, speaker: Speaker<'a>) -> Self {
        let speaks_not_to_self = usize::from(matches!(speaker, Speaker::Member { .. }));
        let receivers = plan.people.len() - speaks_not_to_self;
        Self {
            people: &plan.people,
            speaker,
            letters,
            checker: Checker::new(plan.people.len()),
            pace: plan.rate.pace(receivers, Instant::now()),
            receivers,
            sent: 0,
            delivered: 0,
            of_others: 0,
            sent_at: Instant::now(),
            left: 0,
            first: Latency::default(),
            last: Latency::default(),
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

    pub(super) fn first(&self) -> &Latency {
        &self.first
    }

    pub(super) fn last(&self) -> &Latency {
        &self.last
    }

    pub(super) fn faults(self) -> Faults {
        self.checker.finish()
    }

    fn speak(&mut self, outgoing: &mut Outgoing) -> Result<(), HttpError> {
        for receiver in self.people.len() - self.receivers..self.people.len() {
            self.checker.sends(receiver);
        }
        let counter = self.sent;
        self.sent += 1;
        self.left = self.receivers;
        match &mut self.speaker {
            Speaker::Member { group } => {
                outgoing.text(SPEAKER, |text| {
                    write!(text, r#"{{"type":"group","group_id":{group},"content":""#).expect(VEC);
                    self.letters.content(text, counter);
                    text.extend_from_slice(b"\"}");
                });
                self.sent_at = Instant::now();
                Ok(())
            }
            Speaker::Backend { client, path, key } => {
                let body = push(self.people, &self.letters, counter);
                self.sent_at = Instant::now();
                // The answer comes about when the messages do: it is read first, and their times are those of their reading.
                client.ask(&Request { method: "POST", path, bearer: Some(key), body: &body })?.accepted().map(drop)
            }
        }
    }

    /// The type and the sender of what arrives.
    fn expected(&self) -> (&'static str, &str) {
        match self.speaker {
            Speaker::Member { .. } => ("group", &self.people[SPEAKER].id),
            Speaker::Backend { .. } => ("broadcast", &self.people[SPEAKER].id),
        }
    }
}

/// The user who speaks, or for whom the backend does.
const SPEAKER: usize = 0;

const VEC: &str = "writing to a Vec never fails";

fn push(people: &[Person], letters: &Letters, counter: u64) -> Vec<u8> {
    let mut body = Vec::new();
    let from = &people[SPEAKER].id;
    write!(body, r#"{{"type":"broadcast","from":{from},"content":""#).expect(VEC);
    letters.content(&mut body, counter);
    body.extend_from_slice(br#"","audience":{"users":["#);
    for (index, person) in people.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(body, "{comma}{}", person.id).expect(VEC);
    }
    body.extend_from_slice(b"]}}");
    body
}

impl Scene for Crowd<'_> {
    fn message(&mut self, receiver: usize, payload: &[u8], at: Instant, _: &mut Outgoing) -> Result<(), LoadError> {
        let (kind, from) = self.expected();
        match self.letters.read(receiver, payload, kind, from)? {
            Letter::Foreign => self.of_others += 1,
            Letter::Own(counter) if self.checker.receives(receiver, counter) => {
                let took = at.saturating_duration_since(self.sent_at);
                if self.left == self.receivers {
                    self.first.record(took);
                }
                self.delivered += 1;
                self.left -= 1;
                if self.left == 0 {
                    self.last.record(took);
                }
            }
            Letter::Own(_) => {}
        }
        Ok(())
    }

    fn done(&self) -> bool {
        self.left == 0
    }
}

impl Timed for Crowd<'_> {
    fn due(&mut self, now: Instant, sending: bool, outgoing: &mut Outgoing) -> Result<Instant, ProbeError> {
        if !sending || self.left > 0 || self.receivers == 0 {
            return Ok(now + TICK);
        }
        if self.pace.take(now) {
            self.speak(outgoing)?;
            return Ok(now + TICK);
        }
        Ok(self.pace.next())
    }

    fn counted(&self) -> u64 {
        self.delivered
    }
}
