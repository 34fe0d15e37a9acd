//! Telling connections how the users whom they watch stand.
//!
//! What is noted is only that a user may stand otherwise, first for the shard, then for each connection. The frame is made when the
//! connection's socket takes it, of how the user stands at that moment, and only where that is not what was told last. So a reader who
//! does not read is told the newest state once it does, and presence never fills an outbox.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use hashbrown::{HashMap, HashSet};
use tidings_wire::{
    UserId,
    server_frames::{Frame, Presence},
};

use super::{
    Shard, Slot,
    mail::{Done, Effect, Finished, Ticket},
    output::Haste,
};
use crate::{clock::Now, presence::Standing, websocket::encoder};

/// How often a shard looks at the users who may stand otherwise. What changes in between is joined.
const EVERY: Duration = Duration::from_millis(100);

/// Presence frames of one turn; the other connections wait for the next.
const FRAMES_A_TURN: usize = 512;

/// Presence is put into an outbox with at most so many bytes in it, and at most a quarter of its bound; else it waits, joined.
const OUTBOX_BYTES: usize = 16 * 1024;

/// Users who left and are not told to be offline yet. With one more the first of them is, a little early.
const LEAVING: usize = 65_536;

/// Users of whom it is read at once what is not known.
const READ_AT_ONCE: usize = 100;

/// When what could not be read is read again.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// Stands for the shard itself in a ticket.
pub(super) const NO_CONNECTION: Slot = Slot { index: u32::MAX, generation: 0 };

/// Who is watched here, and what is to be told.
#[derive(Default)]
pub(super) struct Watchers {
    /// The connections that watch a user, each once.
    pub(super) of: HashMap<UserId, Vec<u32>>,
    /// Connections with something to be told, each once.
    waiting: VecDeque<Slot>,
    /// When users who may stand otherwise are to be looked at, where there are any.
    look_at: Option<Duration>,
    /// When that was done last.
    looked: Option<Duration>,
    /// Users whose last connection has gone in this turn, with the number of that.
    left: Vec<(UserId, u64)>,
    /// When each of those who left before is offline.
    leaving: VecDeque<(Duration, UserId, u64)>,
    /// Watched users of whom something is to be read before they can be told of.
    pub(super) unknown: HashSet<UserId>,
    /// It is being read.
    reading: bool,
    /// Not before this moment again.
    read_at: Duration,
}

impl Watchers {
    /// Whether there is something to be told in the next turn.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty() || !self.left.is_empty()
    }
}

impl Shard {
    /// The user's last connection of the node was here, and has gone.
    pub(super) fn user_left(&mut self, user: UserId, number: u64) {
        self.watchers.left.push((user, number));
    }

    /// Watched users may stand otherwise: looked at soon, with what comes until then.
    pub(super) fn look_soon(&mut self, now: Now) {
        let at = self.watchers.looked.map_or(now.mono, |looked| now.mono.max(looked + EVERY));
        self.watchers.look_at.get_or_insert(at);
    }

    /// Does what is due: users who left go offline, connections are told. Returns when there is more to do.
    pub(super) fn see_to_presence(&mut self, now: Now) -> Option<Duration> {
        let offline_after = self.node.services().presence.offline_after();
        for (user, number) in std::mem::take(&mut self.watchers.left) {
            self.watchers.leaving.push_back((now.mono + offline_after, user, number));
        }
        let early = self.watchers.leaving.len().saturating_sub(LEAVING);
        for _ in 0..early {
            self.next_goes_offline(now);
        }
        while self.watchers.leaving.front().is_some_and(|(at, ..)| *at <= now.mono) {
            self.next_goes_offline(now);
        }
        if self.watchers.look_at.is_some_and(|at| at <= now.mono) {
            (self.watchers.look_at, self.watchers.looked) = (None, Some(now.mono));
            for user in self.node.services().presence.take_stirred(self.id) {
                self.outdate_for_all(user);
            }
        }
        self.tell_waiting(now);
        self.read_unknown(now);
        let doubted = [self.ask_doubted(now), self.ask_about_topics(now)];
        let leaving = self.watchers.leaving.front().map(|(at, ..)| *at);
        let reads = !self.watchers.reading && !self.watchers.unknown.is_empty();
        let read = reads.then_some(self.watchers.read_at);
        [leaving, self.watchers.look_at, read].into_iter().chain(doubted).flatten().min()
    }

    fn next_goes_offline(&mut self, now: Now) {
        let Some((at, user, number)) = self.watchers.leaving.pop_front() else { return };
        let presence = &self.node.services().presence;
        let since = at.saturating_sub(presence.offline_after());
        self.node.stirred(presence.gone(user, number, since, now));
    }

    /// The user may stand otherwise than their watchers here were told.
    fn outdate_for_all(&mut self, user: UserId) {
        // Nothing below touches who watches whom.
        let watchers = self.watchers.of.remove(&user);
        for &index in watchers.iter().flatten() {
            self.outdate(index, user);
        }
        if let Some(watchers) = watchers {
            self.watchers.of.insert(user, watchers);
        }
    }

    /// The user may stand otherwise than the connection was told.
    pub(super) fn outdate(&mut self, index: u32, user: UserId) {
        let Some(connection) = self.connections.get_mut(index as usize) else { return };
        let session = connection.details.session.as_mut();
        let Some(watching) = session.and_then(|session| session.watching.as_mut()) else { return };
        let Some(watched) = watching.users.get_mut(&user) else { return };
        if !std::mem::replace(&mut watched.stale, true) {
            watching.stale.push_back(user);
        }
        if !self.connections[index as usize].behind {
            self.wait_to_be_told(index);
        }
    }

