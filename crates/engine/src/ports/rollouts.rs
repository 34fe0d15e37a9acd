//! What was said at run time about rollouts.

use super::{BoxFuture, StoreError};
use crate::Rollout;

/// Where it is stored for whom message types were switched on at run time.
///
/// The server reads all of it once, before it serves, and writes one type at a time; it never asks in between, so two servers on
/// one store learn of each other's changes at their next start.
pub trait Rollouts: Send + Sync + 'static {
    /// What was set, by the types' names in ascending order; also of types that are not registered any more. One a type, so it is
    /// as bounded as the names of types that were ever registered.
    fn all(&self) -> BoxFuture<Result<Vec<(String, Rollout)>, StoreError>>;

    /// Sets a type's, in place of what was set before.
    fn set(&self, kind: String, rollout: Rollout) -> BoxFuture<Result<(), StoreError>>;

    /// Takes a type's back; false where nothing was set.
    fn take_back(&self, kind: String) -> BoxFuture<Result<bool, StoreError>>;
}
