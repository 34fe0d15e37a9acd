//! `tidings spec asyncapi`: the WebSocket as an AsyncAPI 3.0 document, both dialects, every frame and message type.

use serde_json::{Map, Value, json};
use tidings_wire::Senders;

use super::protocol::{MessageType, Protocol, pascal_case};

/// The document. In its words the server is the application: it receives what clients send.
pub(super) fn document(protocol: &Protocol) -> Value {
    let mut document = Document::default();
    protocol.types.iter().for_each(|kind| document.message_type(kind));
    for name in protocol.envelopes.iter().map(|(name, _)| *name) {
        document.schema(&format!("envelope_{name}"), protocol.envelope(name));
    }
    protocol.client.iter().for_each(|(kind, schema)| document.client_frame(kind, schema));
    protocol.server.iter().for_each(|(kind, schema)| document.server_frame(kind, schema));
    document.finish()
}

/// What answers a client's frame, beside `error`.
const REPLIES: [(&str, &str); 8] = [
    ("hello", "welcome"),
    ("history", "history"),
    ("ping", "pong"),
    ("edit", "ack"),
    ("delete", "ack"),
    ("watch", "ack"),
    ("unwatch", "ack"),
    ("token", "ack"),
];

#[derive(Default)]
struct Document {
    guide: Map<String, Value>,
    v1: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Document {
    /// What clients may send of the type, and what comes of it in each dialect.
    fn message_type(&mut self, kind: &MessageType) {
        let name = kind.info.name;
        let fields = format!("message_{name}");
        self.schema(&fields, &kind.schema);
        let mut about = kind.description().to_owned();
        if kind.info.senders == Senders::Service {
            let setting =
                format!(" Users may send it where the setting `[types.{name}] senders = \"users\"` allows it.");
            about.push_str(&setting);
        }
        let sent = format!("send_{name}");
        self.message(&sent, name, &about, payload(name, &fields, "sent"));
        if let Some(example) = &kind.told.example {
            self.messages[&sent]["examples"] = json!([{"name": "example", "payload": example}]);
        }
        for dialect in ["guide", "v1"] {
            self.operation(dialect, "receive", &sent, &[]);
            let heard = format!("{dialect}_{name}");
            let about = format!("{} Who hears it: {}.", kind.description(), kind.heard_by());
            self.message(&heard, name, &about, payload(name, &fields, &kind.envelope(dialect)));
            self.operation(dialect, "send", &heard, &[]);
        }
    }

    fn client_frame(&mut self, kind: &str, schema: &Value) {
        let name = format!("client_{kind}");
        self.frame(&name, kind, schema);
        let replies: Vec<_> = REPLIES.iter().filter(|(asked, _)| *asked == kind).map(|(_, reply)| *reply).collect();
        self.operation("v1", "receive", &name, &replies);
    }

    fn server_frame(&mut self, kind: &str, schema: &Value) {
        let name = format!("server_{kind}");
        self.frame(&name, kind, schema);
        self.operation("v1", "send", &name, &[]);
        // Of the protocol's own frames the guide knows this one.
        if kind == "error" {
            self.operation("guide", "send", &name, &[]);
        }
    }

    fn frame(&mut self, name: &str, kind: &str, schema: &Value) {
        self.schema(name, schema);
        let about = schema["description"].as_str().unwrap_or_default();
        self.message(name, kind, about, reference("schemas", name));
    }

    fn message(&mut self, name: &str, kind: &str, about: &str, payload: Value) {
        let message = json!({"name": kind, "title": pascal_case(name), "summary": about, "payload": payload});
        self.messages.insert(name.to_owned(), message);
    }

    /// A message on a channel, and that the server sends or receives it there.
    fn operation(&mut self, channel: &str, action: &str, message: &str, replies: &[&str]) {
        let messages = if channel == "guide" { &mut self.guide } else { &mut self.v1 };
        messages.insert(message.to_owned(), reference("messages", message));
        let on_channel = |message: &str| json!({"$ref": format!("#/channels/{channel}/messages/{message}")});
        let channel_reference = json!({"$ref": format!("#/channels/{channel}")});
        let mut operation = json!({"action": action, "channel": channel_reference, "messages": [on_channel(message)]});
        if !replies.is_empty() {
            let replies = replies.iter().chain(&["error"]).map(|reply| on_channel(&format!("server_{reply}")));
            operation["reply"] = json!({"channel": channel_reference, "messages": replies.collect::<Vec<_>>()});
        }
        self.operations.insert(format!("{channel}_{action}_{message}"), operation);
    }

    /// A schema among the components, in the words of draft 7, on which AsyncAPI's own are built; what it defines itself stands
    /// beside it.
    fn schema(&mut self, name: &str, schema: &Value) {
        for (inner, defined) in schema["$defs"].as_object().into_iter().flatten() {
            self.schemas.insert(format!("{name}.{inner}"), in_draft_7(defined, name));
        }
        self.schemas.insert(name.to_owned(), in_draft_7(schema, name));
    }

    fn finish(self) -> Value {
        let Self { guide, v1, operations, messages, schemas } = self;
        let security = ["token", "session", "dev"].map(|scheme| reference("securitySchemes", scheme));
        json!({
            "asyncapi": "3.0.0",
            "id": "urn:tidings:server",
            "info": {
                "title": "Tidings",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "The WebSocket of Tidings. A client that asks for the subprotocol `tidings.v1` speaks that dialect, \
                                any other the guide's, which has messages and errors alone. What a client does not know it passes over.",
                "license": {"name": env!("CARGO_PKG_LICENSE")},
            },
            "defaultContentType": "application/json",
            "servers": {
                "local": {
                    "host": "127.0.0.1:8000",
                    "protocol": "ws",
                    "description": "Where `tidings serve` listens unless something else is configured. Behind a proxy with TLS it is `wss`.",
                    "security": security,
                },
            },
            "channels": {
                "guide": {
                    "address": "/ws",
                    "title": "The guide's dialect",
                    "description": "Without a subprotocol. Whoever is not let in gets 401 in place of the upgrade.",
                    "messages": guide,
                    "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
                },
                "v1": {
                    "address": "/ws",
                    "title": "tidings.v1",
                    "description": "With the subprotocol `tidings.v1`. The first frame is `hello`, with a token where the upgrade said nothing \
                                    of who it is; whoever is not let in is closed with 4401.",
                    "messages": v1,
                    "bindings": {"ws": {"method": "GET", "headers": subprotocol(), "bindingVersion": "0.1.0"}},
                },
            },
            "operations": operations,
            "components": {
                "messages": messages,
                "schemas": schemas,
                "securitySchemes": security_schemes(),
            },
        })
    }
}

/// Any one of them will do.
fn security_schemes() -> Value {
    json!({
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A user's token."},
        "session": {
            "type": "httpApiKey",
            "in": "cookie",
            "name": "tidings_session",
            "description": "A user's session, unless the setting `auth.cookie` names another cookie.",
        },
        "dev": {
            "type": "httpApiKey",
            "in": "query",
            "name": "user",
            "description": "With `--dev` alone: the user's id, believed as it stands.",
        },
    })
}

fn subprotocol() -> Value {
    let header = "Sec-WebSocket-Protocol";
    json!({"type": "object", "properties": {header: {"type": "string", "const": "tidings.v1"}}, "required": [header]})
}

fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

/// A message: its type's fields, an envelope, and the type's name.
fn payload(kind: &str, fields: &str, envelope: &str) -> Value {
    let named = json!({"type": "object", "properties": {"type": {"const": kind}}, "required": ["type"]});
    json!({"allOf": [reference("schemas", fields), reference("schemas", &format!("envelope_{envelope}")), named]})
}

/// A schema with its references leading to the components, and `dependentRequired` by its older name.
fn in_draft_7(schema: &Value, name: &str) -> Value {
    match schema {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(keyword, _)| !matches!(keyword.as_str(), "$schema" | "$defs"));
            let words = kept.map(|(keyword, value)| match (keyword.as_str(), value.as_str()) {
                ("$ref", Some(path)) => {
                    let inner = path.strip_prefix("#/$defs/").map(|inner| format!("{name}.{inner}"));
                    let target = inner.unwrap_or_else(|| name.to_owned());
                    ("$ref".to_owned(), json!(format!("#/components/schemas/{target}")))
                }
                ("dependentRequired", _) => ("dependencies".to_owned(), value.clone()),
                _ => (keyword.clone(), in_draft_7(value, name)),
            });
            Value::Object(words.collect())
        }
        Value::Array(items) => items.iter().map(|item| in_draft_7(item, name)).collect(),
        plain => plain.clone(),
    }
}
