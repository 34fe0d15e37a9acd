//! `tidings spec codes|openapi|jsonschema|frames`: what the committed files under `protocol/` are made of.

use serde_json::{Value, json};
use tidings_wire::{CloseCode, Code, client_frames, message_frames, server_frames};

use super::{arguments::What, assemble::Extend, failure::Failure, output::answer};

/// Prints one of them. Nothing is opened or listened on, and no configuration is read.
pub(super) fn run(what: What, extend: Extend<'_>) -> Result<(), Failure> {
    let value = match what {
        What::Codes => codes(),
        What::Openapi => super::assemble::openapi(extend)?,
        What::Jsonschema => super::assemble::schemas(extend)?,
        What::Frames => frames(),
    };
    answer(&serde_json::to_string_pretty(&value)?)
}

/// What `tidings.v1` says beside messages, by who sends it, and what stands in a message beside its type's fields.
fn frames() -> Value {
    let by_type = |schemas: Vec<(&'static str, _)>| -> Value {
        schemas
            .into_iter()
            .map(|(kind, schema)| (kind.to_owned(), json!(schema)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    json!({
        "client": by_type(client_frames::schemas()),
        "server": by_type(server_frames::schemas()),
        "message": by_type(message_frames::schemas()),
    })
}

fn codes() -> Value {
    let errors: Vec<_> = Code::ALL
        .iter()
        .map(|code| json!({"code": code.as_str(), "status": code.status(), "meaning": code.meaning()}))
        .collect();
    let close: Vec<_> = CloseCode::ALL
        .iter()
        .map(|code| json!({"code": code.code(), "reason": code.reason(), "meaning": code.meaning()}))
        .collect();
    json!({"errors": errors, "close": close})
}
