//! An app that was there before Tidings: an axum router, a SQLite file with tables of its own, sessions by cookie. What it takes to tell
//! its users live of likes is marked with `Tidings:`.
#![forbid(unsafe_code)]

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings::{
    App, Audience, Message, Pack, PostId, Running, Sender, ServerOptions, Setup, Tidings, UserId,
    axum::{Router, extract, http::HeaderMap, http::StatusCode, routing::put},
    server::ports::{BoxFuture, Relation, Session, SessionResolver, StoreError},
    wire::{FOLLOWERS, Id, Set},
};

/// The app's database. A real app has a pool of connections.
#[derive(Clone)]
pub struct Database(Arc<Mutex<Connection>>);

impl Database {
    /// Opens the file, and makes the tables that it lacks.
    ///
    /// # Errors
    /// Where SQLite can't.
    pub fn open(file: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS Sessions (cookie TEXT PRIMARY KEY, user_id INTEGER);
             CREATE TABLE IF NOT EXISTS Posts (id INTEGER PRIMARY KEY, user_id INTEGER, content TEXT);
             CREATE TABLE IF NOT EXISTS Followers (follower_id INTEGER, followee_id INTEGER, is_accepted INTEGER);
             CREATE TABLE IF NOT EXISTS Likes (post_id INTEGER, user_id INTEGER, UNIQUE (post_id, user_id));",
        )?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// The connection, for as long as the guard is held.
    ///
    /// # Panics
    /// Where another thread panicked while it held it.
    pub fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().expect("no statement panics")
    }

    fn user_of(&self, cookie: &str) -> rusqlite::Result<Option<u32>> {
        let sql = "SELECT user_id FROM Sessions WHERE cookie = ?1";
        self.lock().query_row(sql, [cookie], |row| row.get(0)).optional()
    }

    fn owner_of(&self, post: u32) -> rusqlite::Result<Option<u32>> {
        self.lock().query_row("SELECT user_id FROM Posts WHERE id = ?1", [post], |row| row.get(0)).optional()
    }

    /// Whether it is new.
    fn like(&self, post: u32, user: u32) -> rusqlite::Result<bool> {
        let sql = "INSERT INTO Likes (post_id, user_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        Ok(self.lock().execute(sql, [post, user])? == 1)
    }

    fn followers(&self, of: Id, after: Option<UserId>, limit: u32) -> rusqlite::Result<Vec<UserId>> {
        let connection = self.lock();
        let sql = "SELECT follower_id FROM Followers WHERE followee_id = ?1 AND is_accepted = 1 AND follower_id > ?2 \
                   ORDER BY follower_id LIMIT ?3";
        // The app's ids are integers; Tidings takes UUIDs as well.
        let after = after.map_or_else(|| "-1".to_owned(), |after| after.to_string());
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map((of.to_string(), after, limit), |row| row.get(0).map(UserId::new))?;
        rows.collect()
    }
}

/// Tidings: a message type. Somebody liked a post.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Liked {
    /// Which.
    pub post_id: PostId,
    /// Who.
    pub liker_id: UserId,
}

impl Message for Liked {
    const TYPE: &'static str = "liked";
    const SENDERS: tidings::Senders = tidings::Senders::Service;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::nobody()
    }
}

/// Tidings: who a session cookie belongs to, and who follows whom, by the app's own tables.
#[derive(Clone)]
struct Tables(Database);

fn unavailable(error: rusqlite::Error) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

impl SessionResolver for Tables {
    fn resolve(&self, cookie: String) -> BoxFuture<Result<Option<Session>, StoreError>> {
        let user = self.0.user_of(&cookie).map_err(unavailable);
        let session = |user| Session { user: UserId::new(user), expires_at: None };
        Box::pin(std::future::ready(user.map(|user| user.map(session))))
    }
}

impl Relation for Tables {
    fn members(&self, to: Id, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        Box::pin(std::future::ready(self.0.followers(to, after, limit).map_err(unavailable)))
    }

    fn max_age(&self) -> Option<Duration> {
        Some(Duration::from_secs(30))
    }
}

impl Pack for Tables {
    const NAME: &'static str = "app_tables";

    fn add(self, to: &mut Setup) {
        to.message::<Liked>().relation(FOLLOWERS, Arc::new(self));
    }
}

#[derive(Clone)]
struct State {
    database: Database,
    tidings: Tidings,
}

/// The app's own handler, as it was; what is new is one call.
async fn like(
    extract::State(State { database, tidings }): extract::State<State>,
    extract::Path(post): extract::Path<u32>,
    headers: HeaderMap,
) -> Result<StatusCode, StatusCode> {
    let broken = |_| StatusCode::INTERNAL_SERVER_ERROR;
    let cookie = headers.get("cookie").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let cookie = cookie.split("; ").find_map(|pair| pair.strip_prefix("session=")).unwrap_or_default();
    let liker = database.user_of(cookie).map_err(broken)?.ok_or(StatusCode::UNAUTHORIZED)?;
    let owner = database.owner_of(post).map_err(broken)?.ok_or(StatusCode::NOT_FOUND)?;
    if database.like(post, liker).map_err(broken)? {
        // Tidings: the owner and the owner's followers hear of it, as far as they are there; the liker does not.
        let (owner, liker) = (UserId::new(owner), UserId::new(liker));
        let liked = Liked { post_id: PostId::new(post), liker_id: liker };
        let audience = Audience::user(owner).and(Set::of(FOLLOWERS, owner));
        // The like is stored: that nobody could be told now is no reason to refuse it.
        let _ = tidings.publish(&liked, Some(liker), audience).await;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The whole app: its own routes with Tidings' beside them (`/ws`, `/v1`, `/metrics` …), and what is to be stopped at the end.
///
/// # Errors
/// Where Tidings does not start.
pub async fn app(database: Database) -> anyhow::Result<(Router, Running)> {
    let tables = Tables(database.clone());
    let options = ServerOptions { session_cookie: "session".to_owned(), ..ServerOptions::default() };
    let server = App::new().options(options).sessions(Arc::new(tables.clone())).pack(tables).build()?;
    let running = server.start().await?;
    let state = State { database, tidings: running.handle() };
    let own = Router::new().route("/posts/{post}/like", put(like)).with_state(state);
    Ok((own.merge(running.router()), running))
}
