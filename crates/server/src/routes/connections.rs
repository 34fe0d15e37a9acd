//! `connections` below `/v1/users`: a user's open connections, and the end of them.

use axum::{Json, extract::State};
use serde::Serialize;
use tidings_engine::{Dialect, ports::Scope};
use utoipa::ToSchema;

use super::schema::{Id, Refused};
use crate::{
    auth::Caller,
    extract::{Segments, id},
    handle::Tidings,
    problem::Problem,
};

/// A user's open connections.
#[derive(Serialize, ToSchema)]
pub(crate) struct Connections {
    connections: Vec<Connection>,
}

/// One open connection.
#[derive(Serialize, ToSchema)]
struct Connection {
    /// Its name while the server runs.
    id: String,
    /// The client's address and port; the port is 0 where a proxy told the address.
    #[schema(example = "203.0.113.9:51312")]
    peer: String,
    /// `guide` or `tidings.v1`.
    dialect: &'static str,
    /// Unix seconds.
    since: i64,
}

/// What a sign-out closed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Closed {
    /// How many connections were open.
    closed: usize,
}

/// Lists a user's open connections.
#[utoipa::path(
    get,
    path = "/{user}/connections",
    tag = "backend",
    params(("user" = Id, Path)),
    security(("service" = ["read"])),
    responses(
        (status = 200, body = Connections),
        Refused
    )
)]
pub(crate) async fn list(
    State(tidings): State<Tidings>,
    caller: Caller,
    Segments(user): Segments<String>,
) -> Result<Json<Connections>, Problem> {
    caller.require(Scope::Read)?;
    let connections = tidings.connections(id("user", &user)?).await.into_iter().map(|connection| Connection {
        id: connection.id,
        peer: connection.peer.to_string(),
        dialect: match connection.dialect {
            Dialect::Guide => "guide",
            Dialect::V1 => "tidings.v1",
            _ => "other",
        },
        since: connection.since,
    });
    Ok(Json(Connections { connections: connections.collect() }))
}

/// Signs a user out everywhere: tokens and sessions issued until now are refused, open connections are closed with 4403.
#[utoipa::path(
    delete,
    path = "/{user}/connections",
    tag = "backend",
    params(("user" = Id, Path)),
    security(("service" = ["admin"])),
    responses(
        (status = 200, body = Closed),
        Refused
    )
)]
pub(crate) async fn close(
    State(tidings): State<Tidings>,
    caller: Caller,
    Segments(user): Segments<String>,
) -> Result<Json<Closed>, Problem> {
    caller.require(Scope::Admin)?;
    let closed = tidings.sign_out(id("user", &user)?).await?;
    Ok(Json(Closed { closed }))
}
