//! The app's own tables and endpoints as ports, as `[app]` has them.

use std::sync::Arc;

use tidings_endpoints::{
    EndpointError, EndpointGraph, EndpointGroups, EndpointList, EndpointOptions, EndpointPosts, EndpointSessions,
    EndpointUsers, Endpoints, GraphTemplates, Template,
};
use tidings_engine::{
    clock::{SharedClock, SystemClock},
    ports::{Groups, Posts, SessionResolver, SocialGraph, Users},
};
use tidings_server::CachedPosts;
use tidings_sqlite::app::{
    AppDatabase, AppError, AppGraph, AppGroups, AppList, AppOptions, AppPosts, AppSessions, AppUsers, GraphQueries,
    Sql, UuidForm,
};

use super::failure::Failure;
use crate::configuration::{AppSection, Auth, Configuration, Source, Uuids};

/// What the app is asked, each where it is configured.
#[derive(Clone, Default)]
pub(super) struct AppPorts {
    pub(super) sessions: Option<Arc<dyn SessionResolver>>,
    pub(super) groups: Option<Arc<dyn Groups>>,
    pub(super) users: Option<Arc<dyn Users>>,
    social: SocialPorts,
    pub(super) diagnosis: Diagnosis,
}

/// What the pack for posts and followers is given.
#[derive(Clone, Default)]
pub(super) struct SocialPorts {
    pub(super) posts: Option<Arc<dyn Posts>>,
    pub(super) graph: Option<Arc<dyn SocialGraph>>,
}

/// Statements that no port has, for `config check --user`.
#[derive(Clone, Default)]
pub(super) struct Diagnosis {
    pub(super) pending: Option<AppList>,
    pub(super) groups_of: Option<AppList>,
}

/// Posts of an endpoint that are remembered. The least used of more are asked for again.
const POSTS: u64 = 10_000;

impl AppPorts {
    /// Opens the app's database, checks every statement and every URL. Nothing is asked yet.
    ///
    /// # Errors
    /// What is wrong with the first setting that can't be used: exit code 2.
    pub(super) fn open(configuration: &Configuration) -> Result<Self, Failure> {
        let app = &configuration.app;
        let clock: SharedClock = Arc::new(SystemClock::new());
        let mut ports = Self::default();
        if let Some(file) = &app.database {
            let mut options = AppOptions::new(file, clock.clone());
            options.pool = app.pool;
            options.queue = app.queue;
            options.timeout = app.timeout.0;
            options.uuid = match app.uuid {
                Uuids::Text => UuidForm::Text,
                Uuids::Bytes => UuidForm::Bytes,
            };
            let database = AppDatabase::open(options).map_err(refused)?;
            ports.ask_tables(app, &database).map_err(refused)?;
        }
        if app.sources().iter().any(|source| source.url.is_some()) {
            let endpoints = Endpoints::new(endpoint_options(app)).map_err(misnamed)?;
            ports.ask_endpoints(configuration, &endpoints, &clock).map_err(misnamed)?;
        }
        Ok(ports)
    }

    /// The ports of the pack for posts and followers. Whoever is followed, blocked or called what is asked of users is asked by it through
    /// the handle, which remembers.
    pub(super) fn social(&self) -> &SocialPorts {
        &self.social
    }

    fn ask_tables(&mut self, app: &AppSection, database: &AppDatabase) -> Result<(), AppError> {
        let [sessions, groups, posts, followers, following, apart, blocked, between, users] =
            app.sources().map(|source| Statement::of(&source));
        if let Some(sql) = &sessions {
            self.sessions = Some(Arc::new(AppSessions::new(database, sql.sql())?));
        }
        if let Some(sql) = &groups {
            self.groups = Some(Arc::new(AppGroups::new(database, sql.sql(), app.groups.max_age.0)?));
        }
        if let Some(sql) = &posts {
            self.social.posts = Some(Arc::new(AppPosts::new(database, sql.sql())?));
        }
        if let Some(followers) = &followers {
            let queries = GraphQueries {
                followers: followers.sql(),
                following: following.as_ref().map(Statement::sql),
                apart: apart.as_ref().map(Statement::sql),
                blocked: blocked.as_ref().map(Statement::sql),
                between: between.as_ref().map(Statement::sql),
            };
            self.social.graph = Some(Arc::new(AppGraph::new(database, queries, app.max_age.0)?));
        }
        if let Some(sql) = &users {
            self.users = Some(Arc::new(AppUsers::new(database, sql.sql())?));
        }
        let list = |setting, text: &Option<String>| {
            text.as_deref().map(|text| AppList::of_user(database, Sql { setting, text })).transpose()
        };
        self.diagnosis.pending = list("app.followers.pending", &app.followers.pending)?;
        self.diagnosis.groups_of = list("app.groups.of_user", &app.groups.of_user)?;
        Ok(())
    }

