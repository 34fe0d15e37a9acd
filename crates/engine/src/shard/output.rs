//! From publications to sockets: who gets a frame, when it is written, and who is closed.

use std::{io, time::Duration};

use bytes::Bytes;
use hashbrown::HashSet;
use smallvec::SmallVec;
use tidings_wire::CloseCode;

use super::{
    Shard, Slot, Sockets,
    connection::{Connection, Phase},
    fanout::SMALL_AUDIENCE,
    machine::Sweep,
    mail::Effect,
    session::{Live, Stage, Weight},
};
use crate::{
    clock::Now,
    delivery::{Cut, Publication},
    engine::Dialect,
    planted::Planted,
    websocket::encoder,
};

/// A queue of a reader that is not blocked may grow so many times beyond the bound until it is flushed, which happens before
/// anything more is read.
const UNBLOCKED_FACTOR: usize = 4;

/// How soon a frame is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Haste {
    /// Before all that goes to many: a message for few, an answer, a control frame.
    Prompt,
    /// After that.
    Bulk,
}

impl Shard {
    /// Hands a publication to those of its recipients that are here.
    pub(super) fn deliver(&mut self, publication: &Publication, now: Now) {
        if publication.to.everyone {
            // What is no message has no form for all; nothing of that kind is for everyone.
            let Some(frame) = publication.frame(Cut::Guide) else { return };
            self.log.append(frame);
            let end = self.log.end();
            self.sweep.get_or_insert(Sweep { next: 0, began_at: end, lagging: false });
            let count = self.connections.len() as u64;
            if let Some(kind) = publication.content.kind {
                self.node.services().registry.at(kind).metrics.delivered(count);
            }
            return;
        }
        let recipients = self.recipients(publication);
        let haste = if recipients.len() > SMALL_AUDIENCE { Haste::Bulk } else { Haste::Prompt };
        self.put_into_outboxes(publication, &recipients, haste, now);
    }

    /// Queues a publication for these connections.
    pub(super) fn put_into_outboxes(&mut self, publication: &Publication, to: &[u32], haste: Haste, now: Now) {
        for &index in to {
            let connection = &self.connections[index as usize];
            let cut = match connection.dialect() {
                Dialect::Guide => Cut::Guide,
                Dialect::V1 if publication.content.key.is_some() && publication.to.me == Some(connection.index) => {
                    Cut::V1Own
                }
                Dialect::V1 => Cut::V1,
            };
            if connection.blocked && publication.is_joinable() {
                continue;
            }
            let Some(frame) = publication.frame(cut) else { continue };
            if !connection.is_resuming() || self.is_live(index, publication, frame, now) {
                self.push(index, frame.clone(), haste, now);
            }
        }
        self.follow(publication, to, now);
        if let Some(kind) = publication.content.kind {
            self.node.services().registry.at(kind).metrics.delivered(to.len() as u64);
        }
    }

    /// Whether a connection that lacks something of what it missed is sent this too. One that would miss it for good is closed.
    fn is_live(&mut self, index: u32, publication: &Publication, frame: &Bytes, now: Now) -> bool {
        let settings = &self.node.services().settings;
        let (live, drop_early) = (settings.has(Planted::LiveDuringReplay), settings.has(Planted::DropEarly));
        let place = publication.content.place.filter(|_| !live);
        let late = settings.has(Planted::RegisterLate);
        let Some(resume) = self.resume_of(index) else { return true };
        if late && resume.stage == Stage::Greeting {
            return false;
        }
        if let Some(seq) = publication.inbox() {
            return resume.inbox.passes(seq);
        }
        let weight = if publication.is_ephemeral() || drop_early {
            Weight::Ephemeral
        } else if publication.is_receipt() {
            Weight::Receipt
        } else {
            Weight::Kept
        };
        let live = resume.live(place, weight, frame);
        if live == Live::NoRoom {
            self.greet_anew(index, now);
        }
        live == Live::Send
    }

