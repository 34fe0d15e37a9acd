//! Where a user's devices are reached.

use std::sync::Arc;

use tidings_server::{
    Deed,
    act::{Row, Value, Write},
};
use tidings_wire::{Code, Reject, UserId};

use super::{Addressed, Channel, Subscription, SubscriptionKeys, SubscriptionKind, sql};
use crate::shared::Shared;

/// Subscriptions of one user. With one more the one goes that was renewed longest ago.
pub(crate) const SUBSCRIPTIONS: i64 = 20;

/// Bytes of an endpoint or a token.
const ADDRESS: usize = 2_048;

/// A subscription with its id in the store.
pub(crate) struct Stored {
    pub(super) id: i64,
    pub(crate) shown: Subscription,
}

/// All of a user's.
pub(crate) async fn of_user(shared: &Shared, user: UserId) -> Result<Vec<Stored>, Reject> {
    let rows = shared.query(sql::SUBSCRIPTIONS, vec![user.into()]).await?;
    Ok(rows.iter().filter_map(read).collect())
}

fn read(row: &Row) -> Option<Stored> {
    let [id, kind, address, p256dh, auth] = &row[..] else { return None };
    let keys = p256dh.text().zip(auth.text());
    let keys = keys.map(|(p256dh, auth)| SubscriptionKeys { p256dh: p256dh.to_owned(), auth: auth.to_owned() });
    let (kind, address) = (SubscriptionKind::of(kind.text()?)?, address.text()?.to_owned());
    Some(Stored { id: id.int()?, shown: Subscription { kind, address, keys } })
}

impl Shared {
    /// The channel that sends to subscriptions of a kind.
    pub(crate) fn channel_for(&self, kind: SubscriptionKind) -> Option<&Arc<dyn Channel>> {
        let takes = |channel: &&Arc<dyn Channel>| match channel.addressed() {
            Addressed::Each(one) => one == kind,
            Addressed::User(kinds) => kinds.contains(&kind),
        };
        self.channels.lines.iter().map(|line| &line.channel).find(takes)
    }
}

/// Stores one, or renews it. What was another user's is this one's from now on: a device is its last user's.
///
/// # Errors
/// `not_enabled` where no channel sends to such; `bad_field`; `unavailable`.
pub(crate) async fn subscribe(shared: &Shared, user: UserId, subscription: Subscription) -> Result<(), Reject> {
    let Subscription { kind, address, keys } = &subscription;
    let Some(channel) = shared.channel_for(*kind) else {
        let sentence = format!("nothing is sent to {} in this deployment", kind.as_str());
        return Err(Reject::new(Code::NotEnabled, sentence));
    };
    if address.is_empty() || address.len() > ADDRESS {
        let field = if *kind == SubscriptionKind::Webpush { "endpoint" } else { "token" };
        return Err(Reject::field(field, format!("1 to {ADDRESS} bytes")));
    }
    channel.check(&subscription).map_err(|(field, sentence)| Reject::field(field, sentence))?;
    let tidings = shared.running()?;
    let (id, now) = (Value::Int(tidings.new_id().get()), Value::Int(tidings.now().unix()));
    let (kind, address) = (Value::from(kind.as_str()), Value::from(address.as_str()));
    let key = |key: fn(&SubscriptionKeys) -> &str| keys.as_ref().map_or(Value::Null, |keys| key(keys).into());
    let (p256dh, auth) = (key(|keys| &keys.p256dh), key(|keys| &keys.auth));
    let taken = Write::new(sql::SUBSCRIPTION_TAKE, [kind.clone(), address.clone(), user.into()]);
    let put = Write::new(sql::SUBSCRIPTION_PUT, [id, user.into(), kind, address, p256dh, auth, now]);
    let bound = Write::new(sql::SUBSCRIPTIONS_BOUND, [user.into(), Value::Int(SUBSCRIPTIONS)]);
    let deed = Deed::by(Some(user)).write(taken).write(put).write(bound);
    tidings.commit(deed).await.map(drop)
}

/// Forgets one of the user's, if it is there.
///
/// # Errors
/// `unavailable`.
pub(crate) async fn unsubscribe(
    shared: &Shared,
    user: UserId,
    kind: SubscriptionKind,
    address: &str,
) -> Result<(), Reject> {
    let deleted = Write::new(sql::SUBSCRIPTION_DELETE, [user.into(), kind.as_str().into(), address.into()]);
    shared.running()?.commit(Deed::by(Some(user)).write(deleted)).await.map(drop)
}

/// The statements that erase a user's subscriptions, with what was to be sent.
pub(crate) const ERASE: [&str; 3] = [sql::ERASE_SUBSCRIPTIONS, sql::ERASE_DELIVERIES, sql::ERASE_LETTERS];
