//! What goes when a user goes for good: their inbox and choices, and their part in others' inboxes.

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use tidings_server::{Deed, Keeper, Tidings, act::Value, act::Write, ports::BoxFuture};
use tidings_wire::{Reject, UserId};

use crate::{
    inbox::tell_heads,
    shared::Shared,
    sql,
    writing::{expire, group_of, shrink},
};

/// The pack's part of an erasure; of `/v1/me` it has none.
pub(crate) struct Keeping(pub(crate) Arc<Shared>);

impl Keeper for Keeping {
    fn shown(&self, _: &Tidings, _: UserId) -> BoxFuture<Result<Map<String, Json>, Reject>> {
        Box::pin(std::future::ready(Ok(Map::new())))
    }

    fn change(&self, _: &Tidings, _: UserId, _: &Map<String, Json>) -> BoxFuture<Result<(), Reject>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn erase(&self, tidings: &Tidings, user: UserId) -> BoxFuture<Result<(), Reject>> {
        let (shared, tidings) = (self.0.clone(), tidings.clone());
        Box::pin(async move { erase(&shared, &tidings, user).await })
    }
}

/// A part at a time, so that others' commits wait no longer than for one. A repeat takes away what a failure has left.
async fn erase(shared: &Shared, tidings: &Tidings, user: UserId) -> Result<(), Reject> {
    loop {
        let rows = shared.query(sql::ROWS_OF, vec![user.into()]).await?;
        if rows.is_empty() {
            break;
        }
        let gone = rows.iter().flat_map(|row| {
            [Write::new(sql::EXPIRE_ACTORS, [row[0].clone()]), Write::new(sql::ROW_DELETE, [row[0].clone()])]
        });
        tidings.commit(gone.fold(Deed::by(Some(user)), Deed::write)).await?;
    }
    // In others' inboxes: taken out of what several are joined into, as if they had taken it back, and with it what they alone are in.
    loop {
        let joined = shared.query(sql::JOINED_BY, vec![user.into()]).await?;
        if joined.is_empty() {
            break;
        }
        let mut writes = Vec::new();
        for row in &joined {
            let [owner, subtype, group, id] = &row[..] else { continue };
            let (Some(owner), Some(subtype), Some(group)) = (owner.id(), subtype.text(), group.text()) else {
                continue;
            };
            writes.push(Write::new(sql::JOINED_EVENTS, [id.clone(), user.into()]));
            writes.push(Write::new(sql::JOINED_ONCE, [id.clone(), user.into()]));
            shrink(UserId(owner), subtype, group_of(group), user, &mut writes);
        }
        tidings.commit(writes.into_iter().fold(Deed::by(Some(user)), Deed::write).project(tell_heads)).await?;
    }
    loop {
        let single = shared.query(sql::SINGLE_BY, vec![user.into()]).await?;
        if single.is_empty() {
            break;
        }
        let writes = single.iter().flat_map(|row| expire(&row[1], &row[0]));
        tidings.commit(writes.fold(Deed::by(Some(user)), Deed::write).project(tell_heads)).await?;
    }
    let rest =
        [sql::INBOX_DELETE, sql::PREFERENCES_DELETE, sql::POLICY_DELETE, sql::DEFERRED_OF_DELETE, sql::TRACE_OF_DELETE];
    let rest = rest.map(|sql| Write::new(sql, [Value::from(user)]));
    let erased = tidings.commit(rest.into_iter().fold(Deed::by(Some(user)), Deed::write)).await;
    shared.wants.forget(user);
    erased.map(drop)
}
