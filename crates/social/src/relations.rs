//! The relations that audiences name, read from a graph.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tidings_server::ports::{BoxFuture, Relation, SocialGraph, StoreError};
use tidings_wire::{BLOCKED, FOLLOWERS, Id, UserId};

/// The relation of those whom a user follows and who accepted it.
pub const FOLLOWING: &str = "following";

/// The relation of those who follow a user and are followed by them.
pub const MUTUAL: &str = "mutual";

/// The relation of those who hear nothing of what a user does: who blocked them, whom they blocked, who muted them.
pub const APART: &str = "apart";

/// One of the graph's own sets.
pub(crate) struct Stands {
    pub(crate) graph: Arc<dyn SocialGraph>,
    /// Its name.
    pub(crate) of: &'static str,
}

impl Relation for Stands {
    fn members(&self, to: Id, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let to = UserId(to);
        match self.of {
            FOLLOWERS => self.graph.followers(to, after, limit),
            FOLLOWING => self.graph.following(to, after, limit),
            BLOCKED => self.graph.blocked(to, after, limit),
            _ => self.graph.apart(to, after, limit),
        }
    }

    fn max_age(&self) -> Option<Duration> {
        self.graph.max_age()
    }
}

/// Those in both of two of the graph's sets.
pub(crate) struct Mutual(pub(crate) Arc<dyn SocialGraph>);

impl Relation for Mutual {
    fn members(&self, to: Id, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        Box::pin(both(self.0.clone(), UserId(to), after, limit))
    }

    fn max_age(&self) -> Option<Duration> {
        self.0.max_age()
    }
}

/// Reads pages of both sets side by side, each time up to where the shorter one ends, until there are `limit` of them: a page that is
/// not full would count as the last.
async fn both(
    graph: Arc<dyn SocialGraph>,
    of: UserId,
    mut after: Option<UserId>,
    limit: u32,
) -> Result<Vec<UserId>, StoreError> {
    let mut found = Vec::new();
    loop {
        let followers = graph.followers(of, after, limit).await?;
        let following: BTreeSet<UserId> = graph.following(of, after, limit).await?.into_iter().collect();
        // What lies above the last of a full page has not been read of that set yet.
        let full = |count: usize, last: Option<UserId>| last.filter(|_| count >= limit as usize);
        let ends = [full(followers.len(), followers.last().copied()), full(following.len(), following.last().copied())];
        let end = ends.into_iter().flatten().min();
        let within = |user: &UserId| end.is_none_or(|end| *user <= end) && following.contains(user);
        found.extend(followers.into_iter().filter(within));
        if found.len() >= limit as usize || end.is_none() {
            found.truncate(limit as usize);
            return Ok(found);
        }
        after = end;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tidings_server::ports::Between;

    use super::*;

    /// Everybody has the same followers, and follows the same.
    struct Fixed {
        followers: Vec<u32>,
        following: Vec<u32>,
    }

    fn page(of: &[u32], after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let users = of.iter().copied().map(UserId::new);
        let page = users.filter(|&user| after.is_none_or(|after| user > after)).take(limit as usize).collect();
        Box::pin(std::future::ready(Ok(page)))
    }

    impl SocialGraph for Fixed {
        fn followers(&self, _: UserId, a: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
            page(&self.followers, a, limit)
        }

        fn following(&self, _: UserId, a: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
            page(&self.following, a, limit)
        }

        fn apart(&self, _: UserId, _: Option<UserId>, _: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
            page(&[], None, 0)
        }

        fn blocked(&self, _: UserId, _: Option<UserId>, _: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
            page(&[], None, 0)
        }

        fn between(&self, _: UserId, _: UserId) -> BoxFuture<Result<Between, StoreError>> {
            Box::pin(std::future::ready(Ok(Between::default())))
        }

        fn max_age(&self) -> Option<Duration> {
            None
        }
    }

    #[test]
    fn a_page_of_mutual_followers_is_full_unless_it_is_the_last() {
        let followers: Vec<u32> = (0..100).filter(|user| user % 2 == 0).collect();
        let following: Vec<u32> = (0..100).filter(|user| user % 3 == 0 || *user > 80).collect();
        let expected: Vec<UserId> =
            followers.iter().filter(|user| following.contains(user)).copied().map(UserId::new).collect();
        let mutual = Mutual(Arc::new(Fixed { followers, following }));
        for limit in 1..30 {
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let page = mutual.members(UserId::new(7).0, after, limit).now_or_never().unwrap().unwrap();
                all.extend_from_slice(&page);
                after = page.last().copied();
                if page.len() < limit as usize {
                    break;
                }
            }
            assert_eq!(all, expected, "in pages of {limit}");
        }
    }
}
