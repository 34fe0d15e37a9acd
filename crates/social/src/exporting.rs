//! The pack's part of an export: all that a user wrote, did and is in, table by table and page by page.
//!
//! Who has blocked or muted the user stands in none of it: nobody is told that.

use std::sync::Arc;

use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use serde_json::{Map, Value as Json};
use tidings_server::{
    Exported, Tidings,
    act::{Row, Value},
    ports::{Profile, Users},
};
use tidings_wire::{PostId, Reject, UserId};

use crate::{keeping, shared::refusal, sql};

/// Rows of a page.
const PAGE: usize = 500;

/// Rows of one table that are the user's, as records of one name.
struct Table {
    record: &'static str,
    from: From,
    /// A second value of the statements: of follows only those that stand so.
    state: Option<&'static str>,
    /// What the columns are. The first one orders the rows, and is what the next page goes on behind.
    columns: &'static [(&'static str, Column)],
}

/// The statements that read its pages.
enum From {
    /// Ordered by an id that Tidings gave to a post: all are above 0.
    Posts(&'static str),
    /// Ordered by another id that Tidings gave.
    Ids(&'static str),
    /// Ordered by a user: the first page, and one behind a user.
    Users(&'static str, &'static str),
}

/// How a column is written.
#[derive(Clone, Copy)]
enum Column {
    User,
    Post,
    /// A number that Tidings gave: a string of digits, as everywhere.
    Number,
    Text,
    Second,
}

use Column::{Number, Post, Second, Text, User};

/// In the order of the export.
const TABLES: [Table; 10] = [
    table("post", From::Posts(sql::POSTS_WRITTEN), &[("id", Post), ("content", Text), ("timestamp", Second)]),
    table(
        "comment",
        From::Ids(sql::COMMENTS_WRITTEN),
        &[("id", Number), ("post_id", Post), ("content", Text), ("timestamp", Second)],
    ),
    table("like", From::Ids(sql::LIKES_GIVEN), &[("id", Number), ("post_id", Post), ("timestamp", Second)]),
    table(
        "share",
        From::Ids(sql::SHARES_WRITTEN),
        &[("id", Number), ("post_id", Post), ("content", Text), ("timestamp", Second)],
    ),
    table(
        "following",
        From::Users(sql::FOLLOWS_FIRST, sql::FOLLOWS_AFTER),
        &[("user_id", User), ("state", Text), ("timestamp", Second)],
    ),
    followers("accepted"),
    followers("pending"),
    followers("denied"),
    table("block", From::Users(sql::BLOCKS_FIRST, sql::BLOCKS_AFTER), &[("user_id", User), ("timestamp", Second)]),
    table("mute", From::Users(sql::MUTES_FIRST, sql::MUTES_AFTER), &[("user_id", User), ("timestamp", Second)]),
];

const fn table(record: &'static str, from: From, columns: &'static [(&'static str, Column)]) -> Table {
    Table { record, from, state: None, columns }
}

/// Who follows the user or asked to.
const fn followers(state: &'static str) -> Table {
    let from = From::Users(sql::ASKING_FIRST, sql::ASKING_AFTER);
    Table { record: "follower", from, state: Some(state), columns: &[("user_id", User), ("timestamp", Second)] }
}

/// The user's profile, where the pack keeps it, then the tables.
pub(crate) fn export(
    tidings: Tidings,
    profiles: Option<Arc<dyn Users>>,
    user: UserId,
) -> BoxStream<'static, Result<Vec<Exported>, Reject>> {
    let profile = stream::once(async move {
        let found = match profiles {
            Some(profiles) => profiles.user(user).await.map_err(refusal)?,
            None => None,
        };
        Ok(found.as_ref().map(record_of).into_iter().collect())
    });
    let tables = stream::iter(&TABLES).flat_map(move |table| pages(tidings.clone(), table, user));
    profile.chain(tables).try_filter(|page: &Vec<_>| std::future::ready(!page.is_empty())).boxed()
}

fn record_of(profile: &Profile) -> Exported {
    Exported { record: "profile", fields: keeping::fields(profile) }
}

fn pages(tidings: Tidings, table: &'static Table, user: UserId) -> BoxStream<'static, Result<Vec<Exported>, Reject>> {
    // What the page goes on behind; none once the last was read.
    let begin = Some(None::<Value>);
    stream::try_unfold(begin, move |after| {
        let tidings = tidings.clone();
        async move {
            let Some(after) = after else { return Ok(None) };
            let (statement, values) = table.question(user, after);
            let rows = tidings.query(statement, values).await?;
            let last = rows.last().filter(|_| rows.len() == PAGE).and_then(|row| table.mark(row)).map(Some);
            Ok(Some((rows.iter().map(|row| table.record_of(row)).collect(), last)))
        }
    })
    .boxed()
}

impl Table {
    /// What the page behind this row goes on behind, as a statement takes it.
    fn mark(&self, row: &Row) -> Option<Value> {
        match self.from {
            From::Ids(_) => row[0].int().map(Value::Int),
            From::Posts(_) | From::Users(..) => row[0].id().map(Value::Id),
        }
    }

    fn question(&self, user: UserId, after: Option<Value>) -> (&'static str, Vec<Value>) {
        let (statement, after) = match (&self.from, after) {
            (From::Posts(statement), after) => (*statement, Some(after.unwrap_or_else(|| PostId::new(0).into()))),
            (From::Ids(statement), after) => (*statement, Some(after.unwrap_or(Value::Int(0)))),
            (From::Users(first, _), None) => (*first, None),
            (From::Users(_, later), after) => (*later, after),
        };
        let state = self.state.map(Value::from);
        let values = [Some(user.into()), state, after, Some(Value::Int(PAGE as i64))];
        (statement, values.into_iter().flatten().collect())
    }

    fn record_of(&self, row: &Row) -> Exported {
        let mut fields = Map::new();
        for ((name, column), value) in self.columns.iter().zip(row) {
            if let Some(value) = column.json(value) {
                fields.insert((*name).into(), value);
            }
        }
        fields.extend(self.state.map(|state| ("state".into(), state.into())));
        Exported { record: self.record, fields }
    }
}

impl Column {
    /// None of a text that is not there, and of what is not what the column has.
    fn json(self, value: &Value) -> Option<Json> {
        match self {
            Self::User => serde_json::to_value(UserId(value.id()?)).ok(),
            Self::Post => serde_json::to_value(PostId(value.id()?)).ok(),
            Self::Number => Some(value.int()?.to_string().into()),
            Self::Text => Some(value.text()?.into()),
            Self::Second => Some(value.int()?.into()),
        }
    }
}
