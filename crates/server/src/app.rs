//! The builder: message types, packs, ports and options in, a checked server out.

use std::sync::Arc;

use tidings_engine::{
    Parts, Settings,
    clock::{SharedClock, SystemClock},
    handle::Handle,
    ports::{
        Acquaintances, Everybody, Groups, MessageStore, OpenTopics, Revocations, Rollouts, ServiceKeys,
        SessionResolver, Topics, Users, Visibility,
    },
    registry::TypeSettings,
    volatile::VolatileStore,
};
use tidings_wire::Message;
use tokio_util::task::TaskTracker;

use crate::{
    auth::{Authenticator, Renewals},
    metrics,
    options::ServerOptions,
    pack::{Pack, PackMigrations, Setup},
    routes,
    server::Server,
    topics::PrefixedTopics,
    users::CachedUsers,
};

/// Collects what a server is made of. Nothing is opened, started or read before [`Server::start`], with one exception:
/// [`App::new`] installs the process-wide metrics recorder, because counters made before it count nowhere.
///
/// Ports that are not given keep nothing: no history, groups in memory, no sessions, no service keys.
pub struct App {
    setup: Setup,
    ports: Ports,
    settings: Settings,
    options: ServerOptions,
}

/// The ports by name.
pub(crate) struct Ports {
    pub(crate) messages: Option<Arc<dyn MessageStore>>,
    pub(crate) groups: Option<Arc<dyn Groups>>,
    pub(crate) sessions: Arc<dyn SessionResolver>,
    pub(crate) keys: Arc<dyn ServiceKeys>,
    pub(crate) revocations: Arc<dyn Revocations>,
    pub(crate) rollouts: Arc<dyn Rollouts>,
    pub(crate) visibility: Option<Arc<dyn Visibility>>,
    pub(crate) topics: Option<Arc<dyn Topics>>,
    pub(crate) users: Option<Arc<dyn Users>>,
    pub(crate) clock: SharedClock,
}

