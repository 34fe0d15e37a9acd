//! `DELETE /v1/users/{user}/data`: what a user wrote goes, for good.

use axum::{Json, extract::State};
use tidings_engine::ports::Scope;

use super::schema::{Id, Refused, RefusedOff};
use crate::{
    auth::Caller,
    erasure::{self, Erasure},
    extract::{Segments, id},
    handle::Tidings,
    problem::Problem,
};

/// Signs a user out everywhere, ends their memberships, and erases every message that they wrote with their read marks and
/// choices. What was left over by a failure goes with a repeat, which erases nothing twice. The user's account is the app's
/// own: delete it there first, or they may come back.
#[utoipa::path(
    delete,
    path = "/{user}/data",
    tag = "backend",
    params(("user" = Id, Path)),
    security(("service" = ["admin"])),
    responses(
        (status = 200, body = Erasure, description = "Nothing is left"),
        Refused,
        RefusedOff
    )
)]
pub(crate) async fn erase(
    State(tidings): State<Tidings>,
    caller: Caller,
    Segments(user): Segments<String>,
) -> Result<Json<Erasure>, Problem> {
    caller.require(Scope::Admin)?;
    Ok(Json(erasure::erase(&tidings, id("user", &user)?).await?))
}
