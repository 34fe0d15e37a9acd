//! What a connection of `tidings.v1` has beside what every connection has: allocated only while there is something in it.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use hashbrown::HashMap;
use tidings_wire::{
    ConversationKey, Seq, Topic,
    server_frames::{Behind, InboxBehind},
};

use super::{inbox::InboxReplay, watching::Watching};
use crate::{hello::Hello, ports::Line};

/// What only some connections of `tidings.v1` have.
#[derive(Default)]
pub(super) struct Session {
    /// The topics that it watches.
    pub(super) topics: Vec<Topic>,
    /// Stands in the line of those whose topics are asked about again.
    pub(super) topics_doubted: bool,
    /// The users whom it watches.
    pub(super) watching: Option<Box<Watching>>,
    /// Where its user types, and when that was told last.
    pub(super) typing: Option<(ConversationKey, Duration)>,
    /// What it still lacks of what it missed.
    pub(super) resume: Option<Box<Resume>>,
}

impl Session {
    /// Whether it may be forgotten.
    pub(super) fn is_empty(&self) -> bool {
        self.topics.is_empty() && self.watching.is_none() && self.typing.is_none() && self.resume.is_none()
    }
}

/// Live messages that are held for a connection, before its `welcome` or of a stream that never comes to rest. One more names its
/// stream in `resumed.behind`.
pub(super) const HELD_FRAMES: usize = 64;

/// Memberships and read marks that are held for a connection before its `welcome`, beside the messages. They stand in no stream, so
/// no resume brings them again: one more closes the connection with 1012, and it is greeted anew with all of them.
pub(super) const HELD_CHANGES: usize = 256;

/// Readings of one stream that the next live message has outrun, after which live frames are held for it.
pub(super) const MAX_ROUNDS: u8 = 8;

/// Frames that one resume replays at most; what is left is named in `resumed.behind`.
pub(super) const MAX_REPLAYED: usize = 1_000;

/// How long the marks of what was replayed are kept, so that what was on its way then is not sent twice.
pub(super) const SETTLE: Duration = Duration::from_secs(10);

/// How far a connection has come with what it missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before its `welcome`: it is sent nothing.
    Greeting,
    /// Streams are being replayed.
    Replaying,
    /// All is sent; until then the marks are kept.
    Settling { until: Duration },
}

/// What a connection still lacks of what it missed.
pub(super) struct Resume {
    pub(super) hello: Hello,
    pub(super) stage: Stage,
    /// The inbox, which is read before the streams.
    pub(super) inbox: InboxReplay,
    /// Streams that are not live yet, the next to be read in front.
    pub(super) streams: VecDeque<Replay>,
    /// Frames that may still be replayed.
    pub(super) left: usize,
    pub(super) behind: Vec<Behind>,
    pub(super) inbox_behind: Option<InboxBehind>,
    /// Live frames that came before the `welcome`, with the places of those that have one: at most [`HELD_FRAMES`] of these, and
    /// [`HELD_CHANGES`] of the others.
    pub(super) early: Vec<(Option<(ConversationKey, Seq)>, Bytes)>,
    /// How many of them have no place.
    early_changes: usize,
    /// Of streams of which more came than that: the highest seq.
    pub(super) outrun: HashMap<ConversationKey, Seq>,
    /// Up to which seq a live stream was replayed: what comes below is known already.
    pub(super) floors: HashMap<ConversationKey, Seq>,
    /// Acknowledgements that wait for the replay of their streams, at most as many as sends are under way.
    pub(super) acks: Vec<(ConversationKey, Bytes)>,
    /// The number of the reading that is under way, if one is; 0 while it waits for its turn.
    pub(super) reading: Option<u32>,
    /// When that reading began.
    pub(super) reading_since: Duration,
}

/// One stream on its way to being live.
pub(super) struct Replay {
    pub(super) conversation: ConversationKey,
    /// All up to here is sent.
    pub(super) at: Seq,
    /// What a reading found and the outbox had no room for yet: at most a page.
    pub(super) lines: VecDeque<Line>,
    /// The reading came to the head that it saw, and that was it.
    pub(super) seen: Option<Seq>,
    /// The highest seq that is known of.
    pub(super) head: Seq,
    /// The highest live message that was not sent because of the replay.
    pub(super) skipped: Seq,
    /// Readings that were outrun.
    pub(super) rounds: u8,
    /// With [`MAX_ROUNDS`]: live frames above the reading that is under way, at most [`HELD_FRAMES`].
    pub(super) held: Vec<(Seq, Bytes)>,
    /// More came than that.
    pub(super) lost: bool,
}