    /// The connection here, if any, that sent a publication and does not hear it.
    pub(super) fn excepted(&self, publication: &Publication) -> Option<Slot> {
        publication.to.except.filter(|(shard, _)| *shard == self.id).map(|(_, slot)| slot)
    }

    /// The connections here that a publication is for, each once.
    pub(super) fn recipients(&self, publication: &Publication) -> SmallVec<[u32; 8]> {
        let to = &publication.to;
        let mut found = SmallVec::<[u32; 8]>::new();
        found.extend(to.few.iter().flat_map(|&user| self.users.of(user, &self.connections)));
        if let Some(many) = &to.many {
            if many.len() < self.users.len() as u64 {
                found.extend(many.iter().flat_map(|user| self.users.of(user, &self.connections)));
            } else {
                let here = self.connections.iter().filter(|(_, found)| found.is_open() && many.contains(found.index));
                found.extend(here.map(|(index, _)| index as u32));
            }
        }
        if let Some(watching) = to.watchers.as_ref().filter(|watching| !watching.topics.is_empty()) {
            let watchers = watching.topics.iter().filter_map(|topic| self.topics.get(topic)).flatten().copied();
            found.extend(watchers.filter(|&index| !watching.less.contains(self.connections[index as usize].index)));
            found.sort_unstable();
            found.dedup();
        }
        if let Some(except) = self.excepted(publication) {
            found.retain(|index| self.slot_of(*index) != except);
        }
        if let Some(watching) = to.watchers.as_ref().filter(|watching| !watching.less_topics.is_empty()) {
            let watchers = watching.less_topics.iter().filter_map(|topic| self.topics.get(topic)).flatten();
            let less: HashSet<_> = watchers.copied().collect();
            found.retain(|index| !less.contains(index) || to.me == Some(self.connections[*index as usize].index));
        }
        found
    }

    /// Queues a frame for one connection. One that does not fit closes the connection: what was kept is found in the history.
    pub(super) fn push(&mut self, index: u32, frame: Bytes, haste: Haste, now: Now) {
        let bound = self.node.services().settings.outbox_bytes;
        let connection = &mut self.connections[index as usize];
        if !connection.is_open() {
            // Nothing goes out behind the close frame.
            return;
        }
        let allowed = if connection.blocked { bound } else { bound * UNBLOCKED_FACTOR };
        if connection.outbox.push(frame, &self.log, allowed).is_err() {
            self.close(index, CloseCode::SlowReader, now);
            return;
        }
        let much = !connection.blocked && connection.outbox.queued_bytes() > bound / 2;
        if much && self.urgent.last() != Some(&index) {
            self.urgent.push(index);
        }
        match haste {
            Haste::Prompt => self.mark_prompt(index),
            Haste::Bulk => self.mark_dirty(index),
        }
    }

    /// To be flushed before all that goes to many. It may stand in both lists: whichever comes first writes all that waits.
    fn mark_prompt(&mut self, index: u32) {
        let connection = &mut self.connections[index as usize];
        if !connection.prompt && !connection.blocked {
            connection.prompt = true;
            self.prompt.push_back(index);
        }
    }

    pub(super) fn mark_dirty(&mut self, index: u32) {
        let connection = &mut self.connections[index as usize];
        if !connection.dirty && !connection.blocked {
            connection.dirty = true;
            self.dirty.push_back(index);
        }
    }

