//! `GET /v1/users/{user}`. One's own profile is changed by `PATCH /v1/me`.

use serde::Serialize;
use tidings_server::{
    Params, Problem, Segments, Tidings,
    auth::Caller,
    axum::{Extension, Json, extract::State},
    parse_id,
    ports::Scope,
    schema::{Id, Refused, RefusedRead},
    utoipa::{self, ToSchema},
};
use tidings_wire::{Reject, UserId};

use super::asked::{By, Parts};
use crate::{shared::is_private, sql};

/// A user, as another sees them.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct ShownUser {
    #[schema(value_type = Id)]
    id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Whether who wants to follow must be accepted, and who does not follow sees no posts.
    private: bool,
    /// How the asker's wish to follow stands: `pending`, `accepted`, `denied`; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "accepted")]
    follow: Option<String>,
    /// Whether the asker has blocked them.
    blocked: bool,
    /// Whether the asker has muted them.
    muted: bool,
}

/// Shows a user. Who said nothing of themselves has no name yet; who has blocked the asker is not found.
#[utoipa::path(
    get,
    path = "/users/{user}",
    tag = "social",
    params(("user" = Id, Path), By),
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses((status = 200, body = ShownUser), Refused, RefusedRead)
)]
pub(crate) async fn show(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Segments(user): Segments<String>,
    Params(by): Params<By>,
) -> Result<Json<ShownUser>, Problem> {
    let id: UserId = parse_id("user", &user)?;
    let asker = caller.acts_for(by.user, Scope::Read)?;
    let between = shared.between(asker, id).await?;
    let profile = shared.profile(id).await?;
    if between.blocked || (profile.is_none() && !shared.own_users) {
        return Err(Reject::not_found("there is no such user").into());
    }
    let profile = profile.unwrap_or_default();
    let follow = match shared.own_graph {
        true => tidings.query(sql::FOLLOW_STATE, vec![asker.into(), id.into()]).await?,
        false => Vec::new(),
    };
    let follow = follow.first().and_then(|row| row[0].text()).map(str::to_owned);
    Ok(Json(ShownUser {
        id,
        private: is_private(&profile),
        name: profile.name,
        follow: follow.or_else(|| between.follows.then(|| "accepted".to_owned())),
        blocked: between.blocks,
        muted: between.mutes,
    }))
}
