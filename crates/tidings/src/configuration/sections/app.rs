//! `[app]` and its parts: the app's own tables and endpoints.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::configuration::{Secret, TimeSpan};

/// `[app]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AppSection {
    /// The app's own SQLite file, which the settings named `query` are asked of. It is opened for reading alone.
    pub database: Option<PathBuf>,
    /// Connections to the app's database. A slow statement holds up one of them.
    #[schemars(range(min = 1, max = 64))]
    pub pool: usize,
    /// How UUIDs stand in the app's tables: `text`, 36 characters in lower case, or `bytes`, a BLOB of 16. Integers are integers.
    pub uuid: Uuids,
    /// The secret that the app's endpoints get as `Authorization: Bearer`, so that they know who asks.
    pub bearer: Option<Secret>,
    /// Questions to the app's endpoints that are under way at once. The others wait.
    #[schemars(range(min = 1, max = 4_096))]
    pub requests: usize,
    /// How often a question is repeated that an endpoint could not answer just now (no connection, 429, 5xx).
    #[schemars(range(min = 0, max = 10))]
    pub retries: usize,
    /// The most bytes of an endpoint's answer. A longer one counts as an error.
    #[schemars(range(min = 1024, max = 67_108_864))]
    pub answer_bytes: usize,
    /// Questions that wait for a connection, of each kind. One more is answered with `unavailable`.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub queue: usize,
    /// How long a question may take from being asked to its answer, waiting and repeats included. Then a statement is ended, a request
    /// is given up, and whoever waits gets `unavailable`.
    #[schemars(extend("x-least" = "100ms"))]
    pub timeout: TimeSpan,
    /// How old what was read of users, posts of an endpoint, followers and blocks may be when it is used. What the app changes is seen after that, or at
    /// once when it says so by `POST /v1/changed`.
    #[schemars(extend("x-least" = "100ms"))]
    pub max_age: TimeSpan,
    /// Sessions of the app: who a cookie belongs to (`auth.cookie` names it).
    pub sessions: AppSessionsSection,
    /// Groups of the app: who is a member. With them, groups are the app's alone: `PUT` and `DELETE` of members answer `not_enabled`.
    pub groups: AppGroupsSection,
    /// Posts of the app: whose they are.
    pub posts: AppPostsSection,
    /// Followers of a user who were accepted.
    pub followers: AppFollowersSection,
    /// Whom a user follows, and who accepted it.
    pub following: AppFollowingSection,
    /// Who hears nothing of what a user does: who blocked the user, whom the user blocked, who muted the user.
    pub apart: AppApartSection,
    /// Whom a user has blocked: private messages between the two are withheld. Belongs to `[app.apart]`.
    pub blocked: AppBlockedSection,
    /// How one user stands to another. Belongs to `[app.apart]`.
    pub between: AppBetweenSection,
    /// Users of the app: names, languages, time zones.
    pub users: AppUsersSection,
}

/// How UUIDs stand in the app's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[non_exhaustive]
pub enum Uuids {
    /// As text.
    Text,
    /// As 16 bytes.
    Bytes,
}

