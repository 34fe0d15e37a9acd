//! The sections of the configuration, one a file. What stands on a field is what `config doc` prints.

mod app;
mod auth;
mod channels;
mod engine;
mod limits;
mod log;
mod notifications;
mod server;
mod social;
mod sqlite;
mod topics;
mod types;

use std::collections::BTreeMap;

pub use app::{
    AppApartSection, AppBetweenSection, AppFollowersSection, AppFollowingSection, AppGroupsSection, AppPostsSection,
    AppSection, AppSessionsSection, AppUsersSection, Source, Uuids,
};
pub use auth::{Algorithm, Auth};
pub use channels::{ChannelsSection, PushSection, WebhooksSection};
pub use engine::EngineSection;
pub use limits::Limits;
pub use log::{Log, LogFormat};
pub use notifications::NotificationSection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub(super) use server::DRAIN_REST;
pub use server::{ServerSection, StoreKind};
pub use social::{SocialActs, SocialSection};
pub use sqlite::SqliteSection;
pub use topics::TopicsSection;
pub use types::{TypeSection, WhoSends};

/// Everything that may be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Configuration {
    /// Where the server listens, where it keeps its data, and how it stops.
    pub server: ServerSection,
    /// Who is connecting: how tokens and cookies are checked.
    pub auth: Auth,
    /// The app's own database and endpoints, which are asked for sessions, groups, posts, followers and users.
    pub app: AppSection,
    /// What one client, user or address may ask for.
    pub limits: Limits,
    /// Topics: what connections may watch, and backends push to.
    pub topics: TopicsSection,
    /// Posts, follows, and what users do with them.
    pub social: SocialSection,
    /// One kind of notification: a new one, or a built-in one in other words. `<name>` is its subtype, such as `post_like`: 1 to 40 of `a`
    /// to `z`, `0` to `9` and `_`, a letter first. `tidings notify preview <name>` shows its sentences.
    pub notifications: BTreeMap<String, NotificationSection>,
    /// Notifications that go out while nobody looks: when, and how often they are tried.
    pub channels: ChannelsSection,
    /// Web Push: notifications in browsers without an open page.
    pub push: PushSection,
    /// The webhook: notifications to the app's own backend, for mail or a push provider.
    pub webhooks: WebhooksSection,
    /// What changes for one message type. `<name>` is the type's name, such as `broadcast`; it must be registered.
    pub types: BTreeMap<String, TypeSection>,
    /// What is written on standard error.
    pub log: Log,
    /// Threads, queues and caches. The defaults fit most machines.
    pub engine: EngineSection,
    /// The bounds of the database. The defaults fit most machines.
    pub sqlite: SqliteSection,
}
