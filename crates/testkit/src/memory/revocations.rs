//! Users who were signed out everywhere, in memory.

use tidings_engine::ports::{BoxFuture, Revocations, StoreError};
use tidings_wire::UserId;

use super::store::{MemoryStore, now};

impl Revocations for MemoryStore {
    fn revoke(&self, user: UserId, issued_until: i64) -> BoxFuture<Result<(), StoreError>> {
        let mut state = self.state();
        let until = state.revoked.entry(user).or_insert(issued_until);
        *until = issued_until.max(*until);
        now(())
    }

    fn revoked_until(&self, user: UserId) -> BoxFuture<Result<Option<i64>, StoreError>> {
        now(self.state().revoked.get(&user).copied())
    }

    fn latest(&self, limit: u32) -> BoxFuture<Result<Vec<(UserId, i64)>, StoreError>> {
        let mut latest: Vec<_> = self.state().revoked.iter().map(|(&user, &until)| (user, until)).collect();
        latest.sort_unstable_by_key(|&(_, until)| std::cmp::Reverse(until));
        latest.truncate(limit as usize);
        now(latest)
    }
}
