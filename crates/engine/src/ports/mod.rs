//! What the engine needs from outside, as traits. Adapters implement them; testkit has one contract suite for each.

mod credentials;
mod error;
mod graph;
mod groups;
mod inbox;
mod keys;
mod messages;
mod notices;
mod posts;
mod queue;
mod relation;
mod revocations;
mod rollouts;
mod sessions;
mod topics;
mod users;
mod visibility;

pub use credentials::{Credentials, NoCredentials};
pub use error::StoreError;
pub use graph::{Between, SocialGraph};
pub use groups::{GROUPS_MAX_AGE, Groups};
pub use inbox::{Inbox, InboxChange, InboxChanges, InboxFilter, InboxMarked, InboxPageAsked, MarkedRows};
pub use keys::{KeyRecord, Scope, ScopeError, Scopes, ServiceKeys};
pub use messages::{
    Before, Choices, CommitSink, ConversationPage, ConversationSummary, Erased, Event, HistoryPage, Line, MessageStore,
    Page, Reader, Standing, Start, StoredMessage,
};
pub use notices::{Notices, Prepared};
pub use posts::{Post, Posts};
pub use queue::{ActQueue, Taken};
pub use relation::Relation;
pub use revocations::Revocations;
pub use rollouts::Rollouts;
pub use sessions::{Session, SessionResolver};
pub use topics::{OpenTopics, Topics};
pub use users::{Profile, Users};
pub use visibility::{Acquaintances, Everybody, Visibility};

/// A boxed future, as ports return it.
pub type BoxFuture<T> = futures_util::future::BoxFuture<'static, T>;
