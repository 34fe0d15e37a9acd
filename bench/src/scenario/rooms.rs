//! Messages in rooms: in each, one user speaks and some hear it. A fan-out is one room, a pair of users is two rooms of one
//! listener each, a group is a room. A message is done when all who are to hear it have it, and where messages are acknowledged,
//! when its sender knows too.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::acks::Acks;
use super::{Figure, NOT_READ, Round, Running};
use crate::checker::Checker;
use crate::dialect::Dialect;
use crate::latency::{Latency, Quantiles};
use crate::load::{Load, LoadError, Outgoing, Scene};
use crate::message::{self, Reader};
use crate::usage::{Charge, Meter};

/// Who speaks to whom. Connections are meant by their indices.
pub(super) struct Room {
    /// Who speaks.
    pub sender: usize,
    /// To which user or group; without meaning for a broadcast.
    pub to: u64,
    /// Who hears it. No connection is in two rooms.
    pub listeners: Vec<usize>,
}

/// The guide's types.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Broadcast,
    Private,
    Group,
}

/// When the next message goes out; the rooms take turns.
#[derive(Clone, Copy)]
pub(super) enum Pace {
    /// So many are under way at any time.
    UnderWay(usize),
    /// A room's sender writes so many with one write; the next room follows when all have arrived.
    Bursts(usize),
}

/// When sending ends.
#[derive(Default)]
pub(super) struct Until {
    /// Messages that may still be sent.
    pub messages: u64,
    /// Sending ends so much later at the latest.
    pub within: Option<Duration>,
    /// Somebody else says that it ends.
    pub stop: Option<Arc<AtomicBool>>,
}

/// What a measured phase found.
pub(super) struct Measured {
    pub charge: Charge,
    pub messages: u64,
    pub deliveries: u64,
    pub seconds: f64,
    /// To the first listener, where there are several.
    pub first: Option<Quantiles>,
    /// To the last listener.
    pub last: Option<Quantiles>,
    /// To the acknowledgement, where there are any.
    pub acknowledged: Option<Quantiles>,
    /// The longest time in which nothing was delivered though something was under way.
    pub longest_pause: Duration,
}

impl Measured {
    pub(super) fn deliveries_a_second(&self) -> f64 {
        self.deliveries as f64 / self.seconds
    }
}

impl From<Measured> for Round {
    fn from(measured: Measured) -> Self {
        let quantiles = |of: Quantiles| {
            let figure = |name: &str, value| Figure::new(format!("acknowledged after, {name}"), value, "µs");
            [figure("p50", of.p50), figure("p99", of.p99)]
        };
        Self {
            cost: measured.charge.micros_each,
            resident_kib: measured.charge.resident_kib,
            per_second: Some(measured.deliveries_a_second()),
            first: measured.first,
            last: measured.last,
            extra: measured.acknowledged.into_iter().flat_map(quantiles).collect(),
        }
    }
}

/// The scene.
pub(super) struct Rooms {
    rooms: Vec<State>,
    /// By connection: the room that it listens in.
    listens_in: Vec<Option<u32>>,
    kind: Kind,
    pace: Pace,
    content_bytes: usize,
    first_user: u64,
    /// One for all, or one for each room: in a room all hear the same bytes, which are then parsed once.
    readers: Vec<Reader>,
    /// A stream a listener: each has one sender only.
    checker: Checker,
    /// Where the sender awaits an acknowledgement of each message.
    acks: Option<Acks>,
    /// The room whose turn it is.
    next: usize,
    until: Until,
    /// When `until.within` is over.
    end: Option<Instant>,
    under_way: usize,
    sent: u64,
    delivered: u64,
    heard_at: Instant,
    longest_pause: Duration,
    first: Latency,
    last: Latency,
}

struct State {
    room: Room,
    sent: u64,
    /// Messages that not all have, the oldest first.
    flights: VecDeque<Flight>,
}

struct Flight {
    sent_at: Instant,
    /// Listeners who don't have it yet.
    left: usize,
    /// Whether its acknowledgement has yet to come.
    unacknowledged: bool,
}

impl Flight {
    fn is_done(&self) -> bool {
        self.left == 0 && !self.unacknowledged
    }
}

