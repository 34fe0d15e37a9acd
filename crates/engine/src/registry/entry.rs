//! One registered type: what it declares and what the configuration made of it.

use std::{sync::OnceLock, time::Duration};

use tidings_wire::{Keep, Limit, Senders, UserId};

use super::{
    describe::{self, TypeDescription},
    receive::Receive,
};
use crate::{
    clock::Now,
    limiter::Limiter,
    metrics::TypeMetrics,
    rollout::{Gate, Verdict},
};

/// A registered type.
pub(crate) struct TypeEntry {
    pub(crate) name: &'static str,
    pub(crate) version: u16,
    pub(crate) stream: bool,
    pub(crate) senders: Senders,
    pub(crate) receive: Box<dyn Receive>,
    pub(crate) schema: serde_json::Value,
    pub(crate) metrics: TypeMetrics,
    pub(crate) limit: Limit,
    pub(crate) rollout: Gate,
    keep: Keep,
    limiter: Option<Limiter>,
    description: OnceLock<TypeDescription>,
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
        rollout: Gate,
        receive: Box<dyn Receive>,
        schema: serde_json::Value,
    ) -> Self {
        let (limiter, metrics) = (Limiter::new(limit), TypeMetrics::new(name));
        let description = OnceLock::new();
        Self { name, version, stream, senders, receive, schema, metrics, limit, rollout, keep, limiter, description }
    }

    /// Whether its messages are stored.
    pub(crate) fn kept(&self) -> bool {
        self.keep != Keep::Never
    }

    /// How long its messages are stored.
    pub(crate) fn keep(&self) -> Keep {
        self.keep
    }

    /// Whether the rollout has reached the user. Told to the metrics where it is not on for everybody.
    pub(crate) fn is_on_for(&self, user: UserId) -> bool {
        let Some(verdict) = self.rollout.ask(self.name, user) else { return true };
        self.metrics.rolled_out(verdict);
        verdict != Verdict::Off
    }

    /// What it tells of itself by an example, made when it is asked first.
    pub(crate) fn describe(&self) -> &TypeDescription {
        self.description.get_or_init(|| describe::describe(self))
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
