//! Who follows, blocks and mutes whom, by the app's own tables.

use std::{sync::Arc, time::Duration};

use rusqlite::types::ValueRef;
use tidings_engine::{
    act::Value,
    ports::{Between, BoxFuture, SocialGraph, StoreError},
};
use tidings_wire::UserId;

use super::{
    database::{AppDatabase, AppError},
    pages::AppList,
    query::{Query, QueryError, Shape, Sql},
    values::{name, one},
};

/// The statements for a graph.
#[derive(Clone, Copy, Debug)]
pub struct GraphQueries<'a> {
    /// Those who follow `:user` and were accepted: see [`AppList::of_user`].
    pub followers: Sql<'a>,
    /// Those whom `:user` follows and who accepted it. Without it that can't be asked: it is an error of its own.
    pub following: Option<Sql<'a>>,
    /// Those who hear nothing of what `:user` does. Without it that is nobody.
    pub apart: Option<Sql<'a>>,
    /// Those whom `:user` has blocked. Without it that can't be asked, and private messages are withheld from nobody.
    pub blocked: Option<Sql<'a>>,
    /// How `:user` (`$1`) stands to `:other` (`$2`): one row with some of the columns `follows`, `followed`, `blocks`, `blocked`, `mutes`,
    /// `muted`, each 0 or 1; without a row all are 0. Without it, `follows` and `followed` are looked up among the followers, and nobody
    /// blocks or mutes: so it belongs to `apart`.
    pub between: Option<Sql<'a>>,
}

/// The app's graph.
pub struct AppGraph {
    database: AppDatabase,
    followers: AppList,
    following: Option<AppList>,
    apart: Option<AppList>,
    blocked: Option<AppList>,
    between: Option<Arc<Query>>,
    max_age: Duration,
}

const BETWEEN: Shape = Shape { parameters: &["user", "other"], needed: &[&["user"], &["other"]], columns: (1, 6) };

impl AppGraph {
    /// Checks the statements. `max_age` is how old what was read may be when it is used.
    ///
    /// # Errors
    /// [`AppError::Query`].
    pub fn new(database: &AppDatabase, queries: GraphQueries<'_>, max_age: Duration) -> Result<Self, AppError> {
        let list = |sql: Option<Sql<'_>>| sql.map(|sql| AppList::of_user(database, sql)).transpose();
        Ok(Self {
            database: database.clone(),
            followers: AppList::of_user(database, queries.followers)?,
            following: list(queries.following)?,
            apart: list(queries.apart)?,
            blocked: list(queries.blocked)?,
            between: queries.between.map(|sql| database.prepare(sql, &BETWEEN)).transpose()?,
            max_age,
        })
    }
}

type Users = BoxFuture<Result<Vec<UserId>, StoreError>>;

impl SocialGraph for AppGraph {
    fn followers(&self, of: UserId, after: Option<UserId>, limit: u32) -> Users {
        self.followers.users(of.0, after, limit)
    }

    fn following(&self, by: UserId, after: Option<UserId>, limit: u32) -> Users {
        match &self.following {
            Some(list) => list.users(by.0, after, limit),
            None => {
                let source = Box::new(QueryError::NotSet);
                let error = StoreError::Statement { statement: "app.following.query".to_owned(), source };
                Box::pin(async { Err(error) })
            }
        }
    }

    fn apart(&self, from: UserId, after: Option<UserId>, limit: u32) -> Users {
        match &self.apart {
            Some(list) => list.users(from.0, after, limit),
            None => Box::pin(async { Ok(Vec::new()) }),
        }
    }

    fn blocked(&self, by: UserId, after: Option<UserId>, limit: u32) -> Users {
        match &self.blocked {
            Some(list) => list.users(by.0, after, limit),
            None => Box::pin(async { Ok(Vec::new()) }),
        }
    }

    fn lists_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    fn between(&self, user: UserId, other: UserId) -> BoxFuture<Result<Between, StoreError>> {
        if let Some(query) = &self.between {
            let values = vec![Value::Id(user.0), Value::Id(other.0)];
            let found = self.database.ask(query, values, |rows| one(rows, between));
            return Box::pin(async move { Ok(found.await?.unwrap_or_default()) });
        }
        let follows = self.followers.contains(other.0, user.0);
        let followed = self.followers.contains(user.0, other.0);
        Box::pin(
            async move { Ok(Between { follows: follows.await?, followed: followed.await?, ..Between::default() }) },
        )
    }

    fn max_age(&self) -> Option<Duration> {
        Some(self.max_age)
    }
}

fn between(row: &rusqlite::Row<'_>) -> Result<Between, QueryError> {
    let mut between = Between::default();
    for column in 0..row.as_ref().column_count() {
        let wrong = |found, expected| QueryError::Column { column: name(row, column).to_owned(), found, expected };
        let is = match row.get_ref(column)? {
            ValueRef::Null => false,
            ValueRef::Integer(number) => number != 0,
            _ => return Err(wrong("something else", "0 or 1")),
        };
        let field = match name(row, column) {
            "follows" => &mut between.follows,
            "followed" => &mut between.followed,
            "blocks" => &mut between.blocks,
            "blocked" => &mut between.blocked,
            "mutes" => &mut between.mutes,
            "muted" => &mut between.muted,
            _ => {
                let expected = "a column named follows, followed, blocks, blocked, mutes or muted";
                return Err(wrong("something else", expected));
            }
        };
        *field = is;
    }
    Ok(between)
}
