//! What is kept of a user: what `/v1/me` shows and changes, what an export has, and what goes when they go for good.

use std::sync::Arc;

use futures_util::stream::BoxStream;
use serde_json::{Map, Value as Json};
use tidings_server::{
    Deed, Exported, Keeper, Tidings,
    act::{Row, Value, Write},
    ports::{BoxFuture, Profile},
    publish::Consequences,
};
use tidings_wire::{BLOCKED, Code, FOLLOWERS, PostId, Reject, UserId};

use crate::{
    act::counters,
    exporting,
    relations::{APART, FOLLOWING, MUTUAL},
    routes::erase_post,
    shared::{Shared, is_private},
    sql::{self, SOME},
};

/// The pack's part of `/v1/me`, of an export and of an erasure.
pub(crate) struct Keeping(pub(crate) Arc<Shared>);

/// Characters of a name.
const NAME: usize = 100;

/// Bytes of a language tag (RFC 5646 §4.4.1) and of a time zone's name.
const TAG: usize = 64;

/// What may be changed. What is absent stays; an empty text takes back what was said.
#[derive(Debug, Default)]
struct Said {
    name: Option<String>,
    private: Option<bool>,
    language: Option<String>,
    zone: Option<String>,
}

const FIELDS: [&str; 4] = ["name", "private", "language", "zone"];

impl Said {
    fn read(asked: &Map<String, Json>) -> Result<Option<Self>, Reject> {
        let mut said = Self::default();
        let mut any = false;
        for field in FIELDS {
            let Some(value) = asked.get(field).filter(|value| !value.is_null()) else { continue };
            any = true;
            let wrong = |form: &'static str| Reject::field(field, form);
            let text = |most: usize, form| match value.as_str() {
                Some(text) if text.chars().count() <= most && !text.chars().any(char::is_control) => {
                    Ok(Some(text.trim().to_owned()))
                }
                _ => Err(wrong(form)),
            };
            match field {
                "name" => said.name = text(NAME, "a text of at most 100 characters")?,
                "language" => said.language = text(TAG, "a language tag such as \"pt-BR\"")?,
                "zone" => said.zone = text(TAG, "the name of a time zone such as \"Europe/Berlin\"")?,
                _ => said.private = Some(value.as_bool().ok_or_else(|| wrong("`true` or `false`"))?),
            }
        }
        Ok(any.then_some(said))
    }
}

impl Keeper for Keeping {
    fn shown(&self, _: &Tidings, user: UserId) -> BoxFuture<Result<Map<String, Json>, Reject>> {
        let shared = self.0.clone();
        Box::pin(async move { Ok(fields(&shared.profile(user).await?.unwrap_or_default())) })
    }

    fn change(&self, tidings: &Tidings, user: UserId, asked: &Map<String, Json>) -> BoxFuture<Result<(), Reject>> {
        let (own, tidings, said) = (self.0.own_users, tidings.clone(), Said::read(asked));
        Box::pin(async move {
            let Some(said) = said? else { return Ok(()) };
            if !own {
                return Err(Reject::new(Code::NotEnabled, "names are kept by the app: change them there"));
            }
            let text = |text: Option<String>| text.map_or(Value::Null, |text| Value::from(text.as_str()));
            let private = said.private.map_or(Value::Null, |private| Value::Int(private.into()));
            let values = [user.into(), text(said.name), private, text(said.language), text(said.zone)];
            tidings.commit(Deed::by(Some(user)).write(Write::new(sql::USER_PUT, values))).await.map(drop)
        })
    }

    fn export(&self, tidings: &Tidings, user: UserId) -> BoxStream<'static, Result<Vec<Exported>, Reject>> {
        let profile = self.0.own_users.then(|| self.0.users.clone());
        exporting::export(tidings.clone(), profile, user)
    }

    fn erase(&self, tidings: &Tidings, user: UserId) -> BoxFuture<Result<(), Reject>> {
        Box::pin(erase(self.0.clone(), tidings.clone(), user))
    }
}

pub(crate) fn fields(profile: &Profile) -> Map<String, Json> {
    let mut fields = Map::new();
    for (name, value) in [("name", &profile.name), ("language", &profile.language), ("zone", &profile.zone)] {
        if let Some(value) = value {
            fields.insert(name.into(), value.as_str().into());
        }
    }
    fields.insert("private".into(), is_private(profile).into());
    fields
}

