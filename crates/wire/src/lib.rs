//! The contract of Tidings: what stands in frames, and what a message type declares about itself.
//!
//! Usable in a server and in a client alike: it knows neither sockets nor clocks nor an async runtime.
//!
//! # Map, in the order that a message passes
//! | file | holds |
//! |---|---|
//! | `envelope` | the head that every frame from a client has, and the stamp that the server adds |
//! | `message` | [`Message`]: one `impl` declares a type; how long it is kept, how often it may be sent |
//! | `id`, `message_id`, `conversation`, `stream_key` | who and where: [`UserId`], [`GroupId`], [`PostId`], [`MessageId`], [`ConversationKey`], [`StreamKey`] |
//! | `audience` | [`Audience`]: who should hear a message, said symbolically |
//! | `notice` | [`Notice`]: that something happened which somebody may want to find in their inbox |
//! | `free_object` | [`FreeObject`]: a bounded JSON object that an app may fill as it likes |
//! | [`client_frames`], [`server_frames`] | what a connection of `tidings.v1` says beside messages |
//! | [`message_frames`] | what stands in a message beside its type's fields, as JSON Schema |
//! | `reject`, `code` | why not: [`Reject`], [`Code`], [`CloseCode`] |
//!
//! # A message type
//! ```
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use tidings_wire::{Audience, Message, Sender, UserId};
//!
//! /// One user pokes another.
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! struct Poke {
//!     to: UserId,
//! }
//!
//! impl Message for Poke {
//!     const TYPE: &'static str = "poke";
//!
//!     fn audience(&self, _: &Sender) -> Audience {
//!         Audience::user(self.to)
//!     }
//! }
//!
//! let poke: Poke = serde_json::from_str(r#"{"to":2}"#)?;
//! assert_eq!(poke.audience(&Sender::user_only(UserId::new(7))), Audience::user(UserId::new(2)));
//! # Ok::<(), serde_json::Error>(())
//! ```
#![forbid(unsafe_code)]

mod audience;
pub mod client_frames;
mod code;
mod conversation;
mod envelope;
mod free_object;
mod id;
mod message;
pub mod message_frames;
mod message_id;
mod notice;
mod reject;
pub mod server_frames;
mod stream_key;
mod text;

pub use audience::{Audience, BLOCKED, FOLLOWERS, Me, Related, Set, Topic, TopicError};
pub use code::{CloseCode, Code};
pub use conversation::{ConversationKey, ConversationKeyError, Seq};
pub use envelope::{
    ENVELOPE_FIELDS, Head, Key, KeyError, Stamp, first_type, inner_fields, write_fields, write_message, write_stamp,
};
pub use free_object::FreeObject;
pub use id::{Form, GroupId, Id, IdError, PostId, UserId};
pub use message::{Keep, Limit, Message, Sender, Senders, UpgradeError};
pub use message_id::{MessageId, MessageIdError};
pub use notice::Notice;
pub use reject::Reject;
pub use stream_key::StreamKey;
pub use text::Text;
