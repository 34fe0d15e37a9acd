//! What stands in a message beside its type's own fields: what a client may add when it sends one, and the server's stamp.
//!
//! A whole message fits two schemas at once, its type's and one of these. `write_message` and whoever adds to it write by hand
//! what is declared here, so a test holds real frames against both.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema, schema_for};

use crate::{ConversationKey, MessageId, Seq, UserId};

/// The JSON Schema of each envelope, by its name.
#[must_use]
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("sent", schema_for!(Sent)),
        ("guide-kept", schema_for!(GuideKept)),
        ("guide-unkept", schema_for!(GuideUnkept)),
        ("v1-kept", schema_for!(V1Kept)),
        ("v1-unkept", schema_for!(V1Unkept)),
    ]
}

/// What a client may send with a message of any registered type.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "what is read is `Head`; here its schema is declared")]
struct Sent {
    /// The name of a registered message type.
    #[serde(rename = "type")]
    kind: String,
    /// Comes back in the answer; a message that is not kept is acknowledged only if it has one.
    #[serde(rename = "ref")]
    reference: Option<i64>,
    /// Makes a kept send idempotent: the sender's own name for it, at most 64 bytes.
    key: Option<KeyText>,
}

/// What every message has.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "`write_message` writes it; here its schema is declared")]
struct Stamped {
    /// The name of a registered message type.
    #[serde(rename = "type")]
    kind: String,
    /// Who sent it; absent where a service pushes for nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "UserId")]
    from: Option<UserId>,
    /// Unix seconds.
    timestamp: i64,
    /// The message's id.
    id: MessageId,
}

/// Where a kept message stands.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "`write_message` writes it; here its schema is declared")]
struct Place {
    /// The stream.
    conversation: ConversationKey,
    /// Its place there.
    seq: Seq,
}

/// A kept message of any type in the guide's dialect, beside its type's fields.
#[derive(JsonSchema)]
#[schemars(extend("dependentRequired" = {"from": ["user_id"], "user_id": ["from"]}))]
#[expect(dead_code, reason = "`write_message` writes it; here its schema is declared")]
struct GuideKept {
    #[serde(flatten)]
    stamp: Stamped,
    #[serde(flatten)]
    place: Place,
    /// The same as `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "UserId")]
    user_id: Option<UserId>,
}

/// A message of any type that is not kept, in the guide's dialect, beside its type's fields.
#[derive(JsonSchema)]
#[schemars(extend("dependentRequired" = {"from": ["user_id"], "user_id": ["from"]}))]
#[expect(dead_code, reason = "`write_message` writes it; here its schema is declared")]
struct GuideUnkept {
    #[serde(flatten)]
    stamp: Stamped,
    /// The same as `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "UserId")]
    user_id: Option<UserId>,
}

/// A kept message of any type in `tidings.v1`, beside its type's fields: live, sent again by a resume, or in a page of history.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "`write_message` writes it; here its schema is declared")]
struct V1Kept {
    #[serde(flatten)]
    stamp: Stamped,
    #[serde(flatten)]
    place: Place,
    /// The sender's key: to the sender's own connections only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "KeyText")]
    key: Option<KeyText>,
    /// Sent again by a resume.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(with = "bool", extend("const" = true))]
    replayed: bool,
    /// When its body was changed last, Unix seconds: in resumes, pages and lists, which show the current body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    edited_at: Option<i64>,
    /// When it was deleted, Unix seconds: in resumes, pages and lists. Then the type's own fields are absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    deleted_at: Option<i64>,
}

/// A message of any type that is not kept, in `tidings.v1`, beside its type's fields.
#[derive(JsonSchema)]
#[schemars(extend("dependentRequired" = {"user_id": ["from"]}))]
#[expect(dead_code, reason = "`write_message` writes it; here its schema is declared")]
struct V1Unkept {
    #[serde(flatten)]
    stamp: Stamped,
    /// The same as `from`, in messages to everyone: these go out as in the guide's dialect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "UserId")]
    user_id: Option<UserId>,
}

/// A [`Key`](crate::Key)'s text. JSON Schema counts characters, and the server bytes.
struct KeyText;

impl JsonSchema for KeyText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Key".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"})
    }
}
