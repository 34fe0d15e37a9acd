//! One read of a set from its port, page by page.

use std::{future::poll_fn, panic::AssertUnwindSafe, sync::Arc, task::Poll};

use futures_util::{
    FutureExt,
    future::{Shared, WeakShared},
};
use hashbrown::HashMap;
use tidings_wire::UserId;

use super::{
    group::{Group, Read},
    named::{Named, Sources},
    pins::Pins,
    shelf::Shelf,
};
use crate::ports::{BoxFuture, StoreError};

/// Users whose membership may change while a group is read. One more, and the read fails: the next message reads again.
const CHANGES: usize = 100_000;

/// Gives the thread's other futures their turn. Not tokio's, which waits for a runtime that is driven, and so not in a simulation.
async fn let_others_go_on() {
    let mut asked = false;
    poll_fn(|context| {
        if std::mem::replace(&mut asked, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Read on by whoever waits for it. The last one who waits no longer drops it, but for what [`Unfinished`](super::unfinished::Unfinished)
/// keeps.
pub(super) type Done = Shared<BoxFuture<Result<(), Arc<StoreError>>>>;

/// A read that somebody waits for, as its group knows it. What the dispatcher changes meanwhile overrides what is read.
pub(super) struct Load {
    number: u64,
    /// Weak, or the group would keep the read that keeps the group.
    done: WeakShared<BoxFuture<Result<(), Arc<StoreError>>>>,
    changes: HashMap<UserId, bool>,
    /// Somebody said that the set has changed since it began.
    outdated: bool,
}

impl Load {
    /// Begins to read: nothing is asked of the port before the answer is polled. To be put into the group.
    pub(super) fn begin(shelf: Arc<Shelf>, id: Named, group: Arc<Group>) -> (Self, Done) {
        let number = shelf.next_use();
        let reading = Reading { shelf, id, group, number };
        let work: BoxFuture<_> = Box::pin(async move {
            // A future that panicked once panics all who wait for it, on whatever thread they are.
            AssertUnwindSafe(reading.read()).catch_unwind().await.unwrap_or_else(|_| {
                tracing::error!(set = %reading.id, "the port that a set is read from panicked");
                Err(StoreError::Unavailable("the port that a set is read from panicked".into()))
            })?;
            Ok(())
        });
        let done = work.shared();
        let weak = done.downgrade().expect("it was not polled yet");
        (Self { number, done: weak, changes: HashMap::new(), outdated: false }, done)
    }

    /// What to wait for; none where nobody does any more.
    pub(super) fn done(&self) -> Option<Done> {
        self.done.upgrade()
    }

    /// What is being read has changed.
    pub(super) fn outdate(&mut self) {
        self.outdated = true;
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
    id: Named,
    group: Arc<Group>,
    number: u64,
}

impl Reading {
    /// Reads all pages, then puts the members into the group. Not cached where that fails: the next message reads again.
    async fn read(&self) -> Result<(), StoreError> {
        let began = self.shelf.now();
        let members = self.pages().await?;
        // What was read before goes when no lock is held.
        let _replaced = self.put(Read { members, began, outdated: false })?;
        self.shelf.make_room(self.id);
        Ok(())
    }

    async fn pages(&self) -> Result<Pins, StoreError> {
        let mut members = self.shelf.no_pins();
        let (mut after, limit) = (None, Sources::page_size(&self.id));
        loop {
            let page = self.shelf.sources().page(&self.id, after, limit).await?;
            // A port that ignores `after` would be asked for ever.
            if !page.is_sorted() || page.last().is_some_and(|&last| after.is_some_and(|after| last <= after)) {
                return Err(StoreError::Corrupt { what: format!("{} out of order", self.id) });
            }
            page.iter().for_each(|&user| members.set(user, true));
            if page.len() < limit as usize {
                return Ok(members);
            }
            after = page.last().copied();
            // It may be a shard's thread, and a port may always have its answer at once: others want their turn too.
            let_others_go_on().await;
        }
    }

    fn put(&self, mut read: Read) -> Result<Option<Read>, StoreError> {
        let mut groups = self.shelf.groups();
        let mut state = self.group.state();
        let Some(load) = state.load.take_if(|load| load.number == self.number) else {
            return Err(StoreError::Unavailable("too many members changed while they were read".into()));
        };
        read.outdated = load.outdated;
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
