//! From a checked server to a running one, and back.

use std::{io, net::TcpListener, sync::Arc};

use axum::Router;
use tidings_engine::{Engine, Parts, StartError, TypeDescription, TypeInfo, ports::Rollouts};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    accept,
    auth::Authenticator,
    handle::{Inner, Tidings},
    keeper::Keeper,
    limits::ConnectionLimits,
    metrics,
    options::ServerOptions,
    pack::{OnStart, PackMigrations},
    phase::Phase,
    proxies::Suspicion,
    rollout::{self, RolloutChanges},
    routes,
    users::CachedUsers,
};

/// A server whose parts fit together. [`App::build`](crate::App::build) makes it.
pub struct Server {
    pub(crate) parts: Parts,
    pub(crate) auth: Arc<Authenticator>,
    pub(crate) rollouts: Arc<dyn Rollouts>,
    pub(crate) users: Option<CachedUsers>,
    pub(crate) tasks: TaskTracker,
    pub(crate) options: ServerOptions,
    pub(crate) migrations: Vec<PackMigrations>,
    pub(crate) keepers: Vec<Arc<dyn Keeper>>,
    pub(crate) router: Router<Tidings>,
    pub(crate) openapi: utoipa::openapi::OpenApi,
    pub(crate) on_start: Vec<OnStart>,
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

    /// The registered message types, by name, with their schemas.
    pub fn types(&self) -> Vec<TypeInfo> {
        self.parts.registry.types()
    }

    /// What a message type tells of itself by an example; none where there is no such type.
    pub fn describe(&self, kind: &str) -> Option<TypeDescription> {
        self.parts.registry.describe(kind)
    }

    /// The OpenAPI document that will stand at `/v1/openapi.json`.
    pub fn openapi(&self) -> &utoipa::openapi::OpenApi {
        &self.openapi
    }

    /// Opens the store and starts the shards. Must be called within a tokio runtime; blocks its thread while the store opens.
    ///
    /// # Errors
    /// [`StartError`] where the store does not open, or a thread or descriptor can't be had.
    pub async fn start(self) -> Result<Running, StartError> {
        let Self { parts, auth, rollouts, users, tasks, options, keepers, router, openapi, on_start, .. } = self;
        let engine = Engine::start(parts)?;
        if let Err(source) = rollout::load(&engine, &*rollouts).await {
            engine.stop();
            return Err(StartError::Store(source));
        }
        let openapi = openapi.to_json().expect("an OpenAPI document always serialises").into();
        let tidings = Tidings::new(Inner {
            kept: engine.types().into_iter().map(|info| (info.name, info.kept)).collect(),
            auth,
            users,
            rollouts: RolloutChanges::new(rollouts),
            limits: Arc::new(ConnectionLimits::new(&options)),
            phase: Phase::default(),
            proxy_suspicion: Suspicion::default(),
            stop: CancellationToken::new(),
            engine,
            options,
            keepers,
            openapi,
            tasks,
        });
        let inner = tidings.inner();
        inner.tasks.spawn(inner.stop.clone().run_until_cancelled_owned(keep_up_metrics()));
        if let Some(set) = inner.auth.key_set() {
            // Where it fails, tokens are `unavailable` until it works: the app's backend may be starting too.
            set.fetch(inner.engine.clock().now()).await;
            let keeping = set.clone().keep_up(inner.engine.clock().clone());
            inner.tasks.spawn(inner.stop.clone().run_until_cancelled_owned(keeping));
        }
        on_start.into_iter().for_each(|begin| begin(tidings.clone()));
        let router = routes::finish(router, &tidings);
        Ok(Running { tidings, router })
    }
}

/// Folds the metrics' samples from time to time.
async fn keep_up_metrics() {
    let mut ticks = tokio::time::interval(metrics::UPKEEP_EVERY);
    loop {
        ticks.tick().await;
        metrics::upkeep();
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
    ///
    /// It answers unknown paths itself: merge it into a router without a fallback, or give it as `fallback_service`.
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

    /// Ends a server whose router is served elsewhere: closes the WebSockets, commits, ends the threads. Blocks
    /// its thread for the last of these.
    pub async fn stop(self) {
        self.tidings.drain().await;
        self.tidings.end_tasks().await;
        self.tidings.engine().stop();
    }
}
