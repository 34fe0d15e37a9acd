//! `GET /v1/presence?users=2,3`: who is online.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use tidings_engine::{PresenceInfo, ports::Scope};
use tidings_wire::UserId;
use utoipa::{IntoParams, ToSchema};

use super::schema::{Id, Refused};
use crate::{
    auth::{Caller, Identity},
    extract::{Params, id},
    handle::Tidings,
    problem::Problem,
};

/// Users in one question; more are refused.
const MOST: usize = 500;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Ids with commas between them, at most 500.
    #[param(example = "2,3")]
    users: String,
}

/// How those asked for stand, in the order of the question.
#[derive(Serialize, ToSchema)]
pub(crate) struct Presence {
    presence: Vec<Online>,
}

/// How a user stands.
#[derive(Serialize, ToSchema)]
struct Online {
    #[schema(value_type = Id)]
    user: UserId,
    online: bool,
    /// When the last connection went, Unix seconds; absent while online, and where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<i64>,
}

/// Says who is online. Services are told whether a user has a connection. Users are told what a watch would tell them: themselves and
/// those whom they share a conversation with (with the setting `server.open_presence`, and with `dev`: everybody), until 10 s after
/// the last connection went. Who may not be seen, or chose to be invisible, looks offline.
#[utoipa::path(
    get,
    path = "/presence",
    tag = "both",
    params(Asked),
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses(
        (status = 200, body = Presence),
        Refused
    )
)]
pub(crate) async fn presence(
    State(tidings): State<Tidings>,
    caller: Caller,
    Params(asked): Params<Asked>,
) -> Result<Json<Presence>, Problem> {
    if let Identity::Service(_) = caller.identity {
        caller.require(Scope::Read)?;
    }
    let users: Vec<UserId> = asked.users.split(',').map(|user| id("users", user)).collect::<Result<_, _>>()?;
    if users.len() > MOST {
        return Err(Problem::field("users", format!("at most {MOST} users in one question")));
    }
    let found = tidings.engine().presence(caller.user(), users).await?;
    let online = |PresenceInfo { user, online, last_seen }| Online { user, online, last_seen };
    Ok(Json(Presence { presence: found.into_iter().map(online).collect() }))
}
