//! stub
use crate::handle::Tidings;
use axum::Router;
use utoipa_axum::router::OpenApiRouter;
pub(crate) fn assemble(packs: OpenApiRouter<Tidings>) -> (Router<Tidings>, utoipa::openapi::OpenApi) {
    packs.split_for_parts()
}
