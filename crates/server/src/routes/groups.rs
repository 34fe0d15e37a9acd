//! `/v1/groups/{group}/members`: who belongs to a group.

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tidings_engine::ports::Scope;
use tidings_wire::{GroupId, Reject, UserId};
use utoipa::{IntoParams, ToSchema};

use super::schema::{Id, Refused, RefusedOff};
use crate::{
    auth::{Caller, Identity},
    extract::{Params, Segments, id},
    handle::Tidings,
    problem::{Problem, unavailable},
};

/// Makes a user a member of a group, which needs no making of its own. A second time changes nothing.
#[utoipa::path(
    put,
    path = "/groups/{group}/members/{user}",
    tag = "backend",
    params(("group" = Id, Path), ("user" = Id, Path)),
    security(("service" = ["admin"])),
    responses(
        (status = 204, description = "A member, and committed"),
        Refused,
        RefusedOff
    )
)]
pub(crate) async fn join(state: State<Tidings>, caller: Caller, path: Segments<(String, String)>) -> Changed {
    change(state, &caller, path, true).await
}

/// Ends a user's membership. A second time changes nothing.
#[utoipa::path(
    delete,
    path = "/groups/{group}/members/{user}",
    tag = "backend",
    params(("group" = Id, Path), ("user" = Id, Path)),
    security(("service" = ["admin"])),
    responses(
        (status = 204, description = "No member, and committed"),
        Refused,
        RefusedOff
    )
)]
pub(crate) async fn leave(state: State<Tidings>, caller: Caller, path: Segments<(String, String)>) -> Changed {
    change(state, &caller, path, false).await
}

type Changed = Result<StatusCode, Problem>;

async fn change(
    State(tidings): State<Tidings>,
    caller: &Caller,
    Segments((group, user)): Segments<(String, String)>,
    member: bool,
) -> Changed {
    caller.require(Scope::Admin)?;
    tidings.set_member(id("group", &group)?, id("user", &user)?, member).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MembersPage {
    /// Members with ids above this one.
    #[param(value_type = Option<Id>)]
    after: Option<UserId>,
    /// 1 to 1,000; 100 if absent.
    limit: Option<u32>,
}

/// Members, ascending by their ids.
#[derive(Serialize, ToSchema)]
pub(crate) struct Members {
    #[schema(value_type = Vec<Id>)]
    members: Vec<UserId>,
    /// Whether there are more, after the last.
    more: bool,
}

/// Lists a group's members, for its members and for services.
#[utoipa::path(
    get,
    path = "/groups/{group}/members",
    tag = "users",
    params(("group" = Id, Path), MembersPage),
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses(
        (status = 200, body = Members),
        Refused
    )
)]
pub(crate) async fn members(
    State(tidings): State<Tidings>,
    caller: Caller,
    Segments(group): Segments<String>,
    Params(page): Params<MembersPage>,
) -> Result<Json<Members>, Problem> {
    let group: GroupId = id("group", &group)?;
    let limit = page.limit.unwrap_or(100);
    if !(1..=1_000).contains(&limit) {
        return Err(Problem::field("limit", "1 to 1,000"));
    }
    match caller.identity {
        Identity::Service(_) => caller.require(Scope::Read)?,
        Identity::User(user) if tidings.is_member(group, user).await? => {}
        Identity::User(_) => return Err(Reject::not_a_member().into()),
    }
    // One more than asked for tells whether there are more.
    let mut members = tidings.engine().groups().members(group, page.after, limit + 1).await.map_err(unavailable)?;
    let more = members.len() > limit as usize;
    members.truncate(limit as usize);
    Ok(Json(Members { members, more }))
}
