//! Who was signed out everywhere, remembered so that a connect asks no store.

use std::{sync::Arc, time::Duration};

use moka::{ops::compute::Op, sync::Cache};
use tidings_engine::ports::{Revocations, StoreError};
use tidings_wire::UserId;

/// The port with a memory of 30 s: a sign-out by another process shows after that; one by this process at once.
pub(super) struct KnownRevocations {
    port: Arc<dyn Revocations>,
    /// At most 100,000 users; the least recently used go and are asked for again.
    known: Cache<UserId, Option<i64>>,
}

impl KnownRevocations {
    pub(super) fn new(port: Arc<dyn Revocations>) -> Self {
        let known = Cache::builder().max_capacity(100_000).time_to_live(Duration::from_secs(30)).build();
        Self { port, known }
    }

    /// Whether what was issued to the user at a Unix second is refused by now.
    pub(super) async fn refuses(&self, user: UserId, issued_at: i64) -> Result<bool, StoreError> {
        let until = match self.known.get(&user) {
            Some(until) => until,
            None => {
                let stored = self.port.revoked_until(user).await?;
                // A sign-out may have come in between: what it left is newer than what was read.
                self.known.entry(user).or_insert(stored).into_value()
            }
        };
        Ok(until.is_some_and(|until| issued_at <= until))
    }

    /// Refuses what was issued to the user until a Unix second.
    pub(super) async fn revoke(&self, user: UserId, until: i64) -> Result<(), StoreError> {
        self.port.revoke(user, until).await?;
        self.known
            .entry(user)
            .and_compute_with(|known| Op::Put(Some(until).max(known.and_then(|entry| entry.into_value()))));
        Ok(())
    }
}
