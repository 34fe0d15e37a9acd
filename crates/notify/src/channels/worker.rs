//! What is due is decided about, sent, repeated, or laid aside.
//!
//! A delivery leaves the store in the commit that follows its sending: a crash between the two sends it again with the same id. Each
//! channel has a loop of its own, so one whose other side is slow holds up no other; what is in memory is a page of keys and what is
//! under way.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::join_all};
use tidings_server::{
    Deed, Tidings,
    act::{Row, Value, Write},
};
use tidings_wire::{MessageId, Reject, Seq, UserId, server_frames::RowState};
use tokio::time::timeout;

use super::{
    Addressed, ChannelError, Delivery, Sent,
    channel::delivery_id,
    deliveries::{Line, Taken},
    letters::lay_aside,
    sql,
    subscriptions::{Stored, of_user},
};
use crate::{
    rows::{self, Standing},
    shared::Shared,
};

/// How often the clock is looked at, and a store that did not answer asked again.
const TICK: Duration = Duration::from_millis(200);

/// Deliveries that one question reads: more than are under way, so that it always finds what is free.
fn page(places: usize) -> i64 {
    i64::try_from(places * 2).unwrap_or(i64::MAX).max(100)
}

/// How long a channel may take.
const SENT_WITHIN: Duration = Duration::from_secs(60);

/// How old a delivery grows: what waited longer is laid aside, because a notification of yesterday says nothing any more.
const OLDEST: i64 = 24 * 60 * 60;

/// A delivery that is due.
struct Due {
    id: MessageId,
    subscription: i64,
    owner: UserId,
    row: i64,
    tries: i64,
    created_at: i64,
}

/// Works until the server stops.
pub(crate) async fn run(shared: Arc<Shared>, tidings: Tidings) {
    while let Err(reject) = drop_unknown(&shared, &tidings).await {
        tracing::warn!(%reject, "deliveries can't be read yet");
        tokio::time::sleep(TICK).await;
    }
    join_all(shared.channels.lines.iter().map(|line| watch(&shared, &tidings, line))).await;
}

/// What waits for a channel that is there no more waits for nothing.
async fn drop_unknown(shared: &Shared, tidings: &Tidings) -> Result<(), Reject> {
    for row in shared.query(sql::CHANNELS, Vec::new()).await? {
        let Some(name) = row.first().and_then(Value::text) else { continue };
        if !shared.channels.names().any(|known| known == name) {
            tracing::warn!(channel = name, "what waited for a channel that is configured no more is dropped");
            tidings.commit(Deed::by(None).write(Write::new(sql::CHANNEL_DELETE, [name.into()]))).await?;
        }
    }
    Ok(())
}

async fn watch(shared: &Arc<Shared>, tidings: &Tidings, line: &Arc<Line>) {
    let mut due_at = i64::MAX;
    loop {
        if line.has_come() || due_at <= tidings.now().unix() {
            match send_due(shared, tidings, line).await {
                Ok(next) => due_at = next,
                Err(reject) => {
                    tracing::warn!(channel = line.channel.name(), %reject, "deliveries can't be read: they go out later");
                    due_at = i64::MIN;
                }
            }
        }
        tokio::time::sleep(TICK).await;
    }
}

/// Begins with all that is due, and says when the next is; with what is under way it is now.
async fn send_due(shared: &Arc<Shared>, tidings: &Tidings, line: &Arc<Line>) -> Result<i64, Reject> {
    let (name, limit) = (line.channel.name(), page(shared.channels.settings.at_once));
    loop {
        let values = vec![name.into(), Value::Int(tidings.now().unix()), Value::Int(limit)];
        let due = shared.query(sql::DUE, values).await?;
        let is_last = due.len() < usize::try_from(limit).unwrap_or(usize::MAX);
        for due in due.iter().filter_map(read) {
            let Some(taken) = line.take((due.id.get(), due.subscription)) else { continue };
            let Ok(place) = line.places.clone().acquire_owned().await else { return Ok(i64::MAX) };
            let (shared, within) = (shared.clone(), tidings.clone());
            tidings.spawn(async move {
                let _place = place;
                handle(&shared, &within, taken, due).await;
            });
        }
        if is_last {
            break;
        }
    }
    let next = shared.query(sql::NEXT_DUE, vec![name.into()]).await?;
    Ok(next.first().and_then(|row| row[0].int()).unwrap_or(i64::MAX))
}

