//! The channel `web_push`: what browsers show while no page is open.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use tidings_notify::{
    Addressed, BoxFuture, Channel, ChannelError, Delivery, Sent, Subscription, SubscriptionKeys, SubscriptionKind,
};
use web_push_native::{Auth, encrypt, p256::PublicKey};

use crate::{client::Outbound, vapid::VapidKey};

/// How Web Push is sent.
#[derive(Clone, Debug)]
pub struct WebPushOptions {
    /// Whom a push service writes to where something is wrong (RFC 8292 §2.1): `mailto:…` or `https://…`.
    pub contact: String,
    /// How long a push service keeps it for a browser that is away: a day.
    pub ttl: Duration,
}

/// The channel.
///
/// An answer with 404 or 410 says that the subscription is no more; 429 and 5xx are repeated; any other error would be so again.
#[derive(Clone, Debug)]
pub struct WebPush {
    outbound: Outbound,
    key: VapidKey,
    options: WebPushOptions,
}

/// Bytes of what is encrypted. RFC 8030 §7.2 lets a push service refuse a body of more than 4,096 bytes, of which the encryption
/// takes 103 (RFC 8188 §2).
const PLAIN_BYTES: usize = 3_993;

impl WebPush {
    /// With this key. Nothing is sent yet.
    pub fn new(outbound: Outbound, key: VapidKey, options: WebPushOptions) -> Self {
        Self { outbound, key, options }
    }

    async fn push(self, delivery: Delivery) -> Result<Sent, ChannelError> {
        let refused = |problem: String| ChannelError::Refused(problem);
        let Some(subscription) = delivery.subscriptions.first() else { return Err(ChannelError::Gone) };
        let endpoint = self.outbound.url(&subscription.address).map_err(|error| refused(error.to_string()))?;
        let (public, auth) = keys(subscription).map_err(|(_, problem)| refused(problem))?;
        let body = encrypt(plain(&delivery), &public, &auth).map_err(|error| refused(error.to_string()))?;
        let authorization = self.key.authorize(&endpoint, &self.options.contact, delivery.at);
        let authorization = authorization.map_err(|error| refused(error.to_string()))?;
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization);
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert("ttl", HeaderValue::from(self.options.ttl.as_secs()));
        headers.insert("urgency", HeaderValue::from_static(if delivery.is_critical { "high" } else { "normal" }));
        // What waits at the push service for the same row is replaced (RFC 8030 §5.4): digits are a topic.
        headers.insert("topic", HeaderValue::from(delivery.notification.id.get()));
        let answer = self.outbound.post(endpoint, headers, Bytes::from(body)).await?;
        match answer.status {
            status if status.is_success() => Ok(Sent),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(ChannelError::Gone),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Err(answer.later(delivery.at)),
            status if status.is_server_error() => Err(answer.later(delivery.at)),
            _ => Err(answer.refused()),
        }
    }
}

impl Channel for WebPush {
    fn name(&self) -> &'static str {
        "web_push"
    }

    fn addressed(&self) -> Addressed {
        Addressed::Each(SubscriptionKind::Webpush)
    }

    fn public_key(&self) -> Option<String> {
        Some(self.key.public().to_owned())
    }

    fn check(&self, subscription: &Subscription) -> Result<(), (&'static str, String)> {
        self.outbound.url(&subscription.address).map_err(|error| ("endpoint", error.to_string()))?;
        keys(subscription).map(drop)
    }

    fn send(&self, delivery: Delivery) -> BoxFuture<Result<Sent, ChannelError>> {
        let this = self.clone();
        Box::pin(async move {
            let outbound = this.outbound.clone();
            outbound.on_own_thread(this.push(delivery)).await
        })
    }
}

/// The browser's keys, or the field that is wrong.
fn keys(subscription: &Subscription) -> Result<(PublicKey, Auth), (&'static str, String)> {
    let Some(SubscriptionKeys { p256dh, auth }) = &subscription.keys else {
        return Err(("keys", "the browser's `p256dh` and `auth`".to_owned()));
    };
    let read = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).unwrap_or_default();
    let public = PublicKey::from_sec1_bytes(&read(p256dh));
    let public = public.map_err(|_| ("keys.p256dh", "a public key on P-256, 65 bytes in base64url".to_owned()))?;
    let auth = Auth::from_exact_iter(read(auth));
    let auth = auth.ok_or(("keys.auth", "16 bytes in base64url".to_owned()))?;
    Ok((public, auth))
}

/// What the page's service worker reads. What does not fit is left out: the data first, then the end of the sentence.
fn plain(delivery: &Delivery) -> Vec<u8> {
    let row = &delivery.notification;
    let mut fields = Map::new();
    for (name, value) in [
        ("type", json!("notification")),
        ("delivery", json!(delivery.id)),
        ("id", json!(row.id)),
        ("subtype", json!(row.subtype)),
        ("title", json!(delivery.title)),
        ("body", json!(row.message)),
        ("group", json!(row.group)),
        ("count", json!(row.count)),
        ("timestamp", json!(row.timestamp)),
        ("unread", json!(row.unread)),
        ("data", json!(row.data)),
    ] {
        fields.insert(name.to_owned(), value);
    }
    let json = |fields: &Map<String, Value>| serde_json::to_vec(fields).expect("JSON values always serialise");
    let mut bytes = json(&fields);
    for name in ["data", "title"] {
        if bytes.len() > PLAIN_BYTES {
            fields.remove(name);
            bytes = json(&fields);
        }
    }
    // A sentence has 500 characters at most: with escapes it may still be too long.
    let mut kept = row.message.chars().count();
    while bytes.len() > PLAIN_BYTES && kept > 0 {
        kept /= 2;
        fields.insert("body".to_owned(), json!(row.message.chars().take(kept).collect::<String>()));
        bytes = json(&fields);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use tidings_wire::{UserId, server_frames::Notification};

    use super::*;

    fn told(message: &str, data: &str) -> Vec<u8> {
        let row = json!({
            "seq": 1, "id": "7", "subtype": "post_like", "message": message, "count": 1, "events": 1, "timestamp": 1,
            "state": "unseen", "data": {"text": data},
        });
        let row: Notification = serde_json::from_value(row).unwrap();
        plain(&Delivery::new("8", UserId::new(2), row))
    }

    #[test]
    fn what_does_not_fit_is_left_out_the_data_before_the_sentence() {
        let read = |bytes: Vec<u8>| -> Value { serde_json::from_slice(&bytes).unwrap() };
        let fits = read(told("Bob liked your post", "short"));
        assert_eq!(fits["data"]["text"], "short");
        let without = told("Bob liked your post", &"x".repeat(4_000));
        assert!(without.len() <= PLAIN_BYTES);
        let without = read(without);
        assert_eq!((&without["body"], without.get("data")), (&json!("Bob liked your post"), None));
        // Each of these is six bytes in JSON.
        let long = told(&"\u{1}".repeat(1_000), "");
        assert!(long.len() <= PLAIN_BYTES, "{}", long.len());
        assert_eq!(read(long)["body"].as_str().unwrap().len(), 500);
    }
}
