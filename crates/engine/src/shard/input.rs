//! From bytes to messages under way.

use std::{ops::ControlFlow, sync::Arc};

use futures_util::FutureExt;
use tidings_wire::{CloseCode, MessageId, Reject, Sender, first_type};

use super::{
    Flow, Shard, Slot,
    connection::{Connection, Phase, Running},
    mail::{Answer, Done, Effect, Finished, Ticket},
    output::Haste,
};
use crate::{
    act::{Act, Origin, Outcome},
    clock::Now,
    delivery::{Cut, Publication},
    engine::Dialect,
    handle::RETRY,
    pipeline::{self, Checked, Incoming, Outgoing, Prepared, Progress, key_reused},
    registry::TypeIndex,
    websocket::{Event, ProtocolError, encoder},
};

/// Stands for a close frame without a code (RFC 6455 §7.1.5); the answer to it has none either.
const NO_CODE: u16 = 1005;

impl Shard {
    /// Takes what a socket read. `bytes` is scratch space: it is unmasked in place.
    pub fn input(&mut self, slot: Slot, bytes: &mut [u8], now: Now) -> Flow {
        let limits = self.limits();
        let Some(connection) = self.get_mut(slot) else { return Flow::Pause };
        connection.heard = now.mono.into();
        connection.pinged = false;
        if connection.work.as_ref().is_some_and(|work| work.goodbye.is_some()) {
            return Flow::Read;
        }
        let mut decoder = match connection.phase {
            Phase::Open | Phase::Closing { deaf: false, .. } => std::mem::take(&mut connection.decoder),
            _ => return Flow::Read,
        };
        let fed = decoder.feed(bytes, limits, &mut |event| self.event(slot, event, now));
        if let Err(error) = fed {
            self.broke_protocol(slot, &error, now);
        }
        let held_bytes = self.node.services().settings.held_bytes;
        let Some(connection) = self.get_mut(slot) else { return Flow::Pause };
        connection.decoder = decoder;
        connection.paused = connection.work.as_ref().is_some_and(|work| work.held_bytes > held_bytes);
        if connection.paused { Flow::Pause } else { Flow::Read }
    }

    fn event(&mut self, slot: Slot, event: Event<'_>, now: Now) -> ControlFlow<()> {
        let settings = &self.node.services().settings;
        let (most, half) = (settings.sends_under_way, settings.half_outbox());
        let Some(connection) = self.get_mut(slot) else { return ControlFlow::Break(()) };
        match (event, connection.phase) {
            (Event::Close { code, .. }, Phase::Open) if connection.is_busy() => {
                // What came before it is accepted first.
                connection.work().goodbye = Some(code);
                return ControlFlow::Break(());
            }
            (Event::Close { code, .. }, phase) => {
                self.peer_closed(slot.index, code, phase, now);
                return ControlFlow::Break(());
            }
            // What comes behind one's own close frame is thrown away.
            (_, phase) if phase != Phase::Open => {}
            (Event::Text(text), _)
                if connection.is_free(most)
                    && !connection.is_full(half)
                    && connection.work.as_ref().is_none_or(|work| work.held.is_empty()) =>
            {
                self.receive(slot.index, text, now);
            }
            // Whether the peer is alive is not to wait for a store that is slow.
            (Event::Text(text), _)
                if connection.dialect() == Dialect::V1
                    && !connection.is_hushed()
                    && !connection.is_full(half)
                    && first_type(text) == Some("ping") =>
            {
                self.receive(slot.index, text, now);
            }
            (Event::Text(text), _) => {
                let work = connection.work();
                work.held_bytes += text.len() + size_of::<Box<str>>();
                work.held.push_back(text.into());
            }
            (Event::Binary(_), _) => self.close(slot.index, CloseCode::Binary, now),
            (Event::Ping(payload), _) => self.push(slot.index, encoder::pong(payload), Haste::Prompt, now),
            (Event::Pong(_), _) => {}
        }
        ControlFlow::Continue(())
    }

    /// The peer's close frame: answered with the same code, unless it answers ours.
    fn peer_closed(&mut self, index: u32, code: Option<u16>, phase: Phase, now: Now) {
        if phase == Phase::Open {
            self.leave(index, None);
            self.finish(index, encoder::close(code.unwrap_or(NO_CODE), ""));
        }
        if phase != Phase::Gone {
            let until = now.mono + self.close_within();
            self.connections[index as usize].phase = Phase::Closed { until: until.into() };
            self.mark_dirty(index);
            self.arm(index, until);
        }
    }

