//! A message on its way out: encoded once for each dialect that needs it, its bytes shared by all recipients.

use std::{sync::OnceLock, time::Duration};

use bytes::Bytes;
use tidings_wire::{
    ConversationKey, Key, Message, MessageId, Reject, Seq, Stamp, UserId, inner_fields, write_fields, write_stamp,
};

use crate::{
    audience::Recipients,
    registry::TypeIndex,
    websocket::encoder::{self, FrameBuilder},
};

/// The largest frame that the server sends, in bytes. A message that would be larger is refused before its commit.
pub(crate) const MAX_FRAME_BYTES: usize = 128 * 1024;

/// More than the server's own part of any message takes: the longest type, ids, conversation, key.
const STAMP_BYTES: usize = 768;

/// A form in which a message is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// With `user_id`, without `key`. Broadcasts go out in this form to everybody, so that one log holds them.
    Guide,
    /// Without either.
    V1,
    /// With `key`: for the sender's own connections.
    V1Own,
}

impl Cut {
    pub(crate) const COUNT: usize = 3;
}

/// A message's own fields as they were serialised: a JSON object, in the buffer of the frame that it becomes. So a message that
/// is not kept is written once, and never copied.
#[derive(Debug)]
pub(crate) struct Body {
    /// `{"type":"…"` and, from `start` on, the object.
    frame: FrameBuilder,
    start: usize,
}

impl Body {
    /// Serialises a message of about `size` bytes.
    pub(crate) fn of<M: Message>(message: &M, size: usize) -> Result<Self, serde_json::Error> {
        let mut frame = FrameBuilder::text(size + 192);
        write_fields(&mut frame, M::TYPE, b"");
        let start = frame.payload_len();
        serde_json::to_writer(&mut frame, message).map(|()| Self { frame, start })
    }

    /// The object.
    pub(crate) fn json(&self) -> &[u8] {
        &self.frame.payload()[self.start..]
    }

    /// The object by itself, as it is stored.
    pub(crate) fn into_json(self) -> Bytes {
        self.frame.into_payload(self.start)
    }

    /// The frame, and the fields in it.
    fn into_frame(mut self, stamp: &Stamp<'_>) -> (Bytes, Bytes) {
        let object = self.json();
        let inner = inner_fields(object);
        // `serde_json` writes compact objects, of which only the braces are taken off; but a type's own code may write what it was
        // given.
        if inner.is_empty() || inner.len() + 2 != object.len() {
            let fields = Bytes::copy_from_slice(inner);
            self.frame.truncate(self.start);
            if !fields.is_empty() {
                self.frame.extend_from_slice(b",");
                self.frame.extend_from_slice(&fields);
            }
            write_stamp(&mut self.frame, stamp);
            return (self.frame.finish(), fields);
        }
        let length = inner.len();
        self.frame.payload_mut()[self.start] = b',';
        self.frame.truncate(self.start + 1 + length);
        write_stamp(&mut self.frame, stamp);
        let payload = self.frame.payload_len();
        let frame = self.frame.finish();
        let begin = frame.len() - payload + self.start + 1;
        let fields = frame.slice(begin..begin + length);
        (frame, fields)
    }
}

/// What a message says, without who hears it.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    /// The type; none of what is no message.
    pub(crate) kind: Option<TypeIndex>,
    pub(crate) name: &'static str,
    /// The type's own fields, a JSON object without its braces.
    pub(crate) fields: Bytes,
    /// The sender's key.
    pub(crate) key: Option<Key>,
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
    /// When it was read, or committed if it is kept.
    pub(crate) since: Duration,
    /// The frame in the form of the sender's dialect, where the message was serialised into it.
    made: Option<(Cut, Bytes)>,
    frames: [OnceLock<Bytes>; Cut::COUNT],
    /// What `tidings.v1` alone hears, and nothing else of `content` but its place.
    notice: Option<Notice>,
}

