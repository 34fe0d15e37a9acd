//! The pack's own tables as ports.

use serde_json::Map;
use tidings_server::{
    ServerSlot,
    act::{Row, Value},
    ports::{Between, BoxFuture, Post, Posts, Profile, SocialGraph, StoreError, Users},
};
use tidings_wire::{PostId, UserId};

use crate::{blockers::Blockers, sql};

/// The tables. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Own(ServerSlot, Blockers);

impl Own {
    pub(crate) fn new(server: ServerSlot) -> Self {
        Self(server, Blockers::default())
    }

    pub(crate) fn server(&self) -> ServerSlot {
        self.0.clone()
    }

    /// Who has ever blocked somebody.
    pub(crate) fn blockers(&self) -> Blockers {
        self.1.clone()
    }

    /// A page of users, by the statement for the first one or for a later one.
    fn page(
        &self,
        [first, later]: [&'static str; 2],
        of: UserId,
        after: Option<UserId>,
        limit: u32,
    ) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let server = self.0.clone();
        // A statement returns at most 1,000 rows, but a page that is shorter than asked for counts as the last.
        Box::pin(async move {
            let mut found = Vec::new();
            let mut after = after;
            while (found.len() as u32) < limit {
                let step = (limit - found.len() as u32).min(ROWS);
                let (sql, values) = match after {
                    None => (first, vec![of.into(), Value::Int(step.into())]),
                    Some(after) => (later, vec![of.into(), after.into(), Value::Int(step.into())]),
                };
                let rows = server.query(sql, values).await?;
                found.extend(rows.iter().filter_map(|row| row[0].id()).map(UserId));
                after = found.last().copied();
                if (rows.len() as u32) < step {
                    break;
                }
            }
            Ok(found)
        })
    }
}

/// Rows that a store returns of one statement at most.
const ROWS: u32 = 1_000;

impl Posts for Own {
    fn post(&self, id: PostId) -> BoxFuture<Result<Option<Post>, StoreError>> {
        let server = self.0.clone();
        Box::pin(async move {
            let rows = server.query(sql::POST, vec![id.into()]).await?;
            let Some(row) = rows.into_iter().next() else { return Ok(None) };
            let owner = row[0].id().map(UserId).ok_or_else(|| corrupt("an owner"))?;
            let mut details = Map::new();
            details.insert("content".into(), row[1].text().unwrap_or_default().into());
            details.insert("timestamp".into(), row[2].int().into());
            Ok(Some(Post { owner, details }))
        })
    }
}

impl SocialGraph for Own {
    fn followers(&self, of: UserId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        self.page([sql::FOLLOWERS_FIRST, sql::FOLLOWERS_AFTER], of, after, limit)
    }

    fn following(&self, by: UserId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        self.page([sql::FOLLOWING_FIRST, sql::FOLLOWING_AFTER], by, after, limit)
    }

    fn apart(&self, from: UserId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        self.page([sql::APART_FIRST, sql::APART_AFTER], from, after, limit)
    }

    /// A deployment that keeps nothing keeps no blocks.
    fn blocked(&self, by: UserId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        if self.1.spares(by) {
            return Box::pin(std::future::ready(Ok(Vec::new())));
        }
        let page = self.page([sql::BLOCKED_FIRST, sql::BLOCKED_AFTER], by, after, limit);
        Box::pin(async move {
            match page.await {
                Err(StoreError::NotEnabled) => Ok(Vec::new()),
                page => page,
            }
        })
    }

    fn between(&self, user: UserId, other: UserId) -> BoxFuture<Result<Between, StoreError>> {
        let server = self.0.clone();
        Box::pin(async move {
            let rows = server.query(sql::BETWEEN, vec![user.into(), other.into()]).await?;
            rows.first().map(between).ok_or_else(|| corrupt("how two users stand to one another"))
        })
    }

    fn max_age(&self) -> Option<std::time::Duration> {
        None
    }
}

/// What [`sql::BETWEEN`] returned.
pub(crate) fn between(row: &Row) -> Between {
    let is = |at: usize| row.get(at).and_then(Value::int).is_some_and(|count| count > 0);
    Between { follows: is(0), followed: is(1), blocks: is(2), blocked: is(3), mutes: is(4), muted: is(5) }
}

impl Users for Own {
    fn user(&self, id: UserId) -> BoxFuture<Result<Option<Profile>, StoreError>> {
        let server = self.0.clone();
        Box::pin(async move {
            let rows = server.query(sql::USER, vec![id.into()]).await?;
            let Some(row) = rows.into_iter().next() else { return Ok(None) };
            // An empty text is one that was taken back.
            let text = |value: &Value| value.text().filter(|text| !text.is_empty()).map(str::to_owned);
            let mut data = Map::new();
            data.insert("private".into(), (row[1].int() == Some(1)).into());
            Ok(Some(Profile { name: text(&row[0]), language: text(&row[2]), zone: text(&row[3]), data }))
        })
    }
}

fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt { what: what.to_owned() }
}
