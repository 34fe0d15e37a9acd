//! Whose a post is.

use serde_json::{Map, Value};
use tidings_wire::{PostId, UserId};

use super::{BoxFuture, StoreError};

/// The guide's `PostDataFetcher`: where posts are found. Its followers are those of the post's owner: see [`SocialGraph`](super::SocialGraph).
///
/// Any thread may call. What is answered may be remembered as long as what the graph beside it says.
pub trait Posts: Send + Sync + 'static {
    /// The post; none where there is none.
    fn post(&self, id: PostId) -> BoxFuture<Result<Option<Post>, StoreError>>;
}

/// A post, as far as routing and texts need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Its owner.
    pub owner: UserId,
    /// What else the app's tables say of it; free JSON, empty where nothing is asked for.
    pub details: Map<String, Value>,
}
