//! Asking again whom connections see.
//!
//! What is noted is only that the answer of a watch is doubted, at the watch itself: so what waits is at most what is watched, and ends
//! with it. The port is asked for a few connections at a time.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, stream};
use hashbrown::HashMap;
use tidings_wire::UserId;

use super::{
    Shard, Slot,
    mail::{Effect, Finished, Ticket},
    telling::NO_CONNECTION,
};
use crate::{clock::Now, ports::StoreError};

/// Connections whose watches are asked about in one go.
const CONNECTIONS: usize = 32;

/// Of these, questions at a time.
const AT_ONCE: usize = 8;

/// When what could not be asked is asked again.
const AGAIN: Duration = Duration::from_secs(1);

const POISONED: &str = "nothing panics while it holds the answers";

/// Which connections' watches are doubted.
#[derive(Default)]
pub(super) struct Doubts {
    /// Connections with doubted watches, each once.
    waiting: std::collections::VecDeque<Slot>,
    /// What is being asked.
    asking: Option<Asking>,
    /// Nothing is asked before this moment, because the port did not answer.
    ask_at: Duration,
}

struct Asking {
    ticket: u32,
    since: Duration,
    questions: HashMap<Slot, Vec<UserId>>,
    /// What came so far: one question that hangs costs the others their time, and not their answers.
    answers: Arc<Mutex<Vec<Sighted>>>,
}

/// Which of a connection's watched users it sees.
struct Sighted {
    slot: Slot,
    seen: Result<Vec<(UserId, bool)>, StoreError>,
}

impl Shard {
    /// Whether one user sees another may be otherwise than their watches were answered.
    pub(super) fn doubt_pair(&mut self, asker: UserId, user: UserId) {
        for index in self.connections_of(asker) {
            self.doubt(index, user);
        }
    }

    /// The user may see fewer than before and be seen by fewer, or by more: only watches that say otherwise are asked about.
    pub(super) fn doubt_all_of(&mut self, user: UserId, seen: bool) {
        for index in self.connections_of(user) {
            let watching = self.watching_of(index);
            let doubted = watching.map(|watching| watching.users.iter().filter(|(_, watched)| watched.seen == seen));
            let doubted: Vec<UserId> = doubted.into_iter().flatten().map(|(watched, _)| *watched).collect();
            doubted.into_iter().for_each(|watched| self.doubt(index, watched));
        }
        let watchers = self.watchers.of.get(&user).cloned();
        for index in watchers.into_iter().flatten() {
            let watched = self.watching_of(index).and_then(|watching| watching.users.get(&user));
            if watched.is_some_and(|watched| watched.seen == seen) {
                self.doubt(index, user);
            }
        }
    }

    /// Whether the connection's user sees another is to be asked again, where that one is watched.
    pub(super) fn doubt(&mut self, index: u32, user: UserId) {
        let slot = self.slot_of(index);
        // Nobody is asked about themselves.
        let own = self.connections[index as usize].user == user;
        let Some(watching) = self.watching_of(index) else { return };
        let Some(watched) = watching.users.get_mut(&user).filter(|_| !own) else { return };
        watched.doubted = true;
        if !std::mem::replace(&mut watching.doubted, true) {
            self.doubts.waiting.push_back(slot);
        }
    }

    /// Asks what is doubted, some of it at a time. Returns when to call again, where nothing else says so.
    pub(super) fn ask_doubted(&mut self, now: Now) -> Option<Duration> {
        let within = self.node.services().settings.accept_within;
        if let Some(asking) = self.doubts.asking.take_if(|asking| asking.since + within <= now.mono) {
            let ticket = Ticket { slot: NO_CONNECTION, number: asking.ticket };
            self.effects.push(Effect::Cancel(ticket));
            tracing::warn!("who sees whom was not answered in time");
            self.answered(asking, now);
        }
        if self.doubts.asking.is_none() && self.doubts.ask_at <= now.mono {
            self.ask_some(now);
        }
        match &self.doubts.asking {
            Some(asking) => Some(asking.since + within),
            None => (!self.doubts.waiting.is_empty()).then_some(self.doubts.ask_at),
        }
    }

    fn ask_some(&mut self, now: Now) {
        let mut questions = Vec::new();
        while questions.len() < CONNECTIONS
            && let Some(slot) = self.doubts.waiting.pop_front()
        {
            let Some(asker) = self.get_mut(slot).map(|connection| connection.user) else { continue };
            let Some(watching) = self.watching_of(slot.index) else { continue };
            watching.doubted = false;
            let doubted = |watched: &mut super::watching::Watched| std::mem::take(&mut watched.doubted);
            let users = watching.users.iter_mut().filter_map(|(user, watched)| doubted(watched).then_some(*user));
            let users: Vec<UserId> = users.collect();
            if !users.is_empty() {
                questions.push((slot, asker, users));
            }
        }
        if questions.is_empty() {
            return;
        }
        let asked = questions.iter().map(|(slot, _, users)| (*slot, users.clone())).collect();
        let answers = Arc::<Mutex<Vec<Sighted>>>::default();
        let answered = answers.clone();
        let services = self.node.services().clone();
        let asking = stream::iter(questions)
            .map(move |(slot, asker, users)| {
                let services = services.clone();
                let question = async move {
                    let seen = services.sight.of(asker, &users).await?;
                    Ok(users.into_iter().zip(seen).collect())
                };
                let question = std::panic::AssertUnwindSafe(question).catch_unwind();
                question.map(move |seen| Sighted { slot, seen: seen.unwrap_or(Err(StoreError::Full)) })
            })
            .buffer_unordered(AT_ONCE)
            .for_each(move |sighted| {
                answered.lock().expect(POISONED).push(sighted);
                std::future::ready(())
            });
        let ticket = self.run_for_shard(asking.map(|()| Finished::Sighted));
        self.doubts.asking = Some(Asking { ticket, since: now.mono, questions: asked, answers });
    }

    /// It is known again whom connections see.
    pub(super) fn sighted(&mut self, ticket: u32, now: Now) {
        if let Some(asking) = self.doubts.asking.take_if(|asking| asking.ticket == ticket) {
            self.answered(asking, now);
        }
    }

    /// Takes the answers that came; who got none is asked about again.
    fn answered(&mut self, asking: Asking, now: Now) {
        let mut questions = asking.questions;
        for Sighted { slot, seen } in std::mem::take(&mut *asking.answers.lock().expect(POISONED)) {
            match seen {
                Ok(seen) => {
                    questions.remove(&slot);
                    seen.into_iter().for_each(|(user, seen)| self.sees(slot, user, seen));
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "who sees whom can't be asked: watched users look offline until it is known");
                }
            }
        }
        questions.into_iter().for_each(|(slot, users)| self.unanswered(slot, users, now));
    }

    /// Nobody is shown on a doubt: they look offline until the port answers.
    fn unanswered(&mut self, slot: Slot, users: Vec<UserId>, now: Now) {
        self.doubts.ask_at = now.mono + AGAIN;
        for user in users {
            self.sees(slot, user, false);
            if self.get_mut(slot).is_some() {
                self.doubt(slot.index, user);
            }
        }
    }

    fn sees(&mut self, slot: Slot, user: UserId, seen: bool) {
        if self.get_mut(slot).is_none() {
            return;
        }
        let watched = self.watching_of(slot.index).and_then(|watching| watching.users.get_mut(&user));
        if let Some(watched) = watched
            && std::mem::replace(&mut watched.seen, seen) != seen
        {
            self.outdate(slot.index, user);
        }
    }
}
