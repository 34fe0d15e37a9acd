//! Text frames of clients through the whole pipeline: the shard as a state machine, the chat pack, a store in memory.
//!
//! # What must hold for any text
//! - Nothing panics, and every connection stays open.
//! - It is refused, and only its sender hears of it; or it is accepted, and its whole audience hears of it and nobody else.
//! - What the server sends is one JSON object that names nothing twice, of a known type, below 128 KiB.
//! - A message has the server's own `from`, `user_id`, `timestamp`, `id`, `conversation` and `seq`, whatever the client put
//!   there, and beside them only what its type declares, as the client said it.
//! - The same bytes as an HTTP body have the same fate: the same refusal, or the same place in the same conversation.
//!
//! # An input
//! Lines: the first byte of each picks the sender, the rest is the text, or where it begins with `~`, choices from which
//! [`script`] makes one. Users 1 (two connections), 2 and 3 are there; 1 and 2 are the members of group 5.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use tidings_testkit::{Client, World, world};
use tidings_wire::{Code, GroupId, MessageId, Reject, Senders, UserId};

// Whoever includes this file says where they come from.
use super::{Broadcast, Event, Group, Private, Sent, TypeSettings};

mod script;

/// Checks one input.
///
/// # Panics
/// Where something does not hold.
pub(crate) fn check(input: &[u8]) {
    let mut room = Room::new();
    for line in input.split(|byte| *byte == b'\n').take(LINES) {
        let Some((&sender, rest)) = line.split_first() else { continue };
        let text = match rest.strip_prefix(b"~") {
            Some(choices) => script::text(choices),
            None => String::from_utf8_lossy(rest).into_owned(),
        };
        room.hears(usize::from(sender) % SENDERS, &text[..text.floor_char_boundary(FRAME_BYTES)]);
    }
}

/// Texts of one input.
const LINES: usize = 32;

/// What a client's frame may have: a longer one closes the connection, which is not what this target is about.
const FRAME_BYTES: usize = 64 * 1024;

/// What a frame of the server stays below.
const SERVER_FRAME_BYTES: usize = 128 * 1024;

/// The users of the connections, the first three of which send.
const USERS: [u32; 4] = [1, 2, 3, 1];
const SENDERS: usize = 3;
const GROUP: u32 = 5;
const MEMBERS: [u32; 2] = [1, 2];

/// What the server adds to a message that it keeps, and to any other.
const STAMP: [&str; 7] = ["type", "from", "user_id", "timestamp", "id", "conversation", "seq"];
const SHORT_STAMP: [&str; 5] = ["type", "from", "user_id", "timestamp", "id"];

/// The types that users may send here, with their own fields.
const TYPES: [(&str, &[&str]); 3] = [
    ("private", &["to", "content", "data", "reply_to"]),
    ("group", &["group_id", "content", "data", "reply_to"]),
    ("broadcast", &["content", "data"]),
];

struct Room {
    clients: [Client; 4],
    /// Where the same texts come in over HTTP.
    twin: World,
    last_id: i64,
}

impl Room {
    fn new() -> Self {
        let (world, twin) = (chat(), chat());
        Self { clients: world.clients(USERS), twin, last_id: 0 }
    }

    /// One text of one sender, and what comes of it.
    fn hears(&mut self, sender: usize, text: &str) {
        self.clients[sender].sends_text(text);
        let heard = self.clients.each_ref().map(|client| {
            let texts = client.texts();
            // Nothing but text came, and the connection is open.
            client.expects_nothing();
            texts
        });
        let user = UserId::new(USERS[sender]);
        match self.twin.backend().posts(user, text.as_bytes()) {
            Err(reject) => refused(sender, text, &heard, &reject),
            Ok(sent) if sent.duplicate => assert!(heard.iter().all(Vec::is_empty), "a repeat is silent: {heard:?}"),
            Ok(sent) => self.accepted(sender, text, &heard, &sent),
        }
    }

    fn accepted(&mut self, sender: usize, text: &str, heard: &[Vec<String>; 4], sent: &Sent) {
        let said: Fields = serde_json::from_str(text).expect("what was accepted is JSON");
        let kind: String = said.get("type").expect("what was accepted has a type");
        let audience = audience(sender, &kind, &said);
        for (client, heard) in heard.iter().enumerate() {
            let expected = usize::from(audience[client]);
            assert_eq!(heard.len(), expected, "connection {client} of {audience:?} heard {heard:?} of {text}");
        }
        let mut frames = heard.iter().flatten();
        let Some(frame) = frames.next() else { return };
        assert!(frames.all(|other| other == frame), "all hear the same: {heard:?}");
        let (_, own) = TYPES.iter().find(|(name, _)| *name == kind).expect("users may send only these");
        let got = read_frame(frame);
        let stamp = if sent.place.is_some() { &STAMP[..] } else { &SHORT_STAMP[..] };
        for name in stamp {
            assert!(got.has(name), "{name} is missing in {frame}");
        }
        for (name, value) in &got.0 {
            assert!(own.contains(&&**name) || stamp.contains(&&**name), "{name} is nobody's in {frame}");
            if own.contains(&&**name) {
                as_said(name, value, &said);
            }
        }
        for (name, value) in said.0.iter().filter(|(name, value)| own.contains(&&**name) && value.get() != "null") {
            assert!(got.has(name), "{name} was {value} and is gone");
        }
        self.stamped(sender, &got, sent);
    }

