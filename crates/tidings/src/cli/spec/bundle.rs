//! `tidings spec jsonschema`: all schemas in one document, as JSON Schema 2020-12 bundles them (§9.3.1).

use serde_json::{Map, Value, json};

use super::protocol::{MessageType, Protocol};

const DESCRIPTION: &str = "Every schema of the protocol, each a resource of its own under `$defs`. `frame.client`, `frame.server` and \
    `frame.guide` take whole frames: what a client sends, what the server sends in tidings.v1, what it sends in the guide's dialect. \
    They are made of `message.*`, the fields of a message type; `envelope.*`, what stands in a message beside them; and `client.*` and \
    `server.*`, the frames of tidings.v1 that are no messages. Fields that are not named here may be there too.";

/// The document.
pub(super) fn bundle(protocol: &Protocol) -> Value {
    let mut defs = Map::new();
    let mut add = |kind: &str, name: &str, mut schema: Value| {
        schema["$id"] = json!(urn(kind, name));
        defs.insert(format!("{kind}.{name}"), schema);
    };
    for kind in &protocol.types {
        let mut schema = kind.schema.clone();
        if let Some(example) = &kind.told.example {
            schema["examples"] = json!([example]);
        }
        add("message", kind.info.name, schema);
    }
    for (side, schemas) in
        [("client", &protocol.client), ("server", &protocol.server), ("envelope", &protocol.envelopes)]
    {
        schemas.iter().for_each(|(name, schema)| add(side, name, schema.clone()));
    }
    let frames = |side: &'static str, schemas: &[(&'static str, Value)]| -> Vec<Value> {
        schemas.iter().map(|(name, _)| reference(side, name)).collect()
    };
    let sent = protocol.types.iter().map(|kind| message(kind, "sent"));
    add("frame", "client", any("What a client sends.", frames("client", &protocol.client).into_iter().chain(sent)));
    let heard = protocol.types.iter().map(|kind| message(kind, &kind.envelope("v1")));
    let heard = frames("server", &protocol.server).into_iter().chain(heard).chain([deleted(protocol)]);
    add("frame", "server", any("What the server sends in `tidings.v1`.", heard));
    let heard = protocol.types.iter().map(|kind| message(kind, &kind.envelope("guide")));
    let heard = heard.chain([reference("server", "error")]);
    add("frame", "guide", any("What the server sends in the guide's dialect.", heard));
    json!({
        "$schema": DRAFT,
        "$id": "urn:tidings:protocol",
        "title": "Tidings",
        "description": DESCRIPTION,
        "$defs": defs,
    })
}

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

fn urn(kind: &str, name: &str) -> String {
    format!("urn:tidings:{kind}:{name}")
}

fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": urn(kind, name)})
}

fn any(description: &str, frames: impl Iterator<Item = Value>) -> Value {
    json!({"$schema": DRAFT, "description": description, "type": "object", "anyOf": frames.collect::<Vec<_>>()})
}

/// A message: its type's fields, an envelope, and the type's name.
fn message(kind: &MessageType, envelope: &str) -> Value {
    let name = kind.info.name;
    let named = json!({"properties": {"type": {"const": name}}});
    json!({"allOf": [reference("message", name), reference("envelope", envelope), named]})
}

/// A kept message that was deleted has no fields of its type any more.
fn deleted(protocol: &Protocol) -> Value {
    let kept: Vec<_> = protocol.types.iter().filter(|kind| kind.info.kept).map(|kind| kind.info.name).collect();
    let named = json!({"properties": {"type": {"enum": kept}}, "required": ["deleted_at"]});
    json!({"allOf": [reference("envelope", "v1-kept"), named]})
}
