//! `GET` and `PATCH /v1/me`: who the credential says one is, and what one chose for oneself.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidings_engine::ports::{Choices, Scope, StoreError};
use tidings_wire::{Code, UserId};
use utoipa::ToSchema;

use super::schema::{Id, Refused, RefusedOff};
use crate::{
    auth::{Caller, Identity},
    body::{self, JsonBody},
    handle::Tidings,
    problem::{Problem, unavailable},
};

/// The caller.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// The user, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Id>)]
    user: Option<UserId>,
    /// The service key's name, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    /// What the service key may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<&'static str>>,
    /// `token`, `session`, `key` or `dev`.
    #[schema(example = "token")]
    credential: &'static str,
    /// When the credential ends, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    /// Of a user: whether others learn how far they have read.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipts: Option<bool>,
    /// Of a user: whether others learn when they are online.
    #[serde(skip_serializing_if = "Option::is_none")]
    visible: Option<bool>,
    /// Of a user: what packs keep of them, such as `name`, `private`, `language` and `zone` of the social pack.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    kept: Map<String, Value>,
}

/// Choices to change, and fields that packs keep: of the social pack `name`, `private`, `language`, `zone`. What is absent stays.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Chosen {
    /// Whether others learn how far one has read.
    receipts: Option<bool>,
    /// Whether others learn when one is online.
    visible: Option<bool>,
}

/// Says who the caller is.
#[utoipa::path(
    get,
    path = "/me",
    tag = "users",
    responses((status = 200, body = Me), Refused)
)]
pub(crate) async fn me(State(tidings): State<Tidings>, caller: Caller) -> Result<Json<Me>, Problem> {
    let choices = match caller.user() {
        Some(user) => match tidings.engine().store().choices(user).await {
            // A deployment that keeps nothing knows of none.
            Err(StoreError::NotEnabled) => Some(Choices::default()),
            choices => Some(choices.map_err(unavailable)?),
        },
        None => None,
    };
    Ok(Json(Me::new(&tidings, &caller, choices).await?))
}

/// Changes what the caller chose for themselves. Whoever watches them is told at once.
#[utoipa::path(
    patch,
    path = "/me",
    tag = "users",
    request_body = Chosen,
    responses((status = 200, body = Me), Refused, RefusedOff)
)]
pub(crate) async fn choose(
    State(tidings): State<Tidings>,
    caller: Caller,
    JsonBody(asked): JsonBody<Map<String, Value>>,
) -> Result<Json<Me>, Problem> {
    let user =
        caller.user().ok_or_else(|| Problem::new(Code::NotAllowed, "a service key has no choices of its own"))?;
    let json = serde_json::to_vec(&asked).expect("what was read from JSON can be written");
    let chosen: Chosen = body::decode(&json, "")?;
    for keeper in &tidings.inner().keepers {
        keeper.change(&tidings, user, &asked).await?;
    }
    let choices = tidings.engine().choose(user, chosen.receipts, chosen.visible).await?;
    Ok(Json(Me::new(&tidings, &caller, Some(choices)).await?))
}

impl Me {
    async fn new(tidings: &Tidings, caller: &Caller, choices: Option<Choices>) -> Result<Self, Problem> {
        let mut kept = Map::new();
        if let Some(user) = caller.user() {
            for keeper in &tidings.inner().keepers {
                kept.extend(keeper.shown(tidings, user).await?);
            }
        }
        let (service, scopes) = match &caller.identity {
            Identity::Service(key) => {
                let allowed = Scope::ALL.into_iter().filter(|&scope| key.scopes.allow(scope)).map(Scope::as_str);
                (Some(key.name.clone()), Some(allowed.collect()))
            }
            Identity::User(_) => (None, None),
        };
        Ok(Self {
            user: caller.user(),
            service,
            scopes,
            credential: caller.credential.as_str(),
            expires_at: caller.expires_at,
            receipts: choices.map(|choices| choices.receipts),
            visible: choices.map(|choices| choices.visible),
            kept,
        })
    }
}
