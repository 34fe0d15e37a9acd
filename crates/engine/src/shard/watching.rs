//! Which users and topics a connection watches.

use std::collections::VecDeque;

use hashbrown::{HashMap, HashSet};
use tidings_wire::{
    Code, Reject, UserId,
    client_frames::{MAX_WATCHED, Watch},
};

use super::{Shard, mail::Answer};
use crate::{
    clock::Now,
    control::{self, Granted},
    presence::Standing,
};

/// The users that one connection watches: with its topics at most [`MAX_WATCHED`].
#[derive(Default)]
pub(super) struct Watching {
    pub(super) users: HashMap<UserId, Watched>,
    /// Users who may stand otherwise than the connection was told, each once. What waits for a reader who does not read is this, and
    /// never a frame.
    pub(super) stale: VecDeque<UserId>,
    /// Stands in the line of those to be told.
    pub(super) queued: bool,
    /// Stands in the line of those whose sight is asked again.
    pub(super) doubted: bool,
}

/// One user, for one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched {
    /// Whether the connection's user may see them.
    pub(super) seen: bool,
    /// What was told last.
    pub(super) told: Option<Standing>,
    pub(super) stale: bool,
    /// Whether that is so is to be asked again.
    pub(super) doubted: bool,
}

impl Shard {
    /// Takes a `watch`: what of it may be done is asked while what the connection sends next waits.
    pub(super) fn watch_more(&mut self, index: u32, mut asked: Watch, now: Now) -> Result<(), Reject> {
        let mut met = HashSet::new();
        asked.users.retain(|user| met.insert(*user));
        let mut met = HashSet::new();
        asked.topics.retain(|topic| met.insert(topic.clone()));
        let connection = &self.connections[index as usize];
        let user = connection.user;
        let session = connection.details.session.as_deref();
        let watching = session.and_then(|session| session.watching.as_deref());
        let topics = session.map_or(&[][..], |session| &session.topics);
        let more_users =
            asked.users.iter().filter(|user| watching.is_none_or(|all| !all.users.contains_key(*user))).count();
        let more_topics = asked.topics.iter().filter(|topic| !topics.contains(topic)).count();
        let all = watching.map_or(0, |watching| watching.users.len()) + topics.len() + more_users + more_topics;
        if all > MAX_WATCHED {
            let message = format!("a connection watches at most {MAX_WATCHED} users and topics together");
            return Err(Reject::new(Code::TooLarge, message));
        }
        let reference = asked.reference;
        let services = self.node.services().clone();
        self.ask(index, reference, control::watch(services, user, asked), now)
    }

    /// Takes an `unwatch`. What was not watched is passed over.
    pub(super) fn watch_less(&mut self, index: u32, asked: Watch, now: Now) -> Result<(), Reject> {
        let slot = self.slot_of(index);
        for user in asked.users {
            let session = self.connections[index as usize].details.session.as_mut();
            let watching = session.and_then(|session| session.watching.as_mut());
            let Some(watching) = watching else { break };
            if let Some(watched) = watching.users.remove(&user) {
                if watched.stale {
                    watching.stale.retain(|waiting| *waiting != user);
                }
                self.forget_watcher_of(user, index);
            }
        }
        if let Some(session) = &mut self.connections[index as usize].details.session {
            session.watching.take_if(|watching| watching.users.is_empty());
        }
        asked.topics.into_iter().for_each(|topic| self.watch(slot, topic, false));
        self.connections[index as usize].rest_session();
        self.acknowledge(index, asked.reference, None, &Answer::Stored(None), now);
        Ok(())
    }

    /// A `watch` is granted: from now on each change of these users is told, after how each of them stands now.
    pub(super) fn watches(
        &mut self,
        index: u32,
        reference: Option<i64>,
        Granted { users, topics, asked }: Granted,
        now: Now,
    ) {
        self.acknowledge(index, reference, None, &Answer::Stored(None), now);
        if !self.connections[index as usize].is_open() {
            // The acknowledgement was too much for a reader that takes nothing: it watches nothing any more.
            return;
        }
        let (slot, asker) = (self.slot_of(index), self.connections[index as usize].user);
        let topical = !topics.is_empty();
        topics.into_iter().for_each(|topic| self.watch(slot, topic, true));
        // Whoever takes something from what the user may see finds the watch, or is found here.
        if topical && self.node.services().sight.is_outdated(asker, asker, asked) {
            self.doubt_topics(index);
        }
        for (user, seen) in users {
            let watching = self.connections[index as usize].session().watching.get_or_insert_default();
            let (stale, doubted) =
                watching.users.get(&user).map_or((false, false), |watched| (watched.stale, watched.doubted));
            let known = watching.users.insert(user, Watched { seen, told: None, stale, doubted }).is_some();
            if !known {
                let watchers = self.watchers.of.entry(user).or_default();
                if watchers.is_empty() {
                    // Before it is looked at how the user stands: so whatever changes after that is told.
                    self.node.services().presence.watch(user, self.id);
                }
                watchers.push(index);
            }
            self.outdate(index, user);
            // After the watch is known to the node: whoever ends what the two see of one another finds it, or is found here.
            if self.node.services().sight.is_outdated(asker, user, asked) {
                self.doubt(index, user);
            }
        }
    }

    /// A connection watches nobody any more.
    pub(super) fn end_watching(&mut self, index: u32, watching: &Watching) {
        watching.users.keys().for_each(|&user| self.forget_watcher_of(user, index));
    }

    fn forget_watcher_of(&mut self, user: UserId, index: u32) {
        let Some(watchers) = self.watchers.of.get_mut(&user) else { return };
        if let Some(at) = watchers.iter().position(|&watcher| watcher == index) {
            watchers.swap_remove(at);
        }
        if watchers.is_empty() {
            self.watchers.of.remove(&user);
            self.watchers.unknown.remove(&user);
            self.node.services().presence.unwatch(user, self.id);
        }
        if self.watchers.of.capacity() > 4 * self.watchers.of.len() + 64 {
            self.watchers.of.shrink_to_fit();
        }
    }
}
