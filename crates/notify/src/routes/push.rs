//! `GET /v1/push/key`, `PUT` and `DELETE /v1/push/subscriptions`: where a user's devices are reached.

use serde::{Deserialize, Serialize};
use tidings_server::{
    JsonBody, Params, Problem,
    auth::Caller,
    axum::{Extension, Json, http::StatusCode},
    ports::Scope,
    schema::{Refused, RefusedBody, RefusedOff},
    utoipa::{self, ToSchema},
};
use tidings_wire::Code;

use super::all::{By, Parts};
use crate::channels::{self, Subscription, SubscriptionKeys, SubscriptionKind};

/// What a browser needs to subscribe.
#[derive(Serialize, ToSchema)]
pub(crate) struct PushKey {
    /// The server's public key (RFC 8292 §3.2), in base64url: `applicationServerKey` of `pushManager.subscribe`.
    key: String,
}

/// A device's subscription.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum NewSubscription {
    /// A browser's, as `PushSubscription.toJSON()` has it.
    Webpush { endpoint: String, keys: SubscriptionKeys },
    /// A token of Firebase Cloud Messaging; it goes to the webhook.
    Fcm { token: String },
    /// A device token of the Apple Push Notification service; it goes to the webhook.
    Apns { token: String },
}

/// A subscription that is to be forgotten.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum OldSubscription {
    /// A browser's.
    Webpush { endpoint: String },
    /// A token.
    Fcm { token: String },
    /// A token.
    Apns { token: String },
}

/// Shows the key with which a browser subscribes.
#[utoipa::path(
    get,
    path = "/push/key",
    tag = "notifications",
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses((status = 200, body = PushKey), Refused, RefusedOff)
)]
pub(crate) async fn key(Extension(shared): Parts, _: Caller) -> Result<Json<PushKey>, Problem> {
    let key = shared.channel_for(SubscriptionKind::Webpush).and_then(|channel| channel.public_key());
    let off = || Problem::new(Code::NotEnabled, "this deployment sends no Web Push: see the setting `push.contact`");
    Ok(Json(PushKey { key: key.ok_or_else(off)? }))
}

/// Says where one of the user's devices is reached; a repeat renews it. At most 20 a user: with one more the one goes that was renewed
/// longest ago. A device that was another user's is this one's from now on.
#[utoipa::path(
    put,
    path = "/push/subscriptions",
    tag = "notifications",
    params(By),
    request_body = NewSubscription,
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 204, description = "On disk"), Refused, RefusedBody, RefusedOff)
)]
pub(crate) async fn subscribe(
    Extension(shared): Parts,
    caller: Caller,
    Params(by): Params<By>,
    JsonBody(asked): JsonBody<NewSubscription>,
) -> Result<StatusCode, Problem> {
    let user = caller.acts_for(by.user, Scope::Send)?;
    let (kind, address, keys) = match asked {
        NewSubscription::Webpush { endpoint, keys } => (SubscriptionKind::Webpush, endpoint, Some(keys)),
        NewSubscription::Fcm { token } => (SubscriptionKind::Fcm, token, None),
        NewSubscription::Apns { token } => (SubscriptionKind::Apns, token, None),
    };
    channels::subscribe(&shared, user, Subscription { kind, address, keys }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets one of the user's devices. A second time changes nothing.
#[utoipa::path(
    delete,
    path = "/push/subscriptions",
    tag = "notifications",
    params(By),
    request_body = OldSubscription,
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 204, description = "On disk"), Refused, RefusedBody, RefusedOff)
)]
pub(crate) async fn unsubscribe(
    Extension(shared): Parts,
    caller: Caller,
    Params(by): Params<By>,
    JsonBody(asked): JsonBody<OldSubscription>,
) -> Result<StatusCode, Problem> {
    let user = caller.acts_for(by.user, Scope::Send)?;
    let (kind, address) = match asked {
        OldSubscription::Webpush { endpoint } => (SubscriptionKind::Webpush, endpoint),
        OldSubscription::Fcm { token } => (SubscriptionKind::Fcm, token),
        OldSubscription::Apns { token } => (SubscriptionKind::Apns, token),
    };
    channels::unsubscribe(&shared, user, kind, &address).await?;
    Ok(StatusCode::NO_CONTENT)
}