    fn broke_protocol(&mut self, slot: Slot, error: &ProtocolError, now: Now) {
        tracing::debug!(%error, "a peer broke RFC 6455");
        let code = CloseCode::ALL.iter().copied().find(|code| code.code() == error.close_code());
        if self.get_mut(slot).is_some_and(|connection| connection.is_open()) {
            self.close(slot.index, code.unwrap_or(CloseCode::Protocol), now);
        }
        if let Some(Phase::Closing { deaf, .. }) = self.get_mut(slot).map(|connection| &mut connection.phase) {
            *deaf = true;
        }
    }

    /// Takes up one message.
    fn receive(&mut self, index: u32, json: &str, now: Now) {
        if self.connections[index as usize].dialect() == Dialect::V1 && self.control(index, json, now) {
            return;
        }
        let node = self.node.clone();
        let sender = Sender::user_only(self.connections[index as usize].user);
        let incoming = Incoming { sender: &sender, json, key: None, audience: None };
        match pipeline::begin(node.services(), incoming, now) {
            Progress::Refused(reference, reject) => self.refuse(index, reference, &reject, now),
            Progress::Ready(reference, prepared) => self.pass(index, reference, prepared, now),
            Progress::Later(reference, kind, work) => {
                self.run(
                    index,
                    reference,
                    Some(kind),
                    work.map(move |result| Finished::Checked(reference, result)),
                    now,
                );
            }
        }
    }

    /// Runs what the connection's next message waits for.
    pub(super) fn run(
        &mut self,
        index: u32,
        reference: Option<i64>,
        kind: Option<TypeIndex>,
        work: impl Future<Output = Finished> + Send + 'static,
        now: Now,
    ) {
        self.tickets = self.tickets.wrapping_add(1).max(1);
        let ticket = Ticket { slot: self.slot_of(index), number: self.tickets };
        let until = now.mono + self.node.services().settings.accept_within;
        self.connections[index as usize].work().running =
            Some(Running { number: ticket.number, reference, kind, until });
        self.arm(index, until);
        let future = work.map(move |finished| Done { ticket, finished }).boxed();
        self.effects.push(Effect::Run(ticket, future));
    }

    /// A message that nothing but the store can refuse any more.
    fn pass(&mut self, index: u32, reference: Option<i64>, prepared: Prepared, now: Now) {
        let node = self.node.clone();
        let Connection { user, index: own, .. } = self.connections[index as usize];
        let dialect = self.connections[index as usize].dialect();
        let origin = self.origin(index, reference);
        let cut = if dialect == Dialect::Guide { Cut::Guide } else { Cut::V1 };
        match prepared.outgoing(node.services(), Some(user), Some(own), origin, cut, node.all_shards()) {
            Outgoing::Append(act) => self.append(index, *act, now),
            Outgoing::Publish(publication) => {
                let (id, timestamp) = (publication.content.id, publication.content.timestamp);
                self.publish(index, publication, now);
                self.acknowledge_unstored(index, reference, id, timestamp, now);
            }
        }
    }

    pub(super) fn origin(&self, index: u32, reference: Option<i64>) -> Origin {
        Origin::Connection { shard: self.id, slot: self.slot_of(index), reference, id: None }
    }

    /// Hands the store what a connection wants written, at the end of the turn.
    pub(super) fn append(&mut self, index: u32, act: Act, now: Now) {
        self.connections[index as usize].work().under_way += 1;
        self.acts.push_back(act);
        self.act_times.push_back(now.mono);
    }

    /// Delivers here, and hands it to the other shards that are concerned.
    pub(super) fn publish(&mut self, index: u32, publication: Publication, now: Now) {
        let others = publication.to.shards & !(1 << self.id);
        let waits = !self.delivered(&publication, now);
        if !waits && others == 0 {
            return;
        }
        let publication = Arc::new(publication);
        if waits {
            self.connections[index as usize].work().fanning_out = true;
            self.deliver_later(publication.clone(), Some(self.slot_of(index)));
        }
        if others != 0 {
            self.cross(self.slot_of(index), publication, others);
        }
    }

