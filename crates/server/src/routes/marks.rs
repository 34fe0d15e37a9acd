//! `PUT /v1/conversations/{conversation}/read`: how far a user has read.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use tidings_engine::ports::Scope;
use tidings_wire::{Seq, UserId};
use utoipa::{IntoParams, ToSchema};

use super::schema::{Id, Refused, RefusedRead};
use crate::{
    auth::Caller,
    body::JsonBody,
    extract::{Params, Segments, conversation},
    handle::Tidings,
    problem::Problem,
};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Whose {
    /// Whose mark, for a service.
    #[param(value_type = Option<Id>)]
    user: Option<UserId>,
}

/// Read up to here.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ReadUpTo {
    /// A mark only moves forward; above the head counts as the head.
    #[schema(example = 41)]
    seq: Seq,
}

/// Where the mark stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct Mark {
    #[schema(example = 41)]
    seq: Seq,
    /// Messages above it that are not the user's own.
    unread: u64,
}

/// Moves the caller's mark forward; a service's that of `?user=`. The others of the conversation may learn of it.
#[utoipa::path(
    put,
    path = "/conversations/{conversation}/read",
    tag = "users",
    params(("conversation" = String, Path, example = "dm:2:7"), Whose),
    request_body = ReadUpTo,
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses(
        (status = 200, body = Mark, description = "On disk, and where it stands now"),
        Refused,
        RefusedRead
    )
)]
pub(crate) async fn read(
    State(tidings): State<Tidings>,
    caller: Caller,
    Segments(of): Segments<String>,
    Params(Whose { user }): Params<Whose>,
    JsonBody(ReadUpTo { seq }): JsonBody<ReadUpTo>,
) -> Result<Json<Mark>, Problem> {
    let user = caller.acts_for(user, Scope::Send)?;
    let mark = tidings.engine().read_up_to(user, conversation(&of)?, seq).await?;
    Ok(Json(Mark { seq: mark.seq, unread: mark.unread }))
}
