//! `post_counters`: how often a post was liked, commented on and shared by now.
//!
//! ```
//! # use tidings_social::PostCounters;
//! let counters: PostCounters =
//!     serde_json::from_str(r#"{"topic":"post:9","post_id":9,"likes":3,"comments":0,"shares":0}"#)?;
//! # Ok::<(), serde_json::Error>(())
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_wire::{Audience, Message, PostId, Sender, Senders, Topic};

/// Absolute values for those who watch the post: the newest is all that counts, so several changes within 250 ms are told by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PostCounters {
    /// `post:` and the post's id.
    pub topic: Topic,
    /// The post.
    pub post_id: PostId,
    /// Likes.
    pub likes: i64,
    /// Comments.
    pub comments: i64,
    /// Shares.
    pub shares: i64,
}

impl PostCounters {
    pub(crate) fn new(post_id: PostId, [likes, comments, shares]: [i64; 3]) -> Self {
        Self { topic: topic(post_id), post_id, likes, comments, shares }
    }
}

impl Message for PostCounters {
    const TYPE: &'static str = "post_counters";
    const SENDERS: Senders = Senders::Service;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::topic(topic(self.post_id))
    }
}

/// What those watch who look at a post.
pub(crate) fn topic(post: PostId) -> Topic {
    format!("{TOPICS}{post}").parse().expect("an id is printable and short")
}

/// How the topics of posts begin.
pub(crate) const TOPICS: &str = "post:";
