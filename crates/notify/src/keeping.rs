//! What goes when a user goes for good: their inbox and choices, and their part in others' inboxes.

use std::sync::Arc;

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use serde_json::json;
use tidings_server::{Deed, Exported, Keeper, Tidings, act::Value, act::Write, ports::BoxFuture};
use tidings_wire::{Reject, UserId};

use crate::{
    channels::{Subscription, subscriptions},
    inbox::tell_heads,
    rows,
    shared::Shared,
    sql,
    wants::Preference,
    writing::{expire, group_of, shrink},
};

/// The pack's part of an export and of an erasure; of `/v1/me` it has none.
pub(crate) struct Keeping(pub(crate) Arc<Shared>);

impl Keeper for Keeping {
    fn export(&self, _: &Tidings, user: UserId) -> BoxStream<'static, Result<Vec<Exported>, Reject>> {
        let shared = self.0.clone();
        let chosen = stream::once({
            let shared = shared.clone();
            async move { choices(&shared, user).await }
        });
        let rows = stream::try_unfold((shared, 0), move |(shared, after)| async move {
            let read = rows::read(&shared, user, sql::CHANGED_AFTER, after, PAGE).await?;
            let Some(last) = read.last().map(|row| row.shown.seq) else { return Ok(None) };
            let lines = read.into_iter().filter(|row| !row.shown.removed).map(|row| line("notification", &row.shown));
            Ok(Some((lines.collect(), (shared, last))))
        });
        chosen.chain(rows).boxed()
    }

    fn erase(&self, tidings: &Tidings, user: UserId) -> BoxFuture<Result<(), Reject>> {
        let (shared, tidings) = (self.0.clone(), tidings.clone());
        Box::pin(async move { erase(&shared, &tidings, user).await })
    }
}

/// Rows of a page of an export.
const PAGE: usize = 100;

fn line(record: &'static str, fields: &impl serde::Serialize) -> Exported {
    let fields = serde_json::to_value(fields).ok().and_then(|fields| serde_json::from_value(fields).ok());
    Exported { record, fields: fields.unwrap_or_default() }
}

/// What the user chose.
async fn choices(shared: &Shared, user: UserId) -> Result<Vec<Exported>, Reject> {
    let wanted = shared.wants.of(shared, user).await?;
    let preference = |one: &Preference| {
        let Preference { subtype, object, channel, wanted } = one;
        line("preference", &json!({"subtype": subtype, "object": object, "channel": channel, "wanted": wanted}))
    };
    let mut lines: Vec<Exported> = wanted.preferences.iter().map(preference).collect();
    lines.push(line("notification_policy", &wanted.policy));
    for device in subscriptions::of_user(shared, user).await? {
        let Subscription { kind, address, .. } = device.shown;
        lines.push(line("push_subscription", &json!({"kind": kind.as_str(), "address": address})));
    }
    lines.extend(wanted.quiet_hours.iter().map(|hours| line("quiet_hours", hours)));
    Ok(lines)
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
    let rest = [
        sql::ACTORS_OF_DELETE,
        sql::ROWS_OF_DELETE,
        sql::INBOX_DELETE,
        sql::PREFERENCES_DELETE,
        sql::POLICY_DELETE,
        sql::DEFERRED_OF_DELETE,
        sql::TRACE_OF_DELETE,
    ];
    let rest = rest.into_iter().chain(subscriptions::ERASE).map(|sql| Write::new(sql, [Value::from(user)]));
    let erased = tidings.commit(rest.fold(Deed::by(Some(user)), Deed::write)).await;
    shared.wants.forget(user);
    erased.map(drop)
}
