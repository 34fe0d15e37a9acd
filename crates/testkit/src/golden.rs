//! Frames held against the golden schemas, as a client's author reads them: feature `golden`.
//!
//! What stands under `protocol/` is a promise to clients, and a schema that nobody checks says sooner or later something other
//! than the server. So test clients hold every frame that they hear, and every one that they say as good, against it. They are
//! stricter than a client may be: a field that no schema names is a mistake too, of the schema or of the server.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, LazyLock},
};

use serde_json::{Map, Value};

pub use tidings_engine::Dialect;

/// The committed schemas of the protocol's own frames, and those of some message types. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Golden {
    types: Arc<BTreeMap<String, Shape>>,
}

/// What the protocol itself says, read once.
static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol {
    client: folder("frames/client").map(|(name, schema)| (name, Shape::strict(schema))).collect(),
    server: folder("frames/server").map(|(name, schema)| (name, Shape::strict(schema))).collect(),
    message: folder("frames/message").map(|(name, schema)| (name, Shape::new(&schema))).collect(),
});

/// The built-in message types, as committed.
static BUILT_IN: LazyLock<Golden> = LazyLock::new(|| Golden::of(folder("schemas")));

struct Protocol {
    client: BTreeMap<String, Shape>,
    server: BTreeMap<String, Shape>,
    message: BTreeMap<String, Shape>,
}

impl Golden {
    /// With these message types, by name, each with its schema.
    ///
    /// # Panics
    /// Where one is no JSON Schema.
    pub fn of(types: impl IntoIterator<Item = (String, Value)>) -> Self {
        let types = types.into_iter().map(|(name, schema)| (name, Shape::new(&schema)));
        Self { types: Arc::new(types.collect()) }
    }

    /// With the message types that are built in, as their schemas are committed.
    pub fn built_in() -> Self {
        BUILT_IN.clone()
    }

    /// Holds a text frame that the server sent against its schemas.
    ///
    /// # Panics
    /// Where it is not what they say, or of a type that has none in this dialect.
    #[track_caller]
    pub fn heard(&self, dialect: Dialect, text: &str) {
        self.check_heard(dialect, text).unwrap_or_else(|problem| panic!("the server sent {problem}: {text}"));
    }

    /// Holds a text frame that a client means as good against its schemas.
    ///
    /// # Panics
    /// Where it is not what they say, or of a type that has none in this dialect.
    #[track_caller]
    pub fn said(&self, dialect: Dialect, text: &str) {
        self.check_said(dialect, text).unwrap_or_else(|problem| panic!("a client meant as good {problem}: {text}"));
    }

    fn check_heard(&self, dialect: Dialect, text: &str) -> Result<(), String> {
        let frame: Value = serde_json::from_str(text).map_err(|error| format!("no JSON ({error})"))?;
        let kind = kind(&frame)?;
        // Of the protocol's own frames the guide knows this one.
        let own = PROTOCOL.server.get(kind).filter(|_| dialect == Dialect::V1 || kind == "error");
        let Some(own) = own else {
            return if kind == "notification" { guide_notification(&frame) } else { self.message(dialect, &frame) };
        };
        own.fits(kind, &frame)?;
        // What stands in these frames as any object is a frame as it would come alone.
        let listed = frame["conversations"].as_array().into_iter().flatten().filter_map(|listed| listed.get("last"));
        let paged = frame["messages"].as_array().into_iter().flatten();
        for inner in listed.chain(paged) {
            self.check_heard(dialect, &inner.to_string()).map_err(|problem| format!("in {kind:?} {problem}"))?;
        }
        Ok(())
    }

    fn check_said(&self, dialect: Dialect, text: &str) -> Result<(), String> {
        let frame: Value = serde_json::from_str(text).map_err(|error| format!("no JSON ({error})"))?;
        let kind = kind(&frame)?;
        match PROTOCOL.client.get(kind).filter(|_| dialect == Dialect::V1) {
            Some(own) => own.fits(kind, &frame),
            None => self.both(kind, envelope("sent")?, &frame),
        }
    }