/// A frame of `tidings.v1` that is no message: an event, a read mark, a membership.
#[derive(Debug)]
pub(crate) struct Notice {
    frame: Bytes,
    /// Overtakes nothing of this stream.
    order: Option<ConversationKey>,
    /// That another has read: what no `welcome` tells, and whoever was away never learns.
    is_receipt: bool,
    /// Its place in the recipient's inbox, if it is a change there.
    inbox: Option<Seq>,
    /// What the guide's dialect hears of it.
    guide: Option<Bytes>,
}

impl Publication {
    pub(crate) fn new(content: Content, to: Recipients, since: Duration) -> Self {
        Self { content, to, since, made: None, frames: [const { OnceLock::new() }; Cut::COUNT], notice: None }
    }

    /// Of a message that was just received: `content` without its fields, which are in the body. Most recipients speak as the
    /// sender does, so the body becomes that frame.
    pub(crate) fn of(body: Body, mut content: Content, to: Recipients, since: Duration, cut: Cut) -> Self {
        let (frame, fields) = body.into_frame(&content.stamp(cut));
        content.fields = fields;
        Self { made: Some((cut, frame)), ..Self::new(content, to, since) }
    }

    /// What is no message: `json` is the frame's. It stands at `place`, if it has one.
    pub(crate) fn notice(
        json: &[u8],
        place: Option<(ConversationKey, Seq)>,
        order: Option<ConversationKey>,
        to: Recipients,
        since: Duration,
    ) -> Self {
        let content = Content {
            kind: None,
            name: "",
            fields: Bytes::new(),
            key: None,
            id: MessageId::from_stored(0).expect("0 is the least id"),
            from: None,
            timestamp: 0,
            place,
        };
        let notice = Notice { frame: encoder::text(json), order, is_receipt: false, inbox: None, guide: None };
        Self { notice: Some(notice), ..Self::new(content, to, since) }
    }

    /// The whole WebSocket frame; made by the first shard that needs it. None where this form does not hear it.
    pub(crate) fn frame(&self, cut: Cut) -> Option<&Bytes> {
        match (&self.made, &self.notice) {
            (Some((made, frame)), _) if *made == cut => Some(frame),
            (_, Some(notice)) if cut == Cut::Guide => notice.guide.as_ref(),
            (_, Some(notice)) => Some(&notice.frame),
            _ => Some(self.frames[cut as usize].get_or_init(|| self.content.encode(cut))),
        }
    }

    /// A change of the recipient's inbox.
    pub(crate) fn in_inbox(mut self, seq: Seq, guide: Option<&[u8]>) -> Self {
        if let Some(notice) = &mut self.notice {
            (notice.inbox, notice.guide) = (Some(seq), guide.map(encoder::text));
        }
        self
    }

    /// Its place in the recipient's inbox, if it is a change there.
    pub(crate) fn inbox(&self) -> Option<Seq> {
        self.notice.as_ref().and_then(|notice| notice.inbox)
    }

    /// Tells that another has read.
    pub(crate) fn receipt(mut self) -> Self {
        if let Some(notice) = &mut self.notice {
            notice.is_receipt = true;
        }
        self
    }

    /// Whether it tells that another has read.
    pub(crate) fn is_receipt(&self) -> bool {
        self.notice.as_ref().is_some_and(|notice| notice.is_receipt)
    }

    /// Whether it may be dropped before a connection is welcomed: a message that is not stored. Notices tell of what is.
    pub(crate) fn is_ephemeral(&self) -> bool {
        let is_kept = |notice: &Notice| notice.order.is_some() || notice.inbox.is_some();
        self.content.place.is_none() && !self.notice.as_ref().is_some_and(is_kept)
    }

    /// Whether a reader who does not read misses nothing by never hearing of it: that somebody types, which lapses anyway.
    pub(crate) fn is_joinable(&self) -> bool {
        self.notice.is_some() && self.is_ephemeral()
    }