fn read(row: &Row) -> Option<Due> {
    let [id, subscription, owner, of, tries, created_at] = &row[..] else { return None };
    Some(Due {
        id: MessageId::from_stored(id.int()?).ok()?,
        subscription: subscription.int()?,
        owner: UserId(owner.id()?),
        row: of.int()?,
        tries: tries.int()?,
        created_at: created_at.int()?,
    })
}

/// What is to be done with a delivery.
enum Decided {
    /// It is sent, and with it all up to this change of the row's inbox.
    Send(Box<Delivery>, Seq),
    /// It is not sent: read in time, looked at, or gone.
    Leave(Seq),
    TooOld,
}

async fn handle(shared: &Shared, tidings: &Tidings, taken: Taken, due: Due) {
    let line = taken.line().clone();
    let outcome = match decide(shared, tidings, &line, &due).await {
        Ok(Decided::Send(delivery, up_to)) => {
            let sent = AssertUnwindSafe(async { line.channel.send(*delivery).await }).catch_unwind();
            let sent = match timeout(SENT_WITHIN, sent).await {
                Ok(Ok(sent)) => sent,
                Ok(Err(_)) => Err(passing("the channel panicked")),
                Err(_) => Err(passing("the channel did not answer in time")),
            };
            settle(shared, tidings, &line, &due, sent, up_to).await
        }
        Ok(Decided::Leave(up_to)) => done(shared, tidings, &due, up_to).await,
        Ok(Decided::TooOld) => lay_aside(shared, tidings, (due.id, due.subscription), "it waited for a day").await,
        Err(reject) => Err(reject),
    };
    if let Err(reject) = outcome {
        tracing::warn!(channel = line.channel.name(), id = %due.id, %reject, "a delivery is looked at again in a moment");
        tokio::time::sleep(TICK).await;
    }
    drop(taken);
}

fn passing(sentence: &'static str) -> ChannelError {
    ChannelError::Retry { after: None, source: sentence.into() }
}

async fn decide(shared: &Shared, tidings: &Tidings, line: &Line, due: &Due) -> Result<Decided, Reject> {
    let at = tidings.now().unix();
    if at - due.created_at > OLDEST {
        return Ok(Decided::TooOld);
    }
    let found = rows::read(shared, due.owner, sql::ROW, due.row.cast_unsigned(), 1).await?;
    let Some(read) = found.into_iter().next() else { return Ok(Decided::Leave(Seq::MAX)) };
    let mut notification = read.shown;
    let up_to = notification.seq;
    let is_read = notification.removed || matches!(notification.state, RowState::Read | RowState::Archived);
    if is_read || is_looked_at(tidings, due.owner).await {
        return Ok(Decided::Leave(up_to));
    }
    let mine = of_user(shared, due.owner).await?;
    let kept: Vec<Stored> = match line.channel.addressed() {
        Addressed::User(kinds) => mine.into_iter().filter(|one| kinds.contains(&one.shown.kind)).collect(),
        Addressed::Each(_) => mine.into_iter().filter(|one| one.id == due.subscription).collect(),
    };
    if kept.is_empty() && matches!(line.channel.addressed(), Addressed::Each(_)) {
        return Ok(Decided::Leave(Seq::MAX));
    }
    let standing = Standing::of(shared, due.owner).await?;
    (notification.unread, notification.unseen) = (Some(standing.unread), Some(standing.unseen));
    let kind = shared.kinds.get(&notification.subtype);
    let delivery = Delivery {
        id: delivery_id(due.id, due.subscription),
        user: due.owner,
        title: kind.map_or_else(|| notification.subtype.replace('_', " "), |kind| kind.title.clone()),
        is_critical: kind.is_some_and(|kind| kind.critical),
        notification,
        subscriptions: kept.into_iter().map(|one| one.shown).collect(),
        at,
    };
    Ok(Decided::Send(Box::new(delivery), up_to))
}

