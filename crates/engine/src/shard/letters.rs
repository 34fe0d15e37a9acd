//! What other threads, the dispatcher and ended handlers want of a shard.

use smallvec::SmallVec;
use tidings_wire::UserId;

use super::{Shard, machine::Drain, mail::Letter};
use crate::clock::Now;

impl Shard {
    /// Handles one piece of mail.
    pub(super) fn letter(&mut self, letter: Letter, now: Now) {
        match letter {
            Letter::Deliver(publication) => {
                if !self.delivered(&publication, now) {
                    self.deliver_later(publication, None);
                }
            }
            Letter::Answer { slot, reference, id, answer } => self.answer_in_order(slot, reference, id, answer, now),
            Letter::Done(done) => self.done(done, now),
            Letter::StoreRoom => {
                self.store_full = false;
                self.end_turn();
            }
            Letter::ShardRoom => self.retry_parked(now),
            Letter::Presence => self.look_soon(now),
            Letter::Sight(asker, user) => self.doubt_pair(asker, user),
            Letter::Topics(user) => self.doubt_topics_of(user),
            Letter::SightOf { user, left } => self.doubt_all_of(user, left),
            Letter::List(user, answer) => {
                let infos = self.connections_of(user).into_iter();
                let infos = infos.map(|index| self.connections[index as usize].info(self.id)).collect();
                // Whoever asked may have gone.
                let _ = answer.send(infos);
            }
            Letter::Close(user, code, answer) => {
                self.drop_orphans_of(user);
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

    pub(super) fn connections_of(&self, user: UserId) -> SmallVec<[u32; 2]> {
        let index = self.node.services().directory.find(user).map(|(index, _)| index);
        index.into_iter().flat_map(|index| self.users.of(index, &self.connections)).collect()
    }
}
