//! What these tests send, and the ends that they look at.

use std::sync::LazyLock;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidings_testkit::{
    Client, World, WorldBuilder,
    golden::{Dialect, Golden},
};
use tidings_wire::{Audience, GroupId, Keep, Limit, Message, Sender, UserId};

/// Kept, to one user.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Note {
    pub(crate) to: UserId,
    pub(crate) text: String,
}

impl Message for Note {
    const TYPE: &'static str = "note";
    const KEEP: Keep = Keep::Forever;
    const STREAM: bool = true;
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::user(self.to)
    }
}

/// Kept, to a group.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Post {
    pub(crate) group_id: GroupId,
    pub(crate) text: String,
}

impl Message for Post {
    const TYPE: &'static str = "post";
    const KEEP: Keep = Keep::Forever;
    const STREAM: bool = true;
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::group(self.group_id)
    }
}

/// Not kept.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Wave {
    pub(crate) to: UserId,
}

impl Message for Wave {
    const TYPE: &'static str = "wave";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::user(self.to)
    }
}

/// The protocol's own frames, as committed, and these types.
static GOLDEN: LazyLock<Golden> = LazyLock::new(|| {
    let types = [(Note::TYPE, schema_for!(Note)), (Post::TYPE, schema_for!(Post)), (Wave::TYPE, schema_for!(Wave))];
    Golden::of(types.into_iter().map(|(name, schema)| (name.to_owned(), schema.to_value())))
});

pub(crate) fn user(id: u32) -> UserId {
    UserId::new(id)
}

pub(crate) fn builder() -> WorldBuilder {
    tidings_testkit::world().message::<Note>().message::<Post>().message::<Wave>()
}

pub(crate) fn world() -> World {
    builder().start()
}

/// A connection that is welcomed and has nothing to resume.
#[track_caller]
pub(crate) fn connect(world: &World, id: u32) -> Client {
    let client = world.v1(user(id), &json!({"type": "hello"}));
    expects_type(&client, "welcome");
    expects_type(&client, "resumed");
    client
}

/// A connection that resumes from these heads; its `welcome` is taken.
#[track_caller]
pub(crate) fn resume(world: &World, id: u32, heads: &Value) -> Client {
    let client = world.v1(user(id), &json!({"type": "hello", "ref": 1, "epoch": "memory", "heads": heads}));
    assert_eq!(expects_type(&client, "welcome")["epoch"], "memory");
    client
}

/// The next frame, which must be of this type.
#[track_caller]
pub(crate) fn expects_type(client: &Client, kind: &str) -> Value {
    let text = client.expects_text();
    GOLDEN.heard(Dialect::V1, &text);
    let frame: Value = serde_json::from_str(&text).expect("a frame is JSON");
    assert_eq!(frame["type"], kind, "{frame}");
    frame
}

/// Sends JSON.
pub(crate) fn says(client: &Client, frame: &Value) {
    client.sends_text(&frame.to_string());
}

pub(crate) fn note(to: u32, text: &str) -> Value {
    json!({"type": "note", "to": to, "text": text})
}

/// All frames that have come.
pub(crate) fn frames(client: &Client) -> Vec<Value> {
    frames_in(Dialect::V1, client)
}

/// The same of a client of this dialect.
pub(crate) fn frames_in(dialect: Dialect, client: &Client) -> Vec<Value> {
    let read = |text: &String| {
        GOLDEN.heard(dialect, text);
        serde_json::from_str(text).expect("a frame is JSON")
    };
    client.texts().iter().map(read).collect()
}

/// What is kept of these frames, as pairs of seq and text.
pub(crate) fn log(frames: &[Value]) -> Vec<(u64, String)> {
    let line = |frame: &Value| Some((frame["seq"].as_u64()?, frame["text"].as_str()?.to_owned()));
    frames.iter().filter_map(line).collect()
}