    /// Writes what waits, for at most `budget` connections: first those with messages for few, then those with messages for
    /// many, then those that only lack broadcasts. True where more waits.
    pub fn flush(&mut self, budget: usize, sockets: &mut impl Sockets, now: Now) -> bool {
        if budget > 0 {
            self.go_on_fanning_out(now);
        }
        for index in std::mem::take(&mut self.urgent) {
            if self.connections.contains(index as usize) {
                self.write(index, sockets, now);
            }
        }
        // Whoever goes first leaves a quarter to each of those behind: there may always be somebody with messages for few.
        let quarter = budget.div_ceil(4);
        let for_sweep = if self.sweep.is_some() { quarter } else { 0 };
        let for_bulk = if self.dirty.is_empty() { 0 } else { quarter };
        let mut left = budget.saturating_sub(for_sweep + for_bulk).max(1).min(budget);
        while left > 0
            && let Some(index) = self.prompt.pop_front()
        {
            if let Some(connection) = self.connections.get_mut(index as usize) {
                left -= 1;
                connection.prompt = false;
                self.write(index, sockets, now);
            }
        }
        left += for_bulk;
        while left > 0
            && let Some(index) = self.dirty.pop_front()
        {
            // One that was written meanwhile, for another reason, costs nothing.
            let waits = |connection: &mut Connection| {
                connection.dirty = false;
                !connection.is_open() || !connection.outbox.is_empty(&self.log)
            };
            if self.connections.get_mut(index as usize).is_some_and(waits) {
                left -= 1;
                self.write(index, sockets, now);
            }
        }
        self.sweep(left + for_sweep, sockets, now);
        for index in std::mem::take(&mut self.dead) {
            self.remove(index, sockets);
        }
        for queue in [&mut self.prompt, &mut self.dirty] {
            if queue.is_empty() && queue.capacity() > 1024 {
                queue.shrink_to_fit();
            }
        }
        // What writing set off (a timer, an effect) is seen to in the next turn: before that nobody may sleep.
        self.rearmed
            || self.watchers.is_waiting()
            || !self.effects.is_empty()
            || !self.fanouts.is_empty()
            || !self.prompt.is_empty()
            || !self.dirty.is_empty()
            || self.sweep.is_some()
    }

    /// Goes on with the pass that offers the log to every connection.
    fn sweep(&mut self, mut left: usize, sockets: &mut impl Sockets, now: Now) {
        let bound = self.node.services().settings.outbox_bytes;
        while left > 0 {
            let Some(sweep) = &mut self.sweep else { return };
            let index = sweep.next as u32;
            if sweep.next >= self.connections.capacity() {
                let (began_at, lagging) = (sweep.began_at, sweep.lagging);
                self.log.offered(began_at);
                let end = self.log.end();
                if began_at == end && !lagging {
                    self.log.clear();
                }
                self.sweep = (began_at < end).then_some(Sweep { next: 0, began_at: end, lagging: false });
                continue;
            }
            sweep.next += 1;
            let Some(connection) = self.connections.get(index as usize) else { continue };
            if connection.outbox.is_empty(&self.log) {
                continue;
            }
            left -= 1;
            if connection.blocked && connection.is_open() && connection.outbox.waiting(&self.log) > bound {
                self.close(index, CloseCode::SlowReader, now);
            }
            self.write(index, sockets, now);
            let lacks = self.connections.get(index as usize).is_some_and(|left| !left.outbox.is_empty(&self.log));
            if let Some(sweep) = &mut self.sweep {
                sweep.lagging |= lacks;
            }
        }
    }

