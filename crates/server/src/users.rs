//! What the app knows of its users, and whose its posts are, remembered for a while.

use std::{sync::Arc, time::Duration};

use tidings_engine::{
    clock::SharedClock,
    ports::{BoxFuture, Post, Posts, Profile, StoreError, Users},
};
use tidings_wire::{PostId, UserId};

use crate::memory::{Memory, shared};

/// The guide's cached user data: a port for [`Users`] behind a memory.
///
/// At most so many users are remembered, each for at most `max_age`, also that there is no such user; all who ask for one at the same time
/// wait for one question. What the app changes is seen after `max_age`, or at once after [`forget`](Self::forget), which also drops the
/// answers under way. An error is not remembered. Cheap to clone; clones share the memory.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use tidings_engine::{clock::SystemClock, ports::{BoxFuture, Profile, StoreError, Users}};
/// use tidings_server::CachedUsers;
/// use tidings_wire::UserId;
///
/// struct Table;
///
/// impl Users for Table {
///     fn user(&self, id: UserId) -> BoxFuture<Result<Option<Profile>, StoreError>> {
///         let profile = Profile { name: Some(format!("user {id}")), ..Profile::default() };
///         Box::pin(std::future::ready(Ok(Some(profile))))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), StoreError> {
/// let users = CachedUsers::new(Arc::new(Table), 1_000, Duration::from_secs(30), Arc::new(SystemClock::new()));
/// let ann = users.get(UserId::new(7)).await?.expect("everybody is there");
/// assert_eq!(ann.name.as_deref(), Some("user 7"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CachedUsers(Arc<KnownUsers>);

struct KnownUsers {
    port: Arc<dyn Users>,
    memory: Memory<UserId, Option<Arc<Profile>>>,
}

impl CachedUsers {
    /// A port with a memory of at most `entries` users.
    pub fn new(port: Arc<dyn Users>, entries: u64, max_age: Duration, clock: SharedClock) -> Self {
        Self(Arc::new(KnownUsers { port, memory: Memory::new(entries, max_age, clock) }))
    }

    /// What is known of a user; none where there is no such user.
    ///
    /// # Errors
    /// Where the port does not answer.
    pub async fn get(&self, id: UserId) -> Result<Option<Arc<Profile>>, StoreError> {
        let port = self.0.port.clone();
        let ask = move || -> BoxFuture<_> {
            let asked = port.user(id);
            Box::pin(async move { Ok(asked.await?.map(Arc::new)) })
        };
        self.0.memory.get(id, ask).await.map_err(shared)
    }

    /// The next who asks for the user hears what the port says then.
    pub async fn forget(&self, id: UserId) {
        self.0.memory.forget(id).await;
    }
}

impl Users for CachedUsers {
    fn user(&self, id: UserId) -> BoxFuture<Result<Option<Profile>, StoreError>> {
        let users = self.clone();
        Box::pin(async move { Ok(users.get(id).await?.map(|profile| Profile::clone(&profile))) })
    }
}

/// A port for [`Posts`] behind a memory of the same kind: for posts of an endpoint, which would be asked for with each like.
#[derive(Clone)]
pub struct CachedPosts(Arc<KnownPosts>);

struct KnownPosts {
    port: Arc<dyn Posts>,
    memory: Memory<PostId, Option<Arc<Post>>>,
}

impl CachedPosts {
    /// A port with a memory of at most `entries` posts.
    pub fn new(port: Arc<dyn Posts>, entries: u64, max_age: Duration, clock: SharedClock) -> Self {
        Self(Arc::new(KnownPosts { port, memory: Memory::new(entries, max_age, clock) }))
    }
}

impl Posts for CachedPosts {
    fn post(&self, id: PostId) -> BoxFuture<Result<Option<Post>, StoreError>> {
        let known = self.0.clone();
        Box::pin(async move {
            let port = known.port.clone();
            let ask = move || -> BoxFuture<_> {
                let asked = port.post(id);
                Box::pin(async move { Ok(asked.await?.map(Arc::new)) })
            };
            let post = known.memory.get(id, ask).await.map_err(shared)?;
            Ok(post.map(|post| Post::clone(&post)))
        })
    }
}
