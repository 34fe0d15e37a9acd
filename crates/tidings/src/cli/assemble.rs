//! From a configuration to an app that is ready to start.

use std::sync::Arc;

use serde_json::Value;
use tidings_chat::Chat;
use tidings_engine::{Settings, registry::TypeSettings};
use tidings_notify::Notify;
use tidings_server::{App, DrainOptions, HttpOptions, LimitOptions, Server, ServerOptions, UserOptions};
use tidings_social::{Acts, Social};
use tidings_sqlite::SqliteStore;
use tidings_wire::{Keep, Senders};

use super::{
    app_ports::AppPorts,
    channels::{Channels, Keys},
    failure::Failure,
    token_key::TokenKey,
};
use crate::configuration::{Configuration, SocialActs, SocialSection, StoreKind, TypeSection, WhoSends};

/// Adds what a program brings to what Tidings brings.
pub(super) type Extend<'a> = &'a dyn Fn(App) -> App;

/// What the data folder's database is used for.
pub(super) enum Stores {
    /// There is none.
    Nothing,
    /// Everything. The engine stops it.
    All(SqliteStore),
    /// Service keys, sessions and sign-outs alone; messages and groups are not kept. Whoever opened it stops it.
    Beside(SqliteStore),
}

/// All message types, without ports and settings.
pub(super) fn app(extend: Extend<'_>) -> App {
    let social = Social::new();
    let notify = notify(Some(&social), &Configuration::default(), false);
    extend(App::new().pack(Chat).pack(social).pack(notify))
}

/// A server as it is configured, not started yet.
pub(super) fn server(
    configuration: &Configuration,
    extend: Extend<'_>,
    key: &TokenKey,
    stores: &Stores,
) -> Result<Server, Failure> {
    let ports = AppPorts::open(configuration)?;
    let channels = Channels::open(configuration, Keys::Make)?;
    let mut app = configured(configuration, extend, Some(key), (&ports, &channels));
    if let Stores::All(store) = stores {
        let store = Arc::new(store.clone());
        app = app.messages(store.clone()).groups(store);
    }
    if let Stores::All(store) | Stores::Beside(store) = stores {
        let store = Arc::new(store.clone());
        app = app.sessions(store.clone()).keys(store.clone()).revocations(store.clone()).rollouts(store);
    }
    with_ports(app, &ports).build().map_err(|error| Failure::Usage(error.to_string()))
}

/// Checks what only the message types, the key files and the app's database can tell, and gives what the app is asked. Makes nothing.
pub(super) fn check(configuration: &Configuration, extend: Extend<'_>) -> Result<AppPorts, Failure> {
    let auth = &configuration.auth;
    let has_key = auth.secret.is_some()
        || auth.secret_file.is_some()
        || auth.public_key_file.is_some()
        || auth.jwks_url.is_some();
    let key = has_key.then(|| TokenKey::read_only(configuration)).transpose()?;
    let ports = AppPorts::open(configuration)?;
    let channels = Channels::open(configuration, Keys::Look)?;
    let app = configured(configuration, extend, key.as_ref(), (&ports, &channels));
    app.build().map(drop).map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(ports)
}

/// With the app's own ports in the place of the data folder's.
fn with_ports(mut app: App, ports: &AppPorts) -> App {
    if let Some(sessions) = &ports.sessions {
        app = app.sessions(sessions.clone());
    }
    if let Some(groups) = &ports.groups {
        app = app.groups(groups.clone());
    }
    if let Some(users) = &ports.users {
        app = app.users(users.clone());
    }
    app
}

/// The social pack as it is configured; none where it is switched off.
fn social(configuration: &Configuration, ports: &AppPorts) -> Option<Social> {
    let SocialSection { enabled, acts } = configuration.social;
    let acts = match acts {
        SocialActs::Announce => Acts::Announce,
        _ => Acts::Store,
    };
    if !enabled {
        return None;
    }
    let mut social = Social::new().acts(acts);
    if let Some(posts) = &ports.social().posts {
        social = social.posts(posts.clone());
    }
    if let Some(graph) = &ports.social().graph {
        social = social.graph(graph.clone());
    }
    if let Some(users) = &ports.users {
        social = social.users(users.clone());
    }
    Some(social)
}

/// The pack of notifications, with the names and the graph of the social one.
fn notify(social: Option<&Social>, configuration: &Configuration, users_of_app: bool) -> Notify {
    let notify = kinds(configuration);
    match social {
        // The app's own are asked through the handle, which remembers them and forgets what `/v1/changed` tells of.
        Some(social) if users_of_app => notify.graph(social.graph_port()),
        Some(social) => notify.users(social.users_port()).graph(social.graph_port()),
        None => notify,
    }
}