    /// A message as it goes out. Whether it is kept is seen by its place in a stream, half of which is as wrong as none.
    fn message(&self, dialect: Dialect, frame: &Value) -> Result<(), String> {
        let kept = frame.get("seq").is_some() || frame.get("conversation").is_some();
        let name = match (dialect, kept) {
            (Dialect::V1, true) => "v1-kept",
            (Dialect::V1, false) => "v1-unkept",
            (_, true) => "guide-kept",
            (_, false) => "guide-unkept",
        };
        let kind = kind(frame)?;
        let envelope = envelope(name)?;
        if frame.get("deleted_at").is_none() {
            return self.both(kind, envelope, frame);
        }
        // Of a deleted message the type's fields are gone.
        envelope.fits(name, frame)?;
        nothing_else(frame, |field| envelope.names(field))
    }

    fn both(&self, kind: &str, envelope: &Shape, frame: &Value) -> Result<(), String> {
        let Some(fields) = self.types.get(kind) else { return Err(format!("a frame {kind:?} that has no schema")) };
        fields.fits(kind, frame)?;
        envelope.fits("envelope", frame)?;
        nothing_else(frame, |field| fields.names(field) || envelope.names(field))
    }
}

/// What the guide's dialect hears of a notification: what the app says of it stands flat and nested.
fn guide_notification(frame: &Value) -> Result<(), String> {
    let texts = ["subtype", "message"].iter().all(|name| frame[name].is_string());
    let Some(data) = frame["data"].as_object().filter(|_| texts && frame["timestamp"].is_i64()) else {
        return Err("what is no notification of the guide's".to_owned());
    };
    let own = ["type", "subtype", "message", "data", "timestamp"];
    nothing_else(frame, |field| own.contains(&field) || data.get(field) == frame.get(field))
}

fn kind(frame: &Value) -> Result<&str, String> {
    frame["type"].as_str().ok_or_else(|| "a frame without a type".to_owned())
}

fn envelope(name: &str) -> Result<&'static Shape, String> {
    PROTOCOL.message.get(name).ok_or_else(|| format!("a message, and protocol/frames/message has no {name}.json"))
}

fn nothing_else(frame: &Value, known: impl Fn(&str) -> bool) -> Result<(), String> {
    let unknown = frame.as_object().into_iter().flat_map(Map::keys).find(|field| !known(field));
    unknown.map_or(Ok(()), |field| Err(format!("a field {field:?} that no schema names")))
}

/// One schema, compiled.
#[derive(Debug)]
struct Shape {
    validator: jsonschema::Validator,
    fields: Vec<String>,
}

impl Shape {
    fn new(schema: &Value) -> Self {
        let validator = jsonschema::draft202012::new(schema).unwrap_or_else(|error| panic!("{error}: {schema}"));
        // A type that contains itself has its root among the definitions.
        let target =
            schema.get("$ref").and_then(Value::as_str).and_then(|path| schema.pointer(path.strip_prefix('#')?));
        let fields = target.unwrap_or(schema)["properties"].as_object().into_iter().flat_map(Map::keys).cloned();
        Self { validator, fields: fields.collect() }
    }

    /// With no fields but those that it names, at any depth.
    fn strict(mut schema: Value) -> Self {
        close(&mut schema);
        Self::new(&schema)
    }

    fn names(&self, field: &str) -> bool {
        self.fields.iter().any(|name| name == field)
    }

    fn fits(&self, name: &str, frame: &Value) -> Result<(), String> {
        let Err(errors) = self.validator.validate(frame) else { return Ok(()) };
        let errors: Vec<_> = errors.map(|error| format!("at {:?} {error}", error.instance_path.to_string())).collect();
        Err(format!("what is no {name} ({})", errors.join("; ")))
    }
}

/// Lets every object that names its fields have no others.
fn close(schema: &mut Value) {
    match schema {
        Value::Array(all) => all.iter_mut().for_each(close),
        Value::Object(object) => {
            object.values_mut().for_each(close);
            if object.get("properties").is_some_and(Value::is_object) {
                object.entry("additionalProperties").or_insert(Value::Bool(false));
            }
        }
        _ => {}
    }
}

