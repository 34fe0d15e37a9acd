//! A pack: message types together with what they need, added in one call.

use std::sync::Arc;

use tidings_engine::{
    Notifications,
    handle::Handle,
    ports::{Inbox, Notices, Relation, Topics, Visibility},
    registry::{Registry, RegistryBuilder, TypeSettings},
};
use tidings_wire::Message;
use utoipa_axum::router::OpenApiRouter;

use crate::{app::BuildError, handle::Tidings, keeper::Keeper};

/// A set of message types with their routes and tables. `App::pack` calls [`add`](Pack::add) once, at once.
///
/// ```
/// use tidings_server::{App, Pack, Setup};
/// # use schemars::JsonSchema;
/// # use serde::{Deserialize, Serialize};
/// # use tidings_wire::{Audience, Message, Sender, UserId};
/// # #[derive(Serialize, Deserialize, JsonSchema)]
/// # struct Poke { to: UserId }
/// # impl Message for Poke {
/// #     const TYPE: &'static str = "poke";
/// #     fn audience(&self, _: &Sender) -> Audience { Audience::user(self.to) }
/// # }
///
/// struct Poking;
///
/// impl Pack for Poking {
///     const NAME: &'static str = "poking";
///
///     fn add(self, to: &mut Setup) {
///         to.message::<Poke>();
///     }
/// }
///
/// let app = App::new().pack(Poking);
/// ```
pub trait Pack: Send + 'static {
    /// 1 to 32 of `a`–`z`, `0`–`9` and `_`, a letter first. It names the pack's table of migrations, so it never changes.
    const NAME: &'static str;

    /// Adds what the pack brings.
    fn add(self, to: &mut Setup);
}

/// What packs are added to.
pub struct Setup {
    pack: &'static str,
    pub(crate) packs: Vec<&'static str>,
    pub(crate) registry: RegistryBuilder,
    pub(crate) routes: OpenApiRouter<Tidings>,
    pub(crate) migrations: Vec<PackMigrations>,
    pub(crate) relations: Vec<(&'static str, Arc<dyn Relation>)>,
    pub(crate) topics: Vec<(&'static str, Arc<dyn Topics>)>,
    pub(crate) visibility: Vec<WrapVisibility>,
    pub(crate) on_start: Vec<OnStart>,
    pub(crate) keepers: Vec<Arc<dyn Keeper>>,
    pub(crate) notifications: Notifications,
    pub(crate) problems: Vec<BuildError>,
}

/// What a pack does with who sees whose presence.
pub(crate) type WrapVisibility = Box<dyn FnOnce(Arc<dyn Visibility>) -> Arc<dyn Visibility> + Send>;

/// What a pack does when the server starts.
pub(crate) type OnStart = Box<dyn FnOnce(Tidings) + Send>;

/// One step of a pack's tables. Once released it never changes; later changes are further steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// 1, 2, 3 …
    pub version: u32,
    /// What it does, in a word or two with `_` between them.
    pub name: &'static str,
    /// Statements with `;` between them. The pack's tables begin with its name.
    pub sql: &'static str,
}

/// A pack's migrations, for the store that runs SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackMigrations {
    /// The pack's name.
    pub pack: &'static str,
    /// In order.
    pub migrations: &'static [Migration],
}

