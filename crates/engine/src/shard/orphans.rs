//! Messages whose connection has gone while something was waited for: a handler, a set that had to be read. They were read whole, so
//! they go on as if their sender were still there; nobody hears what becomes of them.
//!
//! Only where the peer went by itself. A connection that the server closes (a sign-out, a reader who is too slow) takes what it was
//! about to do with it; so does a message that waits behind another, because nothing of it was begun.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tidings_wire::{CloseCode, Code, UserId};

use super::{
    Shard,
    connection::Running,
    mail::{Effect, Finished, Ticket},
};
use crate::{
    act::{Act, Origin},
    clock::Now,
    control::Asked,
    delivery::Cut,
    engine::Dialect,
    pipeline::{Checked, Outgoing, Prepared},
};

/// Messages that go on without a connection. The oldest of more than so many is dropped, as all of them were.
const ORPHANS: usize = 1_024;

/// In the order in which their time is over.
#[derive(Default)]
pub(super) struct Orphans(VecDeque<Orphan>);

struct Orphan {
    ticket: Ticket,
    user: UserId,
    /// The form in which most recipients hear it.
    cut: Cut,
    running: Running,
}

impl Shard {
    /// The connection ends, with this code where the server closes it: what it waited for goes on if its peer went by itself.
    pub(super) fn outlives(&mut self, index: u32, running: Running, code: Option<CloseCode>) {
        let connection = &self.connections[index as usize];
        let cut = if connection.dialect() == Dialect::Guide { Cut::Guide } else { Cut::V1 };
        let ticket = Ticket { slot: self.slot_of(index), number: running.number };
        if code.is_some() {
            self.effects.push(Effect::Cancel(ticket));
            return;
        }
        self.orphans.0.push_back(Orphan { ticket, user: connection.user, cut, running });
        if self.orphans.0.len() > ORPHANS {
            let oldest = self.orphans.0.pop_front();
            oldest.into_iter().for_each(|orphan| self.drop_orphan(&orphan));
        }
    }

    /// The user may do nothing more.
    pub(super) fn drop_orphans_of(&mut self, user: UserId) {
        let (theirs, others) = std::mem::take(&mut self.orphans.0).into_iter().partition(|orphan| orphan.user == user);
        self.orphans.0 = others;
        VecDeque::iter(&theirs).for_each(|orphan| self.drop_orphan(orphan));
    }

    /// Drops those that took too long. Returns when the next one will have.
    pub(super) fn see_to_orphans(&mut self, now: Now) -> Option<Duration> {
        while let Some(late) = self.orphans.0.pop_front_if(|orphan| orphan.running.until <= now.mono) {
            if let Some(kind) = late.running.kind {
                self.node.services().registry.at(kind).metrics.refused(Code::Unavailable);
            }
            self.drop_orphan(&late);
        }
        self.orphans.0.front().map(|orphan| orphan.running.until.saturating_sub(now.mono))
    }

    fn drop_orphan(&mut self, orphan: &Orphan) {
        self.effects.push(Effect::Cancel(orphan.ticket));
    }

    /// What was waited for is there, if it was an orphan that waited: else it is given back.
    pub(super) fn orphan_done(&mut self, ticket: Ticket, finished: Finished, now: Now) -> Option<Finished> {
        let at = self.orphans.0.iter().position(|orphan| orphan.ticket == ticket);
        let Some(orphan) = at.and_then(|at| self.orphans.0.remove(at)) else { return Some(finished) };
        match finished {
            Finished::Checked(reference, Ok(Checked::Ready(prepared))) => {
                self.pass_orphan(&orphan, reference, *prepared, now);
            }
            Finished::Asked(_, Ok(Asked::Act(act, group))) => {
                if let Some(group) = group {
                    group.leave();
                }
                self.append_orphan(*act, now);
            }
            // Whatever else was asked for was the connection's own.
            _ => {}
        }
        None
    }

    fn pass_orphan(&mut self, orphan: &Orphan, reference: Option<i64>, prepared: Prepared, now: Now) {
        let node = self.node.clone();
        // The answer finds nobody: a slot is never another connection's.
        let origin = Origin::Connection { shard: self.id, slot: orphan.ticket.slot, reference, id: None };
        match prepared.outgoing(node.services(), Some(orphan.user), None, origin, orphan.cut, node.all_shards()) {
            Outgoing::Append(act) => self.append_orphan(*act, now),
            Outgoing::Publish(publication) => {
                let others = publication.to.shards & !(1 << self.id);
                let publication = Arc::new(publication);
                if !self.delivered(&publication, now) {
                    self.deliver_later(publication.clone(), None);
                }
                if others != 0 {
                    self.cross(orphan.ticket.slot, publication, others);
                }
            }
        }
    }

    fn append_orphan(&mut self, act: Act, now: Now) {
        self.acts.push_back(act);
        self.act_times.push_back(now.mono);
    }
}
