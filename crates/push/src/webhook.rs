//! The channel `webhook`: each notification goes to a URL of the operator's, signed as Standard Webhooks says.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use jiff::Timestamp;
use serde_json::{Value, json};
use tidings_notify::{Addressed, BoxFuture, Channel, ChannelError, Delivery, Sent, SubscriptionKind};

use crate::{
    client::{Outbound, OutboundError},
    signature::WebhookSecret,
};

/// The channel. Any answer but a status of 2xx is an error; 410 says that it is wanted no more, all others are repeated.
#[derive(Clone, Debug)]
pub struct Webhook {
    outbound: Outbound,
    url: Uri,
    secret: WebhookSecret,
}

impl Webhook {
    /// To this URL. Nothing is sent yet.
    ///
    /// # Errors
    /// Where the URL is none, is not encrypted, or names an address inside a network while that is not allowed.
    pub fn new(outbound: Outbound, url: &str, secret: WebhookSecret) -> Result<Self, OutboundError> {
        let url = outbound.url(url)?;
        Ok(Self { outbound, url, secret })
    }

    async fn post(self, delivery: Delivery) -> Result<Sent, ChannelError> {
        let body = body(&delivery).to_string();
        let signature = self.secret.sign(&delivery.id, delivery.at, body.as_bytes());
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let values = [("webhook-id", delivery.id), ("webhook-timestamp", delivery.at.to_string())];
        for (name, value) in values.into_iter().chain([("webhook-signature", signature)]) {
            headers.insert(name, HeaderValue::try_from(value).expect("digits, `-`, `,` and base64"));
        }
        let answer = self.outbound.post(self.url.clone(), headers, Bytes::from(body)).await?;
        match answer.status {
            status if status.is_success() => Ok(Sent),
            StatusCode::GONE => Err(answer.refused()),
            _ => Err(answer.later(delivery.at)),
        }
    }
}

impl Channel for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn addressed(&self) -> Addressed {
        Addressed::User(&[SubscriptionKind::Fcm, SubscriptionKind::Apns])
    }

    fn send(&self, delivery: Delivery) -> BoxFuture<Result<Sent, ChannelError>> {
        let this = self.clone();
        Box::pin(async move {
            let outbound = this.outbound.clone();
            outbound.on_own_thread(this.post(delivery)).await
        })
    }
}

/// What is posted.
fn body(delivery: &Delivery) -> Value {
    let Delivery { user, notification, title, is_critical, subscriptions, at, .. } = delivery;
    let devices: Vec<Value> =
        subscriptions.iter().map(|one| json!({"kind": one.kind.as_str(), "token": one.address})).collect();
    let time = Timestamp::from_second(*at).map_or_else(|_| at.to_string(), |time| time.to_string());
    json!({
        "type": "notification",
        "timestamp": time,
        "data": {
            "user": user,
            "title": title,
            "body": notification.message,
            "badge": notification.unread,
            "collapse_key": notification.group.clone().unwrap_or_else(|| notification.id.to_string()),
            "critical": is_critical,
            "devices": devices,
            "notification": notification,
        },
    })
}