/// A part that is asked by a statement or at an endpoint, with what else belongs to it.
macro_rules! part {
    ($(#[$doc:meta])* $name:ident, $query:literal, $url:literal $(, $(#[$more_doc:meta])* $more:ident: $kind:ty)*) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(default)]
        pub struct $name {
            #[doc = $query]
            #[schemars(extend("format" = "SQL that only reads"))]
            pub query: Option<String>,
            #[doc = $url]
            #[schemars(extend("format" = "URL"))]
            pub url: Option<String>,
            $($(#[$more_doc])* pub $more: $kind,)*
        }
    };
}

part!(
    /// `[app.sessions]`
    AppSessionsSection,
    "From the cookie's value, `:cookie`, or its SHA-256 in lower-case hexadecimal digits, `:sha256`, to the user and, in a second column, the Unix second in which the session ends (NULL or no column: it does not).",
    "Gets the cookie as a browser would send it, and answers `{\"user\": 7, \"expires\": 1750000000}`; 401, 403, 404 or `{\"user\": null}` where there is no session."
);

/// `[app.groups]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AppGroupsSection {
    /// The members of `:group`, in one column. With `:after` and `:limit` it is paged; without them it returns all, at most 50,000.
    #[schemars(extend("format" = "SQL that only reads"))]
    pub query: Option<String>,
    /// Answers for `{group}` with `[7, 9]`. With `{after}` and `{limit}` it is paged; without them it answers with all.
    #[schemars(extend("format" = "URL"))]
    pub url: Option<String>,
    /// The groups of `:user`, in one column. For `tidings config check --user` alone.
    #[schemars(extend("format" = "SQL that only reads"))]
    pub of_user: Option<String>,
    /// How old what was read of a group's members may be when it is used: at most 30 s. Whoever left a group may hear it that long, unless
    /// the app says so by `POST /v1/changed`.
    #[schemars(extend("x-least" = "100ms"))]
    pub max_age: TimeSpan,
}

impl Default for AppGroupsSection {
    fn default() -> Self {
        Self { query: None, url: None, of_user: None, max_age: TimeSpan(tidings_engine::ports::GROUPS_MAX_AGE) }
    }
}

part!(
    /// `[app.posts]`
    AppPostsSection,
    "The owner of `:post` in the first column; others are what texts may say of it.",
    "Answers for `{post}` with `{\"owner\": 7, …}`; 404 where there is no such post."
);

part!(
    /// `[app.followers]`
    AppFollowersSection,
    "Those who follow `:user` and were accepted, in one column. With `:after` and `:limit` it is paged; without them it returns all, at most 50,000.",
    "Answers for `{user}` with `[7, 9]`. With `{after}` and `{limit}` it is paged; without them it answers with all.",
    /// Those who wait to be accepted by `:user`, in one column. For `tidings config check --user` alone, which says how many are left out.
    #[schemars(extend("format" = "SQL that only reads"))]
    pending: Option<String>
);

part!(
    /// `[app.following]`
    AppFollowingSection,
    "Those whom `:user` follows and who accepted it, in one column, as in `[app.followers]`.",
    "Answers for `{user}` as in `[app.followers]`."
);

part!(
    /// `[app.apart]`
    AppApartSection,
    "Those who hear nothing of what `:user` does, in one column, as in `[app.followers]`: who blocked the user, whom the user blocked, who muted the user.",
    "Answers for `{user}` as in `[app.followers]`."
);

part!(
    /// `[app.blocked]`
    AppBlockedSection,
    "Those whom `:user` has blocked, in one column, as in `[app.followers]`. What they write to the user is withheld, and typing, receipts and presence are silent between the two.",
    "Answers for `{user}` as in `[app.followers]`."
);

part!(
    /// `[app.between]`
    AppBetweenSection,
    "How `:user` stands to `:other`: one row with some of the columns `follows`, `followed`, `blocks`, `blocked`, `mutes`, `muted`, each 0 or 1.",
    "Answers for `{user}` and `{other}` with an object of the same names, each true or false."
);

/// `[app.users]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AppUsersSection {
    /// One row for `:user`: the columns `name`, `language` (`de`, `pt-BR`) and `zone` (`Europe/Berlin`), each where it is there, and
    /// others of the app's.
    #[schemars(extend("format" = "SQL that only reads"))]
    pub query: Option<String>,
    /// Answers for `{user}` with an object of the same names; 404 where there is no such user.
    #[schemars(extend("format" = "URL"))]
    pub url: Option<String>,
    /// Users that are remembered for `app.max_age`. The least used of more are asked for again.
    #[schemars(range(min = 1))]
    pub cache: u64,
}

impl Default for AppUsersSection {
    fn default() -> Self {
        Self { query: None, url: None, cache: tidings_server::UserOptions::default().entries }
    }
}

impl Default for AppSection {
    fn default() -> Self {
        let endpoints = tidings_endpoints::EndpointOptions::default();
        let clock = std::sync::Arc::new(tidings_engine::clock::SystemClock::new());
        let database = tidings_sqlite::app::AppOptions::new("", clock);
        Self {
            database: None,
            pool: database.pool,
            uuid: Uuids::Text,
            bearer: None,
            requests: endpoints.requests,
            retries: endpoints.retries,
            answer_bytes: endpoints.answer_bytes,
            queue: database.queue,
            timeout: TimeSpan(database.timeout),
            max_age: TimeSpan::seconds(30),
            sessions: AppSessionsSection::default(),
            groups: AppGroupsSection::default(),
            posts: AppPostsSection::default(),
            followers: AppFollowersSection::default(),
            following: AppFollowingSection::default(),
            apart: AppApartSection::default(),
            blocked: AppBlockedSection::default(),
            between: AppBetweenSection::default(),
            users: AppUsersSection::default(),
        }
    }
}

/// Where one part of the app is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// The part's name in the configuration, such as `app.followers`.
    pub section: &'static str,
    /// The statement.
    pub query: Option<&'a str>,
    /// The endpoint.
    pub url: Option<&'a str>,
}

impl AppSection {
    /// All parts, in the order of the fields.
    pub fn sources(&self) -> [Source<'_>; 9] {
        macro_rules! source {
            ($name:ident) => {
                Source {
                    section: concat!("app.", stringify!($name)),
                    query: self.$name.query.as_deref(),
                    url: self.$name.url.as_deref(),
                }
            };
        }
        [
            source!(sessions),
            source!(groups),
            source!(posts),
            source!(followers),
            source!(following),
            source!(apart),
            source!(blocked),
            source!(between),
            source!(users),
        ]
    }
}