/// Takes away what a user wrote and did, a part at a time, so that others' commits wait no longer than for one. A repeat takes away
/// what a failure has left.
async fn erase(shared: Arc<Shared>, tidings: Tidings, user: UserId) -> Result<(), Reject> {
    loop {
        let posts = tidings.query(sql::POSTS_OF, vec![user.into()]).await?;
        if posts.is_empty() {
            break;
        }
        for post in posts.iter().filter_map(|row| row[0].id()).map(PostId) {
            erase_post(&tidings, user, post).await?;
        }
    }
    for [some, uncount, delete] in [
        [sql::LIKES_OF, sql::LIKES_OF_UNCOUNT, sql::LIKES_OF_DELETE],
        [sql::COMMENTS_OF, sql::COMMENTS_OF_UNCOUNT, sql::COMMENTS_OF_DELETE],
        [sql::SHARES_OF, sql::SHARES_OF_UNCOUNT, sql::SHARES_OF_DELETE],
    ] {
        while let Some(last) = tidings.query(some, vec![user.into()]).await?.last().and_then(|row| row[0].int()) {
            let these = || [user.into(), Value::Int(last)];
            let told = shared.clone();
            let deed = Deed::by(Some(user)).write(Write::new(uncount, these()).returning());
            let deed = deed.write(Write::new(delete, these())).project(move |rows: &[Vec<Row>]| {
                for row in rows.iter().flatten() {
                    if let (Some(post), Some(counters)) = (row[0].id(), counters(&row[1..])) {
                        told.joiner.tell(PostId(post), counters);
                    }
                }
                Consequences::default()
            });
            tidings.commit(deed).await?;
        }
    }
    for (delete, of_others, own) in RELATIONS {
        end_relations(&tidings, user, delete, of_others, own).await?;
    }
    tidings.commit(Deed::by(Some(user)).write(Write::new(sql::USER_DELETE, [user.into()]))).await.map(drop)
}

/// Statements that end some of a user's relations and name the others; in which sets of theirs the user stood, and in which of the
/// user's they.
const RELATIONS: [(&str, &[&str], &[&str]); 6] = [
    (sql::FOLLOWING_DELETE, &[FOLLOWERS, MUTUAL], &[FOLLOWING, MUTUAL]),
    (sql::FOLLOWERS_DELETE, &[FOLLOWING, MUTUAL], &[FOLLOWERS, MUTUAL]),
    // Whatever else keeps the two apart goes with one of the others.
    (sql::BLOCKS_BY_DELETE, &[APART], &[APART, BLOCKED]),
    (sql::BLOCKS_OF_DELETE, &[APART, BLOCKED], &[APART]),
    (sql::MUTES_OF_DELETE, &[APART], &[APART]),
    (sql::MUTES_BY_DELETE, &[APART], &[APART]),
];

async fn end_relations(
    tidings: &Tidings,
    user: UserId,
    delete: &'static str,
    of_others: &'static [&'static str],
    own: &'static [&'static str],
) -> Result<(), Reject> {
    loop {
        let deed = Deed::by(Some(user)).write(Write::new(delete, [user.into()]).returning());
        let deed = deed.project(move |rows: &[Vec<Row>]| {
            let others = rows.iter().flatten().filter_map(|row| row[0].id()).map(UserId);
            others.fold(Consequences::default(), |all, other| {
                let all = of_others.iter().fold(all, |all, relation| all.change(relation, other.0, user, false));
                own.iter().fold(all, |all, relation| all.change(relation, user.0, other, false))
            })
        });
        let ended = tidings.commit(deed).await?.rows.iter().flatten().count();
        if ended < SOME {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wrong_field_is_named_and_others_fields_are_left_alone() {
        let read = |asked: Json| Said::read(asked.as_object().unwrap());
        assert!(read(json!({"receipts": false})).unwrap().is_none());
        assert_eq!(read(json!({"name": " Ann "})).unwrap().unwrap().name.as_deref(), Some("Ann"));
        for (asked, field) in [
            (json!({"name": 7}), "name"),
            (json!({"name": "x".repeat(101)}), "name"),
            (json!({"private": "yes"}), "private"),
            (json!({"language": "a\tb"}), "language"),
        ] {
            assert_eq!(read(asked).unwrap_err().field.as_deref(), Some(field));
        }
    }
}
