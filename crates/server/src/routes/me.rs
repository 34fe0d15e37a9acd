//! `GET /v1/me`: who the credential says one is.

use axum::Json;
use serde::Serialize;
use tidings_engine::ports::Scope;
use tidings_wire::UserId;
use utoipa::ToSchema;

use super::schema::{Id, Refused};
use crate::auth::{Caller, Identity};

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
}

/// Says who the caller is.
#[utoipa::path(
    get,
    path = "/me",
    tag = "users",
    responses((status = 200, body = Me), Refused)
)]
pub(crate) async fn me(caller: Caller) -> Json<Me> {
    let (service, scopes) = match &caller.identity {
        Identity::Service(key) => {
            let allowed = Scope::ALL.into_iter().filter(|&scope| key.scopes.allow(scope)).map(Scope::as_str);
            (Some(key.name.clone()), Some(allowed.collect()))
        }
        Identity::User(_) => (None, None),
    };
    Json(Me {
        user: caller.user(),
        service,
        scopes,
        credential: caller.credential.as_str(),
        expires_at: caller.expires_at,
    })
}
