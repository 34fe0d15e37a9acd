//! One read of a group's members from the port, page by page.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::{
    FutureExt,
    future::{Shared, WeakShared},
};
use hashbrown::HashMap;
use tidings_wire::{GroupId, UserId};

use super::{
    group::{Group, Read},
    pins::Pins,
    shelf::Shelf,
};
use crate::ports::{BoxFuture, StoreError};

/// Members read at a time.
const PAGE: u32 = 10_000;

/// Users whose membership may change while a group is read. One more, and the read fails: the next message reads again.
const CHANGES: usize = 100_000;

/// Read on by whoever waits for it. The last one who waits no longer drops it.
pub(super) type Done = Shared<BoxFuture<Result<(), Arc<StoreError>>>>;

/// A read that somebody waits for, as its group knows it. What the dispatcher changes meanwhile overrides what is read.
pub(super) struct Load {
    number: u64,
    /// Weak, or the group would keep the read that keeps the group.
    done: WeakShared<BoxFuture<Result<(), Arc<StoreError>>>>,
    changes: HashMap<UserId, bool>,
}

impl Load {
    /// Begins to read: nothing is asked of the port before the answer is polled. To be put into the group.
    pub(super) fn begin(shelf: Arc<Shelf>, id: GroupId, group: Arc<Group>) -> (Self, Done) {
        let number = shelf.next_use();
        let reading = Reading { shelf, id, group, number };
        let work: BoxFuture<_> = Box::pin(async move {
            // A future that panicked once panics all who wait for it, on whatever thread they are.
            AssertUnwindSafe(reading.read()).catch_unwind().await.unwrap_or_else(|_| {
                tracing::error!(group = %reading.id, "the port for groups panicked");
                Err(StoreError::Unavailable("the port for groups panicked".into()))
            })?;
            Ok(())
        });
        let done = work.shared();
        let weak = done.downgrade().expect("it was not polled yet");
        (Self { number, done: weak, changes: HashMap::new() }, done)
    }

    /// What to wait for; none where nobody does any more.
    pub(super) fn done(&self) -> Option<Done> {
        self.done.upgrade()
    }

    /// Notes a change. False where there are too many.
    pub(super) fn change(&mut self, user: UserId, joined: bool) -> bool {
        self.changes.insert(user, joined);
        self.changes.len() <= CHANGES
    }
}

/// What a read holds. However it ends, the group then waits for it no more and leaves the map where nothing is known of it.
struct Reading {
    shelf: Arc<Shelf>,
    id: GroupId,
    group: Arc<Group>,
    number: u64,
}

impl Reading {
    /// Reads all pages, then puts the members into the group. Not cached where that fails: the next message reads again.
    async fn read(&self) -> Result<(), StoreError> {
        let began = self.shelf.now();
        let members = self.pages().await?;
        // What was read before goes when no lock is held.
        let _replaced = self.put(Read { members, began })?;
        self.shelf.make_room(self.id);
        Ok(())
    }

    async fn pages(&self) -> Result<Pins, StoreError> {
        let mut members = self.shelf.no_pins();
        let mut after = None;
        loop {
            let page = self.shelf.port().members(self.id, after, PAGE).await?;
            // A port that ignores `after` would be asked for ever.
            if !page.is_sorted() || page.last().is_some_and(|&last| after.is_some_and(|after| last <= after)) {
                return Err(StoreError::Corrupt { what: format!("members of group {} out of order", self.id) });
            }
            page.iter().for_each(|&user| members.set(user, true));
            if page.len() < PAGE as usize {
                return Ok(members);
            }
            after = page.last().copied();
            // A port may always have its answer at once: others on this thread want their turn too.
            tokio::task::yield_now().await;
        }
    }

    fn put(&self, mut read: Read) -> Result<Option<Read>, StoreError> {
        let mut groups = self.shelf.groups();
        let mut state = self.group.state();
        let Some(load) = state.load.take_if(|load| load.number == self.number) else {
            return Err(StoreError::Unavailable("too many members changed while they were read".into()));
        };
        load.changes.into_iter().for_each(|(user, joined)| read.members.set(user, joined));
        let replaced = state.members.replace(read);
        groups.count(&self.group, &state);
        Ok(replaced)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut groups = self.shelf.groups();
        {
            let mut state = self.group.state();
            state.load.take_if(|load| load.number == self.number);
            if state.members.is_some() {
                return;
            }
        }
        groups.remove_if_idle(self.id, &self.group);
    }
}
