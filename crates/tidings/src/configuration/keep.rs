//! How long a type is kept, as the configuration says it.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tidings_wire::Keep;

/// `never`. A length of time is refused until something deletes what is older: an operator who sets one relies on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepFor {
    /// Not stored at all.
    Never,
}

impl From<KeepFor> for Keep {
    fn from(_: KeepFor) -> Self {
        Self::Never
    }
}

impl FromStr for KeepFor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Self::Never),
            _ => Err("expected \"never\": this version deletes nothing after a time, so it takes none".to_owned()),
        }
    }
}

impl fmt::Display for KeepFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("never")
    }
}

impl<'de> Deserialize<'de> for KeepFor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for KeepFor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for KeepFor {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "KeepFor".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "`\"never\"`"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_refused_as_long_as_nothing_keeps_to_it() {
        assert_eq!("never".parse(), Ok(KeepFor::Never));
        assert!("30d".parse::<KeepFor>().unwrap_err().contains("never"));
    }
}