    fn ask_endpoints(
        &mut self,
        configuration: &Configuration,
        endpoints: &Endpoints,
        clock: &SharedClock,
    ) -> Result<(), EndpointError> {
        let Configuration { app, auth, .. } = configuration;
        let max_age = app.max_age.0;
        let [sessions, groups, posts, followers, following, apart, blocked, between, users] =
            app.sources().map(|source| Address::of(&source));
        if let Some(address) = sessions {
            let template = address.template(&[])?;
            self.sessions = Some(Arc::new(EndpointSessions::new(endpoints, template, &auth.cookie)));
        }
        if let Some(Address { setting, url }) = &groups {
            let members = EndpointList::of_group(endpoints, setting, url)?;
            self.groups = Some(Arc::new(EndpointGroups::new(members, app.groups.max_age.0)));
        }
        if let Some(address) = posts {
            let port = Arc::new(EndpointPosts::new(endpoints, address.template(EndpointPosts::PLACES)?));
            self.social.posts = Some(Arc::new(CachedPosts::new(port, POSTS, max_age, clock.clone())));
        }
        let list = |Address { setting, url }: Address| EndpointList::of_user(endpoints, &setting, &url);
        if let (Some(followers), Some(following), Some(between)) = (followers, following, between) {
            let templates = GraphTemplates {
                followers: list(followers)?,
                following: list(following)?,
                apart: apart.map(list).transpose()?,
                blocked: blocked.map(list).transpose()?,
                between: between.template(EndpointGraph::BETWEEN)?,
            };
            self.social.graph = Some(Arc::new(EndpointGraph::new(endpoints, templates, max_age)));
        }
        if let Some(address) = users {
            let template = address.template(EndpointUsers::PLACES)?;
            self.users = Some(Arc::new(EndpointUsers::new(endpoints, template)));
        }
        Ok(())
    }
}

/// What fetches the keys of an identity provider. It gets no bearer, which is for the app's own backend.
pub(super) fn key_set(
    app: &AppSection,
    auth: &Auth,
    algorithm: tidings_server::auth::TokenAlgorithm,
) -> Result<Option<tidings_server::auth::KeySet>, Failure> {
    let Some(url) = &auth.jwks_url else { return Ok(None) };
    let template = Template::parse("auth.jwks_url", url, &[]).map_err(misnamed)?;
    let endpoints = Endpoints::new(EndpointOptions { bearer: None, ..endpoint_options(app) }).map_err(misnamed)?;
    Ok(Some(tidings_server::auth::KeySet::new(algorithm, move || endpoints.fetch(&template))))
}

fn endpoint_options(app: &AppSection) -> EndpointOptions {
    EndpointOptions {
        requests: app.requests,
        queue: app.queue,
        timeout: app.timeout.0,
        retries: app.retries,
        answer_bytes: app.answer_bytes,
        bearer: app.bearer.as_ref().map(|secret| secret.reveal().to_owned()),
        ..EndpointOptions::default()
    }
}

/// A statement with the key of its setting.
struct Statement {
    setting: String,
    text: String,
}

impl Statement {
    fn of(source: &Source<'_>) -> Option<Self> {
        let text = source.query?.to_owned();
        Some(Self { setting: format!("{}.query", source.section), text })
    }

    fn sql(&self) -> Sql<'_> {
        Sql { setting: &self.setting, text: &self.text }
    }
}

/// A URL with the key of its setting.
struct Address {
    setting: String,
    url: String,
}

impl Address {
    fn of(source: &Source<'_>) -> Option<Self> {
        let url = source.url?.to_owned();
        Some(Self { setting: format!("{}.url", source.section), url })
    }

    fn template(&self, places: &'static [&'static str]) -> Result<Template, EndpointError> {
        Template::parse(&self.setting, &self.url, places)
    }
}

/// What the configuration names and can't be used is a matter of the configuration.
fn refused(error: AppError) -> Failure {
    let setting = if matches!(error, AppError::Open { .. }) { "app.database: " } else { "" };
    Failure::Usage(format!("{setting}{:#}", anyhow::Error::from(error)))
}

fn misnamed(error: EndpointError) -> Failure {
    match error {
        error @ EndpointError::Setting { .. } => Failure::Usage(error.to_string()),
        error => Failure::from(error),
    }
}
