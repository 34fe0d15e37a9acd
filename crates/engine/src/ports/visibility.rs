//! Who may see whether somebody is online.

use std::sync::Arc;

use tidings_wire::UserId;

use super::{BoxFuture, MessageStore, StoreError};

/// Decides whose presence a user may see.
///
/// Asked when a user begins to watch others and for each question over HTTP, never for a change that is told: what a watch was
/// answered holds until it ends, until the asker or the watched user leaves one of the store's own groups, or until
/// [`Engine::sight_changed`](crate::Engine::sight_changed) is called for the two; then it is asked again. Where a pack brings the
/// relation of blocks ([`Relation`](super::Relation)), whoever has blocked the asker, or was blocked by them, is left out of the answer, and
/// a port need not know of that. An answer is remembered for 30 s where it was yes, for 5 s where it was no, until one of these. Users
/// who chose to be invisible need not be left out: they look offline to everybody anyway. Nobody is asked about themselves.
///
/// Any thread may call; the future is dropped after 5 s, and the watch is answered `unavailable`. Where a watch is asked about again and
/// there is no answer, the watched user looks offline, and it is asked again each second or so.
///
/// ```
/// use tidings_engine::ports::{BoxFuture, StoreError, Visibility};
/// use tidings_wire::UserId;
///
/// /// The first ten users are staff, whom everybody sees.
/// struct Staff;
///
/// impl Visibility for Staff {
///     fn may_see(&self, _: UserId, users: Vec<UserId>) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
///         let staff = |user: &UserId| (0..10).any(|id| *user == UserId::new(id));
///         Box::pin(std::future::ready(Ok(users.into_iter().filter(staff).collect())))
///     }
/// }
/// ```
pub trait Visibility: Send + Sync + 'static {
    /// Those of `users` (at most 500, each once) whose presence `asker` may see, in any order. The others look to the asker like
    /// somebody who was never there.
    fn may_see(&self, asker: UserId, users: Vec<UserId>) -> BoxFuture<Result<Vec<UserId>, StoreError>>;
}

/// Everybody sees everybody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Everybody;

impl Visibility for Everybody {
    fn may_see(&self, _: UserId, users: Vec<UserId>) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        Box::pin(std::future::ready(Ok(users)))
    }
}

/// Who shares a conversation sees one another: the two of a dm, the members of one of the store's own groups. Memberships that come
/// from the app's own tables are not known to the store: such an app brings its own [`Visibility`].
pub struct Acquaintances(Arc<dyn MessageStore>);

impl Acquaintances {
    /// As the store has it.
    pub fn new(store: Arc<dyn MessageStore>) -> Self {
        Self(store)
    }
}

impl Visibility for Acquaintances {
    fn may_see(&self, asker: UserId, users: Vec<UserId>) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        self.0.acquainted(asker, users)
    }
}