impl Rooms {
    /// For a load of `connections`.
    pub(super) fn new(
        server: &Running,
        content_bytes: usize,
        kind: Kind,
        pace: Pace,
        connections: usize,
        rooms: Vec<Room>,
    ) -> Self {
        let mut listens_in = vec![None; connections];
        for (number, room) in rooms.iter().enumerate() {
            room.listeners.iter().for_each(|&listener| listens_in[listener] = Some(number as u32));
        }
        let name = match kind {
            Kind::Broadcast => "broadcast",
            Kind::Private => "private",
            Kind::Group => "group",
        };
        let each = rooms.iter().any(|room| room.listeners.len() > 1);
        let reader = || Reader::new(name, content_bytes, server.answers);
        Self {
            readers: std::iter::repeat_with(reader).take(if each { rooms.len() } else { 1 }).collect(),
            rooms: rooms.into_iter().map(|room| State { room, sent: 0, flights: VecDeque::new() }).collect(),
            listens_in,
            kind,
            pace,
            content_bytes,
            first_user: server.target.first_user as u64,
            checker: Checker::new(connections),
            acks: None,
            next: 0,
            until: Until::default(),
            end: None,
            under_way: 0,
            sent: 0,
            delivered: 0,
            heard_at: Instant::now(),
            longest_pause: Duration::ZERO,
            first: Latency::default(),
            last: Latency::default(),
        }
    }

    /// The same where messages are kept: in `tidings.v1` each is acknowledged.
    pub(super) fn kept(self, server: &Running) -> Self {
        let acks = (server.target.dialect == Dialect::V1).then(|| Acks::new(self.listens_in.len()));
        Self { acks, ..self }
    }

    /// Warms up, measures until `until`, and checks that each message came once, unchanged and in order.
    ///
    /// # Errors
    /// Whatever ended the run; what was wrong with the messages.
    pub(super) fn run(mut self, server: &Running, load: &mut Load, until: Until) -> anyhow::Result<Measured> {
        let measured = self.measure(server, load, until);
        self.finish(measured)
    }

    /// Everyone has spoken once before it counts: what a first message sets up is not what one costs.
    pub(super) fn warm_up(&mut self, load: &mut Load, messages: u64) -> Result<(), LoadError> {
        let at_once = match self.pace {
            Pace::UnderWay(number) | Pace::Bursts(number) => number as u64,
        };
        let rooms = self.rooms.len() as u64 * if matches!(self.pace, Pace::Bursts(_)) { at_once } else { 1 };
        self.phase(load, Until { messages: (messages / 20).max(at_once).max(rooms), ..Until::default() })
    }

    /// Sends more and waits until all of it has arrived.
    pub(super) fn phase(&mut self, load: &mut Load, until: Until) -> Result<(), LoadError> {
        self.heard_at = Instant::now();
        self.end = until.within.map(|within| self.heard_at + within);
        self.until = until;
        let mut outgoing = Outgoing::default();
        self.send_what_is_due(&mut outgoing);
        load.send(&mut outgoing)?;
        load.drive(self)
    }

    /// Adds what was wrong with the messages, if anything was.
    pub(super) fn finish<T>(self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        let faults = self.checker.finish();
        match result {
            Err(error) if !faults.is_empty() => Err(error.context(faults)),
            Ok(_) if !faults.is_empty() => anyhow::bail!("{faults}"),
            other => other,
        }
    }

    fn measure(&mut self, server: &Running, load: &mut Load, until: Until) -> anyhow::Result<Measured> {
        self.warm_up(load, until.messages)?;
        self.first.clear();
        self.last.clear();
        self.acks.iter_mut().for_each(Acks::clear);
        self.longest_pause = Duration::ZERO;
        let (sent, delivered) = (self.sent, self.delivered);
        let meter = Meter::start(server.pid).context(NOT_READ)?;
        let start = Instant::now();
        self.phase(load, until)?;
        let seconds = start.elapsed().as_secs_f64();
        let (messages, deliveries) = (self.sent - sent, self.delivered - delivered);
        let measured = Measured {
            charge: meter.charge(deliveries).context(NOT_READ)?,
            messages,
            deliveries,
            seconds,
            first: self.first.quantiles(),
            last: self.last.quantiles(),
            acknowledged: self.acks.as_ref().and_then(Acks::quantiles),
            longest_pause: self.longest_pause,
        };
        // One more in each room, uncharged: whatever came twice at the end stands before it.
        self.phase(load, Until { messages: self.rooms.len() as u64, ..Until::default() })?;
        Ok(measured)
    }