/// The schemas of one folder below `protocol/`, by the names of their files.
fn folder(path: &str) -> impl Iterator<Item = (String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocol").join(path);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| {
        let path = file.expect("a folder of the repository can be read").path();
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_stem().and_then(|name| name.to_str()).expect("the name of a type").to_owned();
        (name, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIVATE: &str =
        r#""type":"private","to":2,"content":"hi","from":7,"timestamp":5,"id":"9","conversation":"dm:2:7","seq":4"#;

    fn problem(dialect: Dialect, frame: &str) -> Option<String> {
        Golden::built_in().check_heard(dialect, frame).err()
    }

    #[test]
    fn what_the_server_sends_fits() {
        for (dialect, frame) in [
            (Dialect::V1, format!("{{{PRIVATE}}}")),
            (Dialect::V1, format!("{{{PRIVATE},\"replayed\":true,\"edited_at\":6,\"key\":\"k\"}}")),
            (Dialect::Guide, format!("{{{PRIVATE},\"user_id\":7}}")),
            (Dialect::Guide, r#"{"type":"error","code":"bad_json","message":"no"}"#.to_owned()),
            (
                Dialect::Guide,
                r#"{"type":"notification","subtype":"a","message":"b","c":1,"data":{"c":1},"timestamp":5}"#.to_owned(),
            ),
            (Dialect::V1, r#"{"type":"event","topic":"a","name":"b","data":{},"timestamp":5,"id":"9"}"#.to_owned()),
            (
                Dialect::V1,
                r#"{"type":"private","timestamp":5,"id":"9","conversation":"dm:2:7","seq":4,"deleted_at":6}"#
                    .to_owned(),
            ),
        ] {
            assert_eq!(problem(dialect, &frame), None, "{frame}");
        }
    }

    #[test]
    fn what_is_wrong_or_unheard_of_is_named() {
        for (dialect, frame, says) in [
            (Dialect::V1, format!("{{{PRIVATE},\"user_id\":7}}"), "\"user_id\" that no schema names"),
            (Dialect::Guide, format!("{{{PRIVATE}}}"), "user_id"),
            (Dialect::Guide, format!("{{{PRIVATE},\"user_id\":7,\"key\":\"k\"}}"), "\"key\" that no schema names"),
            (Dialect::V1, format!("{{{PRIVATE},\"replayed\":false}}"), "replayed"),
            (Dialect::V1, format!("{{{PRIVATE}}}").replace("\"to\":2", "\"to\":-2"), "to"),
            (Dialect::V1, format!("{{{PRIVATE}}}").replace(",\"seq\":4", ""), "seq"),
            (Dialect::V1, format!("{{{PRIVATE},\"deleted_at\":6}}"), "that no schema names"),
            (Dialect::V1, r#"{"type":"wave","timestamp":5,"id":"9"}"#.to_owned(), "\"wave\" that has no schema"),
            (Dialect::Guide, r#"{"type":"ack","timestamp":5}"#.to_owned(), "\"ack\" that has no schema"),
            (
                Dialect::Guide,
                r#"{"type":"notification","subtype":"a","message":"b","c":1,"data":{"c":2},"timestamp":5}"#.to_owned(),
                "\"c\" that no schema names",
            ),
            (Dialect::Guide, r#"{"type":"notification","subtype":"a"}"#.to_owned(), "no notification"),
            (Dialect::V1, r#"{"type":"ack","timestamp":5,"when":6}"#.to_owned(), "when"),
            (Dialect::V1, r#"{"type":"joined","conversation":"dm:2"}"#.to_owned(), "conversation"),
            (
                Dialect::V1,
                r#"{"type":"history","conversation":"dm:2:7","messages":[{"type":"skip","conversation":"dm:2:7","from":1}],"oldest":1,"head":1,"more":false}"#.to_owned(),
                "in \"history\" what is no skip",
            ),
            (Dialect::V1, "[]".to_owned(), "without a type"),
        ] {
            let problem = problem(dialect, &frame).unwrap_or_else(|| panic!("it passes: {frame}"));
            assert!(problem.contains(says), "{problem}");
        }
    }

    #[test]
    fn what_a_client_may_say_depends_on_the_dialect() {
        let golden = Golden::built_in();
        for (dialect, frame, good) in [
            (Dialect::V1, r#"{"type":"ping","ref":1}"#, true),
            (Dialect::V1, r#"{"type":"ping","key":"k"}"#, false),
            (Dialect::Guide, r#"{"type":"ping"}"#, false),
            (Dialect::V1, r#"{"type":"private","to":2,"content":"hi","ref":1,"key":"k"}"#, true),
            (Dialect::Guide, r#"{"type":"private","to":2,"content":"hi"}"#, true),
            (Dialect::Guide, r#"{"type":"private","to":2}"#, false),
            (Dialect::Guide, r#"{"type":"private","to":2,"content":"hi","from":7}"#, false),
            (Dialect::V1, r#"{"type":"private","to":2,"content":"hi","key":"a\nb"}"#, false),
        ] {
            assert_eq!(golden.check_said(dialect, frame).is_ok(), good, "{frame}");
        }
    }
}
