//! The ports in memory: the same promises as a database, without SQL and without a disk.
//!
//! They pass the contract suites of [`crate::contract`], so a test that needs a store and no SQL can take them:
//!
//! ```
//! use std::sync::Arc;
//! use tidings_engine::{clock::SystemClock, ports::MessageStore};
//! use tidings_testkit::memory::MemoryStore;
//!
//! let store = MemoryStore::new(Arc::new(SystemClock::new()));
//! assert!(!store.runs_sql());
//! assert_eq!(store.health(), None);
//! ```

mod conversation;
mod inbox;
mod keys;
mod revocations;
mod rollouts;
mod sessions;
mod state;
mod store;

pub use inbox::MemoryInbox;
pub use store::{MemoryStore, Snapshot};