/// Whether somebody looks at one of the user's connections.
async fn is_looked_at(tidings: &Tidings, user: UserId) -> bool {
    tidings.is_attentive(user).await
}

/// Notes what came of it.
async fn settle(
    shared: &Shared,
    tidings: &Tidings,
    line: &Line,
    due: &Due,
    sent: Result<Sent, ChannelError>,
    up_to: Seq,
) -> Result<(), Reject> {
    let error = match sent {
        Ok(Sent) => return done(shared, tidings, due, up_to).await,
        Err(error) => error,
    };
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let why = format!("{error}{cause}");
    tracing::info!(channel = line.channel.name(), id = %due.id, tries = due.tries + 1, why, "a delivery was not taken");
    let key = (due.id, due.subscription);
    match error {
        ChannelError::Gone if due.subscription != 0 => {
            let gone = Write::new(sql::SUBSCRIPTION_GONE, [due.owner.into(), Value::Int(due.subscription)]);
            let deleted = Write::new(sql::DELETE, [Value::Int(due.id.get()), Value::Int(due.subscription)]);
            tidings.commit(Deed::by(None).write(gone).write(deleted)).await.map(drop)
        }
        ChannelError::Retry { after, .. } if due.tries + 1 < i64::from(shared.channels.settings.tries) => {
            let pause = pause(shared, due.tries, after);
            let again = Value::Int(tidings.now().unix().saturating_add(pause));
            let again = Write::new(sql::RETRY, [Value::Int(due.id.get()), Value::Int(due.subscription), again]);
            tidings.commit(Deed::by(None).write(again)).await.map(drop)
        }
        _ => lay_aside(shared, tidings, key, &why).await,
    }
}

/// Seconds until the next try: a random part of what doubles with each, and at least what the other side asked for.
fn pause(shared: &Shared, tries: i64, after: Option<Duration>) -> i64 {
    let settings = shared.channels.settings;
    let doubled = 2_u32.saturating_pow(u32::try_from(tries).unwrap_or(u32::MAX));
    let longest = settings.first_pause.saturating_mul(doubled).min(settings.longest_pause);
    let longest = i64::try_from(longest.as_secs()).unwrap_or(i64::MAX).max(1);
    let asked = after.map_or(0, |after| i64::try_from(after.as_secs()).unwrap_or(i64::MAX).min(OLDEST));
    rand::random_range(1..=longest).max(asked)
}

/// It is done with, unless something came to its row meanwhile: then that is a new delivery.
async fn done(shared: &Shared, tidings: &Tidings, due: &Due, up_to: Seq) -> Result<(), Reject> {
    let now = tidings.now().unix();
    let delay = i64::try_from(shared.channels.settings.delay.as_secs()).unwrap_or(i64::MAX);
    let key = || [Value::Int(due.id.get()), Value::Int(due.subscription)];
    let up_to = Value::Int(i64::try_from(up_to).unwrap_or(i64::MAX));
    let fresh = [up_to, Value::Int(shared.new_id()?.get()), Value::Int(now.saturating_add(delay)), Value::Int(now)];
    let again: Vec<Value> = key().into_iter().chain(fresh).collect();
    let deed = Deed::by(None).write(Write::new(sql::GREW_SINCE, again)).write(Write::new(sql::DELETE, key()));
    tidings.commit(deed).await.map(drop)
}
