//! `PUT /v1/conversations/{conversation}/read` and `/mute`: how far a user has read, and until when they want no notice of it.

use axum::{Json, extract::State, http::StatusCode};
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

/// Until when a conversation is muted.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Mute {
    /// Unix seconds, at most 253402300799 (the end of 9999); null for not muted.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required, example = 1_790_000_000)]
    until: Option<i64>,
}

/// The last second of the year 9999: nobody mutes for longer, and every client can show it.
const LATEST: i64 = 253_402_300_799;

/// Mutes a conversation for the caller; a service for `?user=`. Messages come all the same, over connections and in lists, and count as
/// unread: a mute is for whoever notifies. It ends with the membership.
#[utoipa::path(
    put,
    path = "/conversations/{conversation}/mute",
    tag = "users",
    params(("conversation" = String, Path, example = "dm:2:7"), Whose),
    request_body = Mute,
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses(
        (status = 204, description = "On disk"),
        Refused,
        RefusedRead
    )
)]
pub(crate) async fn mute(
    State(tidings): State<Tidings>,
    caller: Caller,
    Segments(of): Segments<String>,
    Params(Whose { user }): Params<Whose>,
    JsonBody(Mute { until }): JsonBody<Mute>,
) -> Result<StatusCode, Problem> {
    let user = caller.acts_for(user, Scope::Send)?;
    if until.is_some_and(|until| !(0..=LATEST).contains(&until)) {
        return Err(Problem::field("until", "Unix seconds from 0 to 253402300799, or null"));
    }
    tidings.engine().mute(user, conversation(&of)?, until).await?;
    Ok(StatusCode::NO_CONTENT)
}