/// Why a server can't be built. The sentence says what to change.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The message types don't fit together.
    #[error(transparent)]
    Types(#[from] tidings_engine::registry::BuildError),
    /// Two packs of one name.
    #[error("the pack {0:?} is added twice: add it once")]
    PackTwice(&'static str),
    /// Two relations of one name.
    #[error("the relation {0:?} is brought twice: leave one of the packs out, or rename its relation")]
    RelationTwice(&'static str),
    /// Two packs that keep notifications.
    #[error("the pack {0:?} keeps notifications, which another pack does already: leave one of them out")]
    NotificationsTwice(&'static str),
    /// A pack can't be what it was told to be.
    #[error("the pack {0:?}: {1}")]
    Pack(&'static str, String),
    /// A pack's name is none.
    #[error("the pack {0:?} needs a name of 1 to 32 characters a-z, 0-9 and _, a letter first")]
    PackName(&'static str),
    /// A pack's migrations are out of order.
    #[error("the migrations of the pack {0:?} must have the versions 1, 2, 3 … in this order")]
    Migrations(&'static str),
    /// Where messages are kept and who belongs to a group must know of each other: a membership is committed like a message.
    #[error("messages and groups must be given together: give both ports, or neither")]
    MessagesAndGroups,
    /// An option is out of its range.
    #[error("{setting}: {problem}")]
    Option {
        /// The option's path in [`ServerOptions`].
        setting: &'static str,
        /// What it may be.
        problem: &'static str,
    },
}

impl App {
    /// An app without message types.
    pub fn new() -> Self {
        metrics::install();
        let nothing = Arc::new(volatile());
        let ports = Ports {
            messages: None,
            groups: None,
            sessions: nothing.clone(),
            keys: nothing.clone(),
            revocations: nothing.clone(),
            rollouts: nothing,
            visibility: None,
            topics: None,
            users: None,
            clock: Arc::new(SystemClock::new()),
        };
        Self { setup: Setup::new(), ports, settings: Settings::default(), options: ServerOptions::default() }
    }

    /// A type whose messages are accepted as they are.
    #[must_use]
    pub fn message<M: Message>(mut self) -> Self {
        self.setup.message::<M>();
        self
    }

    /// A type whose messages pass a handler: a struct, or `async fn(M, Context) -> Result<M, Reject>`.
    #[must_use]
    pub fn message_with<M: Message>(mut self, handler: impl Handle<M>) -> Self {
        self.setup.message_with::<M>(handler);
        self
    }

    /// A pack.
    #[must_use]
    pub fn pack(mut self, pack: impl Pack) -> Self {
        self.setup.pack(pack);
        self
    }

    /// What the configuration says of a type (`[types.<name>]`).
    #[must_use]
    pub fn type_settings(mut self, name: impl Into<String>, settings: TypeSettings) -> Self {
        self.setup.configure(name, settings);
        self
    }

    /// Where kept messages go. Without it kept types are delivered, but not stored.
    #[must_use]
    pub fn messages(mut self, store: Arc<dyn MessageStore>) -> Self {
        self.ports.messages = Some(store);
        self
    }

    /// Who belongs to a group. Must be given together with [`App::messages`], unless groups are the app's own affair
    /// ([`Groups::own`] is false).
    #[must_use]
    pub fn groups(mut self, groups: Arc<dyn Groups>) -> Self {
        self.ports.groups = Some(groups);
        self
    }

    /// Who a session cookie belongs to.
    #[must_use]
    pub fn sessions(mut self, sessions: Arc<dyn SessionResolver>) -> Self {
        self.ports.sessions = sessions;
        self
    }

    /// Where service keys are found.
    #[must_use]
    pub fn keys(mut self, keys: Arc<dyn ServiceKeys>) -> Self {
        self.ports.keys = keys;
        self
    }

    /// Where it is stored who was signed out everywhere. Without it that is forgotten at a restart.
    #[must_use]
    pub fn revocations(mut self, revocations: Arc<dyn Revocations>) -> Self {
        self.ports.revocations = revocations;
        self
    }

    /// Where it is stored for whom types were switched on at run time. Without it that is forgotten at a restart.
    #[must_use]
    pub fn rollouts(mut self, rollouts: Arc<dyn Rollouts>) -> Self {
        self.ports.rollouts = rollouts;
        self
    }

    /// Who sees whether somebody is online. Without it those who share a conversation see one another; with `dev` and with the setting
    /// `server.open_presence` everybody sees everybody.
    #[must_use]
    pub fn visibility(mut self, visibility: Arc<dyn Visibility>) -> Self {
        self.ports.visibility = Some(visibility);
        self
    }

    /// Who may watch which topic. Without it the topics of the setting `topics.open` are open to everybody; with `dev` all are.
    #[must_use]
    pub fn topics(mut self, topics: Arc<dyn Topics>) -> Self {
        self.ports.topics = Some(topics);
        self
    }

    /// What the app knows of its users: names, languages, time zones. It is asked through a [memory](crate::CachedUsers), and answers
    /// [`Tidings::user`](crate::Tidings::user).
    #[must_use]
    pub fn users(mut self, users: Arc<dyn Users>) -> Self {
        self.ports.users = Some(users);
        self
    }

    /// What tells the time. Tests give one that they step by hand.
    #[must_use]
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.ports.clock = clock;
        self
    }

    /// The engine's bounds and times.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Identity, origins, proxies, limits.
    #[must_use]
    pub fn options(mut self, options: ServerOptions) -> Self {
        self.options = options;
        self
    }

    /// The migrations that the packs added so far bring, for the store that will be given to [`App::messages`].
    pub fn migrations(&self) -> &[PackMigrations] {
        &self.setup.migrations
    }

    /// Checks all together.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn build(self) -> Result<Server, BuildError> {
        let Self { mut setup, ports, mut settings, options } = self;
        let Ports { messages, groups, sessions, keys, revocations, rollouts, visibility, topics, users, clock } = ports;
        if !setup.problems.is_empty() {
            return Err(setup.problems.swap_remove(0));
        }
        check(&options)?;
        let (messages, groups): (Arc<dyn MessageStore>, Arc<dyn Groups>) = match (messages, groups) {
            (Some(messages), Some(groups)) => (messages, groups),
            (None, Some(groups)) if !groups.own() => {
                settings.keep = false;
                (Arc::new(volatile()), groups)
            }
            (Some(_), None) | (None, Some(_)) => return Err(BuildError::MessagesAndGroups),
            (None, None) => {
                settings.keep = false;
                let nothing = Arc::new(volatile());
                (nothing.clone(), nothing)
            }
        };
        let Setup {
            registry,
            routes,
            migrations,
            relations,
            topics: prefixes,
            visibility: wraps,
            on_start,
            keepers,
            notifications,
            ..
        } = setup;
        let tasks = TaskTracker::new();
        let auth = Arc::new(Authenticator::new(&options, sessions, keys, revocations, tasks.clone()));
        let credentials = Arc::new(Renewals::new(auth.clone(), clock.clone()));
        let visibility = visibility.unwrap_or_else(|| match options.dev || options.open_presence {
            true => Arc::new(Everybody),
            false => Arc::new(Acquaintances::new(messages.clone())),
        });
        let topics = topics.unwrap_or_else(|| match options.dev {
            true => Arc::new(OpenTopics::all()),
            false => Arc::new(OpenTopics::new(options.open_topics.clone())),
        });
        let visibility = wraps.into_iter().fold(visibility, |inner, wrap| wrap(inner));
        let topics = if prefixes.is_empty() { topics } else { Arc::new(PrefixedTopics::new(prefixes, topics)) };
        let users =
            users.map(|port| CachedUsers::new(port, options.users.entries, options.users.max_age, clock.clone()));
        let parts = Parts {
            registry: registry.build()?,
            store: messages,
            groups,
            relations,
            clock,
            credentials,
            visibility,
            topics,
            notifications,
            settings,
        };
        let (router, openapi) = routes::assemble(routes, &options.session_cookie);
        Ok(Server { parts, auth, rollouts, users, tasks, options, migrations, keepers, router, openapi, on_start })
    }
}

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

/// The ports of a server that was given none: messages are not held at all, groups and sign-outs in memory.
fn volatile() -> VolatileStore {
    VolatileStore::new(format!("{:016x}", rand::random::<u64>()))
}

/// What no type can say of an option.
fn check(options: &ServerOptions) -> Result<(), BuildError> {
    let wrong = |setting, problem| Err(BuildError::Option { setting, problem });
    if options.http.header_bytes < 8 * 1024 {
        return wrong("http.header_bytes", "at least 8192 bytes are needed to read a request's head");
    }
    if options.http.connections == 0 {
        return wrong("http.connections", "at least 1, or nobody is served");
    }
    let cookie = &options.session_cookie;
    // A token of RFC 9110 §5.6.2, as RFC 6265 §4.1.1 wants a cookie's name to be.
    if cookie.is_empty()
        || !cookie.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    {
        return wrong("session_cookie", "a cookie's name has letters, digits and !#$%&'*+-.^_`|~ only");
    }
    Ok(())
}
