//! From publications to sockets: who gets a frame, when it is written, and who is closed.

use std::{io, time::Duration};

use bytes::Bytes;
use smallvec::SmallVec;
use tidings_wire::CloseCode;

use super::{
    Shard, Sockets,
    connection::Phase,
    machine::{Drain, Sweep},
    mail::{Effect, Letter, Ticket},
};
use crate::{
    clock::Now,
    delivery::{Cut, Publication},
    engine::Dialect,
    handle::RETRY,
    websocket::encoder,
};

/// A queue of a reader that is not blocked may grow so many times beyond the bound until it is flushed, which happens before
/// anything more is read.
const UNBLOCKED_FACTOR: usize = 4;

impl Shard {
    /// Hands a publication to those of its recipients that are here.
    pub(super) fn deliver(&mut self, publication: &Publication, now: Now) {
        let to = &publication.to;
        let mut count = 0;
        if to.everyone {
            self.log.append(publication.frame(Cut::Guide));
            let end = self.log.end();
            self.sweep.get_or_insert(Sweep { next: 0, began_at: end, lagging: false });
            count = self.connections.len() as u64;
        } else {
            for index in self.recipients(publication) {
                let cut = cut_of(self.connections[index as usize].details.admission.dialect);
                self.push(index, publication.frame(cut).clone(), now);
                count += 1;
            }
        }
        self.node.services().registry.at(publication.content.kind).metrics.delivered(count);
    }

    /// The connections here that a publication is for, each once.
    fn recipients(&self, publication: &Publication) -> SmallVec<[u32; 8]> {
        let to = &publication.to;
        let mut found = SmallVec::new();
        let except = to.except.filter(|(shard, _)| *shard == self.id).map(|(_, slot)| slot);
        let mut add = |connections: &[u32]| {
            let wanted = connections.iter().filter(|&&index| except.is_none_or(|slot| slot != self.slot_of(index)));
            found.extend(wanted.copied());
        };
        for index in &to.few {
            self.users.get(index).into_iter().for_each(|connections| add(connections));
        }
        if let Some(many) = &to.many {
            if many.len() < self.users.len() as u64 {
                many.iter().filter_map(|index| self.users.get(&index)).for_each(|connections| add(connections));
            } else {
                let here = self.users.iter().filter(|(index, _)| many.contains(**index));
                here.for_each(|(_, connections)| add(connections));
            }
        }
        if !to.topics.is_empty() {
            let watchers = to.topics.iter().filter_map(|topic| self.topics.get(topic)).flatten().copied();
            let wanted = watchers.filter(|&index| !to.less.contains(&self.connections[index as usize].index));
            add(&wanted.collect::<Vec<_>>());
            found.sort_unstable();
            found.dedup();
        }
        found
    }

