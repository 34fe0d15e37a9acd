//! How long a type is kept, as the configuration says it.

use std::{fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tidings_wire::Keep;

use super::TimeSpan;

/// `never`, or a length of time such as `30d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepFor {
    /// Not stored at all.
    Never,
    /// Deleted when it is older.
    Time(TimeSpan),
}

/// The least that a type is kept for: what is older is looked for once a minute.
const LEAST: Duration = Duration::from_secs(60);

impl From<KeepFor> for Keep {
    fn from(keep: KeepFor) -> Self {
        match keep {
            KeepFor::Never => Self::Never,
            KeepFor::Time(time) => Self::For(time.0),
        }
    }
}

impl FromStr for KeepFor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self::Never);
        }
        let time: TimeSpan =
            text.parse().map_err(|error| format!("expected \"never\" or a length of time: {error}"))?;
        if time.0 < LEAST {
            return Err(format!("{text:?} is shorter than \"{}\": \"never\" keeps nothing", TimeSpan(LEAST)));
        }
        Ok(Self::Time(time))
    }
}

impl fmt::Display for KeepFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::Time(time) => time.fmt(f),
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
        json_schema!({"type": "string", "format": "length of time from 1m such as `\"30d\"`, or `\"never\"`"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_kept_for_a_time_or_never() {
        assert_eq!("never".parse(), Ok(KeepFor::Never));
        for text in ["30d", "1m"] {
            let keep: KeepFor = text.parse().unwrap();
            assert_eq!(keep.to_string(), text);
        }
        assert_eq!(Keep::from("1h".parse::<KeepFor>().unwrap()), Keep::For(Duration::from_secs(3_600)));
        for text in ["0s", "59s", "1 month", "forever", ""] {
            assert!(text.parse::<KeepFor>().unwrap_err().contains("never"), "{text}");
        }
    }
}
