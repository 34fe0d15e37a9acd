//! The port behind which a channel stands: Web Push, a webhook, or what an app brings.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidings_server::{
    ports::BoxFuture,
    utoipa::{self, ToSchema},
};
use tidings_wire::{MessageId, UserId, server_frames::Notification};

/// A way on which notifications reach users who don't look.
///
/// A delivery is written together with its notification, and handed over once the settings' delay is over, if the notification is
/// still unread and nobody looks at a connection of its user. Up to [`DeliverySettings::at_once`] are under way on a channel side by
/// side, in no order; channels don't wait for one another. It is handed over **at least once**: again after an error that may pass, and
/// after a crash between the sending and its being noted, then with the same [`Delivery::id`]. A call that takes longer than a minute
/// is given up and counts as an error that may pass; one that is under way while the server stops is dropped.
///
/// ```
/// use tidings_notify::{BoxFuture, Channel, ChannelError, Delivery, Notify, Sent};
///
/// /// Writes what would be mailed.
/// struct Mail;
///
/// impl Channel for Mail {
///     fn name(&self) -> &'static str {
///         "mail"
///     }
///
///     fn send(&self, delivery: Delivery) -> BoxFuture<Result<Sent, ChannelError>> {
///         Box::pin(async move {
///             println!("to {}: {}", delivery.user, delivery.notification.message);
///             Ok(Sent)
///         })
///     }
/// }
///
/// let pack = Notify::standard().channel(std::sync::Arc::new(Mail));
/// # drop(pack);
/// ```
pub trait Channel: Send + Sync + 'static {
    /// Its name in a kind's channels and in preferences: 1 to 32 of `a`–`z`, `0`–`9` and `_`, a letter first. Never `in_app`, which is
    /// the inbox.
    fn name(&self) -> &'static str;

    /// Which of a user's subscriptions it takes.
    fn addressed(&self) -> Addressed {
        Addressed::User(&[])
    }

    /// What a client needs to subscribe, if it needs anything: with Web Push the application server's public key.
    fn public_key(&self) -> Option<String> {
        None
    }

    /// Whether a subscription can be sent to, in form. Asked before it is stored; nothing is sent.
    ///
    /// # Errors
    /// The field of the request that is wrong, and a sentence.
    fn check(&self, subscription: &Subscription) -> Result<(), (&'static str, String)> {
        let _ = subscription;
        Ok(())
    }

    /// Sends it.
    ///
    /// # Errors
    /// [`ChannelError`] says what becomes of it.
    fn send(&self, delivery: Delivery) -> BoxFuture<Result<Sent, ChannelError>>;
}

/// Whom a channel sends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressed {
    /// To the user, once: what it sends carries their subscriptions of these kinds.
    User(&'static [SubscriptionKind]),
    /// To each of the user's subscriptions of this kind; to nobody where there is none.
    Each(SubscriptionKind),
}

/// What is to be sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// The same each time that it is sent, and of nothing else: whoever gets it twice can tell by it.
    pub id: String,
    /// To whom.
    pub user: UserId,
    /// The row as it stands now, in the user's language, with `unread` and `unseen`.
    pub notification: Notification,
    /// How a settings page calls its kind.
    pub title: String,
    /// It does not wait for the end of quiet hours.
    pub is_critical: bool,
    /// As [`Channel::addressed`] asks: exactly one with [`Addressed::Each`].
    pub subscriptions: Vec<Subscription>,
    /// Now, Unix seconds.
    pub at: i64,
}

impl Delivery {
    /// For the tests of a channel: what the pack makes of a row.
    pub fn new(id: impl Into<String>, user: UserId, notification: Notification) -> Self {
        let (id, title, at) = (id.into(), notification.subtype.clone(), notification.timestamp);
        Self { id, user, notification, title, is_critical: false, subscriptions: Vec::new(), at }
    }
}

/// It was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent;

/// Why it was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// Not just now: it is sent again after a pause, which is at least so long. After the last try it is laid among the dead letters.
    #[error("not just now")]
    Retry {
        /// What the other side asked for.
        after: Option<Duration>,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The subscription is no more: it is removed. Of a channel that sends to users it counts as refused.
    #[error("the subscription is gone")]
    Gone,
    /// It would be refused again: it is laid among the dead letters at once.
    #[error("refused: {0}")]
    Refused(String),
}

/// What a subscription is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SubscriptionKind {
    /// A browser's, of the Push API: an endpoint and keys.
    Webpush,
    /// A token of Firebase Cloud Messaging.
    Fcm,
    /// A device token of the Apple Push Notification service.
    Apns,
}

impl SubscriptionKind {
    /// As it stands in requests and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webpush => "webpush",
            Self::Fcm => "fcm",
            Self::Apns => "apns",
        }
    }

    pub(crate) fn of(text: &str) -> Option<Self> {
        [Self::Webpush, Self::Fcm, Self::Apns].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Where one of a user's devices is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Of what.
    pub kind: SubscriptionKind,
    /// The endpoint or the token.
    pub address: String,
    /// With Web Push.
    pub keys: Option<SubscriptionKeys>,
}

/// The keys of a Web Push subscription, in base64url as `PushSubscription.toJSON()` has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubscriptionKeys {
    /// The browser's public key on P-256, uncompressed: 65 bytes.
    pub p256dh: String,
    /// The authentication secret: 16 bytes.
    pub auth: String,
}

/// How deliveries go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliverySettings {
    /// From a notification to its delivery: 30 s. What is read within it is not sent; what comes to its row within it goes with it.
    pub delay: Duration,
    /// How often one is tried: 8 times.
    pub tries: u32,
    /// The longest pause after the first try: 5 s. It doubles with each; a pause lasts a random part of it, so that what failed together
    /// is not repeated together.
    pub first_pause: Duration,
    /// The longest pause of all: 1 h. One that the other side asks for may be as long as a day.
    pub longest_pause: Duration,
    /// How many are under way on each channel: 16. The others wait in the store.
    pub at_once: usize,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(30),
            tries: 8,
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_secs(60 * 60),
            at_once: 16,
        }
    }
}

/// The id of a delivery, as others see it.
pub(crate) fn delivery_id(id: MessageId, subscription: i64) -> String {
    if subscription == 0 { id.to_string() } else { format!("{id}-{subscription}") }
}
