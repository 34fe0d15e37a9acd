//! What every form of the protocol is made of: message types, frames, envelopes, each with its JSON Schema.

use serde_json::{Value, json};
use tidings_engine::{TypeDescription, TypeInfo};
use tidings_wire::{UserId, client_frames, message_frames, server_frames};

use crate::cli::{
    assemble::{self, Extend},
    failure::Failure,
};

/// The protocol of a server with these message types.
pub(super) struct Protocol {
    /// By name.
    pub(super) types: Vec<MessageType>,
    /// Frames of `tidings.v1` that a client sends, by their types.
    pub(super) client: Vec<(&'static str, Value)>,
    /// Frames of `tidings.v1` that the server sends; of the guide's dialect `error` alone.
    pub(super) server: Vec<(&'static str, Value)>,
    /// What stands in a message beside its type's fields.
    pub(super) envelopes: Vec<(&'static str, Value)>,
}

/// A registered message type, as it declares itself.
pub(super) struct MessageType {
    pub(super) info: TypeInfo,
    pub(super) told: TypeDescription,
    /// The golden schema: the fields' with `x-version`.
    pub(super) schema: Value,
}

impl Protocol {
    pub(super) fn of(extend: Extend<'_>) -> Result<Self, Failure> {
        let server = assemble::app(extend).build()?;
        let types = server.types().into_iter().map(|info| {
            let told = server.describe(info.name).unwrap_or_default();
            let mut schema = info.schema.clone();
            schema["x-version"] = json!(info.version);
            schema.sort_all_objects();
            MessageType { info, told, schema }
        });
        Ok(Self {
            types: types.collect(),
            client: values(client_frames::schemas()),
            server: values(server_frames::schemas()),
            envelopes: values(message_frames::schemas()),
        })
    }

    /// An envelope by its name.
    pub(super) fn envelope(&self, name: &str) -> &Value {
        let found = self.envelopes.iter().find(|(found, _)| *found == name);
        &found.expect("the envelopes are those of wire").1
    }
}

impl MessageType {
    /// What stands in its struct's documentation.
    pub(super) fn description(&self) -> &str {
        self.schema["description"].as_str().unwrap_or_default()
    }

    /// Who hears it, in words.
    pub(super) fn heard_by(&self) -> String {
        let audience = self.told.audience.clone().unwrap_or_else(|| "whom its `audience` names".to_owned());
        match self.told.handled {
            true if audience.starts_with("nobody") => "whom its handler chooses".to_owned(),
            true => format!("{audience}, unless its handler says otherwise"),
            false => audience,
        }
    }

    /// What stands beside its fields in this dialect: `guide` or `v1`.
    pub(super) fn envelope(&self, dialect: &str) -> String {
        let kept = if self.info.kept { "kept" } else { "unkept" };
        format!("{dialect}-{kept}")
    }
}

fn values(schemas: Vec<(&'static str, schemars::Schema)>) -> Vec<(&'static str, Value)> {
    let sorted = |schema: schemars::Schema| {
        let mut schema = schema.to_value();
        // So that what is written in the order of its fields is the same with every build of serde_json.
        schema.sort_all_objects();
        schema
    };
    schemas.into_iter().map(|(kind, schema)| (kind, sorted(schema))).collect()
}

/// `read_up_to` as `ReadUpTo`, `guide-kept` as `GuideKept`.
pub(super) fn pascal_case(name: &str) -> String {
    let words = name.split(['_', '-']).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
        })
        .collect()
}

/// Whether it is the form of a user's, group's or post's id, alone or beside others.
pub(super) fn is_id(schema: &Value) -> bool {
    schema.get("oneOf").is_some_and(|forms| *forms == schemars::schema_for!(UserId).to_value()["oneOf"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_wire_become_names_of_types() {
        for (name, expected) in
            [("read_up_to", "ReadUpTo"), ("guide-kept", "GuideKept"), ("poke", "Poke"), ("_a__b", "AB")]
        {
            assert_eq!(pascal_case(name), expected, "{name}");
        }
    }
}
