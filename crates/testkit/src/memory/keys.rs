//! Service keys in memory.

use std::collections::btree_map::Entry;

use tidings_engine::ports::{BoxFuture, KeyRecord, ServiceKeys, StoreError};

use super::store::{MemoryStore, now};

impl ServiceKeys for MemoryStore {
    fn insert(&self, key: KeyRecord) -> BoxFuture<Result<bool, StoreError>> {
        now(match self.state().service_keys.entry(key.name.clone()) {
            Entry::Vacant(place) => {
                place.insert(key);
                true
            }
            Entry::Occupied(_) => false,
        })
    }

    fn find(&self, hash: [u8; 32]) -> BoxFuture<Result<Option<KeyRecord>, StoreError>> {
        now(self.state().service_keys.values().find(|key| key.hash == hash).cloned())
    }

    fn list(&self) -> BoxFuture<Result<Vec<KeyRecord>, StoreError>> {
        now(self.state().service_keys.values().cloned().collect())
    }

    fn revoke(&self, name: String) -> BoxFuture<Result<bool, StoreError>> {
        now(self.state().service_keys.remove(&name).is_some())
    }

    fn used(&self, name: String, at: i64) -> BoxFuture<Result<(), StoreError>> {
        if let Some(key) = self.state().service_keys.get_mut(&name) {
            key.last_used_at = key.last_used_at.max(Some(at));
        }
        now(())
    }
}
