//! How long a type is kept, as the configuration says it.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tidings_wire::Keep;

use super::TimeSpan;

/// `never`, or a length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepFor {
    /// Not stored at all.
    Never,
    /// Stored at least so long.
    For(TimeSpan),
}

impl From<KeepFor> for Keep {
    fn from(keep: KeepFor) -> Self {
        match keep {
            KeepFor::Never => Self::Never,
            KeepFor::For(time) => Self::For(time.0),
        }
    }
}

impl FromStr for KeepFor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Self::Never),
            _ => text.parse().map(Self::For).map_err(|why| format!("expected \"never\" or a length of time: {why}")),
        }
    }
}

impl fmt::Display for KeepFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::For(time) => time.fmt(f),
        }
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
        json_schema!({"type": "string", "format": "`\"never\"` or length of time"})
    }
}
