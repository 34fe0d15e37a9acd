//! Types that are kept for a time: what is older is deleted, a little at a time.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use tidings_wire::Keep;

use crate::{clock::Now, metrics, ports::StoreError, services::Services};

/// How often it is looked for what is too old.
const PASS: Duration = Duration::from_secs(60);

/// Messages that one step deletes at most: one commit of the store's writer.
const MESSAGES: u32 = 1_000;

/// Between two steps, so that others' commits are not kept waiting.
const PAUSE: Duration = Duration::from_millis(100);

/// Where a pass over the types has come.
pub(super) struct Pruner {
    types: Vec<(&'static str, Duration)>,
    /// The next type of the pass.
    next: usize,
    at: Duration,
    pruning: Option<BoxFuture<'static, Result<u64, StoreError>>>,
}

impl Pruner {
    pub(super) fn new(services: &Services, now: Duration) -> Self {
        let time = |entry: &crate::registry::TypeEntry| match entry.keep() {
            Keep::For(time) => Some((entry.name, time)),
            Keep::Never | Keep::Forever => None,
        };
        let types = match services.settings.keep {
            true => services.registry.entries().iter().filter_map(time).collect(),
            false => Vec::new(),
        };
        Self { types, next: 0, at: now, pruning: None }
    }

    /// Takes the next step where one is due; returns when the one after is.
    pub(super) fn step(&mut self, services: &Services, context: &mut Context<'_>, now: Now) -> Duration {
        loop {
            let Some(&(kind, keep)) = self.types.get(self.next) else {
                if self.types.is_empty() {
                    return Duration::MAX;
                }
                (self.next, self.at) = (0, now.mono + PASS);
                continue;
            };
            if self.pruning.is_none() {
                if self.at > now.mono {
                    return self.at;
                }
                let keep_ms = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
                self.pruning = Some(services.store.prune(kind, now.unix_ms.saturating_sub(keep_ms), MESSAGES));
            }
            let Some(future) = &mut self.pruning else { return Duration::MAX };
            let Poll::Ready(pruned) = future.poll_unpin(context) else { return Duration::MAX };
            self.pruning = None;
            match pruned {
                Ok(count) => {
                    metrics::pruned(kind, count);
                    if count < u64::from(MESSAGES) {
                        self.next += 1;
                    }
                    self.at = now.mono + PAUSE;
                }
                Err(error) => {
                    metrics::not_pruned(kind);
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(kind, error, "what is kept too long could not be deleted: it is tried again");
                    (self.next, self.at) = (0, now.mono + PASS);
                }
            }
        }
    }
}
