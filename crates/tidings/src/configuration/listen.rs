//! The address to listen on.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An IP address, or `localhost` for 127.0.0.1, and a port; port 0 takes a free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(pub SocketAddr);

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
        local
            .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .or_else(|| text.parse().ok())
            .map(Self)
            .ok_or_else(|| {
                format!("{text:?} is no address and port such as \"127.0.0.1:8000\", \"0.0.0.0:8000\" or \"[::]:8000\"")
            })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Listen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Listen {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Listen".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "address and port"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_and_what_is_none_is_refused_with_an_example() {
        for (text, expected) in
            [("127.0.0.1:8000", "127.0.0.1:8000"), ("localhost:0", "127.0.0.1:0"), ("[::1]:80", "[::1]:80")]
        {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), expected);
        }
        for text in ["8000", "127.0.0.1", "tidings.example:80", "localhost:x", ""] {
            assert!(text.parse::<Listen>().unwrap_err().contains("127.0.0.1:8000"), "{text}");
        }
    }
}
