//! `tidings spec typescript`: the protocol as types of TypeScript, to be told apart by `type`.

use std::{collections::BTreeSet, fmt::Write};

use serde_json::{Value, json};
use tidings_wire::CloseCode;

use super::protocol::{MessageType, Protocol, is_id, pascal_case};

const HEAD: &str = "// Made by `tidings spec typescript` from the message types that the program has: change those.

/**
 * An id of a user, group or post: an integer from 0 to 2^63 - 1 (above 2^53 - 1 as a string of digits) or a UUID.
 */
export type Id = number | string;
";

const MESSAGES: &str = "
/** A message of any registered type, as a client may send it. */
export type ClientMessage = { [T in keyof MessageTypes]: { type: T } & MessageTypes[T] & Sent }[keyof MessageTypes];

/** A message as it goes out in the guide's dialect. */
export type GuideMessage =
  | { [T in keyof KeptTypes]: { type: T } & KeptTypes[T] & GuideKept }[keyof KeptTypes]
  | { [T in keyof UnkeptTypes]: { type: T } & UnkeptTypes[T] & GuideUnkept }[keyof UnkeptTypes];

/**
 * A kept message as it goes out in `tidings.v1`. One that was deleted has no fields of its own, in what is sent again and in pages:
 * `deleted_at === undefined` tells that they are there.
 */
export type KeptMessage =
  | { [T in keyof KeptTypes]: { type: T } & KeptTypes[T] & V1Kept & { deleted_at?: undefined } }[keyof KeptTypes]
  | { [T in keyof KeptTypes]: { type: T } & V1Kept & { deleted_at: number } }[keyof KeptTypes];

/** A message as it goes out in `tidings.v1`. */
export type ServerMessage =
  | KeptMessage
  | { [T in keyof UnkeptTypes]: { type: T } & UnkeptTypes[T] & V1Unkept }[keyof UnkeptTypes];

/** What stands in a page of history: one entry a seq, or one for several that are withheld. */
export type HistoryEntry = KeptMessage | ServerEdited | ServerDeleted | ServerSkip;
";

/// The file.
pub(super) fn module(protocol: &Protocol) -> String {
    let mut file = HEAD.to_owned();
    let types: Vec<_> = protocol.types.iter().map(|kind| (kind, type_name(protocol, kind))).collect();
    for (kind, name) in &types {
        Writer::new(&kind.schema, name).interface(&mut file, None);
    }
    let kept = |is: bool| types.iter().filter(move |(kind, _)| kind.info.kept == is);
    names(&mut file, "MessageTypes", "The fields of each message type, by its name.", types.iter());
    names(&mut file, "KeptTypes", "Those of them that are kept unless the configuration says otherwise.", kept(true));
    names(&mut file, "UnkeptTypes", "Those of them that are not kept.", kept(false));
    for (name, schema) in &protocol.envelopes {
        Writer::new(schema, &pascal_case(name)).interface(&mut file, Some("type"));
    }
    file.push_str(MESSAGES);
    for (side, schemas) in [("Client", &protocol.client), ("Server", &protocol.server)] {
        for (kind, schema) in schemas {
            Writer::new(&with_messages(schema), &format!("{side}{}", pascal_case(kind))).interface(&mut file, None);
        }
    }
    unions(&mut file, protocol);
    let codes: Vec<_> = CloseCode::ALL.iter().map(|code| code.code().to_string()).collect();
    let _ =
        write!(file, "\n/** Why the server closes a connection. */\nexport type CloseCode = {};\n", codes.join(" | "));
    file
}

/// All that one side may say.
fn unions(file: &mut String, protocol: &Protocol) {
    let frames = |side: &str, schemas: &[(&str, Value)]| {
        schemas.iter().map(|(kind, _)| format!("\n  | {side}{}", pascal_case(kind))).collect::<String>()
    };
    let (client, server) = (frames("Client", &protocol.client), frames("Server", &protocol.server));
    let _ = write!(
        file,
        "\n/** What a client of `tidings.v1` may send. */\nexport type ClientFrame ={client}\n  | ClientMessage;\n\
         \n/** What the server sends in `tidings.v1`. A client passes over types and fields that it does not know. */\n\
         export type ServerFrame ={server}\n  | ServerMessage;\n\
         \n/** What the server sends in the guide's dialect. */\nexport type GuideFrame = GuideMessage | ServerError;\n"
    );
}

/// A frame's schema with the messages in it by their types here: JSON Schema has them as any object.
fn with_messages(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(entry) = schema.pointer_mut("/properties/messages/items") {
        *entry = json!({"$ref": "HistoryEntry"});
    }
    if let Some(last) = schema.pointer_mut("/$defs/ConversationInList/properties/last") {
        let or_none = json!([{"$ref": "KeptMessage"}, {"type": "null"}]);
        *last = json!({"description": last["description"], "anyOf": or_none});
    }
    schema
}

