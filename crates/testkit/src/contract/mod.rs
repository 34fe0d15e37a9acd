//! One contract suite for each port: what every adapter must keep, as tests that run against any of them.
//!
//! An adapter's crate writes one line a port in a test of its own; each case becomes a test with a sentence for a name.
//! This is how the stores in memory are proven:
//!
//! ```
//! # mod shown {
//! use std::sync::Arc;
//! use tidings_engine::clock::SystemClock;
//! use tidings_testkit::{contract::{Opened, Stores}, memory::MemoryStore};
//!
//! struct Memory(MemoryStore);
//!
//! impl Stores for Memory {
//!     fn open(&self, queue_acts: usize) -> Opened {
//!         Opened::same(Arc::new(self.0.reopen(queue_acts)))
//!     }
//! }
//!
//! fn memory() -> Memory {
//!     Memory(MemoryStore::new(Arc::new(SystemClock::new())))
//! }
//!
//! tidings_testkit::message_store_contract!(memory);
//! tidings_testkit::groups_contract!(memory);
//! # }
//! ```

pub mod changing;
pub mod counting;
pub mod erasing;
pub mod foreign_groups;
pub mod groups;
pub mod keys;
pub mod listing;
pub mod marks;
pub mod messages;
pub mod reading;
pub mod requesting;
pub mod revocations;
pub mod rollouts;
pub mod sessions;
mod stores;
mod subject;
pub mod withholding;
mod world;

pub use stores::{Opened, Stores};
pub use subject::Subject;
pub use world::{Keyed, World, act, wait};

/// Makes one test of each case of a suite.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_cases {
    ($make:expr, $suite:ident: $($case:ident)+) => {
        $(
            #[test]
            fn $case() {
                $crate::contract::$suite::$case(&$make());
            }
        )+
    };
}
