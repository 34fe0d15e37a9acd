//! How often something may happen, as the configuration says it: `60/min`.

use std::{fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tidings_wire::Limit;

use super::TimeSpan;

/// `<count>/<time>`, where the time is `s`, `min`, `h`, `day` or a length such as `10s`; or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub Limit);

/// Units that stand for one of themselves.
const UNITS: [(&str, u64); 4] = [("s", 1), ("min", 60), ("h", 3_600), ("day", 86_400)];

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(Limit::NONE));
        }
        let expected = || format!("{text:?} is no rate such as \"60/min\", \"5/s\", \"20/10s\" or \"none\"");
        let (count, per) = text.split_once('/').ok_or_else(expected)?;
        let count = count.trim().parse().ok().filter(|&count: &u32| count > 0).ok_or_else(expected)?;
        let per = match UNITS.iter().find(|(name, _)| *name == per.trim()) {
            Some(&(_, seconds)) => Duration::from_secs(seconds),
            None => per.trim().parse::<TimeSpan>().map_err(|_| expected())?.0,
        };
        if per.is_zero() { Err(expected()) } else { Ok(Self(Limit { count, per })) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.count == 0 {
            return f.write_str("none");
        }
        match UNITS.iter().find(|&&(_, seconds)| self.0.per == Duration::from_secs(seconds)) {
            Some((name, _)) => write!(f, "{}/{name}", self.0.count),
            None => write!(f, "{}/{}", self.0.count, TimeSpan(self.0.per)),
        }
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rate".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "rate such as `\"60/min\"`, or `\"none\"`"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_back() {
        for text in ["60/min", "5/s", "20/10s", "100/day", "none"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!("60/min".parse(), Ok(Rate(Limit::per_minute(60))));
    }

    #[test]
    fn what_is_no_rate_is_refused_with_an_example() {
        for text in ["60", "0/min", "-1/s", "60/soon", "/min", "5/0s", ""] {
            let error = text.parse::<Rate>().unwrap_err();
            assert!(error.contains("\"60/min\""), "{text}: {error}");
        }
    }
}
