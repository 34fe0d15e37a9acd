//! What the pack's parts share.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tidings_server::{
    CachedUsers, ServerSlot, Tidings,
    act::{Row, Value},
    ports::{Profile, SocialGraph, StoreError, Users},
};
use tidings_wire::{MessageId, Reject, UserId};

use crate::{channels::Channels, kind::Kinds, limits::Given, queue::Queue, teller::Teller, wants::Wants};

/// Users whose names are remembered.
const NAMES: u64 = 50_000;

/// How old a name may be.
const NAMES_AGE: Duration = Duration::from_secs(30);

/// The pack's parts.
pub(crate) struct Shared {
    pub(crate) server: ServerSlot,
    pub(crate) kinds: Kinds,
    /// Names and languages, remembered for a while; without it the app's port is asked.
    pub(crate) users: Option<Arc<dyn Users>>,
    pub(crate) cached: OnceLock<CachedUsers>,
    /// Who blocks and follows whom; without it nobody does.
    pub(crate) graph: Option<Arc<dyn SocialGraph>>,
    pub(crate) teller: Teller,
    pub(crate) wants: Wants,
    pub(crate) queue: Queue,
    /// How many new rows users got lately, of kinds with a limit.
    pub(crate) given: Given,
    pub(crate) channels: Channels,
}

impl Shared {
    /// The server has started: from now on names are remembered for a while.
    pub(crate) fn started(&self, tidings: &Tidings) {
        if let Some(users) = &self.users {
            let clock = tidings.engine().clock().clone();
            // Set once: a pack is added to one server.
            let _ = self.cached.set(CachedUsers::new(users.clone(), NAMES, NAMES_AGE, clock));
        }
    }

    pub(crate) fn running(&self) -> Result<Tidings, Reject> {
        self.server.running().ok_or_else(|| Reject::unavailable(Duration::from_secs(1)))
    }

    pub(crate) async fn query(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, Reject> {
        self.running()?.query(sql, values).await
    }

    pub(crate) fn new_id(&self) -> Result<MessageId, Reject> {
        Ok(self.running()?.new_id())
    }

    /// What is known of a user. Names and languages are niceties: where they can't be had, one does without.
    pub(crate) async fn profile(&self, user: UserId) -> Option<Arc<Profile>> {
        let found = match self.cached.get() {
            Some(users) => users.get(user).await.map_err(refusal),
            None => match self.running() {
                Ok(tidings) => tidings.user(user).await,
                Err(reject) => Err(reject),
            },
        };
        found.unwrap_or_else(|reject| {
            tracing::warn!(%user, %reject, "a user's name and language can't be had for a notification");
            None
        })
    }

    /// How a user is called.
    pub(crate) async fn name(&self, user: UserId) -> String {
        let name = self.profile(user).await.and_then(|profile| profile.name.clone());
        name.unwrap_or_else(|| format!("User {user}"))
    }

    /// Whether one of the two has blocked the other.
    pub(crate) async fn are_apart(&self, user: UserId, other: UserId) -> Result<bool, Reject> {
        match &self.graph {
            Some(graph) => graph.between(user, other).await.map(|between| between.is_blocked()).map_err(refusal),
            None => Ok(false),
        }
    }
}

/// The refusal for a port's error; the cause goes to the log.
pub(crate) fn refusal(error: StoreError) -> Reject {
    error.refusal("a port that notifications need did not answer")
}