/// Types by their names on the wire.
fn names<'a>(file: &mut String, name: &str, about: &str, types: impl Iterator<Item = &'a (&'a MessageType, String)>) {
    comment(file, "", about);
    let _ = writeln!(file, "export interface {name} {{");
    for (kind, type_name) in types {
        let _ = writeln!(file, "  {}: {type_name};", key(kind.info.name));
    }
    file.push_str("}\n");
}

/// Names of the file's own and one of the browser's, which a message type's must not be.
const TAKEN: [&str; 15] = [
    "Id",
    "Sent",
    "MessageTypes",
    "KeptTypes",
    "UnkeptTypes",
    "ClientMessage",
    "KeptMessage",
    "ServerMessage",
    "GuideMessage",
    "HistoryEntry",
    "ClientFrame",
    "ServerFrame",
    "GuideFrame",
    "CloseCode",
    "Event",
];

/// What the type is called here: `Fields` is put behind names that something else has.
fn type_name(protocol: &Protocol, kind: &MessageType) -> String {
    let name = pascal_case(kind.info.name);
    let inner: BTreeSet<_> = protocol.types.iter().flat_map(|kind| inner_names(&kind.schema, kind.info.name)).collect();
    let taken = TAKEN.contains(&name.as_str())
        || inner.contains(&name)
        || ["Client", "Server", "Guide", "V1"].iter().any(|start| name.starts_with(start));
    if taken { format!("{name}Fields") } else { name }
}

/// What the schemas are called that a type's schema defines.
fn inner_names(schema: &Value, kind: &str) -> impl Iterator<Item = String> {
    let defined = schema["$defs"].as_object().into_iter().flatten();
    defined.map(move |(inner, _)| inner_name(&pascal_case(kind), inner))
}

fn inner_name(outer: &str, inner: &str) -> String {
    let plain = inner.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' });
    outer.chars().chain(plain).collect()
}

/// Writes one schema and what it defines.
struct Writer<'a> {
    schema: &'a Value,
    name: &'a str,
}

impl<'a> Writer<'a> {
    fn new(schema: &'a Value, name: &'a str) -> Self {
        Self { schema, name }
    }

    /// An interface of the schema's fields but one, after those of what it defines.
    fn interface(&self, file: &mut String, but: Option<&str>) {
        for (inner, defined) in self.schema["$defs"].as_object().into_iter().flatten() {
            comment(file, "", text(defined));
            let name = inner_name(self.name, inner);
            if defined["properties"].is_object() {
                let _ = writeln!(file, "export interface {name} {}", self.fields(defined, None, ""));
            } else {
                let _ = writeln!(file, "export type {name} = {};", self.expression(defined, ""));
            }
        }
        comment(file, "", text(self.schema));
        let _ = writeln!(file, "export interface {} {}", self.name, self.fields(self.schema, but, ""));
    }

    /// `{ … }`, a line a field.
    fn fields(&self, schema: &Value, but: Option<&str>, indent: &str) -> String {
        let deeper = format!("{indent}  ");
        let mut fields = "{\n".to_owned();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            if but == Some(name) {
                continue;
            }
            comment(&mut fields, &deeper, text(field));
            let required = schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
            let mark = if required { "" } else { "?" };
            let _ = writeln!(fields, "{deeper}{}{mark}: {};", key(name), self.expression(field, &deeper));
        }
        fields + indent + "}"
    }

    fn expression(&self, schema: &Value, indent: &str) -> String {
        if let Some(path) = schema["$ref"].as_str() {
            return match path.strip_prefix("#/$defs/") {
                Some(inner) => inner_name(self.name, inner),
                None if path == "#" => self.name.to_owned(),
                None => path.to_owned(),
            };
        }
        if is_id(schema) {
            return "Id".to_owned();
        }
        if let Some(value) = schema.get("const") {
            return value.to_string();
        }
        let all = |schemas: &Vec<Value>, between| {
            let mut parts: Vec<_> = schemas.iter().map(|schema| self.expression(schema, indent)).collect();
            parts.dedup();
            parts.join(between)
        };
        match (&schema["enum"], &schema["oneOf"], &schema["anyOf"], &schema["allOf"], &schema["type"]) {
            (Value::Array(values), ..) => values.iter().map(Value::to_string).collect::<Vec<_>>().join(" | "),
            (_, Value::Array(any), ..) | (_, _, Value::Array(any), ..) => all(any, " | "),
            (_, _, _, Value::Array(every), _) => format!("({})", all(every, ") & (")),
            (.., Value::Array(kinds)) => {
                let kinds: Vec<_> = kinds.iter().map(|kind| self.of_kind(kind, schema, indent)).collect();
                kinds.join(" | ")
            }
            (.., kind) => self.of_kind(kind, schema, indent),
        }
    }

    fn of_kind(&self, kind: &Value, schema: &Value, indent: &str) -> String {
        match kind.as_str() {
            Some("null") => "null".to_owned(),
            Some("boolean") => "boolean".to_owned(),
            Some("string") => "string".to_owned(),
            Some("integer" | "number") => "number".to_owned(),
            Some("array") => match schema["prefixItems"].as_array() {
                Some(parts) => {
                    let parts: Vec<_> = parts.iter().map(|part| self.expression(part, indent)).collect();
                    format!("[{}]", parts.join(", "))
                }
                None => format!("Array<{}>", self.expression(&schema["items"], indent)),
            },
            Some("object") if schema["properties"].is_object() => self.fields(schema, None, indent),
            Some("object") => match &schema["additionalProperties"] {
                values @ Value::Object(_) => format!("{{ [key: string]: {} }}", self.expression(values, indent)),
                _ => "{ [key: string]: unknown }".to_owned(),
            },
            _ => "unknown".to_owned(),
        }
    }
}

