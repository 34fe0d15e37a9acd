//! Acknowledgements of `tidings.v1`: on the sending connection, in the message's place in the order.

use tidings_wire::{
    MessageId,
    server_frames::{Ack, Frame},
};

use super::{Shard, mail::Answer, output::Haste};
use crate::{clock::Now, engine::Dialect, planted::Planted, websocket::encoder};

impl Shard {
    /// What was sent is on disk. The guide's dialect has no acknowledgements. `id` is that of a message that is not stored itself.
    pub(super) fn acknowledge(
        &mut self,
        index: u32,
        reference: Option<i64>,
        id: Option<MessageId>,
        answer: &Answer,
        now: Now,
    ) {
        if self.connections[index as usize].dialect() != Dialect::V1 {
            return;
        }
        let (receipt, duplicate) = match answer {
            Answer::Stored(Some(receipt)) => (receipt, false),
            Answer::Duplicate(receipt) => (receipt, true),
            Answer::Stored(None) => {
                if reference.is_some() {
                    let ack = unstored(reference, id, now.unix());
                    self.push_frame(index, &ack, now);
                }
                return;
            }
            // Connections give no key to what is not stored.
            Answer::Repeated(_) | Answer::Refused(_) => return,
        };
        let conversation = receipt.conversation;
        let ack = Ack {
            reference,
            id: Some(receipt.id),
            timestamp: receipt.created_at_ms.div_euclid(1_000),
            conversation: Some(conversation),
            seq: Some(receipt.seq),
            duplicate,
        };
        let frame = encoder::text(&ack.to_json());
        // A repeat is answered at once: its place in the order is long past.
        let at_once = duplicate || self.node.services().settings.has(Planted::AcknowledgeOutOfOrder);
        if !at_once
            && let Some(resume) = self.resume_of(index)
            && let Some(replay) = resume.streams.iter_mut().find(|replay| replay.conversation == conversation)
        {
            replay.skipped = replay.skipped.max(receipt.seq);
            resume.acks.push((conversation, frame));
            return;
        }
        self.push(index, frame, Haste::Prompt, now);
    }

    /// What is not stored was handed to the shards: said where it was asked for.
    pub(super) fn acknowledge_unstored(
        &mut self,
        index: u32,
        reference: Option<i64>,
        id: MessageId,
        timestamp: i64,
        now: Now,
    ) {
        let connection = &self.connections[index as usize];
        if connection.dialect() == Dialect::V1 && connection.is_open() && reference.is_some() {
            self.push_frame(index, &unstored(reference, Some(id), timestamp), now);
        }
    }
}

fn unstored(reference: Option<i64>, id: Option<MessageId>, timestamp: i64) -> Ack {
    Ack { reference, id, timestamp, conversation: None, seq: None, duplicate: false }
}
