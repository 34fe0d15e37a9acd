//! For whom a type is on, as the configuration says it: `10`, or `{ percent = 10, users = [7] }`.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};
use tidings_engine::Rollout;
use tidings_wire::UserId;

/// A share in percent, perhaps with users by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutFor(pub Rollout);

impl RolloutFor {
    /// What is taken, for documentation and errors; also the schema's `format`, by which the catalogue knows the kind.
    pub(super) const FORM: &'static str = "integer from 0 to 100, or `{ percent = 10, users = [7] }`";
}

impl<'de> Deserialize<'de> for RolloutFor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> de::Visitor<'de> for Either {
            type Value = RolloutFor;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(RolloutFor::FORM)
            }

            fn visit_u64<E: de::Error>(self, percent: u64) -> Result<RolloutFor, E> {
                Rollout::new(percent, Vec::new()).map(RolloutFor).map_err(E::custom)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<RolloutFor, A::Error> {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Parts {
                    percent: u64,
                    #[serde(default)]
                    users: Vec<UserId>,
                }
                let Parts { percent, users } = Parts::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Rollout::new(percent, users).map(RolloutFor).map_err(de::Error::custom)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl Serialize for RolloutFor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.users().is_empty() {
            return serializer.serialize_u8(self.0.percent());
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("percent", &self.0.percent())?;
        map.serialize_entry("users", self.0.users())?;
        map.end()
    }
}

impl JsonSchema for RolloutFor {
    fn schema_name() -> Cow<'static, str> {
        "RolloutFor".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["integer", "object"], "format": Self::FORM})
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_read_back() {
        for value in [json!(0), json!(100), json!({"percent": 10, "users": [7]})] {
            let rollout: RolloutFor = serde_json::from_value(value.clone()).unwrap();
            assert_eq!(serde_json::to_value(rollout).unwrap(), value);
        }
        let uuid = json!({"percent": 0, "users": ["0192f0c1-2b3c-7def-8abc-0123456789ab"]});
        assert_eq!(serde_json::from_value::<RolloutFor>(uuid).unwrap().0.users().len(), 1);
    }

    #[test]
    fn what_is_no_rollout_says_why() {
        for (value, says) in [
            (json!(101), "from 0 to 100"),
            (json!({"percent": 101}), "from 0 to 100"),
            (json!({"users": [7]}), "percent"),
            (json!({"percent": 1, "user": [7]}), "unknown field `user`"),
            (json!(-1), "integer from 0 to 100"),
            (json!("ten"), "integer from 0 to 100"),
        ] {
            let error = serde_json::from_value::<RolloutFor>(value.clone()).unwrap_err().to_string();
            assert!(error.contains(says), "{value}: {error}");
        }
    }
}