    fn wait_to_be_told(&mut self, index: u32) {
        let slot = self.slot_of(index);
        let session = self.connections[index as usize].details.session.as_mut();
        let Some(watching) = session.and_then(|session| session.watching.as_mut()) else { return };
        if !watching.stale.is_empty() && !std::mem::replace(&mut watching.queued, true) {
            self.watchers.waiting.push_back(slot);
        }
    }

    /// A connection whose socket or outbox was too full to be told can be.
    pub(super) fn catch_up(&mut self, index: u32) {
        self.connections[index as usize].behind = false;
        self.wait_to_be_told(index);
    }

    /// Tells connections, as far as this turn has room for it.
    fn tell_waiting(&mut self, now: Now) {
        let mut frames = HashMap::new();
        let mut left = FRAMES_A_TURN;
        for _ in 0..self.watchers.waiting.len() {
            if left == 0 {
                return;
            }
            let Some(slot) = self.watchers.waiting.pop_front() else { return };
            if self.get_mut(slot).is_some_and(|connection| connection.is_open()) {
                self.tell_one(slot.index, &mut left, &mut frames, now);
            }
        }
        if self.watchers.waiting.is_empty() && self.watchers.waiting.capacity() > 1024 {
            self.watchers.waiting.shrink_to_fit();
        }
    }

    fn tell_one(
        &mut self,
        index: u32,
        left: &mut usize,
        frames: &mut HashMap<UserId, Option<(Standing, Bytes)>>,
        now: Now,
    ) {
        let room = OUTBOX_BYTES.min(self.node.services().settings.outbox_bytes / 4);
        let node = self.node.clone();
        let presence = &node.services().presence;
        let own = self.connections[index as usize].user;
        if let Some(watching) = self.watching_of(index) {
            watching.queued = false;
        }
        loop {
            let connection = &mut self.connections[index as usize];
            let full = connection.blocked || connection.outbox.queued_bytes() > room;
            let Some(watching) = connection.details.session.as_mut().and_then(|session| session.watching.as_mut())
            else {
                return;
            };
            let Some(user) = watching.stale.front().copied() else { return };
            if full {
                connection.behind = true;
                return;
            }
            if *left == 0 {
                self.wait_to_be_told(index);
                return;
            }
            watching.stale.pop_front();
            // No more watched.
            let Some(watched) = watching.users.get_mut(&user) else { continue };
            watched.stale = false;
            let frame = if !watched.seen {
                Some((Standing::UNSEEN, None))
            } else if user == own {
                Some((presence.own_standing(user), None))
            } else {
                let made = frames
                    .entry(user)
                    .or_insert_with(|| presence.standing(user).map(|standing| (standing, frame_of(user, standing))));
                made.as_ref().map(|(standing, frame)| (*standing, Some(frame.clone())))
            };
            let nowhere = matches!(&frame, Some((standing, _)) if *standing == Standing::UNSEEN);
            if nowhere && watched.seen && user != own && presence.is_unanswered(user) {
                // Told all the same, and anew once it is known when they were last there.
                self.watchers.unknown.insert(user);
                self.watchers.read_at = self.watchers.read_at.max(now.mono + READ_AGAIN);
            }
            match frame {
                None => drop(self.watchers.unknown.insert(user)),
                Some((standing, _)) if watched.told == Some(standing) => {}
                Some((standing, frame)) => {
                    watched.told = Some(standing);
                    *left -= 1;
                    self.push(index, frame.unwrap_or_else(|| frame_of(user, standing)), Haste::Bulk, now);
                }
            }
        }
    }

    pub(super) fn watching_of(&mut self, index: u32) -> Option<&mut super::watching::Watching> {
        self.connections[index as usize].details.session.as_mut()?.watching.as_deref_mut()
    }

    /// Reads what watched users chose and when they were last there, as far as it is needed and not known.
    fn read_unknown(&mut self, now: Now) {
        if self.watchers.reading || self.watchers.unknown.is_empty() || self.watchers.read_at > now.mono {
            return;
        }
        let users: Vec<UserId> = self.watchers.unknown.iter().take(READ_AT_ONCE).copied().collect();
        for user in &users {
            self.watchers.unknown.remove(user);
        }
        self.watchers.reading = true;
        let services = self.node.services().clone();
        let asked = users.clone();
        let read = async move { services.learn_standings(asked).await.is_ok() };
        let caught = std::panic::AssertUnwindSafe(read).catch_unwind();
        self.run_for_shard(caught.map(move |read| Finished::Learned(users, read.unwrap_or(false))));
    }

    /// Choices were read, or could not be.
    pub(super) fn learned(&mut self, users: Vec<UserId>, read: bool, now: Now) {
        self.watchers.reading = false;
        if read {
            users.into_iter().for_each(|user| self.outdate_for_all(user));
            return;
        }
        self.watchers.read_at = now.mono + READ_AGAIN;
        let watched = users.into_iter().filter(|user| self.watchers.of.contains_key(user));
        self.watchers.unknown.extend(watched);
    }

    /// Runs something for the shard as a whole. Returns the number of its ticket.
    pub(super) fn run_for_shard(&mut self, work: impl Future<Output = Finished> + Send + 'static) -> u32 {
        self.tickets = self.tickets.wrapping_add(1).max(1);
        let ticket = Ticket { slot: NO_CONNECTION, number: self.tickets };
        self.effects.push(Effect::Run(ticket, work.map(move |finished| Done { ticket, finished }).boxed()));
        ticket.number
    }
}

fn frame_of(user: UserId, standing: Standing) -> Bytes {
    let presence = match standing {
        Standing::Online => Presence { user, online: true, last_seen: None },
        Standing::Offline { last_seen } => Presence { user, online: false, last_seen },
    };
    encoder::text(&presence.to_json())
}
