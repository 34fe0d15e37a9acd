//! Sessions of the built-in table. Cookies are stored as hashes, so that who reads the database can't use them.

use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};
use tidings_engine::ports::{BoxFuture, Session, SessionResolver, StoreError};
use tidings_wire::UserId;

use crate::{ids::SqlId, store::SqliteStore};

/// Sessions whose time is over that one new session clears away.
const CLEARED: i64 = 100;

impl SqliteStore {
    /// Makes a session of a user that holds until a Unix second, and returns the value for the cookie: 64 hexadecimal
    /// digits, which are stored nowhere.
    pub fn create_session(&self, user: UserId, expires_at: i64) -> BoxFuture<Result<String, StoreError>> {
        let value: String = rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect();
        let hash = hash(&value);
        let now = self.shared().options.clock.now().unix();
        let written = self.write(move |connection| {
            connection
                .prepare_cached(
                    "DELETE FROM sessions WHERE hash IN \
                     (SELECT hash FROM sessions WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
                )?
                .execute([now, CLEARED])?;
            connection
                .prepare_cached("INSERT INTO sessions (hash, user, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![hash, SqlId::from(user), now, expires_at])
        });
        Box::pin(async move { written.await.map(|_| value) })
    }

    /// Ends a session by the value of its cookie; false where there is none.
    pub fn delete_session(&self, cookie: &str) -> BoxFuture<Result<bool, StoreError>> {
        let hash = hash(cookie);
        self.write(move |connection| {
            Ok(connection.prepare_cached("DELETE FROM sessions WHERE hash = ?1")?.execute([hash])? > 0)
        })
    }
}

impl SessionResolver for SqliteStore {
    fn resolve(&self, cookie: String) -> BoxFuture<Result<Option<Session>, StoreError>> {
        let hash = hash(&cookie);
        let now = self.shared().options.clock.now().unix();
        self.read(move |connection| {
            let sql = "SELECT s.user, s.expires_at FROM sessions s LEFT JOIN revoked r ON r.user = s.user \
                       WHERE s.hash = ?1 AND s.expires_at > ?2 AND (r.before IS NULL OR s.created_at > r.before)";
            let session = connection
                .prepare_cached(sql)?
                .query_row(params![hash, now], |row| {
                    Ok(Session { user: UserId(row.get::<_, SqlId>(0)?.0), expires_at: Some(row.get(1)?) })
                })
                .optional()?;
            Ok(session)
        })
    }
}

fn hash(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie).into()
}
