//! Tells users what changed in their inboxes while they are connected.
//!
//! What is told is read anew after the commit: of several changes of one row that come together the reader is told the last, so a
//! post that a thousand people like in a second costs its owner a few frames. One user is served at a time by one reading, so that
//! their changes are told in ascending order; up to [`AT_ONCE`] users are served side by side.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use tidings_server::Tidings;
use tidings_wire::{Seq, UserId};
use tokio::sync::{Notify, Semaphore};

use crate::{inbox, shared::Shared};

/// Users who are told side by side.
const AT_ONCE: usize = 16;

/// Changes that one reading takes.
const CHANGES: usize = 50;

/// How long is waited where a shard or the store has no room.
const AGAIN: Duration = Duration::from_millis(50);

const POISONED: &str = "nothing panics while it holds this lock";

/// Who is to be told: at most as many as are connected, because nobody else is told.
#[derive(Default)]
pub(crate) struct Teller {
    state: Mutex<State>,
    came: Notify,
}

#[derive(Default)]
struct State {
    /// Those with changes that nobody has begun to tell, in the order in which they came.
    waiting: VecDeque<UserId>,
    users: HashMap<UserId, Pending>,
}

/// What is to be told to one user.
struct Pending {
    /// All up to here is told.
    told: Seq,
    /// There is something up to here.
    to: Seq,
}

impl Teller {
    /// There is something up to `seq`. Called in commit order.
    pub(crate) fn changed(&self, user: UserId, seq: Seq) {
        let mut state = self.state.lock().expect(POISONED);
        match state.users.get_mut(&user) {
            Some(pending) => pending.to = pending.to.max(seq),
            None => {
                state.users.insert(user, Pending { told: seq.saturating_sub(1), to: seq });
                state.waiting.push_back(user);
                drop(state);
                self.came.notify_one();
            }
        }
    }

    fn next(&self) -> Option<UserId> {
        self.state.lock().expect(POISONED).waiting.pop_front()
    }

    /// From where to where a user is to be told; none where all is told, and the user forgotten.
    fn range(&self, user: UserId) -> Option<(Seq, Seq)> {
        let mut state = self.state.lock().expect(POISONED);
        let pending = state.users.get(&user)?;
        if pending.told >= pending.to {
            state.users.remove(&user);
            return None;
        }
        Some((pending.told, pending.to))
    }

    fn told(&self, user: UserId, up_to: Seq) {
        if let Some(pending) = self.state.lock().expect(POISONED).users.get_mut(&user) {
            pending.told = pending.told.max(up_to);
        }
    }
}

/// Tells until the server stops.
pub(crate) async fn run(shared: Arc<Shared>, tidings: Tidings) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Some(user) = shared.teller.next() else {
            shared.teller.came.notified().await;
            continue;
        };
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let (shared, within) = (shared.clone(), tidings.clone());
        tidings.spawn(async move {
            let _place = place;
            while let Some(range) = shared.teller.range(user) {
                tell(&shared, &within, user, range).await;
            }
        });
    }
}

/// Tells one page, or waits where there is no room.
async fn tell(shared: &Shared, tidings: &Tidings, user: UserId, (told, to): (Seq, Seq)) {
    if !tidings.is_online(user).await {
        // Who comes back resumes, or asks for a page. What came since the look-up is told: they may be back already.
        return shared.teller.told(user, to);
    }
    let changes = match inbox::changes(shared, user, told, CHANGES).await {
        Ok(changes) => changes,
        Err(reject) => {
            tracing::warn!(%user, %reject, "an inbox can't be read: its user is told later");
            return tokio::time::sleep(AGAIN).await;
        }
    };
    for change in &changes.changes {
        while tidings.tell_inbox(user, change).await.is_err() {
            tokio::time::sleep(AGAIN).await;
        }
        shared.teller.told(user, change.seq);
    }
    if !changes.more {
        shared.teller.told(user, changes.head);
    }
}
