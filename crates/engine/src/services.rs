//! What every part of a node shares.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use tidings_wire::MessageId;

use crate::{
    blocking::Blocking,
    chosen::Chosen,
    clock::{Now, SharedClock},
    directory::Directory,
    limiter::Limiter,
    members::Members,
    ports::{Credentials, Groups, MessageStore},
    registry::Registry,
    settings::Settings,
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
    /// What was chosen by users who were asked about lately.
    pub(crate) chosen: Chosen,
    /// How often a user may ask for something else than sending.
    pub(crate) control_limit: Option<Limiter>,
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
