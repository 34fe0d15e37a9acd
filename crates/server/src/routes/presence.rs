//! `GET /v1/presence?users=2,3`: who is online.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use tidings_engine::ports::Scope;
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

/// Who is online, of those asked for whom the caller may see.
#[derive(Serialize, ToSchema)]
pub(crate) struct Presence {
    presence: Vec<Online>,
}

/// Whether a user has a connection.
#[derive(Serialize, ToSchema)]
struct Online {
    #[schema(value_type = Id)]
    user: UserId,
    online: bool,
}

/// Says who is online. Services may ask for anybody. Users see only themselves, unless the setting `server.open_presence` is on
/// or the server runs with `dev`: others are left out of the answer, without an error.
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
    let options = &tidings.inner().options;
    let open = options.dev || options.open_presence || caller.user().is_none();
    let mut presence = Vec::with_capacity(users.len());
    for user in users.into_iter().filter(|&user| open || caller.user() == Some(user)) {
        presence.push(Online { user, online: tidings.is_online(user).await });
    }
    Ok(Json(Presence { presence }))
}
