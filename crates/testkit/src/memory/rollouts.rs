//! For whom message types were switched on at run time, in memory.

use tidings_engine::{
    Rollout,
    ports::{BoxFuture, Rollouts, StoreError},
};

use super::store::{MemoryStore, now};

impl Rollouts for MemoryStore {
    fn all(&self) -> BoxFuture<Result<Vec<(String, Rollout)>, StoreError>> {
        now(self.state().rollouts.iter().map(|(kind, rollout)| (kind.clone(), rollout.clone())).collect())
    }

    fn set(&self, kind: String, rollout: Rollout) -> BoxFuture<Result<(), StoreError>> {
        self.state().rollouts.insert(kind, rollout);
        now(())
    }

    fn take_back(&self, kind: String) -> BoxFuture<Result<bool, StoreError>> {
        now(self.state().rollouts.remove(&kind).is_some())
    }
}