    /// Queues a frame for one connection. One that does not fit closes the connection: what was kept is found in the history.
    pub(super) fn push(&mut self, index: u32, frame: Bytes, now: Now) {
        let bound = self.node.services().settings.outbox_bytes;
        let connection = &mut self.connections[index as usize];
        if matches!(connection.phase, Phase::Closed { .. } | Phase::Gone) {
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
        self.mark_dirty(index);
    }

    pub(super) fn mark_dirty(&mut self, index: u32) {
        let connection = &mut self.connections[index as usize];
        if !connection.dirty && !connection.blocked {
            connection.dirty = true;
            self.dirty.push_back(index);
        }
    }

    /// Writes what waits, for at most `budget` connections, those with messages of their own before those that only lack
    /// broadcasts. True where more waits.
    pub fn flush(&mut self, budget: usize, sockets: &mut impl Sockets, now: Now) -> bool {
        for index in std::mem::take(&mut self.urgent) {
            if self.connections.contains(index as usize) {
                self.write(index, sockets, now);
            }
        }
        let mut left = budget;
        while left > 0
            && let Some(index) = self.dirty.pop_front()
        {
            left -= 1;
            if let Some(connection) = self.connections.get_mut(index as usize) {
                connection.dirty = false;
                self.write(index, sockets, now);
            }
        }
        self.sweep(left, sockets, now);
        for index in std::mem::take(&mut self.dead) {
            self.remove(index, sockets);
        }
        if self.dirty.is_empty() && self.dirty.capacity() > 1024 {
            self.dirty.shrink_to_fit();
        }
        !self.dirty.is_empty() || self.sweep.is_some()
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
        if connection.phase == Phase::Gone || connection.blocked {
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
        if !connection.outbox.is_empty(&self.log) {
            self.mark_dirty(index);
            return;
        }
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
        let until = now.mono + self.node.services().settings.pong_within;
        self.connections[index as usize].phase = Phase::Closing { until, half_closed: false, deaf: false };
        self.mark_dirty(index);
        self.arm(index, until);
    }

    /// Queues a close frame: nothing goes out behind it (RFC 6455 §5.5.1).
    pub(super) fn finish(&mut self, index: u32, frame: Bytes) {
        let bound = self.node.services().settings.outbox_bytes * UNBLOCKED_FACTOR;
        self.connections[index as usize].outbox.finish(frame, &self.log, bound);
    }

    /// Takes a connection whose socket is of no more use out of everything; the slot goes with the next flush.
    pub(super) fn bury(&mut self, index: u32, code: Option<CloseCode>) {
        self.leave(index, code);
        self.connections[index as usize].phase = Phase::Gone;
        if !self.dead.contains(&index) {
            self.dead.push(index);
        }
    }

    /// The connection hears nothing more, and its user may be offline. Only the first call does something; whoever calls
    /// then says how the connection goes on.
    pub(super) fn leave(&mut self, index: u32, code: Option<CloseCode>) {
        let slot = self.slot_of(index);
        let connection = &mut self.connections[index as usize];
        if !connection.is_open() {
            return;
        }
        let (user, user_index) = (connection.user, connection.index);
        if let Some(running) = connection.work.take().and_then(|work| work.running) {
            self.effects.push(Effect::Cancel(Ticket { slot, number: running.number }));
        }
        if std::mem::take(&mut connection.paused) {
            // Nothing is held any more, and the peer's close frame or end is to be noticed.
            self.effects.push(Effect::Resume(slot));
        }
        let directory = &self.node.services().directory;
        directory.closed();
        if let Some(connections) = self.users.get_mut(&user_index) {
            connections.retain(|other| *other != index);
            if connections.is_empty() {
                self.users.remove(&user_index);
                directory.exit(user, self.id);
            }
        }
        if !self.topics.is_empty() {
            self.topics.retain(|_, watchers| {
                watchers.retain(|watcher| *watcher != index);
                !watchers.is_empty()
            });
        }
        self.metrics.closed(code);
        self.connections[index as usize].phase = Phase::Gone;
    }

    fn remove(&mut self, index: u32, sockets: &mut impl Sockets) {
        if self.connections.get(index as usize).is_some_and(|connection| connection.phase == Phase::Gone) {
            sockets.shut(self.slot_of(index));
            self.connections.remove(index as usize);
        }
    }

    /// Sees to whatever a connection waits for, and sets its timer again.
    pub(super) fn check(&mut self, index: u32, now: Now) {
        let settings = self.node.services().settings.clone();
        let slot = self.slot_of(index);
        let connection = &mut self.connections[index as usize];
        connection.timer = 0;
        if let Phase::Closing { until, .. } | Phase::Closed { until } = connection.phase {
            if until <= now.mono {
                self.bury(index, None);
            } else {
                self.arm(index, until);
            }
            return;
        }
        if !connection.is_open() {
            return;
        }
        let running = connection.work.as_ref().and_then(|work| work.running);
        if let Some(running) = running.filter(|running| running.until <= now.mono) {
            connection.work().running = None;
            self.effects.push(Effect::Cancel(Ticket { slot, number: running.number }));
            self.refuse(index, running.reference, &tidings_wire::Reject::unavailable(RETRY), now);
            self.go_on(slot, now);
        }
        let connection = &mut self.connections[index as usize];
        if !connection.is_open() {
            return;
        }
        let expires_in = connection.details.admission.expires_at_ms.map(|at| at - now.unix_ms);
        if expires_in.is_some_and(|left| left <= 0) {
            self.close(index, CloseCode::Expired, now);
            return;
        }
        if connection.paused {
            // Its input is not read, so its silence says nothing.
            connection.heard = now.mono;
        }
        let quiet_until = connection.heard + settings.ping_after;
        let silent_until = quiet_until + settings.pong_within;
        if silent_until <= now.mono && connection.pinged {
            self.close(index, CloseCode::GoingAway, now);
            return;
        }
        let ping = quiet_until <= now.mono && !connection.pinged;
        let answer_by = if connection.pinged || ping { silent_until.max(now.mono) } else { quiet_until };
        connection.pinged |= ping;
        let expires = expires_in.map(|left| now.mono + Duration::from_millis(left.cast_unsigned()));
        let running = connection.work.as_ref().and_then(|work| work.running).map(|running| running.until);
        let next = [Some(answer_by), expires, running].into_iter().flatten().min().unwrap_or(answer_by);
        if ping {
            self.push(index, encoder::ping(b""), now);
        }
        self.arm(index, next);
    }

    /// Sets the connection's timer, where it isn't due earlier anyway.
    pub(super) fn arm(&mut self, index: u32, at: Duration) {
        let slot = self.slot_of(index);
        let connection = &mut self.connections[index as usize];
        if connection.timer == 0 || !self.wheel.is_due_by(connection.timer, at) {
            connection.timer = self.wheel.insert(slot, at);
        }
    }

    /// Handles one piece of mail.
    pub(super) fn letter(&mut self, letter: Letter, now: Now) {
        match letter {
            Letter::Deliver(publication) => self.deliver(&publication, now),
            Letter::Answer { slot, reference, answer } => self.answer(slot, reference, &answer, now),
            Letter::Done(done) => self.done(done, now),
            Letter::StoreRoom => {
                self.store_full = false;
                self.end_turn();
            }
            Letter::ShardRoom => self.retry_parked(now),
            Letter::List(user, answer) => {
                let infos = self.connections_of(user).into_iter();
                let infos = infos.map(|index| self.connections[index as usize].info(self.id)).collect();
                // Whoever asked may have gone.
                let _ = answer.send(infos);
            }
            Letter::Close(user, code, answer) => {
                let connections = self.connections_of(user);
                let count = connections.len();
                connections.into_iter().for_each(|index| self.close(index, code, now));
                let _ = answer.send(count);
            }
            Letter::Drain(spread) => {
                self.drain = Some(Drain { began: now.mono, spread, closed: 0, total: self.connections.len() });
                self.go_on_draining(now);
            }
        }
    }

    fn connections_of(&self, user: tidings_wire::UserId) -> SmallVec<[u32; 2]> {
        let index = self.node.services().directory.find(user).map(|(index, _)| index);
        index.and_then(|index| self.users.get(&index).cloned()).unwrap_or_default()
    }

    /// Closes as many connections as the time since the drain began asks for.
    pub(super) fn go_on_draining(&mut self, now: Now) {
        let Some(drain) = &mut self.drain else { return };
        let elapsed = now.mono.saturating_sub(drain.began);
        let share = if drain.spread.is_zero() { 1.0 } else { elapsed.as_secs_f64() / drain.spread.as_secs_f64() };
        let wanted = if share >= 1.0 { usize::MAX } else { (share * drain.total as f64).ceil() as usize };
        let count = wanted.saturating_sub(drain.closed);
        let open = self.connections.iter().filter(|(_, connection)| connection.is_open());
        let next: Vec<u32> = open.map(|(index, _)| index as u32).take(count).collect();
        drain.closed += next.len();
        next.into_iter().for_each(|index| self.close(index, CloseCode::Restart, now));
    }
}

fn cut_of(dialect: Dialect) -> Cut {
    match dialect {
        Dialect::Guide => Cut::Guide,
    }
}
