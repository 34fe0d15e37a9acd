//! Who may watch a post: whoever may see it.

use std::sync::Arc;

use tidings_server::ports::{BoxFuture, StoreError, Topics};
use tidings_wire::{Code, PostId, Topic, UserId};

use crate::{post_counters::TOPICS, shared::Shared};

/// The topics `post:<id>`.
pub(crate) struct PostTopics(pub(crate) Arc<Shared>);

impl Topics for PostTopics {
    fn may_watch(&self, user: UserId, topic: Topic) -> BoxFuture<Result<bool, StoreError>> {
        let shared = self.0.clone();
        Box::pin(async move {
            // `post:007` would be a second name of what is told to `post:7`, and so of nothing.
            let Some(id) = topic.as_str().strip_prefix(TOPICS) else { return Ok(false) };
            let Some(post) = id.parse::<PostId>().ok().filter(|post| post.to_string() == id) else { return Ok(false) };
            match shared.visible(post, user).await {
                Ok(_) => Ok(true),
                Err(reject) if reject.code == Code::NotFound => Ok(false),
                Err(reject) if reject.code == Code::NotEnabled => Err(StoreError::NotEnabled),
                Err(reject) => Err(StoreError::Unavailable(Box::new(reject))),
            }
        })
    }
}