fn text(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

/// A field's name, in quotes where it is no identifier (ECMA-262 §12.7, ASCII alone).
fn key(name: &str) -> String {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_$".contains(&byte));
    let plain = first && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_$".contains(&byte));
    if plain { name.to_owned() } else { json!(name).to_string() }
}

fn comment(file: &mut String, indent: &str, text: &str) {
    let text = text.replace("*/", "* /");
    let mut lines = text.lines();
    if indent.is_empty() {
        file.push('\n');
    }
    match (lines.next(), lines.next()) {
        (None, _) => {}
        (Some(line), None) => {
            let _ = writeln!(file, "{indent}/** {line} */");
        }
        _ => {
            let _ = writeln!(file, "{indent}/**");
            for line in text.lines() {
                let _ = writeln!(file, "{}", format!("{indent} * {line}").trim_end());
            }
            let _ = writeln!(file, "{indent} */");
        }
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use tidings_wire::{Audience, Message, Sender, UserId};

    use super::*;

    macro_rules! message {
        ($name:ident, $kind:literal { $($field:ident: $type:ty),* }) => {
            #[derive(Serialize, Deserialize, JsonSchema)]
            struct $name { $($field: $type),* }
            impl Message for $name {
                const TYPE: &'static str = $kind;
                fn audience(&self, _: &Sender) -> Audience { Audience::everyone() }
            }
        };
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    enum Style {
        Soft,
        Hard,
    }

    message!(Poke, "poke" { style: Style });
    message!(PokeStyle, "poke_style" { named: bool });
    message!(Sending, "client_hello" { named: bool });

    #[test]
    fn names_of_types_are_those_of_nothing_else() {
        let extend = |app: crate::App| app.message::<Poke>().message::<PokeStyle>().message::<Sending>();
        let module = module(&Protocol::of(&extend).unwrap_or_else(|_| panic!("three types that fit")));
        for line in [
            r#"export type PokeStyle = "Soft" | "Hard";"#,
            "  style: PokeStyle;",
            "  poke: Poke;",
            "  poke_style: PokeStyleFields;",
            "  client_hello: ClientHelloFields;",
            "  event: EventFields;",
        ] {
            assert!(module.lines().any(|found| found == line), "{line}\n{module}");
        }
    }

    fn expression(schema: Value) -> String {
        Writer::new(&schema, "Poke").expression(&schema, "")
    }

    #[test]
    fn schemas_become_types() {
        for (schema, expected) in [
            (json!({"type": ["string", "null"]}), "string | null"),
            (json!({"enum": ["a", 1, null]}), r#""a" | 1 | null"#),
            (json!({"const": "a"}), r#""a""#),
            (json!({"oneOf": [{"type": "integer"}, {"type": "string"}]}), "number | string"),
            (json!({"allOf": [{"type": "integer"}, {"type": "string"}]}), "(number) & (string)"),
            (json!({"type": "array", "items": {"type": ["boolean", "null"]}}), "Array<boolean | null>"),
            (json!({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}), "[number, string]"),
            (json!({"type": "object", "additionalProperties": {"type": "integer"}}), "{ [key: string]: number }"),
            (json!({"type": "object", "additionalProperties": true}), "{ [key: string]: unknown }"),
            (json!({"$ref": "#/$defs/Style"}), "PokeStyle"),
            (json!({"$ref": "#"}), "Poke"),
            (json!({}), "unknown"),
            (json!(true), "unknown"),
            (schemars::schema_for!(UserId).to_value(), "Id"),
            (
                json!({"type": "object", "properties": {"a-b": {"type": "null"}, "c": {}}, "required": ["c"]}),
                "{\n  \"a-b\"?: null;\n  c: unknown;\n}",
            ),
        ] {
            assert_eq!(expression(schema.clone()), expected, "{schema}");
        }
    }

    #[test]
    fn a_comment_can_not_end_early() {
        let mut file = String::new();
        comment(&mut file, "  ", "one */ two\n\nthree");
        assert_eq!(file, "  /**\n   * one * / two\n   *\n   * three\n   */\n");
    }
}
