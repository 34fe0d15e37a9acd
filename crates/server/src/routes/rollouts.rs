//! `/v1/types/{type}/rollout`: for whom a message type is on.

use axum::{
    Json,
    extract::{Request, State},
};
use serde::{Deserialize, Serialize};
use tidings_engine::{Rollout, RolloutError, RolloutInForce, ports::Scope};
use tidings_wire::UserId;
use utoipa::ToSchema;

use super::schema::{Id, Refused, RefusedBody, RefusedUnknown};
use crate::{auth::Caller, body, extract::Segments, handle::Tidings, problem::Problem};

/// Bytes of a body, whatever `http.body_bytes` allows elsewhere: as many users as may be named, in the longest form that an id has.
const BODY_BYTES: usize = 512 * 1024;

/// For whom a type is on.
#[derive(Deserialize, ToSchema)]
struct NewRollout {
    /// The share of users for whom it is on, always the same ones; who has the type keeps it when the share grows.
    #[schema(minimum = 0, maximum = 100, example = 10)]
    percent: u64,
    /// Users for whom it is on whatever the share; none if absent.
    #[serde(default)]
    #[schema(value_type = Vec<Id>, max_items = 10_000)]
    users: Vec<UserId>,
}

/// For whom a type is on now.
#[derive(Serialize, ToSchema)]
pub(crate) struct RolloutNow {
    #[schema(maximum = 100, example = 10)]
    percent: u8,
    /// Ascending.
    #[schema(value_type = Vec<Id>)]
    users: Vec<UserId>,
    /// Who said so: `default` (nobody), `configuration` or `run_time`.
    #[schema(example = "run_time")]
    source: &'static str,
}

impl From<RolloutInForce> for RolloutNow {
    fn from(now: RolloutInForce) -> Self {
        let (percent, users) = (now.rollout.percent(), now.rollout.users().to_vec());
        Self { percent, users, source: now.source.as_str() }
    }
}

type Answer = Result<Json<RolloutNow>, Problem>;

/// Tells for whom a type is on, and who said so.
#[utoipa::path(
    get,
    path = "/types/{type}/rollout",
    tag = "backend",
    params(("type" = String, Path, example = "poke")),
    security(("service" = ["admin"])),
    responses((status = 200, body = RolloutNow), Refused, RefusedUnknown)
)]
pub(crate) async fn get(State(tidings): State<Tidings>, caller: Caller, Segments(kind): Segments<String>) -> Answer {
    caller.require(Scope::Admin)?;
    Ok(Json(tidings.rollout(&kind).await?.into()))
}

/// Says for whom a type is on, at once and after restarts, whatever the configuration says. For other users it is `not_enabled`;
/// services may send it always.
#[utoipa::path(
    put,
    path = "/types/{type}/rollout",
    tag = "backend",
    params(("type" = String, Path, example = "poke")),
    request_body = NewRollout,
    security(("service" = ["admin"])),
    responses((status = 200, body = RolloutNow, description = "Stored, and in force"), Refused, RefusedBody, RefusedUnknown)
)]
pub(crate) async fn set(
    State(tidings): State<Tidings>,
    caller: Caller,
    Segments(kind): Segments<String>,
    request: Request,
) -> Answer {
    caller.require(Scope::Admin)?;
    let body = body::read(request, BODY_BYTES).await?;
    let NewRollout { percent, users } = body::decode(&body, "")?;
    let rollout = Rollout::new(percent, users).map_err(|error| {
        let field = if matches!(error, RolloutError::Users(_)) { "users" } else { "percent" };
        Problem::field(field, error.to_string())
    })?;
    Ok(Json(tidings.set_rollout(&kind, rollout).await?.into()))
}

/// Takes back what was said at run time: the configuration counts again. A second time changes nothing.
#[utoipa::path(
    delete,
    path = "/types/{type}/rollout",
    tag = "backend",
    params(("type" = String, Path, example = "poke")),
    security(("service" = ["admin"])),
    responses((status = 200, body = RolloutNow, description = "What is in force now"), Refused, RefusedUnknown)
)]
pub(crate) async fn take_back(
    State(tidings): State<Tidings>,
    caller: Caller,
    Segments(kind): Segments<String>,
) -> Answer {
    caller.require(Scope::Admin)?;
    Ok(Json(tidings.take_back_rollout(&kind).await?.into()))
}