/// What a connection that was not welcomed loses without a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Nothing that is stored.
    Ephemeral,
    /// How far another has read.
    Receipt,
    /// A message, or a change of the user's own.
    Kept,
}

/// What becomes of a live frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Live {
    /// It goes out.
    Send,
    /// It is held, found by the replay, or known.
    Keep,
    /// There is no room to hold it, and nothing that brings it again.
    NoRoom,
}

impl Resume {
    pub(super) fn new(hello: Hello) -> Self {
        let replay = |&(conversation, at): &(ConversationKey, Seq)| Replay {
            conversation,
            at,
            lines: VecDeque::new(),
            seen: None,
            head: at,
            skipped: 0,
            rounds: 0,
            held: Vec::new(),
            lost: false,
        };
        Self {
            streams: hello.heads.iter().map(replay).collect(),
            hello,
            stage: Stage::Greeting,
            inbox: InboxReplay::default(),
            left: MAX_REPLAYED,
            behind: Vec::new(),
            inbox_behind: None,
            early: Vec::new(),
            early_changes: 0,
            outrun: HashMap::new(),
            floors: HashMap::new(),
            acks: Vec::new(),
            reading: None,
            reading_since: Duration::ZERO,
        }
    }

    /// From where streams are live that are not resumed: from the heads that the `welcome` tells, or from what came of them and was not
    /// held, which is named in `resumed.behind`. Returns the latter.
    pub(super) fn live_from(&mut self, heads: &HashMap<ConversationKey, Seq>) -> Vec<ConversationKey> {
        for (conversation, head) in std::mem::take(&mut self.outrun) {
            self.behind.push(Behind { conversation, head });
            self.floors.insert(conversation, head);
        }
        for (&conversation, &head) in heads {
            if !self.streams.iter().any(|replay| replay.conversation == conversation) {
                let floor = self.floors.entry(conversation).or_default();
                *floor = head.max(*floor);
            }
        }
        self.behind.iter().map(|behind| behind.conversation).collect()
    }

    /// A live frame for this connection. Before the `welcome`, what is ephemeral is dropped, and so are receipts where half of the
    /// places are taken: others' marks never keep anybody out.
    pub(super) fn live(&mut self, place: Option<(ConversationKey, Seq)>, weight: Weight, frame: &Bytes) -> Live {
        if let Some((conversation, seq)) = place {
            if let Some(replay) = self.streams.iter_mut().find(|replay| replay.conversation == conversation) {
                replay.live(seq, frame);
                return Live::Keep;
            }
            if self.stage != Stage::Greeting {
                return match self.floors.get(&conversation) {
                    Some(&floor) if seq <= floor => Live::Keep,
                    // The stream is in order: nothing below the mark comes any more.
                    Some(_) => self.floors.remove(&conversation).map_or(Live::Send, |_| Live::Send),
                    None => Live::Send,
                };
            }
        }
        if self.stage != Stage::Greeting {
            return Live::Send;
        }
        let full = self.early.len() - self.early_changes >= HELD_FRAMES;
        match place {
            Some((conversation, seq)) if full || self.outrun.contains_key(&conversation) => {
                let highest = self.outrun.entry(conversation).or_default();
                *highest = seq.max(*highest);
                return Live::Keep;
            }
            _ if weight == Weight::Ephemeral => return Live::Keep,
            Some(_) => {}
            None if weight == Weight::Receipt && self.early_changes >= HELD_CHANGES / 2 => return Live::Keep,
            None if self.early_changes >= HELD_CHANGES => return Live::NoRoom,
            None => self.early_changes += 1,
        }
        self.early.push((place, frame.clone()));
        Live::Keep
    }
}

impl Replay {
    fn live(&mut self, seq: Seq, frame: &Bytes) {
        self.skipped = self.skipped.max(seq);
        if self.rounds >= MAX_ROUNDS {
            if self.held.len() < HELD_FRAMES {
                self.held.push((seq, frame.clone()));
            } else {
                self.lost = true;
            }
        }
    }
}
