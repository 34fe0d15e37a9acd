//! Tidings' stores on SQLite: messages, groups, sessions, service keys and revocations in one database file; and beside it the
//! [app's own tables](app) as ports.
//!
//! One thread writes: it takes the acts that wait, at most [`SqliteOptions::commit_acts`], and commits them together, so
//! that one wait for the disk serves many senders. A few threads read, each with a connection of its own. The database
//! runs with a write-ahead log and `synchronous=FULL`: what was acknowledged survives a power cut.
//!
//! # Map, in the order that an act passes
//! | file | holds |
//! |---|---|
//! | `options`, `store` | [`SqliteOptions`], [`SqliteStore`]: open, submit, ask, stop |
//! | `open`, `migrate` | the file, its rights and pragmas; migrations, of Tidings and of packs |
//! | `writer/thread` | the writer's life: take, commit, tell; get the database back when it has gone |
//! | `renewal` | after a sync that failed: what the log holds is written anew |
//! | `writer/commit`, `writer/batch`, `writer/job` | one transaction; the acts in it; what is written beside acts |
//! | `writer/change`, `writer/mark` | edits and deletions; marks of what was read |
//! | `withheld`, `writer/aside` | what one of a dm's two is never shown, because they had blocked its sender |
//! | `members`, `statement` | memberships; the statements of packs |
//! | `removal`, `choices`, `seen` | what is erased and pruned; what users chose, and when they were last there |
//! | `backup` | copies of the database, and their being put back |
//! | `readers`, `read/` | the threads that read; one file a question |
//! | `sessions`, `keys`, `revocations`, `rollouts` | the other ports |
//! | [`app`] | statements of the configuration against the app's own database file, which is only read |
//! | `planted` | behind a feature: mistakes that the tests must find |
//! | `ids`, `row` | how ids, parameters and columns stand in SQLite |
//!
//! # Example
//! ```
//! use std::{collections::VecDeque, sync::{Arc, mpsc}};
//!
//! use smallvec::smallvec;
//! use tidings_engine::{act::*, clock::SystemClock, ports::*};
//! use tidings_sqlite::{SqliteOptions, SqliteStore};
//! use tidings_wire::{ConversationKey, MessageId, UserId};
//!
//! struct Tell(mpsc::SyncSender<Settled>);
//!
//! impl CommitSink for Tell {
//!     fn settled(&self, batch: Vec<Settled>) {
//!         batch.into_iter().for_each(|settled| self.0.send(settled).unwrap());
//!     }
//!     fn room(&self) {}
//! }
//!
//! let folder = tempfile::tempdir()?;
//! let store = SqliteStore::open(SqliteOptions::new(folder.path(), Arc::new(SystemClock::new())))?;
//! let (tell, told) = mpsc::sync_channel(16);
//! store.start(Arc::new(Tell(tell)))?;
//!
//! let ann = UserId::new(2);
//! let entry = Entry {
//!     conversation: ConversationKey::dm(ann, UserId::new(7)),
//!     id: MessageId::from_stored(1)?,
//!     kind: "private",
//!     version: 1,
//!     body: r#"{"to":7,"content":"hi"}"#.into(),
//!     created_at_ms: 1_700_000_000_000,
//!     withheld: None,
//! };
//! let act = Act {
//!     origin: Origin::Call(1),
//!     sender: Some(ann),
//!     key: None,
//!     require: smallvec![],
//!     ops: smallvec![Op::Message(entry)],
//!     project: None,
//! };
//! assert!(store.submit(&mut VecDeque::from([act])));
//! let Outcome::Stored { receipts, .. } = told.recv()?.outcome else { panic!() };
//! assert_eq!(receipts[0].seq, 1);
//! store.stop();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod app;
mod backup;
mod choices;
mod error;
mod ids;
mod keys;
mod members;
mod migrate;
mod open;
mod options;
#[cfg(feature = "planted")]
mod planted;
mod read;
mod readers;
mod removal;
mod renewal;
mod requests;
mod revocations;
mod rollouts;
mod row;
mod seen;
mod sessions;
mod shared;
mod statement;
mod store;
mod withheld;
mod writer;

pub use backup::{BackupError, Restored, backup, restore};
pub use error::OpenError;
pub use migrate::MigrationSource;
pub use options::SqliteOptions;
#[cfg(feature = "planted")]
pub use planted::{Planted, PlantedDisk};
pub use store::SqliteStore;

/// The database's file in its folder.
pub const FILE: &str = "tidings.db";
