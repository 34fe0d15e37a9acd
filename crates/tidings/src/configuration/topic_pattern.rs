//! A pattern of topics, as the configuration says it: `score:*`.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tidings_wire::Topic;

/// What a topic may look like, with `*` for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPattern(pub Box<str>);

impl FromStr for TopicPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // `*` may stand in a topic too, so whatever is no topic matches none.
        let topic = text.parse::<Topic>();
        topic.map(|_| Self(text.into())).map_err(|error| format!("{text:?} matches no topic: {error}"))
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TopicPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for TopicPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for TopicPattern {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TopicPattern".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_topic_could_be_is_refused() {
        assert_eq!("score:*".parse(), Ok(TopicPattern("score:*".into())));
        assert!("two words".parse::<TopicPattern>().unwrap_err().contains("two words"));
        assert!("".parse::<TopicPattern>().is_err());
    }
}
