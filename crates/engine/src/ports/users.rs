//! What the app knows of its users.

use serde_json::{Map, Value};
use tidings_wire::UserId;

use super::{BoxFuture, StoreError};

/// The guide's cached user data: names for texts, languages and time zones for notifications.
///
/// Any thread may call. Whoever asks often asks through `CachedUsers` of the server, which bounds, ages and forgets.
pub trait Users: Send + Sync + 'static {
    /// What is known of a user; none where there is no such user.
    fn user(&self, id: UserId) -> BoxFuture<Result<Option<Profile>, StoreError>>;
}

/// What is known of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// How others call them.
    pub name: Option<String>,
    /// A language tag of BCP 47, such as `de` or `pt-BR`.
    pub language: Option<String>,
    /// A name of the IANA time zone database, such as `Europe/Berlin`.
    pub zone: Option<String>,
    /// What else the app's tables say; free JSON.
    pub data: Map<String, Value>,
}

impl From<Map<String, Value>> for Profile {
    /// From fields as an app's tables or endpoints have them: `name`, `language` and `zone` where they are text that is not empty (a
    /// number is taken as its digits), all others as they are.
    fn from(mut data: Map<String, Value>) -> Self {
        let mut text = |name: &str| match data.remove(name) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let (name, language, zone) = (text("name"), text("language"), text("zone"));
        Self { name, language, zone, data }
    }
}
