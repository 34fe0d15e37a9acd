//! Who sees whose presence: not those who have blocked one another.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use tidings_server::ports::{BoxFuture, SocialGraph, StoreError, Visibility};
use tidings_wire::UserId;

/// Pairs that are asked about at a time.
const AT_A_TIME: usize = 8;

/// Another rule, without those who have blocked one another.
pub(crate) struct Unblocked {
    inner: Arc<dyn Visibility>,
    graph: Arc<dyn SocialGraph>,
}

impl Unblocked {
    pub(crate) fn new(inner: Arc<dyn Visibility>, graph: Arc<dyn SocialGraph>) -> Self {
        Self { inner, graph }
    }
}

impl Visibility for Unblocked {
    fn may_see(&self, asker: UserId, users: Vec<UserId>) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let (seen, graph) = (self.inner.may_see(asker, users), self.graph.clone());
        Box::pin(async move {
            let asked = stream::iter(seen.await?).map(|user| {
                let between = graph.between(asker, user);
                async move {
                    match between.await {
                        // A deployment that keeps nothing keeps no blocks.
                        Err(StoreError::NotEnabled) => Ok(Some(user)),
                        between => Ok((!between?.is_blocked()).then_some(user)),
                    }
                }
            });
            asked.buffer_unordered(AT_A_TIME).try_filter_map(|user| async move { Ok(user) }).try_collect().await
        })
    }
}
