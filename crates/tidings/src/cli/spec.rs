//! `tidings spec …`: the protocol as the code has it, in the forms that other tools read. What stands under `protocol/` and
//! `docs/types/` is made of it.

mod asyncapi;
mod bundle;
mod pages;
mod protocol;
mod typescript;

use serde_json::{Map, Value, json};
use tidings_wire::{CloseCode, Code};

use self::protocol::Protocol;
use super::{arguments::What, assemble::Extend, failure::Failure, output::answer};

/// Prints one of them. Nothing is opened or listened on, and no configuration is read.
pub(super) fn run(what: What, extend: Extend<'_>) -> Result<(), Failure> {
    let value = match what {
        What::Codes => codes(),
        What::Openapi => super::assemble::openapi(extend)?,
        What::Asyncapi => asyncapi::document(&Protocol::of(extend)?),
        What::Jsonschema => bundle::bundle(&Protocol::of(extend)?),
        What::Typescript => return answer(&typescript::module(&Protocol::of(extend)?)),
        What::Types => types(&Protocol::of(extend)?),
        What::Frames => frames(&Protocol::of(extend)?),
        What::Pages => pages::pages(&Protocol::of(extend)?),
    };
    answer(&serde_json::to_string_pretty(&value)?)
}

/// The golden schema of each message type, with the type's version.
fn types(protocol: &Protocol) -> Value {
    protocol.types.iter().map(|kind| (kind.info.name.to_owned(), kind.schema.clone())).collect::<Map<_, _>>().into()
}

/// What `tidings.v1` says beside messages, by who sends it, and what stands in a message beside its type's fields.
fn frames(protocol: &Protocol) -> Value {
    let by_type = |schemas: &[(&'static str, Value)]| -> Value {
        schemas.iter().map(|(kind, schema)| ((*kind).to_owned(), schema.clone())).collect::<Map<_, _>>().into()
    };
    json!({
        "client": by_type(&protocol.client),
        "server": by_type(&protocol.server),
        "message": by_type(&protocol.envelopes),
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
