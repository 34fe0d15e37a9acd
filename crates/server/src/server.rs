//! From a checked server to a running one, and back.

use std::{io, net::TcpListener, sync::Arc};

use axum::Router;
use tidings_engine::{
    Engine, Parts, StartError,
    ports::{Revocations, ServiceKeys, SessionResolver},
};

use crate::{accept, handle::Tidings, options::ServerOptions, pack::PackMigrations};

/// A server whose parts fit together. [`App::build`](crate::App::build) makes it.
pub struct Server {
    pub(crate) parts: Parts,
    pub(crate) sessions: Arc<dyn SessionResolver>,
    pub(crate) keys: Arc<dyn ServiceKeys>,
    pub(crate) revocations: Arc<dyn Revocations>,
    pub(crate) options: ServerOptions,
    pub(crate) migrations: Vec<PackMigrations>,
    pub(crate) router: Router<Tidings>,
    pub(crate) openapi: utoipa::openapi::OpenApi,
}

/// A server whose store is open and whose shards serve. Dropping it leaves its threads running: end it by
/// [`serve`](Running::serve)'s shutdown or by [`stop`](Running::stop).
pub struct Running {
    tidings: Tidings,
    router: Router,
}

impl Server {
    /// The packs' migrations.
    pub fn migrations(&self) -> &[PackMigrations] {
        &self.migrations
    }

    /// The OpenAPI document that will stand at `/v1/openapi.json`.
    pub fn openapi(&self) -> &utoipa::openapi::OpenApi {
        &self.openapi
    }

    /// Opens the store and starts the shards. Blocks its thread while the store opens.
    ///
    /// # Errors
    /// [`StartError`] where the store does not open, or a thread or descriptor can't be had.
    pub async fn start(self) -> Result<Running, StartError> {
        let _ = (Engine::start(self.parts)?, self.router);
        todo!()
    }
}

impl Running {
    /// The handle: for the app's own code.
    pub fn handle(&self) -> Tidings {
        self.tidings.clone()
    }

    /// Everything as an axum router: `/ws`, `/v1`, `/healthz`, `/readyz`, `/metrics`, for an app that brings its own
    /// server. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, or no address limits hold. Such a
    /// server has no header timeout of its own (`axum::serve` can't), and behind TLS each WebSocket costs a copying task.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Accepts connections, on a thread of its own, until `shutdown` is ready or this future is dropped. Then `/readyz`
    /// says 503, new upgrades are refused, open connections are closed with 1012 over `drain.spread`, requests under way end,
    /// what was submitted is committed, and the threads end.
    ///
    /// # Errors
    /// Where the listener or the thread can't be used. Errors of single connections are logged.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        accept::serve(self.tidings, self.router, listener, shutdown).await
    }

    /// Ends a server whose router is served elsewhere: closes the WebSockets, commits, ends the threads.
    pub async fn stop(self) {
        todo!()
    }
}
