//! `event`: from a service to those who watch a topic.
//!
//! ```
//! # use tidings_chat::Event;
//! let event: Event = serde_json::from_str(r#"{"topic":"score:4","name":"goal","data":{"home":2,"away":1}}"#)?;
//! # Ok::<(), serde_json::Error>(())
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_wire::{Audience, FreeObject, Limit, Message, Sender, Senders, Topic};

/// For backends that just want to push: a name and free JSON to the watchers of a topic; not kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Whose watchers hear it.
    pub topic: Topic,
    /// What happened; the app's own word.
    pub name: String,
    /// Free JSON of the app, at most 8 KiB.
    #[serde(default)]
    pub data: FreeObject,
}

impl Message for Event {
    const TYPE: &'static str = "event";
    const SENDERS: Senders = Senders::Service;
    const LIMIT: Limit = Limit::per_minute(60);

    fn audience(&self, _: &Sender) -> Audience {
        Audience::topic(self.topic.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reaches_the_watchers_of_its_topic() {
        let event: Event = serde_json::from_str(r#"{"topic":"score:4","name":"goal"}"#).unwrap();
        let audience = event.audience(&Sender::service("app".into(), None));
        assert_eq!(audience, Audience::topic("score:4".parse().unwrap()));
    }

    #[test]
    fn a_topic_must_be_one() {
        assert!(serde_json::from_str::<Event>(r#"{"topic":"a b","name":"goal"}"#).is_err());
    }
}
