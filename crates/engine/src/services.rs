//! What every part of a node shares.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use futures_util::{StreamExt, TryStreamExt, stream};
use tidings_wire::{MessageId, UserId};
use tokio::sync::Semaphore;

use crate::{
    blocking::Blocking,
    clock::{Now, SharedClock},
    directory::Directory,
    limiter::Limiter,
    members::Members,
    ports::{Credentials, Groups, MessageStore, StoreError, Topics},
    presence::Presence,
    registry::Registry,
    settings::Settings,
    sight::Sight,
};

/// What every part of a node shares.
pub(crate) struct Services {
    pub(crate) registry: Registry,
    pub(crate) store: Arc<dyn MessageStore>,
    pub(crate) groups: Arc<dyn Groups>,
    pub(crate) members: Members,
    pub(crate) directory: Arc<Directory>,
    pub(crate) blocking: Blocking,
    pub(crate) ids: Ids,
    pub(crate) clock: SharedClock,
    pub(crate) settings: Settings,
    /// Names this history of the store.
    pub(crate) epoch: Arc<str>,
    /// Who may go on with another token.
    pub(crate) credentials: Arc<dyn Credentials>,
    /// Who is there for others' eyes, and what they chose.
    pub(crate) presence: Presence,
    /// Who sees whom.
    pub(crate) sight: Sight,
    /// Who may watch which topic.
    pub(crate) topics: Arc<dyn Topics>,
    /// One choice of a user is read, changed and written at a time, so that none is lost to another.
    pub(crate) choosing: Semaphore,
    /// How often a user may ask for something else than sending.
    pub(crate) control_limit: Option<Limiter>,
}

/// Users whose choices one question reads at a time.
const CHOICES_AT_ONCE: usize = 8;

impl Services {
    /// Reads what these users chose, as far as their standing depends on it and it is not known.
    ///
    /// # Errors
    /// Where the store does not answer; what was read by then is known.
    pub(crate) async fn learn_choices(&self, users: impl IntoIterator<Item = UserId>) -> Result<(), StoreError> {
        let unknown: Vec<UserId> = users.into_iter().filter(|&user| self.presence.standing(user).is_none()).collect();
        let learn = |user| async move { self.learn_choice(user).await };
        stream::iter(unknown).map(learn).buffer_unordered(CHOICES_AT_ONCE).try_collect().await
    }

    /// Reads what a user chose.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub(crate) async fn learn_choice(&self, user: UserId) -> Result<(), StoreError> {
        let begun = self.presence.before_reading();
        self.presence.learn(user, self.store.choices(user).await?, begun);
        Ok(())
    }
}

/// Makes message ids.
#[derive(Debug)]
pub(crate) struct Ids {
    node: u16,
    last: AtomicI64,
}

impl Ids {
    /// Ids of a node, all above `last`.
    pub(crate) fn new(node: u16, last: Option<MessageId>) -> Self {
        Self { node, last: AtomicI64::new(last.map_or(-1, MessageId::get)) }
    }

    /// An id above all earlier ones.
    pub(crate) fn next(&self, now: Now) -> MessageId {
        let mut last = self.last.load(Ordering::Relaxed);
        loop {
            let next = MessageId::after(MessageId::from_stored(last).ok(), now.unix_ms, self.node);
            match self.last.compare_exchange_weak(last, next.get(), Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return next,
                Err(newer) => last = newer,
            }
        }
    }
}