    /// The stream that it belongs to.
    pub(crate) fn stream(&self) -> Option<ConversationKey> {
        let order = || self.notice.as_ref().and_then(|notice| notice.order);
        self.content.place.map(|(conversation, _)| conversation).or_else(order)
    }
}

/// The fields of a message whose JSON object is at hand; they share its memory.
pub(crate) fn fields_of(object: &Bytes) -> Bytes {
    object.slice_ref(inner_fields(object))
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

    fn stamp(&self, cut: Cut) -> Stamp<'_> {
        Stamp {
            id: self.id,
            from: self.from,
            timestamp: self.timestamp,
            place: self.place,
            key: self.key.as_ref().filter(|_| cut == Cut::V1Own),
            user_id: cut == Cut::Guide,
        }
    }

    fn encode(&self, cut: Cut) -> Bytes {
        let mut frame = FrameBuilder::text(self.fields.len() + 192);
        write_fields(&mut frame, self.name, &self.fields);
        write_stamp(&mut frame, &self.stamp(cut));
        frame.finish()
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::value::RawValue;
    use tidings_wire::{Audience, Sender};

    use super::*;
    use crate::{audience::resolve, directory::Directory};

    /// Written as it was received, white space and all.
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(transparent)]
    struct Note(#[schemars(with = "std::collections::BTreeMap<String, u32>")] Box<RawValue>);

    impl Message for Note {
        const TYPE: &'static str = "note";

        fn audience(&self, _: &Sender) -> Audience {
            Audience::nobody()
        }
    }

    fn content(from: Option<UserId>) -> Content {
        Content {
            kind: None,
            name: Note::TYPE,
            fields: Bytes::new(),
            key: None,
            id: MessageId::from_stored(9).unwrap(),
            from,
            timestamp: 5,
            place: None,
        }
    }

    #[test]
    fn a_frame_made_in_place_is_the_one_that_is_made_of_its_fields() {
        for (object, fields) in [
            (r#"{"to":2,"text":"hi"}"#, r#","to":2,"text":"hi""#),
            ("{}", ""),
            ("{ }", ""),
            (" { \"to\" : 2 } ", ",\"to\" : 2"),
        ] {
            let note = Note(RawValue::from_string(object.to_owned()).unwrap());
            let body = Body::of(&note, 0).unwrap();
            assert_eq!(body.json().trim_ascii(), object.trim().as_bytes());
            let nobody = resolve(&Audience::nobody(), Default::default(), &Directory::new(), |_| None, 1);
            let publication = Publication::of(body, content(Some(UserId::new(7))), nobody, Duration::ZERO, Cut::Guide);
            let expected = format!(r#"{{"type":"note"{fields},"from":7,"user_id":7,"timestamp":5,"id":"9"}}"#);
            let frame = publication.frame(Cut::Guide).unwrap();
            assert_eq!(std::str::from_utf8(&frame[2..]).unwrap(), expected, "{object}");
            assert_eq!(publication.content.encode(Cut::Guide), frame, "{object}");
        }
    }

    #[test]
    fn a_frame_keeps_no_room_for_what_was_thrown_away() {
        let note = Note(RawValue::from_string(r#"{"to":2}"#.to_owned()).unwrap());
        let body = Body::of(&note, 60_000).unwrap();
        let (frame, fields) = body.into_frame(&content(None).stamp(Cut::Guide));
        drop(fields);
        let room = Vec::from(frame).capacity();
        assert!(room < 1_024, "{room} bytes behind a short frame");
    }

    #[test]
    fn a_body_by_itself_is_the_object() {
        let note = Note(RawValue::from_string(r#"{"to":2}"#.to_owned()).unwrap());
        let json = Body::of(&note, 0).unwrap().into_json();
        assert_eq!(json, &br#"{"to":2}"#[..]);
        assert_eq!(fields_of(&json), &br#""to":2"#[..]);
    }
}