    /// What the server alone says.
    fn stamped(&mut self, sender: usize, got: &Fields, sent: &Sent) {
        let user = UserId::new(USERS[sender]);
        assert_eq!(got.get::<UserId>("from"), Some(user));
        assert_eq!(got.get::<UserId>("user_id"), Some(user));
        // Both worlds stand still at the same moment.
        assert_eq!(got.get::<i64>("timestamp"), Some(sent.timestamp));
        let id: String = got.get("id").expect("an id is a string");
        assert!(id.parse::<MessageId>().is_ok(), "{id} is an id");
        let id: i64 = id.parse().expect("an id is a number in a string");
        assert!(id > self.last_id, "ids grow: {id} after {}", self.last_id);
        self.last_id = id;
        let place = sent.place.map(|(conversation, seq)| (conversation.to_string(), seq));
        assert_eq!(got.get::<String>("conversation").zip(got.get::<u64>("seq")), place);
    }
}

fn chat() -> World {
    let senders = TypeSettings { senders: Some(Senders::Users), ..TypeSettings::default() };
    let builder = world().message::<Private>().message::<Group>().message::<Broadcast>().message::<Event>();
    let world = builder.configure("broadcast", senders).settings(|settings| settings.limits = false).start();
    world.backend().adds(GroupId::new(GROUP), MEMBERS.map(UserId::new));
    world
}

/// The sender alone hears of a refusal, and hears what an HTTP client would.
fn refused(sender: usize, text: &str, heard: &[Vec<String>; 4], reject: &Reject) {
    assert_ne!(reject.code, Code::Unavailable, "something panicked, or was not answered: {text}");
    for (client, heard) in heard.iter().enumerate() {
        assert_eq!(heard.len(), usize::from(client == sender), "connection {client} heard {heard:?} of {text}");
    }
    let frame = &heard[sender][0];
    let got = read_frame(frame);
    let known = ["type", "ref", "code", "message", "retry_after_ms", "field"];
    assert!(got.0.iter().all(|(name, _)| known.contains(&&**name)), "{frame}");
    assert_eq!(got.get::<String>("type").as_deref(), Some("error"), "{frame}");
    assert_eq!(got.get::<Code>("code"), Some(reject.code), "{frame}");
    assert_eq!(got.get::<String>("message").as_deref(), Some(reject.sentence()), "{frame}");
    assert_eq!(got.get::<String>("field").as_deref(), reject.field.as_deref(), "{frame}");
    if let Some(reference) = got.get::<i64>("ref") {
        let said: Fields = serde_json::from_str(text).expect("a ref was read from it");
        assert_eq!(said.get::<i64>("ref"), Some(reference), "{frame}");
    }
}

/// A frame of the server: one object that names nothing twice.
fn read_frame(frame: &str) -> Fields {
    assert!(frame.len() < SERVER_FRAME_BYTES, "{} bytes", frame.len());
    let fields: Fields = serde_json::from_str(frame).unwrap_or_else(|error| panic!("no JSON ({error}): {frame}"));
    // `Fields` skims its values; this reads them.
    serde_json::from_str::<Value>(frame).unwrap_or_else(|error| panic!("no JSON ({error}): {frame}"));
    let mut names = HashSet::new();
    assert!(fields.0.iter().all(|(name, _)| names.insert(name)), "a name stands twice: {frame}");
    fields
}

/// Which connections a message of the sender's is for, as the protocol says.
fn audience(sender: usize, kind: &str, said: &Fields) -> [bool; 4] {
    let mine = USERS[sender];
    let to: Option<UserId> = said.get("to");
    let hears = |user: u32| match kind {
        "private" => user == mine || to == Some(UserId::new(user)),
        "group" => MEMBERS.contains(&user) || user == mine,
        _ => true,
    };
    std::array::from_fn(|client| hears(USERS[client]) && (client != sender || kind == "broadcast"))
}

/// A field of a type goes out as the client said it; ids in their one form.
fn as_said(name: &str, value: &RawValue, said: &Fields) {
    match name {
        "to" => assert_eq!(serde_json::from_str(value.get()).ok(), said.get::<UserId>(name)),
        "group_id" => assert_eq!(serde_json::from_str(value.get()).ok(), said.get::<GroupId>(name)),
        "data" => assert_eq!(said.raw(name), Some(value.get()), "free JSON goes out byte for byte"),
        _ => assert_eq!(serde_json::from_str::<Value>(value.get()).ok(), said.get::<Value>(name)),
    }
}

/// An object's members in their order, the same name twice too.
struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.get())
    }

    fn get<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.raw(name)?).ok()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Members)
    }
}
