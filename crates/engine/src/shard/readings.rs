//! What resuming connections read from the store and the inbox: a few of a shard's at once, in the order in which they ask.

use std::time::Duration;

use futures_util::FutureExt;
use tidings_wire::CloseCode;

use super::{
    Shard, Slot,
    mail::{Done, Effect, Finished, Ticket},
    session::Stage,
};
use crate::{
    clock::Now,
    greet, inbox,
    ports::{Page, StoreError},
};

/// Readings of one shard's resuming connections at once, so that the store's readers have others' questions too; more wait in line.
const READINGS: usize = 32;

/// How long the store may take for one reading; then the connection is closed with 1012, and comes back.
const READ_WITHIN: Duration = Duration::from_secs(30);

/// When a reading is tried again that the store had no room for.
const READ_AGAIN: Duration = Duration::from_millis(50);

/// Lines of one reading.
const PAGE_LINES: usize = 100;

impl Shard {
    /// Begins to resume a connection that was just opened, or goes on: what it lacks is read once its turn comes.
    pub(super) fn begin_resuming(&mut self, index: u32, now: Now) {
        self.wait_for_reading(index);
        self.start_readings(now);
    }

    /// The connection wants to read from the store: once its turn comes.
    fn wait_for_reading(&mut self, index: u32) {
        let slot = self.slot_of(index);
        if let Some(resume) = self.resume_of(index)
            && resume.reading.is_none()
        {
            resume.reading = Some(0);
            self.readings.waiting.push_back(slot);
        }
    }

    /// Whether the store has not answered the connection's reading for long.
    pub(super) fn reads_too_long(&mut self, index: u32, now: Now) -> bool {
        self.resume_of(index).is_some_and(|resume| {
            resume.reading.is_some_and(|number| number != 0) && resume.reading_since + READ_WITHIN <= now.mono
        })
    }

    /// Starts readings that the store had no room for.
    pub(super) fn retry_readings(&mut self, now: Now) -> Option<Duration> {
        let at = self.readings.not_before?;
        if at > now.mono {
            return Some(at);
        }
        self.readings.not_before = None;
        self.start_readings(now);
        self.readings.not_before
    }

    /// Starts readings as far as there is room for them.
    pub(super) fn start_readings(&mut self, now: Now) {
        while self.readings.not_before.is_none() && self.readings.under_way.len() < READINGS {
            let Some(slot) = self.readings.waiting.pop_front() else { return };
            if self.get_mut(slot).is_some_and(|connection| connection.is_open()) {
                self.read(slot, now);
            }
        }
    }

    fn read(&mut self, slot: Slot, now: Now) {
        let services = self.node.services().clone();
        let user = self.connections[slot.index as usize].user;
        self.tickets = self.tickets.wrapping_add(1).max(1);
        let ticket = Ticket { slot, number: self.tickets };
        let Some(resume) = self.resume_of(slot.index) else { return };
        let future = match (resume.stage, resume.streams.front()) {
            (Stage::Replaying, _) if !resume.inbox.is_live() => {
                let (at, limit) = (resume.inbox.at(), resume.left.min(PAGE_LINES) as u32);
                let read = inbox::after(services, user, at, limit);
                read.map(move |found| Done { ticket, finished: Finished::InboxRead(found) }).boxed()
            }
            (Stage::Greeting, _) => {
                let hello = resume.hello.clone();
                let load = greet::load(services, user, hello);
                load.map(move |loaded| Done { ticket, finished: Finished::Greeted(loaded.map(Box::new)) }).boxed()
            }
            (Stage::Replaying, Some(replay)) => {
                let (conversation, limit) = (replay.conversation, resume.left.min(PAGE_LINES) as u32);
                let page = Page::after(replay.at, limit);
                let read = async move { services.history(conversation, user, page).await };
                read.map(move |page| Done { ticket, finished: Finished::Replayed(page) }).boxed()
            }
            _ => {
                resume.reading = None;
                return;
            }
        };
        (resume.reading, resume.reading_since) = (Some(ticket.number), now.mono);
        self.readings.under_way.insert(ticket.number);
        self.effects.push(Effect::Run(ticket, future));
    }

    /// A reading has ended.
    pub(super) fn readings_done(&mut self, ticket: Ticket, finished: Finished, now: Now) {
        self.readings.under_way.remove(&ticket.number);
        let index = ticket.slot.index;
        let open = self.get_mut(ticket.slot).is_some_and(|connection| connection.is_open());
        if open && let Some(resume) = self.resume_of(index).filter(|resume| resume.reading == Some(ticket.number)) {
            resume.reading = None;
            match finished {
                Finished::Greeted(Ok(loaded)) => self.welcome(index, *loaded, now),
                Finished::Replayed(Ok(page)) => self.replay(index, page, now),
                Finished::InboxRead(Ok(found)) => self.replay_inbox(index, found, now),
                Finished::Greeted(Err(StoreError::Full))
                | Finished::Replayed(Err(StoreError::Full))
                | Finished::InboxRead(Err(StoreError::Full)) => {
                    // Others ask too: it keeps its place in the line.
                    self.readings.not_before.get_or_insert(now.mono + READ_AGAIN);
                    self.wait_for_reading(index);
                }
                Finished::Greeted(Err(error)) | Finished::Replayed(Err(error)) | Finished::InboxRead(Err(error)) => {
                    self.give_up_resuming(index, &error, now)
                }
                _ => {}
            }
        }
        self.start_readings(now);
    }

    /// Nothing can be read: the client comes back later, as after a restart.
    fn give_up_resuming(&mut self, index: u32, error: &StoreError, now: Now) {
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "a connection can't be resumed: it is closed with 1012"
        );
        self.close(index, CloseCode::Restart, now);
    }
}
