//! One registered type: what it declares and what the configuration made of it.

use std::time::Duration;

use tidings_wire::{Keep, Limit, Senders, UserId};

use super::receive::Receive;
use crate::{clock::Now, limiter::Limiter, metrics::TypeMetrics};

/// A registered type.
pub(crate) struct TypeEntry {
    pub(crate) name: &'static str,
    pub(crate) version: u16,
    pub(crate) stream: bool,
    pub(crate) senders: Senders,
    pub(crate) receive: Box<dyn Receive>,
    pub(crate) schema: serde_json::Value,
    pub(crate) metrics: TypeMetrics,
    keep: Keep,
    rollout: u8,
    limiter: Option<Limiter>,
}

impl TypeEntry {
    #[expect(clippy::too_many_arguments, reason = "called once, with the fields of a declaration")]
    pub(super) fn new(
        name: &'static str,
        version: u16,
        keep: Keep,
        stream: bool,
        senders: Senders,
        limit: Limit,
        rollout: u8,
        receive: Box<dyn Receive>,
        schema: serde_json::Value,
    ) -> Self {
        let (limiter, metrics) = (Limiter::new(limit), TypeMetrics::new(name));
        Self { name, version, stream, senders, receive, schema, metrics, keep, rollout, limiter }
    }

    /// Whether its messages are stored.
    pub(crate) fn kept(&self) -> bool {
        self.keep != Keep::Never
    }

    /// How long its messages are stored.
    pub(crate) fn keep(&self) -> Keep {
        self.keep
    }

    /// Whether the rollout has reached the user.
    pub(crate) fn is_on_for(&self, user: UserId) -> bool {
        self.rollout == 100 || percentile(self.name, user) < self.rollout
    }

    /// Takes one from what the user may send, or says how long to wait.
    pub(crate) fn take_allowance(&self, user: UserId, now: Now) -> Result<(), Duration> {
        self.limiter.as_ref().map_or(Ok(()), |limiter| limiter.check(user, now))
    }

    /// Forgets senders whose allowance is full again.
    pub(crate) fn sweep(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.sweep();
        }
    }
}

impl std::fmt::Debug for TypeEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TypeEntry").field("name", &self.name).field("version", &self.version).finish_non_exhaustive()
    }
}

/// A number from 0 to 99 that is the same for a user and a type on every node and in every release: FNV-1a
/// (draft-eastlake-fnv) over the type's name and the id's text.
fn percentile(name: &str, user: UserId) -> u8 {
    let text = format!("{name}/{user}");
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    // The low bits of FNV mix poorly over short texts that differ in the last byte; the high ones are folded in.
    ((hash ^ (hash >> 32)) % 100) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollout_takes_about_its_share_of_users_and_always_the_same() {
        let on: Vec<_> = (0..10_000).map(UserId::new).filter(|&user| percentile("poke", user) < 10).collect();
        assert!((800..1_200).contains(&on.len()), "{}", on.len());
        assert!(on.iter().all(|&user| percentile("poke", user) < 50), "raising the share keeps those who had it");
        assert_ne!(on, (0..10_000).map(UserId::new).filter(|&user| percentile("nudge", user) < 10).collect::<Vec<_>>());
    }
}
