//! A message on its way out: encoded once for each dialect that needs it, its bytes shared by all recipients.

use std::sync::OnceLock;

use bytes::Bytes;
use tidings_wire::{ConversationKey, MessageId, Reject, Seq, Stamp, UserId, write_message};

use crate::{audience::Recipients, registry::TypeIndex, websocket::encoder::FrameBuilder};

/// The largest frame that the server sends, in bytes. A message that would be larger is refused before its commit.
pub(crate) const MAX_FRAME_BYTES: usize = 128 * 1024;

/// More than the server's own part of any message takes: the longest type, ids, conversation, key.
const STAMP_BYTES: usize = 768;

/// A form in which a message is encoded. The guide's is the only one until `tidings.v1` brings its two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// With `user_id`, without `key`.
    Guide,
}

impl Cut {
    pub(crate) const COUNT: usize = 1;
}

/// What a message says, without who hears it.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    /// The type.
    pub(crate) kind: TypeIndex,
    pub(crate) name: &'static str,
    /// The type's own fields, a JSON object.
    pub(crate) body: Bytes,
    pub(crate) id: MessageId,
    pub(crate) from: Option<UserId>,
    /// Unix seconds.
    pub(crate) timestamp: i64,
    pub(crate) place: Option<(ConversationKey, Seq)>,
}

/// A message with its recipients, shared by the shards.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) content: Content,
    pub(crate) to: Recipients,
    frames: [OnceLock<Bytes>; Cut::COUNT],
}

impl Publication {
    pub(crate) fn new(content: Content, to: Recipients) -> Self {
        Self { content, to, frames: [const { OnceLock::new() }; Cut::COUNT] }
    }

    /// The whole WebSocket frame; made by the first shard that needs it.
    pub(crate) fn frame(&self, cut: Cut) -> &Bytes {
        self.frames[cut as usize].get_or_init(|| self.content.encode(cut))
    }
}

impl Content {
    /// Refuses a body that would not fit into a frame.
    pub(crate) fn fits(body: &[u8]) -> Result<(), Reject> {
        if body.len() + STAMP_BYTES <= MAX_FRAME_BYTES {
            return Ok(());
        }
        let most = MAX_FRAME_BYTES - STAMP_BYTES;
        Err(Reject::new(
            tidings_wire::Code::TooLarge,
            format!("the message has {} bytes, at most {most} go out", body.len()),
        ))
    }

    fn encode(&self, cut: Cut) -> Bytes {
        let stamp = Stamp {
            id: self.id,
            from: self.from,
            timestamp: self.timestamp,
            place: self.place,
            key: None,
            user_id: cut == Cut::Guide,
        };
        let mut frame = FrameBuilder::text(self.body.len() + 192);
        write_message(&mut frame, self.name, &self.body, &stamp);
        frame.finish()
    }
}
