//! Statements that list users: paged by themselves, or here.

use std::{collections::BTreeSet, sync::Arc};

use tidings_engine::{
    act::Value,
    ports::{BoxFuture, StoreError},
};
use tidings_wire::{Form, Id, UserId};

use super::{
    database::{AppDatabase, AppError},
    query::{Query, QueryError, Shape, Sql},
    values::id,
};

/// The most rows of a statement that does not name `:after` and `:limit`. All of them are read for every page of 1,000 (of a group: of
/// 10,000) and no more than a page is held, so followers of this number cost 50 readings of the table: under a second. With one more the
/// question fails, and says how to page it.
pub const UNPAGED_ROWS: usize = 50_000;

/// A statement that lists ids in its only column, for the thing named by its first parameter: the followers of a user, the members of a
/// group.
///
/// One that names `:after` and `:limit` is paged: it returns ids above `:after` in ascending order. One that names neither returns all,
/// in any order, and twice what is there twice; up to [`UNPAGED_ROWS`] rows.
#[derive(Clone)]
pub struct AppList {
    database: AppDatabase,
    query: Arc<Query>,
    paged: bool,
}

const OF_USER: Shape = Shape { parameters: &["user", "after", "limit"], needed: &[&["user"]], columns: (1, 1) };
const OF_GROUP: Shape = Shape { parameters: &["group", "after", "limit"], needed: &[&["group"]], columns: (1, 1) };

impl AppList {
    /// A list for a user: `:user`, or `$1`.
    ///
    /// # Errors
    /// [`AppError::Query`].
    pub fn of_user(database: &AppDatabase, sql: Sql<'_>) -> Result<Self, AppError> {
        Self::new(database, sql, &OF_USER)
    }

    /// A list for a group: `:group`, or `$1`.
    ///
    /// # Errors
    /// [`AppError::Query`].
    pub fn of_group(database: &AppDatabase, sql: Sql<'_>) -> Result<Self, AppError> {
        Self::new(database, sql, &OF_GROUP)
    }

    fn new(database: &AppDatabase, sql: Sql<'_>, shape: &Shape) -> Result<Self, AppError> {
        let query = database.prepare(sql, shape)?;
        let paged = match (query.uses(shape, "after"), query.uses(shape, "limit")) {
            (true, false) | (false, true) => {
                let problem = "uses one of `:after` and `:limit`: a page needs both, a statement without pages neither";
                return Err(AppError::Query { setting: sql.setting.to_owned(), problem: problem.to_owned() });
            }
            (both, _) => both,
        };
        Ok(Self { database: database.clone(), query, paged })
    }

    /// Ids above `after`, ascending, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Statement`] names the setting.
    pub fn page(&self, of: Id, after: Option<Id>, limit: u32) -> BoxFuture<Result<Vec<Id>, StoreError>> {
        // Below every id, whatever the column's type: SQLite orders integers before text, and `-` before digits.
        let above = after.map_or(Value::Int(-1), Value::Id);
        let values = vec![Value::Id(of), above, Value::Int(limit.into())];
        let (paged, limit) = (self.paged, limit as usize);
        self.database.ask(&self.query, values, move |rows| match paged {
            true => page(rows, after, limit),
            false => all(rows, after, limit),
        })
    }

    /// Whether an id is in the list.
    ///
    /// # Errors
    /// As [`page`](Self::page).
    pub fn contains(&self, of: Id, wanted: Id) -> BoxFuture<Result<bool, StoreError>> {
        let page = self.page(of, below(wanted), 1);
        Box::pin(async move { Ok(page.await?.first() == Some(&wanted)) })
    }

    /// The same as users.
    pub(super) fn users(
        &self,
        of: Id,
        after: Option<UserId>,
        limit: u32,
    ) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let page = self.page(of, after.map(|user| user.0), limit);
        Box::pin(async move { Ok(page.await?.into_iter().map(UserId).collect()) })
    }
}

/// What a paged statement returned.
fn page(rows: &mut rusqlite::Rows<'_>, after: Option<Id>, limit: usize) -> Result<Vec<Id>, QueryError> {
    let mut page: Vec<Id> = Vec::new();
    while let Some(row) = rows.next()? {
        let next = id(row, 0)?;
        if page.len() == limit {
            return Err(QueryError::Rows(limit));
        }
        if page.last().copied().or(after).is_some_and(|last| next <= last) {
            return Err(QueryError::Order);
        }
        page.push(next);
    }
    Ok(page)
}

/// The lowest ids above `after` among all that a statement returns. No more than these are held.
fn all(rows: &mut rusqlite::Rows<'_>, after: Option<Id>, limit: usize) -> Result<Vec<Id>, QueryError> {
    let mut lowest = BTreeSet::new();
    let mut count = 0;
    while let Some(row) = rows.next()? {
        count += 1;
        if count > UNPAGED_ROWS {
            return Err(QueryError::Unpaged(UNPAGED_ROWS));
        }
        let next = id(row, 0)?;
        let too_high = lowest.len() == limit && lowest.last().is_none_or(|last| next > *last);
        if after.is_some_and(|after| next <= after) || too_high {
            continue;
        }
        lowest.insert(next);
        if lowest.len() > limit {
            lowest.pop_last();
        }
    }
    Ok(lowest.into_iter().collect())
}

/// The id just below; none below the lowest.
fn below(id: Id) -> Option<Id> {
    match id.form() {
        Form::Integer(number) => Id::from_integer(number - 1).ok(),
        Form::Uuid(bytes) => {
            let less = u128::from_be_bytes(bytes) - 1;
            match i64::try_from(less) {
                Ok(number) => Id::from_integer(number).ok(),
                Err(_) => Id::from_uuid(less.to_be_bytes()).ok(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_just_below_is_found_for_integers_and_uuids() {
        let id = |text: &str| text.parse::<Id>().unwrap();
        for (above, expected) in [
            ("8", Some("7")),
            ("0", None),
            ("0192f0c1-2b3c-7def-8abc-000000000000", Some("0192f0c1-2b3c-7def-8abb-ffffffffffff")),
            ("00000000-0000-0000-8000-000000000000", Some("9223372036854775807")),
        ] {
            assert_eq!(below(id(above)), expected.map(id), "{above}");
        }
    }
}
