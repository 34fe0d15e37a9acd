//! A length of time as people write it: `10s`, `1h 30m`, `30d`.

use std::{fmt, str::FromStr, time::Duration};

use jiff::{Span, SpanRelativeTo};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time. Read from jiff's friendly format (`250ms`, `10s`, `1h 30m`, `30d`) or ISO 8601 (`PT10S`); a day has
/// 24 hours, and months and years, whose length varies, are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeSpan(pub Duration);

impl TimeSpan {
    /// What it is called where settings are described.
    pub(super) const FORM: &str = "length of time";

    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl FromStr for TimeSpan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            |why: String| format!("{text:?} is no length of time such as \"10s\", \"25m\" or \"30d\": {why}");
        let span: Span = text.parse().map_err(|error: jiff::Error| expected(error.to_string()))?;
        let length = span
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .map_err(|_| expected("months and years have no fixed length".to_owned()))?;
        Duration::try_from(length).map(Self).map_err(|_| expected("it is negative".to_owned()))
    }
}

impl fmt::Display for TimeSpan {
    /// The largest unit that expresses it exactly.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u128, &str); 6] = [
            (86_400_000_000, "d"),
            (3_600_000_000, "h"),
            (60_000_000, "m"),
            (1_000_000, "s"),
            (1_000, "ms"),
            (1, "us"),
        ];
        let micros = self.0.as_micros();
        let exact = UNITS.iter().find(|(unit, _)| micros > 0 && micros.is_multiple_of(*unit));
        match exact {
            Some((unit, name)) => write!(f, "{}{name}", micros / unit),
            None => f.write_str("0s"),
        }
    }
}

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for TimeSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for TimeSpan {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TimeSpan".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": Self::FORM})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_and_write_in_their_largest_exact_unit() {
        for (text, seconds, back) in [
            ("10s", 10, "10s"),
            ("1h 30m", 5_400, "90m"),
            ("30d", 2_592_000, "30d"),
            ("PT2M", 120, "2m"),
            ("0s", 0, "0s"),
        ] {
            let span: TimeSpan = text.parse().unwrap();
            assert_eq!((span, span.to_string().as_str()), (TimeSpan::seconds(seconds), back));
        }
        assert_eq!("250ms".parse(), Ok(TimeSpan(Duration::from_millis(250))));
    }

    #[test]
    fn what_is_no_length_is_refused_with_an_example() {
        for text in ["10", "soon", "-5s", "1 month", ""] {
            let error = text.parse::<TimeSpan>().unwrap_err();
            assert!(error.contains("\"10s\""), "{text}: {error}");
        }
    }
}
