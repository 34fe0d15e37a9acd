//! What operators ask: `/healthz`, `/readyz`, `/metrics`, `/v1/openapi.json`.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use tidings_wire::Code;
use utoipa::ToSchema;

use super::schema::RefusedOff;
use crate::{handle::Tidings, metrics as recorder, problem::Problem};

/// The process lives.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
}

/// Whether the server takes connections.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// `ready` or `draining`.
    status: &'static str,
    /// `ok`, or what is wrong with the store. A failing store takes no live connections away, so the answer stays 200.
    store: String,
    /// WebSocket connections open now.
    connections: usize,
}

/// Answers as long as the process lives.
#[utoipa::path(get, path = "/healthz", tag = "operators", security(()), responses((status = 200, body = Health)))]
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// 200 from the end of starting to the drain.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operators",
    security(()),
    responses((status = 200, body = Readiness), (status = 503, body = Readiness))
)]
pub(crate) async fn readyz(State(tidings): State<Tidings>) -> (StatusCode, Json<Readiness>) {
    let (code, status) = match tidings.inner().phase.is_draining() {
        false => (StatusCode::OK, "ready"),
        true => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
    };
    let engine = tidings.engine();
    let store = engine.store().health().unwrap_or_else(|| "ok".into());
    (code, Json(Readiness { status, store, connections: engine.connection_count() }))
}

/// The metrics in the text format of Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operators",
    security(()),
    responses(
        (status = 200, body = String, content_type = "text/plain; version=0.0.4"),
        RefusedOff
    )
)]
pub(crate) async fn metrics() -> Result<Response, Problem> {
    let text = recorder::render().ok_or_else(|| {
        Problem::new(Code::NotEnabled, "the app around this server installed its own metrics recorder: ask that one")
    })?;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "both",
    security(()),
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json"))
)]
pub(crate) async fn openapi(State(tidings): State<Tidings>) -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], tidings.inner().openapi.clone()).into_response()
}