    /// One write of what waits for a connection.
    fn write(&mut self, index: u32, sockets: &mut impl Sockets, now: Now) {
        let slot = self.slot_of(index);
        let connection = &mut self.connections[index as usize];
        if connection.phase == Phase::Gone || connection.blocked || (connection.is_hushed() && connection.is_open()) {
            return;
        }
        if connection.outbox.fell_off(&self.log) {
            if connection.is_open() {
                self.close(index, CloseCode::SlowReader, now);
                return;
            }
            connection.outbox.skip_to_last(&self.log);
        }
        let parts = connection.outbox.parts(&self.log);
        let offered: usize = parts.iter().map(|part| part.len()).sum();
        let sent = if offered == 0 { Ok(0) } else { sockets.send(slot, &parts) };
        drop(parts);
        match sent {
            Ok(written) => {
                connection.outbox.wrote(written, &self.log);
                connection.blocked = written < offered;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => connection.blocked = true,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => {
                self.bury(index, None);
                return;
            }
        }
        if connection.is_resuming() && connection.is_open() {
            self.go_on_resuming(index, now);
        }
        if self.connections[index as usize].behind && !self.connections[index as usize].blocked {
            self.catch_up(index);
        }
        let half = self.node.services().settings.half_outbox();
        let connection = &mut self.connections[index as usize];
        let held = connection.work.as_ref().is_some_and(|work| !work.held.is_empty());
        if held && connection.dialect() == Dialect::V1 && !connection.is_full(half) {
            // What it asked for may be taken up again.
            self.go_on_later(slot);
        }
        let connection = &mut self.connections[index as usize];
        if !connection.outbox.is_empty(&self.log) {
            self.mark_dirty(index);
            return;
        }
        self.samples.wrote(slot);
        match &mut connection.phase {
            Phase::Closed { .. } => self.bury(index, None),
            Phase::Closing { half_closed: half_closed @ false, .. } => {
                *half_closed = true;
                sockets.finish(slot);
            }
            _ => {}
        }
    }

    /// Closes a connection: its user hears nothing more, a close frame goes out, and its socket follows when the peer has
    /// answered or the time for that is over.
    pub(super) fn close(&mut self, index: u32, code: CloseCode, now: Now) {
        if !self.connections[index as usize].is_open() {
            return;
        }
        self.leave(index, Some(code));
        let frame = encoder::close(code.code(), code.reason());
        if code == CloseCode::SlowReader {
            self.connections[index as usize].outbox.replace(frame, &self.log);
        } else {
            self.finish(index, frame);
        }
        // Who reads slowly has much to read before the close frame comes.
        let slow = code == CloseCode::SlowReader;
        let until = now.mono + if slow { self.node.services().settings.pong_within } else { self.close_within() };
        self.connections[index as usize].phase =
            Phase::Closing { until: until.into(), half_closed: false, deaf: false };
        self.mark_dirty(index);
        self.arm(index, until);
    }

    /// How long the peer has to answer a close frame, or to take the answer to its own.
    pub(super) fn close_within(&self) -> Duration {
        self.node.services().settings.pong_within.min(Duration::from_secs(2))
    }

    /// Queues a close frame: nothing goes out behind it (RFC 6455 §5.5.1).
    pub(super) fn finish(&mut self, index: u32, frame: Bytes) {
        let bound = self.node.services().settings.outbox_bytes * UNBLOCKED_FACTOR;
        self.connections[index as usize].outbox.finish(frame, &self.log, bound);
    }

    /// Takes a connection whose socket is of no more use out of everything; the slot goes with the next flush.
    pub(super) fn bury(&mut self, index: u32, code: Option<CloseCode>) {
        if self.connections[index as usize].phase == Phase::Gone {
            return;
        }
        self.leave(index, code);
        self.connections[index as usize].phase = Phase::Gone;
        self.dead.push(index);
    }

    /// An open connection hears nothing more, and its user may be offline. Whoever calls sets the phase in which it goes on.
    pub(super) fn leave(&mut self, index: u32, code: Option<CloseCode>) {
        let slot = self.slot_of(index);
        let connection = &mut self.connections[index as usize];
        if !connection.is_open() {
            return;
        }
        let user = connection.user;
        let running = connection.work.take().and_then(|work| work.running);
        let paused = std::mem::take(&mut connection.paused);
        if let Some(running) = running {
            self.outlives(index, running, code);
        }
        if paused {
            // Nothing is held any more, and the peer's close frame or end is to be noticed.
            self.effects.push(Effect::Resume(slot));
        }
        self.node.services().directory.closed();
        if self.users.remove(index, &mut self.connections)
            && let Some(number) = self.node.services().presence.exit(user, self.id)
        {
            self.user_left(user, number);
        }
        self.end_session(index);
        self.metrics.closed(code);
    }

    fn remove(&mut self, index: u32, sockets: &mut impl Sockets) {
        if self.connections.get(index as usize).is_some_and(|connection| connection.phase == Phase::Gone) {
            sockets.shut(self.slot_of(index));
            self.connections.remove(index as usize);
        }
    }
}