    /// A handler or group that a message waited for.
    pub(super) fn done(&mut self, done: Done, now: Now) {
        let Done { ticket, finished } = done;
        if finished.is_reading() {
            return self.readings_done(ticket, finished, now);
        }
        let finished = match finished {
            Finished::Learned(users, read) => return self.learned(users, read, now),
            Finished::Sighted => return self.sighted(ticket.number, now),
            Finished::TopicsClosed(closed) => return self.topics_closed(ticket.number, closed, now),
            finished => finished,
        };
        let Some(finished) = self.orphan_done(ticket, finished, now) else { return };
        let Some(connection) = self.get_mut(ticket.slot) else { return };
        let running = connection.work().running;
        if running.is_none_or(|running| running.number != ticket.number) {
            return;
        }
        connection.work().running = None;
        let open = connection.is_open();
        let index = ticket.slot.index;
        match finished {
            _ if !open => {}
            Finished::Checked(reference, Ok(Checked::Ready(prepared))) => self.pass(index, reference, *prepared, now),
            Finished::Checked(reference, Ok(Checked::Known(answer))) => {
                self.acknowledge(index, reference, None, &answer, now);
            }
            Finished::Asked(reference, Ok(asked)) => self.asked(index, reference, asked, now),
            Finished::Checked(reference, Err(reject)) | Finished::Asked(reference, Err(reject)) => {
                self.refuse(index, reference, &reject, now);
            }
            _ => {}
        }
        self.go_on(ticket.slot, now);
    }

    /// What came of a kept send.
    pub(super) fn answer(
        &mut self,
        slot: Slot,
        reference: Option<i64>,
        id: Option<MessageId>,
        answer: &Answer,
        now: Now,
    ) {
        self.settle(slot, reference, id, answer, now);
        self.go_on(slot, now);
    }

    /// Says what came of a kept send, without going on to the next.
    pub(super) fn settle(
        &mut self,
        slot: Slot,
        reference: Option<i64>,
        id: Option<MessageId>,
        answer: &Answer,
        now: Now,
    ) {
        let Some(connection) = self.get_mut(slot) else { return };
        let work = connection.work();
        work.under_way = work.under_way.saturating_sub(1);
        if connection.is_open() {
            match answer {
                Answer::Refused(reject) => self.refuse(slot.index, reference, reject, now),
                stored => self.acknowledge(slot.index, reference, id, stored, now),
            }
        }
    }

    /// Takes up what was held, as far as it may.
    pub(super) fn go_on(&mut self, slot: Slot, now: Now) {
        let settings = &self.node.services().settings;
        let (most_under_way, held_bytes) = (settings.sends_under_way, settings.held_bytes);
        let half = settings.half_outbox();
        loop {
            let Some(connection) = self.get_mut(slot) else { return };
            let free = connection.is_open() && connection.is_free(most_under_way) && !connection.is_full(half);
            let Some(work) = connection.work.as_mut() else { break };
            let Some(next) = work.held.pop_front_if(|_| free) else { break };
            work.held_bytes -= next.len() + size_of::<Box<str>>();
            self.receive(slot.index, &next, now);
        }
        let Some(connection) = self.get_mut(slot) else { return };
        let held = connection.work.as_ref().map_or(0, |work| work.held_bytes);
        if connection.paused && held <= held_bytes / 2 {
            connection.paused = false;
            connection.heard = now.mono.into();
            self.effects.push(Effect::Resume(slot));
        }
        let Some(connection) = self.get_mut(slot) else { return };
        let goodbye = connection.work.as_ref().and_then(|work| work.goodbye);
        if let Some(code) = goodbye.filter(|_| connection.is_open() && !connection.is_busy()) {
            self.peer_closed(slot.index, code, Phase::Open, now);
            return;
        }
        connection.rest();
    }

    pub(super) fn refuse(&mut self, index: u32, reference: Option<i64>, reject: &Reject, now: Now) {
        self.push(index, encoder::text(&reject.to_json(reference)), Haste::Prompt, now);
    }

    /// Refuses acts that the store had no room for in time.
    pub(super) fn give_up_waiting_acts(&mut self, now: Now) {
        let patience = self.node.services().settings.room_within;
        while self.act_times.front().is_some_and(|&since| since + patience <= now.mono) {
            self.act_times.pop_front();
            let Some(act) = self.acts.pop_front() else { return };
            self.node.give_up(&act);
            let Origin::Connection { slot, reference, .. } = act.origin else { continue };
            self.answer(slot, reference, None, &Answer::Refused(Reject::unavailable(RETRY)), now);
        }
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Stored { mut receipts, .. } => Self::Stored(receipts.pop()),
            Outcome::Quiet => Self::Stored(None),
            Outcome::Duplicate(receipt) => Self::Duplicate(receipt),
            Outcome::Repeated(first) => Self::Repeated(first),
            Outcome::KeyReused => Self::Refused(key_reused()),
            Outcome::Refused(reject) => Self::Refused(reject),
            Outcome::Unavailable(retry) => Self::Refused(Reject::unavailable(retry)),
        }
    }
}
