//! What the suites of messages and groups need of an adapter.

use std::sync::Arc;

use tidings_engine::ports::{Groups, MessageStore};

/// A place that holds a store: a folder, a database, memory. Empty when it is made.
pub trait Stores {
    /// Opens the store with room for so many waiting acts. Called again after the one before was stopped: what was kept
    /// is there.
    fn open(&self, queue_acts: usize) -> Opened;
}

/// A store as it is open, by its ports.
pub struct Opened {
    /// Its messages.
    pub messages: Arc<dyn MessageStore>,
    /// Its groups.
    pub groups: Arc<dyn Groups>,
}

impl Opened {
    /// One adapter that is both.
    pub fn same<S: MessageStore + Groups>(store: Arc<S>) -> Self {
        Self { messages: store.clone(), groups: store }
    }
}
