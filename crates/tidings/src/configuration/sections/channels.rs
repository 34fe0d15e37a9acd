//! `[channels]`, `[push]` and `[webhooks]`: what goes out while nobody looks.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_notify::DeliverySettings;

use crate::configuration::{Secret, TimeSpan};

/// `[channels]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ChannelsSection {
    /// From a notification to its going out on a channel. What is read within it does not go out; what is joined into its row within it
    /// goes out with it.
    pub delay: TimeSpan,
    /// How often it is tried to send one. Then it stands among the dead letters (`GET /v1/dead-letters`), of which the latest 10,000 are
    /// kept.
    #[schemars(range(min = 1))]
    pub tries: u32,
    /// The longest pause after the first try; it doubles with each. A pause lasts a random part of it, and at least as long as the other
    /// side asks for.
    #[schemars(extend("x-least" = "1s"))]
    pub first_pause: TimeSpan,
    /// The longest pause of all. What could not be sent within a day stands among the dead letters, however often it was tried.
    #[schemars(extend("x-least" = "1s"))]
    pub longest_pause: TimeSpan,
    /// How many are under way on each channel. The others wait in the database.
    #[schemars(range(min = 1))]
    pub at_once: usize,
    /// From the look-up of the other side's name to the end of its answer.
    #[schemars(extend("x-least" = "1s"))]
    pub timeout: TimeSpan,
}

impl Default for ChannelsSection {
    fn default() -> Self {
        let DeliverySettings { delay, tries, first_pause, longest_pause, at_once } = DeliverySettings::default();
        Self {
            delay: TimeSpan(delay),
            tries,
            first_pause: TimeSpan(first_pause),
            longest_pause: TimeSpan(longest_pause),
            at_once,
            timeout: TimeSpan::seconds(10),
        }
    }
}

/// `[push]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PushSection {
    /// Switches Web Push on: whom a push service writes to where something is wrong (RFC 8292 §2.1), `"mailto:…"` or `"https://…"`. Needs a
    /// build with the feature `web-push`.
    pub contact: Option<String>,
    /// The file with the private key that push services know this server by: 32 bytes in base64url. Without it the first start writes
    /// one to `vapid.key` in the data folder. With another key all subscriptions are void.
    pub key_file: Option<PathBuf>,
    /// How long a push service keeps a message for a browser that is away.
    #[schemars(extend("x-least" = "1s"))]
    pub ttl: TimeSpan,
    /// Whether endpoints may be inside a network, or not encrypted. Whoever subscribes names the endpoint: for tests alone.
    pub allow_private: bool,
}

impl Default for PushSection {
    fn default() -> Self {
        Self { contact: None, key_file: None, ttl: TimeSpan::seconds(24 * 60 * 60), allow_private: false }
    }
}

/// `[webhooks]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WebhooksSection {
    /// Where each notification that nobody has looked at is posted, signed as Standard Webhooks says. Encrypted (`https://`) it needs a build
    /// with the feature `tls`.
    #[schemars(extend("format" = "URL"))]
    pub url: Option<String>,
    /// What signs: `whsec_` and 24 to 64 bytes in base64. Better in `secret_file`, or in the environment variable.
    pub secret: Option<Secret>,
    /// A file that holds the secret; white space around it is dropped.
    pub secret_file: Option<PathBuf>,
    /// Whether the URL may lead inside a network, to a backend beside this server, and begin with `http://`.
    pub allow_private: bool,
}
