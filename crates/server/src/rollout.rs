//! For whom types are on: changed while the server runs, and remembered beyond its end.

use std::sync::Arc;

use tidings_engine::{
    Engine, Rollout, RolloutInForce,
    ports::{Rollouts, StoreError},
};
use tidings_wire::{Code, Reject};
use tokio::sync::Semaphore;

use crate::handle::Tidings;

/// Where changes are stored, and the turn that each must take.
pub(crate) struct RolloutChanges {
    store: Arc<dyn Rollouts>,
    /// One change is stored and then held to at a time, so that what is stored last holds last.
    turn: Semaphore,
}

impl RolloutChanges {
    pub(crate) fn new(store: Arc<dyn Rollouts>) -> Self {
        Self { store, turn: Semaphore::new(1) }
    }
}

/// Tells the engine what was set before the last stop. What is stored of a type that is not registered is left where it is: the type
/// may come back.
pub(crate) async fn load(engine: &Engine, store: &dyn Rollouts) -> Result<(), StoreError> {
    for (kind, rollout) in store.all().await? {
        match engine.set_rollout(&kind, Some(rollout)) {
            Some(now) => {
                let (percent, users) = (now.rollout.percent(), now.rollout.users().len());
                tracing::info!(kind, percent, users, "a rollout was set at run time, and wins over the configuration");
            }
            None => tracing::info!(kind, "a rollout was set at run time for a type that is not registered now"),
        }
    }
    Ok(())
}

impl Tidings {
    /// For whom a message type is on now, and who said so.
    ///
    /// # Errors
    /// `not_found` where there is no such type.
    pub async fn rollout(&self, kind: &str) -> Result<RolloutInForce, Reject> {
        self.engine().rollout(kind).ok_or_else(unknown)
    }

    /// Says for whom a message type is on, from now on and after restarts, whatever the configuration says, until
    /// [`take_back_rollout`](Tidings::take_back_rollout). For others it is `not_enabled`.
    ///
    /// # Errors
    /// `not_found` where there is no such type; `unavailable` where it could not be stored: then nothing has changed.
    pub async fn set_rollout(&self, kind: &str, rollout: Rollout) -> Result<RolloutInForce, Reject> {
        self.change_rollout(kind, Some(rollout)).await
    }

    /// Takes back what was said at run time: the configuration counts again.
    ///
    /// # Errors
    /// As [`set_rollout`](Tidings::set_rollout).
    pub async fn take_back_rollout(&self, kind: &str) -> Result<RolloutInForce, Reject> {
        self.change_rollout(kind, None).await
    }

    /// Stores, then holds to it. In a task, so that a caller who goes away leaves no half of it.
    async fn change_rollout(&self, kind: &str, rollout: Option<Rollout>) -> Result<RolloutInForce, Reject> {
        self.rollout(kind).await?;
        let (tidings, kind) = (self.clone(), kind.to_owned());
        let change = async move {
            let changes = &tidings.inner().rollouts;
            let _turn = changes.turn.acquire().await.expect("nobody closes it");
            let stored = match rollout.clone() {
                Some(rollout) => changes.store.set(kind.clone(), rollout).await,
                None => changes.store.take_back(kind.clone()).await.map(drop),
            };
            stored.map_err(|error| {
                tracing::warn!(error = &error as &dyn std::error::Error, kind, "a rollout was not stored");
                Reject::new(Code::Unavailable, "the rollout could not be stored: repeat it")
            })?;
            let now = tidings.engine().set_rollout(&kind, rollout).ok_or_else(unknown)?;
            tracing::info!(kind, percent = now.rollout.percent(), users = now.rollout.users().len(), "rollout changed");
            Ok(now)
        };
        match self.inner().tasks.spawn(change).await {
            Ok(changed) => changed,
            Err(_) => Err(Reject::new(Code::Unavailable, "the server is stopping: repeat it")),
        }
    }
}

fn unknown() -> Reject {
    Reject::not_found("no message type of this name is registered")
}
