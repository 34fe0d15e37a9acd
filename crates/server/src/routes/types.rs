//! `GET /v1/types`: the registered message types.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::schema::Refused;
use crate::{auth::Caller, handle::Tidings};

/// The registered message types, by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct Types {
    types: Vec<Type>,
}

/// A message type.
#[derive(Serialize, ToSchema)]
struct Type {
    /// The `type` of its frames.
    #[schema(example = "private")]
    name: &'static str,
    version: u16,
    /// Whether it is stored.
    kept: bool,
    /// The JSON Schema of its own fields.
    #[schema(value_type = Object)]
    schema: serde_json::Value,
}

/// Lists the message types that this server knows.
#[utoipa::path(
    get,
    path = "/types",
    tag = "both",
    responses((status = 200, body = Types), Refused)
)]
pub(crate) async fn list(State(tidings): State<Tidings>, _: Caller) -> Json<Types> {
    let types = tidings.engine().types().into_iter();
    let types = types.map(|info| Type { name: info.name, version: info.version, kept: info.kept, schema: info.schema });
    Json(Types { types: types.collect() })
}
