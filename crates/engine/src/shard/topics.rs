//! Asking again whether connections may watch the topics that they watch, because what their users may see has become less. Whoever
//! may not is taken out and told nothing.
//!
//! One connection is asked about at a time, and each stands in the line once: so what waits is at most the connections that watch.

use std::{collections::VecDeque, time::Duration};

use futures_util::FutureExt;
use tidings_wire::{Topic, UserId};

use super::{
    Shard, Slot,
    mail::{Effect, Finished, Ticket},
    telling::NO_CONNECTION,
};
use crate::{clock::Now, control, ports::StoreError};

/// When what could not be asked is asked again. Until then who watches goes on hearing.
const AGAIN: Duration = Duration::from_secs(1);

/// Connections whose topics are doubted.
#[derive(Default)]
pub(super) struct TopicDoubts {
    /// Each once.
    waiting: VecDeque<Slot>,
    asking: Option<Asking>,
    /// Nothing is asked before this moment, because the port did not answer.
    ask_at: Duration,
}

struct Asking {
    ticket: u32,
    since: Duration,
    slot: Slot,
}

impl Shard {
    /// The user may see less than before.
    pub(super) fn doubt_topics_of(&mut self, user: UserId) {
        for index in self.connections_of(user) {
            self.doubt_topics(index);
        }
    }

    /// Whether the connection's user may watch its topics is to be asked again.
    pub(super) fn doubt_topics(&mut self, index: u32) {
        let slot = self.slot_of(index);
        let Some(session) = &mut self.connections[index as usize].details.session else { return };
        if !session.topics.is_empty() && !std::mem::replace(&mut session.topics_doubted, true) {
            self.topic_doubts.waiting.push_back(slot);
        }
    }

    /// Asks about the next connection. Returns when to call again, where nothing else says so.
    pub(super) fn ask_about_topics(&mut self, now: Now) -> Option<Duration> {
        let within = self.node.services().settings.accept_within;
        if let Some(Asking { ticket, slot, .. }) =
            self.topic_doubts.asking.take_if(|asking| asking.since + within <= now.mono)
        {
            self.effects.push(Effect::Cancel(Ticket { slot: NO_CONNECTION, number: ticket }));
            tracing::warn!("who may watch which topic was not answered in time");
            self.ask_about_topics_later(slot, now);
        }
        if self.topic_doubts.ask_at > now.mono {
            return (!self.topic_doubts.waiting.is_empty()).then_some(self.topic_doubts.ask_at);
        }
        while self.topic_doubts.asking.is_none()
            && let Some(slot) = self.topic_doubts.waiting.pop_front()
        {
            self.ask_about_topics_of(slot, now);
        }
        self.topic_doubts.asking.as_ref().map(|asking| asking.since + within)
    }

    fn ask_about_topics_of(&mut self, slot: Slot, now: Now) {
        let Some(connection) = self.get_mut(slot).filter(|connection| connection.is_open()) else { return };
        let user = connection.user;
        let Some(session) = &mut connection.details.session else { return };
        // What is doubted from now on is asked once more.
        session.topics_doubted = false;
        let topics = session.topics.clone();
        if topics.is_empty() {
            return self.connections[slot.index as usize].rest_session();
        }
        let closed = control::topics_closed_to(self.node.services().clone(), user, topics);
        let closed = std::panic::AssertUnwindSafe(closed).catch_unwind();
        let asking = closed.map(|closed| Finished::TopicsClosed(closed.unwrap_or(Err(StoreError::Full))));
        let ticket = self.run_for_shard(asking);
        self.topic_doubts.asking = Some(Asking { ticket, since: now.mono, slot });
    }

    /// It is known which of a connection's topics are closed to its user.
    pub(super) fn topics_closed(&mut self, ticket: u32, closed: Result<Vec<Topic>, StoreError>, now: Now) {
        let Some(Asking { slot, .. }) = self.topic_doubts.asking.take_if(|asking| asking.ticket == ticket) else {
            return;
        };
        match closed {
            Ok(closed) => closed.into_iter().for_each(|topic| self.watch(slot, topic, false)),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "who may watch which topic can't be asked: it is asked again in a second");
                self.ask_about_topics_later(slot, now);
            }
        }
    }

    fn ask_about_topics_later(&mut self, slot: Slot, now: Now) {
        self.topic_doubts.ask_at = now.mono + AGAIN;
        if self.get_mut(slot).is_some() {
            self.doubt_topics(slot.index);
        }
    }
}