    /// Messages sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    fn may_send(&self) -> bool {
        let Until { messages, stop, .. } = &self.until;
        *messages > 0
            && !stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
            && self.end.is_none_or(|end| Instant::now() < end)
    }

    fn send_what_is_due(&mut self, outgoing: &mut Outgoing) {
        match self.pace {
            Pace::UnderWay(number) => {
                while self.under_way < number && self.may_send() {
                    self.send(self.next, false, outgoing);
                    self.next = (self.next + 1) % self.rooms.len();
                }
            }
            Pace::Bursts(number) => {
                if self.under_way == 0 && self.may_send() {
                    for _ in 0..number.min(usize::try_from(self.until.messages).unwrap_or(usize::MAX)) {
                        self.send(self.next, true, outgoing);
                    }
                    self.next = (self.next + 1) % self.rooms.len();
                }
            }
        }
    }

    fn send(&mut self, number: usize, joined: bool, outgoing: &mut Outgoing) {
        let State { room, sent, flights } = &mut self.rooms[number];
        for &listener in &room.listeners {
            self.checker.sends(listener);
        }
        let (counter, bytes) = (*sent, self.content_bytes);
        let text = |out: &mut Vec<u8>| match self.kind {
            Kind::Broadcast => message::broadcast(out, counter, bytes),
            Kind::Private if self.acks.is_some() => message::private_with_ref(out, room.to, counter, bytes),
            Kind::Private => message::private(out, room.to, counter, bytes),
            Kind::Group => message::group(out, room.to, counter, bytes),
        };
        if joined {
            outgoing.joined_text(room.sender, text)
        } else {
            outgoing.text(room.sender, text)
        }
        *sent += 1;
        let unacknowledged = self.acks.is_some();
        flights.push_back(Flight { sent_at: Instant::now(), left: room.listeners.len(), unacknowledged });
        self.until.messages -= 1;
        self.under_way += 1;
        self.sent += 1;
    }

    /// An acknowledgement came to who speaks in the room of the same number, if each speaks in one.
    fn acknowledged(
        &mut self,
        sender: usize,
        payload: &[u8],
        at: Instant,
        out: &mut Outgoing,
    ) -> Result<(), LoadError> {
        let unexpected = || LoadError::unexpected(sender, payload);
        let acks = self.acks.as_mut().ok_or_else(unexpected)?;
        let counter = acks.acknowledged(sender, payload).ok_or_else(unexpected)?;
        let State { room, sent, flights } = self.rooms.get_mut(sender).ok_or_else(unexpected)?;
        let oldest = *sent - flights.len() as u64;
        let place = counter.checked_sub(oldest).filter(|_| room.sender == sender).ok_or_else(unexpected)?;
        let flight = flights.get_mut(place as usize).ok_or_else(unexpected)?;
        acks.record(at.saturating_duration_since(flight.sent_at));
        flight.unacknowledged = false;
        self.go_on(sender, place as usize, out);
        Ok(())
    }

    /// Something of a flight is done: if it was all, the next goes out.
    fn go_on(&mut self, room: usize, flight: usize, out: &mut Outgoing) {
        let flights = &mut self.rooms[room].flights;
        if !flights[flight].is_done() {
            return;
        }
        self.under_way -= 1;
        while flights.front().is_some_and(Flight::is_done) {
            flights.pop_front();
        }
        self.send_what_is_due(out);
    }
}

impl Scene for Rooms {
    fn message(&mut self, receiver: usize, payload: &[u8], at: Instant, out: &mut Outgoing) -> Result<(), LoadError> {
        if Acks::is_one(payload) {
            return self.acknowledged(receiver, payload, at, out);
        }
        let unexpected = || LoadError::unexpected(receiver, payload);
        let number = self.listens_in[receiver].ok_or_else(unexpected)? as usize;
        let State { room, sent, flights } = &mut self.rooms[number];
        let from = self.first_user + room.sender as u64;
        let readers = self.readers.len();
        let reader = &mut self.readers[number % readers];
        let counter = reader.counter(payload, from, self.checker.expected(receiver)).ok_or_else(unexpected)?;
        if self.acks.as_mut().is_some_and(|acks| !acks.heard(receiver, payload)) {
            return Err(unexpected());
        }
        if !self.checker.receives(receiver, counter) {
            return Ok(());
        }
        self.delivered += 1;
        self.longest_pause = self.longest_pause.max(at.saturating_duration_since(self.heard_at));
        self.heard_at = at;
        let oldest = *sent - flights.len() as u64;
        let place = (counter - oldest) as usize;
        let flight = &mut flights[place];
        if flight.left == room.listeners.len() && flight.left > 1 {
            self.first.record(at.saturating_duration_since(flight.sent_at));
        }
        flight.left -= 1;
        if flight.left > 0 {
            return Ok(());
        }
        self.last.record(at.saturating_duration_since(flight.sent_at));
        self.go_on(number, place, out);
        Ok(())
    }

    fn done(&self) -> bool {
        self.under_way == 0 && !self.may_send()
    }
}