/// The built-in kinds of notifications, as far as the configuration leaves them, and its own.
pub(super) fn kinds(configuration: &Configuration) -> Notify {
    let sections = configuration.notifications.iter();
    sections.fold(Notify::standard(), |notify, (name, section)| notify.overlaid(name, section.overlay()))
}

fn configured(
    configuration: &Configuration,
    extend: Extend<'_>,
    key: Option<&TokenKey>,
    (ports, channels): (&AppPorts, &Channels),
) -> App {
    let mut app = App::new().pack(Chat);
    let social = social(configuration, ports);
    app = app.pack(channels.add_to(notify(social.as_ref(), configuration, ports.users.is_some())));
    if let Some(social) = social {
        app = app.pack(social);
    }
    let mut app = extend(app).settings(settings(configuration)).options(options(configuration, key));
    for (name, section) in types(configuration) {
        app = app.type_settings(name, section);
    }
    app
}

/// The OpenAPI document, without a server.
pub(super) fn openapi(extend: Extend<'_>) -> Result<Value, Failure> {
    Ok(serde_json::to_value(app(extend).build()?.openapi())?)
}

fn settings(configuration: &Configuration) -> Settings {
    let (engine, limits) = (&configuration.engine, &configuration.limits);
    Settings {
        shards: engine.shards.unwrap_or_else(shards),
        frame_bytes: limits.frame_bytes,
        fragments: limits.fragments,
        outbox_bytes: limits.outbox_bytes,
        limits: limits.enabled,
        everyone_log_bytes: engine.everyone_log_bytes,
        ping_after: engine.ping_after.0,
        offline_after: engine.offline_after.0,
        pong_within: engine.pong_within.0,
        accept_within: engine.accept_within.0,
        room_within: engine.room_within.0,
        sends_under_way: engine.sends_under_way,
        group_cache_bytes: engine.group_cache_bytes,
        blocking_threads: engine.blocking_threads,
        blocking_queue: engine.blocking_queue,
        keep: configuration.server.store != StoreKind::None,
        ..Settings::default()
    }
}

/// Half of the cores: HTTP, the database's writer, its readers and the kernel's network stack want the others. One shard
/// serves 19,000 connections, so more than 16 only cost memory.
fn shards() -> u16 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    u16::try_from((cores / 2).clamp(1, 16)).expect("at most 16")
}

fn options(configuration: &Configuration, key: Option<&TokenKey>) -> ServerOptions {
    let Configuration { server, auth, limits, topics, app, .. } = configuration;
    let defaults = ServerOptions::default();
    ServerOptions {
        dev: server.dev,
        tokens: key.map(|key| key.rules.clone()),
        session_cookie: auth.cookie.clone(),
        session_memory: auth.session_memory.0,
        origins: server.origins.iter().map(|origin| origin.0.clone()).collect(),
        proxies: server.proxies.iter().map(|proxy| proxy.0).collect(),
        open_presence: server.open_presence,
        open_topics: topics.open.iter().map(|pattern| pattern.0.clone()).collect(),
        hello_timeout: server.hello_timeout.0,
        users: UserOptions { entries: app.users.cache, max_age: app.max_age.0 },
        http: HttpOptions {
            header_timeout: server.header_timeout.0,
            body_timeout: server.body_timeout.0,
            body_bytes: server.body_bytes,
            connections: limits.http_connections,
            connections_per_address: limits.http_connections_per_address,
            ..defaults.http
        },
        limits: LimitOptions {
            enabled: limits.enabled,
            connections_per_user: limits.connections_per_user,
            connections_per_address: limits.connections_per_address,
        },
        drain: DrainOptions { spread: server.drain_spread.0, limit: server.drain_limit.0 },
    }
}

/// What is said of types; with `--dev`, users may broadcast unless something else is configured.
fn types(configuration: &Configuration) -> Vec<(String, TypeSettings)> {
    let mut types: Vec<_> =
        configuration.types.iter().map(|(name, section)| (name.clone(), type_settings(section))).collect();
    if configuration.server.dev {
        let users = TypeSettings { senders: Some(Senders::Users), ..TypeSettings::default() };
        match types.iter_mut().find(|(name, _)| name == BROADCAST) {
            Some((_, settings)) => settings.senders = settings.senders.or(users.senders),
            None => types.push((BROADCAST.to_owned(), users)),
        }
    }
    types
}

/// The type that users send with `--dev` only, unless the configuration says otherwise.
const BROADCAST: &str = "broadcast";

fn type_settings(section: &TypeSection) -> TypeSettings {
    TypeSettings {
        keep: section.keep.map(Keep::from),
        senders: section.senders.map(|senders| match senders {
            WhoSends::Users => Senders::Users,
            WhoSends::Service => Senders::Service,
        }),
        limit: section.limit.map(|rate| rate.0),
        rollout: section.rollout.as_ref().map(|rollout| rollout.0.clone()),
    }
}
