//! What the app says has changed in its own tables, so that nobody waits until what is remembered has grown old.

use serde::Deserialize;
use tidings_wire::{BLOCKED, FOLLOWERS, UserId};
use utoipa::ToSchema;

use crate::handle::Tidings;

/// What of a user changed in the app's own tables or its backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Changed {
    /// Who follows the user: somebody began or ceased to, was accepted or removed.
    Followers,
    /// Whom the user follows.
    Following,
    /// Who is apart from the user by a block or a mute, whom the user has blocked, and whom the user sees.
    Blocks,
    /// Name, language, time zone and what else the app says of the user.
    Profile,
    /// The user's sessions: some are over. Connections that are open stay; a sign-out closes them.
    Sessions,
}

impl Changed {
    /// The same from the other one's side, where it is between two.
    const fn other_side(self) -> Option<Self> {
        match self {
            Self::Followers => Some(Self::Following),
            Self::Following => Some(Self::Followers),
            Self::Blocks => Some(Self::Blocks),
            Self::Profile | Self::Sessions => None,
        }
    }

    /// The relations in which the user's set may be another one. Those that no pack brings are remembered nowhere.
    const fn relations(self) -> &'static [&'static str] {
        match self {
            Self::Followers => &[FOLLOWERS, "mutual"],
            Self::Following => &["following", "mutual"],
            Self::Blocks => &["apart", BLOCKED],
            Self::Profile | Self::Sessions => &[],
        }
    }
}

/// Forgets what is remembered of it.
pub(crate) async fn forget(tidings: &Tidings, user: UserId, other: Option<UserId>, what: Changed) {
    forget_side(tidings, user, what).await;
    let Some(other) = other else { return };
    if let Some(what) = what.other_side() {
        forget_side(tidings, other, what).await;
    }
    if matches!(what, Changed::Blocks | Changed::Followers | Changed::Following) {
        tidings.sight_changed(user, other).await;
        tidings.sight_changed(other, user).await;
    }
}

async fn forget_side(tidings: &Tidings, user: UserId, what: Changed) {
    for relation in what.relations() {
        tidings.outdate(relation, user).await;
    }
    match what {
        Changed::Profile => tidings.forget_user(user).await,
        Changed::Sessions => tidings.inner().auth.forget_sessions(user),
        // Whom they see is asked again, and who sees them.
        Changed::Blocks => tidings.sight_changed(user, user).await,
        Changed::Followers | Changed::Following => {}
    }
}