impl PackMigrations {
    /// Version, name and statements of each, in order, as a store takes them.
    pub fn sources(&self) -> Vec<(i32, &'static str, &'static str)> {
        // The versions are 1, 2, 3 …: build refuses others.
        let source = |step: &Migration| (i32::try_from(step.version).unwrap_or(i32::MAX), step.name, step.sql);
        self.migrations.iter().map(source).collect()
    }
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self {
            pack: APP,
            packs: Vec::new(),
            registry: Registry::builder(),
            routes: OpenApiRouter::new(),
            migrations: Vec::new(),
            relations: Vec::new(),
            topics: Vec::new(),
            visibility: Vec::new(),
            on_start: Vec::new(),
            keepers: Vec::new(),
            notifications: Notifications::default(),
            problems: Vec::new(),
        }
    }

    /// A type whose messages are accepted as they are.
    pub fn message<M: Message>(&mut self) -> &mut Self {
        self.registry.message::<M>();
        self
    }

    /// A type whose messages pass a handler.
    pub fn message_with<M: Message>(&mut self, handler: impl Handle<M>) -> &mut Self {
        self.registry.message_with(handler);
        self
    }

    /// HTTP routes below `/v1`, with their state [`Tidings`]. Handlers learn who calls by the extractor
    /// [`Caller`](crate::auth::Caller), which also enforces the rules for web pages, and take bodies by
    /// [`JsonBody`](crate::JsonBody). An [`OpenApiRouter`] shows up in `/v1/openapi.json`, a plain axum `Router<Tidings>` works unseen.
    ///
    /// # Panics
    /// Where a path is registered already, as axum does.
    pub fn routes(&mut self, routes: impl Into<OpenApiRouter<Tidings>>) -> &mut Self {
        let routes = std::mem::take(&mut self.routes).merge(routes.into());
        self.routes = routes;
        self
    }

    /// The pack's tables. The store runs what it has not run yet, before the server starts.
    pub fn migrations(&mut self, migrations: &'static [Migration]) -> &mut Self {
        let in_order = migrations.iter().zip(1..).all(|(migration, version)| migration.version == version);
        if !in_order {
            self.problems.push(BuildError::Migrations(self.pack));
        }
        self.migrations.push(PackMigrations { pack: self.pack, migrations });
        self
    }

    /// A relation that audiences may name from now on ([`Set::of`](tidings_wire::Set::of)). Two of one name fail at build.
    pub fn relation(&mut self, name: &'static str, relation: Arc<dyn Relation>) -> &mut Self {
        if self.relations.iter().any(|(other, _)| *other == name) {
            self.problems.push(BuildError::RelationTwice(name));
        }
        self.relations.push((name, relation));
        self
    }

    /// Who may watch the topics that begin with `prefix`, such as `post:`. Of several prefixes that fit, the longest decides; where
    /// none does, the app's own port or the setting `topics.open`.
    pub fn topics(&mut self, prefix: &'static str, topics: Arc<dyn Topics>) -> &mut Self {
        self.topics.push((prefix, topics));
        self
    }

    /// Puts something in front of what decides who sees whose presence: for blocks, for instance. It is given what is there, and gives
    /// what takes its place.
    pub fn visibility(
        &mut self,
        wrap: impl FnOnce(Arc<dyn Visibility>) -> Arc<dyn Visibility> + Send + 'static,
    ) -> &mut Self {
        self.visibility.push(Box::new(wrap));
        self
    }

    /// Called once with the handle when the server starts, before it serves: for what a pack does by itself. Work that goes on belongs
    /// into [`Tidings::spawn`].
    pub fn on_start(&mut self, begin: impl FnOnce(Tidings) + Send + 'static) -> &mut Self {
        self.on_start.push(Box::new(begin));
        self
    }

    /// What the pack keeps of users: its fields of `/v1/me`, and its part of an erasure.
    pub fn keeps(&mut self, keeper: Arc<dyn Keeper>) -> &mut Self {
        self.keepers.push(keeper);
        self
    }

    /// Keeps notifications: `inbox` answers what connections of `tidings.v1` ask for theirs, `notices` is told of what happened. Only
    /// one pack may.
    pub fn notifications(&mut self, inbox: Arc<dyn Inbox>, notices: Arc<dyn Notices>) -> &mut Self {
        if self.notifications.inbox.is_some() {
            self.problems.push(BuildError::NotificationsTwice(self.pack));
        }
        self.notifications = Notifications { inbox: Some(inbox), notices: Some(notices) };
        self
    }

    /// Something about the pack makes no sense: the server's build fails with this sentence.
    pub fn refuse(&mut self, sentence: impl Into<String>) -> &mut Self {
        self.problems.push(BuildError::Pack(self.pack, sentence.into()));
        self
    }

    pub(crate) fn configure(&mut self, name: impl Into<String>, settings: TypeSettings) {
        self.registry.configure(name, settings);
    }

    pub(crate) fn pack<P: Pack>(&mut self, pack: P) {
        let well_formed = P::NAME.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
            && P::NAME.len() <= 32
            && P::NAME.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        if !well_formed {
            self.problems.push(BuildError::PackName(P::NAME));
        }
        if self.packs.contains(&P::NAME) {
            // Its routes would collide: the sentence at build is better than axum's panic here.
            return self.problems.push(BuildError::PackTwice(P::NAME));
        }
        self.packs.push(P::NAME);
        self.pack = P::NAME;
        pack.add(self);
        self.pack = APP;
    }
}

/// The name under which the app itself adds types.
const APP: &str = "app";
