//! What a message type declares about itself.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Audience, Notice, UserId};

/// A type of message: its fields are the struct's, all else about it is said here.
///
/// `tidings_server::App::message` registers it; from then on a client may send `{"type":"<TYPE>", …fields…}`, and who
/// hears it gets the same fields with the server's stamp. The schema must be a plain object without flattened maps,
/// must not refuse unknown fields, and must not use a name of the envelope ([`crate::ENVELOPE_FIELDS`]): the server's
/// build fails otherwise, naming the field.
///
/// The engine calls `audience` once for each accepted message, on the thread that serves the sender: it must neither
/// block nor panic (a panic is caught and answered with `unavailable`).
pub trait Message: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The name on the wire: 1 to 40 of `a`–`z`, `0`–`9` and `_`, a letter first. Never reused for another meaning.
    const TYPE: &'static str;

    /// Raised when stored bodies change their form; then [`Message::upgrade`] reads the older ones.
    const VERSION: u16 = 1;

    /// How long it is stored. Configuration may shorten this or switch it off, never switch it on.
    const KEEP: Keep = Keep::Never;

    /// Whether it belongs to a conversation: its audience is then always one user or one group. Kept types need it.
    const STREAM: bool = false;

    /// Who may send it, if the configuration says nothing else.
    const SENDERS: Senders = Senders::Users;

    /// How many of it a sender may send.
    const LIMIT: Limit = Limit::per_minute(60);

    /// Who should hear it. Pure and symbolic, so a unit test can call it.
    fn audience(&self, from: &Sender) -> Audience;

    /// Something for the inboxes of those whom it concerns, beside the message; none for most.
    fn notice(&self) -> Option<Notice> {
        None
    }

    /// Brings the stored body of an older `version` into today's form.
    ///
    /// # Errors
    /// [`UpgradeError`] where the body can't be read any more; readers then get a skip in its place, and the log names it.
    fn upgrade(version: u16, body: serde_json::Value) -> Result<serde_json::Value, UpgradeError> {
        let _ = version;
        Ok(body)
    }
}

/// How long messages of a type are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Not at all: delivered at most once to those connected now.
    Never,
    /// Until they are deleted.
    Forever,
    /// At least so long.
    For(Duration),
}

/// Who may send a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Senders {
    /// Users, and services.
    Users,
    /// Services alone, by a key.
    Service,
}

/// How many messages of a type one sender may send: `count` at once, refilled evenly over `per` (the generic cell rate
/// algorithm, ITU-T I.371 annex A). Beyond it `limited` is answered with the wait in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// 0 stands for no limit.
    pub count: u32,
    /// Over what time `count` is refilled.
    pub per: Duration,
}

impl Limit {
    /// No limit.
    pub const NONE: Limit = Limit { count: 0, per: Duration::from_secs(1) };

    /// `count` a second.
    pub const fn per_second(count: u32) -> Self {
        Self { count, per: Duration::from_secs(1) }
    }

    /// `count` a minute.
    pub const fn per_minute(count: u32) -> Self {
        Self { count, per: Duration::from_secs(60) }
    }
}

/// Who sends: a user, or a service that may act for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The user, if there is one: services may push without acting for anybody.
    pub user: Option<UserId>,
    /// The name of the service key.
    pub service: Option<Arc<str>>,
}

impl Sender {
    /// A user of their own accord.
    pub const fn user_only(user: UserId) -> Self {
        Self { user: Some(user), service: None }
    }

    /// A service, perhaps acting for a user.
    pub const fn service(name: Arc<str>, acting_for: Option<UserId>) -> Self {
        Self { user: acting_for, service: Some(name) }
    }
}

/// A stored body of an older version that can't be read any more.
#[derive(Debug, thiserror::Error)]
#[error("read a body of version {version}: {reason}")]
pub struct UpgradeError {
    /// The body's version.
    pub version: u16,
    /// What is wrong with it, for the log.
    pub reason: String,
}
