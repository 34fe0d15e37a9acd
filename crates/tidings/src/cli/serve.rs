//! `tidings serve`

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
};

use anyhow::Context;
use tidings_engine::ports::MessageStore;
use tidings_server::{Running, Server};
use tidings_sqlite::SqliteStore;
use tokio::sync::oneshot;

use super::{
    allocator::Trimmer,
    arguments::Serve,
    assemble::{self, Extend, Stores},
    banner::Banner,
    config,
    failure::Failure,
    file_limit, folder, listener,
    lock::Lock,
    logs,
    output::explain,
    program,
    run::block_on,
    signals::Signals,
    stores::{self, DATABASE},
    token_key::TokenKey,
};
use crate::configuration::{Configuration, StoreKind};

/// Serves until SIGTERM or SIGINT, then closes everything in order. A second signal ends the process at once.
pub(super) fn run(flags: &Serve, file: Option<PathBuf>, extend: Extend<'_>) -> Result<(), Failure> {
    let configuration = config::read(&flags.sources(file))?.configuration;
    logs::start(&configuration.log);
    file_limit::raise();
    let prepared = Prepared::new(&configuration, extend)?;
    let _trimmer = Trimmer::start().context("start the thread that trims the heap")?;
    block_on(async {
        let mut signals = Signals::take().context("listen for signals")?;
        let up = prepared.start().await?;
        explain(&up.banner(&configuration, true).to_string());
        let Configuration { server, .. } = &configuration;
        tracing::info!(listen = %up.address, data = %server.data.display(), store = %server.store, dev = server.dev, "serving");
        let (stop, stopped) = oneshot::channel::<()>();
        let mut serving = std::pin::pin!(up.serve(stopped));
        let name = tokio::select! {
            ended = &mut serving => return ended,
            name = signals.next() => name,
        };
        tracing::info!(signal = name, spread = %configuration.server.drain_spread, "stopping: connections are closed with 1012");
        drop(stop);
        tokio::select! {
            ended = serving => {
                tracing::info!("stopped");
                ended
            }
            name = signals.next() => {
                tracing::warn!(signal = name, "a second signal: ending at once");
                // The store survives it as it survives a power cut: what was acknowledged is on disk.
                std::process::exit(1)
            }
        }
    })?
}

/// Everything that can fail before the first client is served: the data folder is locked, the port taken, the secret
/// there, the database open and of this version's form.
pub(super) struct Prepared {
    server: Server,
    listener: TcpListener,
    address: SocketAddr,
    lock: Lock,
    key: TokenKey,
    beside: Option<SqliteStore>,
}

/// A server that is ready to accept.
pub(super) struct Up {
    running: Running,
    listener: TcpListener,
    /// What is listened on, with the real port.
    pub(super) address: SocketAddr,
    key: TokenKey,
    /// The database that is not the engine's, which must therefore be stopped here.
    beside: Option<SqliteStore>,
    _lock: Lock,
}

impl Prepared {
    /// Takes and opens all of it, in the order in which an operator would want to hear what is wrong.
    pub(super) fn new(configuration: &Configuration, extend: Extend<'_>) -> Result<Self, Failure> {
        assemble::check(configuration, extend)?;
        let server = &configuration.server;
        folder::ensure(&server.data)?;
        let mut lock = Lock::take(&server.data)?;
        let listener = listener::bind(server.listen.0)?;
        let address = listener.local_addr()?;
        lock.note(Some(address)).context("write the lock file")?;
        let key = TokenKey::read_or_make(configuration)?;
        let stores = open_stores(configuration, extend)?;
        let server = assemble::server(configuration, extend, &key, &stores)?;
        let beside = match stores {
            Stores::Beside(store) => Some(store),
            Stores::All(_) | Stores::Nothing => None,
        };
        Ok(Self { server, listener, address, lock, key, beside })
    }

    /// Starts the store and the shards.
    pub(super) async fn start(self) -> Result<Up, Failure> {
        let Self { server, listener, address, lock, key, beside } = self;
        let running = server.start().await?;
        Ok(Up { running, listener, address, key, beside, _lock: lock })
    }
}

impl Up {
    /// What to tell a person about it.
    pub(super) fn banner<'a>(&self, configuration: &'a Configuration, hints: bool) -> Banner<'a> {
        let server = &configuration.server;
        let file = server.data.join(DATABASE);
        let store = match (server.store, &self.beside) {
            (StoreKind::Sqlite, _) => format!("SQLite in {}", file.display()),
            (StoreKind::None, None) => "none: nothing is kept, there is no history".to_owned(),
            (StoreKind::None, Some(_)) => {
                format!("none: no message is kept, there is no history; keys are those in {}", file.display())
            }
        };
        Banner {
            listen: self.address,
            store,
            data: &server.data,
            dev: server.dev,
            signs: self.key.secret.is_some(),
            keys: server.store != StoreKind::None || self.beside.is_some(),
            program: program::name(),
            hints,
            new_secret: self.key.made.clone(),
        }
    }

    /// Accepts until `stop` is dropped; then closes everything in order. The lock is let go last.
    pub(super) async fn serve(self, stop: oneshot::Receiver<()>) -> Result<(), Failure> {
        let shutdown = async {
            // Nothing is ever sent: a dropped sender is the sign.
            let _ = stop.await;
        };
        let served = self.running.serve(self.listener, shutdown).await.context("serve");
        if let Some(store) = &self.beside {
            store.stop();
        }
        Ok(served?)
    }
}

/// Called under the folder's lock, so a database of an older version may be migrated.
fn open_stores(configuration: &Configuration, extend: Extend<'_>) -> Result<Stores, Failure> {
    match configuration.server.store {
        StoreKind::Sqlite => {
            let store = stores::open(configuration)?;
            stores::migrate_packs(&store, assemble::app(extend).migrations())?;
            Ok(Stores::All(store))
        }
        StoreKind::None if configuration.server.data.join(DATABASE).exists() => {
            Ok(Stores::Beside(stores::open(configuration)?))
        }
        StoreKind::None => Ok(Stores::Nothing),
    }
}
