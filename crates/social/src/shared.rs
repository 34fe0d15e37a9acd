//! What handlers, routes and ports of the pack share.

use std::sync::Arc;

use tidings_server::ports::{Between, Post, Posts, Profile, SocialGraph, StoreError, Users};
use tidings_wire::{Code, PostId, Reject, UserId};

use crate::{Acts, blockers::Blockers, joiner::Joiner};

/// The pack's parts.
pub(crate) struct Shared {
    pub(crate) own_posts: bool,
    pub(crate) own_graph: bool,
    pub(crate) own_users: bool,
    pub(crate) posts: Arc<dyn Posts>,
    pub(crate) graph: Arc<dyn SocialGraph>,
    pub(crate) users: Arc<dyn Users>,
    pub(crate) acts: Acts,
    pub(crate) joiner: Joiner,
    pub(crate) blockers: Blockers,
}

impl Shared {
    /// A post that the user may see: theirs, or one of somebody who has not blocked them, whom they have not blocked, and who has a
    /// public account or accepted them.
    ///
    /// # Errors
    /// `not_found` where there is none, or the user may not see it; `unavailable`.
    pub(crate) async fn visible(&self, post: PostId, user: UserId) -> Result<Post, Reject> {
        let found = self.posts.post(post).await.map_err(refusal)?.ok_or_else(no_such_post)?;
        match self.sees(user, found.owner).await? {
            true => Ok(found),
            false => Err(no_such_post()),
        }
    }

    /// Whether a user sees what another posts.
    pub(crate) async fn sees(&self, user: UserId, owner: UserId) -> Result<bool, Reject> {
        if user == owner {
            return Ok(true);
        }
        let between = self.between(user, owner).await?;
        Ok(!between.is_blocked() && (between.follows || !self.is_private(owner).await?))
    }

    pub(crate) async fn between(&self, user: UserId, other: UserId) -> Result<Between, Reject> {
        self.graph.between(user, other).await.map_err(refusal)
    }

    pub(crate) async fn profile(&self, user: UserId) -> Result<Option<Profile>, Reject> {
        match self.users.user(user).await {
            // A deployment that keeps nothing knows no names.
            Err(StoreError::NotEnabled) => Ok(None),
            found => found.map_err(refusal),
        }
    }

    pub(crate) async fn is_private(&self, user: UserId) -> Result<bool, Reject> {
        Ok(self.profile(user).await?.as_ref().is_some_and(is_private))
    }

    /// Passes where posts are the pack's own.
    pub(crate) fn need_posts(&self) -> Result<(), Reject> {
        need(self.own_posts, "posts are kept by the app: write, list and delete them there")
    }

    /// Passes where the graph is the pack's own.
    pub(crate) fn need_graph(&self) -> Result<(), Reject> {
        need(self.own_graph, "follows, blocks and mutes are kept by the app: change them there")
    }

    /// Passes where acts are stored.
    pub(crate) fn need_acts(&self) -> Result<(), Reject> {
        need(self.acts == Acts::Store, "likes, comments and shares are kept by the app (`acts = \"announce\"`)")
    }
}

/// Whether a profile says that the account is private.
pub(crate) fn is_private(profile: &Profile) -> bool {
    profile.data.get("private").is_some_and(|private| *private == true || *private == 1)
}

fn need(own: bool, sentence: &'static str) -> Result<(), Reject> {
    if own { Ok(()) } else { Err(Reject::new(Code::NotEnabled, sentence)) }
}

pub(crate) fn no_such_post() -> Reject {
    Reject::not_found("there is no such post, or you may not see it")
}

/// The refusal for a port's error; the cause goes to the log.
pub(crate) fn refusal(error: StoreError) -> Reject {
    error.refusal("the social pack's tables or ports did not answer")
}
