//! Channels of notifications, for users who don't look: Web Push, and a signed webhook by which an app's own mail or push provider
//! does the rest.
//!
//! Both send over HTTP from a thread of their own. Whose address it is: of Web Push the browser names it, of the webhook the operator;
//! neither is believed to be harmless, so nothing is sent to addresses inside the network unless that is allowed.
//!
//! # Map
//! | file | holds |
//! |---|---|
//! | `web_push` | [`WebPush`]: VAPID (RFC 8292), encryption (RFC 8291), headers (RFC 8030); behind the feature `web-push` |
//! | `vapid` | [`VapidKey`]: the key that browsers know the server by |
//! | `webhook` | [`Webhook`]: Standard Webhooks |
//! | `signature` | [`WebhookSecret`]: how a webhook is signed |
//! | `client` | [`Outbound`]: the thread, its bounds, what an answer means |
//! | `guard` | which addresses are reached |
//!
//! # Example
//! ```
//! use tidings_push::{Outbound, OutboundOptions, Webhook, WebhookSecret};
//!
//! let outbound = Outbound::new(OutboundOptions::default())?;
//! let secret = WebhookSecret::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
//! let webhook = Webhook::new(outbound, "https://app.example/hooks/tidings", secret)?;
//! # drop(webhook);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod client;
mod guard;
mod signature;
#[cfg(feature = "web-push")]
mod vapid;
#[cfg(feature = "web-push")]
mod web_push;
mod webhook;

pub use client::{Outbound, OutboundError, OutboundOptions};
pub use guard::is_public;
pub use signature::{SecretError, WebhookSecret};
#[cfg(feature = "web-push")]
pub use vapid::{VapidError, VapidKey};
#[cfg(feature = "web-push")]
pub use web_push::{WebPush, WebPushOptions};
pub use webhook::Webhook;
