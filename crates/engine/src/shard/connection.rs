//! One connection, as its shard remembers it. An idle one is small: what only a busy one needs stands behind pointers.

use std::{collections::VecDeque, time::Duration};

use tidings_wire::UserId;

use super::{outbox::Outbox, session::Session, users::NextOfUser, wheel::Tick};
use crate::{
    clock::Moment,
    engine::{ConnectionInfo, Dialect},
    guest::Guest,
    registry::TypeIndex,
    websocket::Decoder,
};

/// One connection.
pub(super) struct Connection {
    pub(super) user: UserId,
    /// The user's index in the directory.
    pub(super) index: u32,
    pub(super) generation: u32,
    /// The next of the user's connections here.
    pub(super) next: NextOfUser,
    /// The tick of its entry in the wheel.
    pub(super) timer: Tick,
    pub(super) decoder: Decoder,
    pub(super) outbox: Outbox,
    pub(super) work: Option<Box<Work>>,
    pub(super) details: Box<Details>,
    /// When its peer was last heard.
    pub(super) heard: Moment,
    pub(super) phase: Phase,
    pub(super) speech: Speech,
    /// Stands in the list of those to be flushed first.
    pub(super) prompt: bool,
    /// Stands in the list of those to be flushed.
    pub(super) dirty: bool,
    /// The socket took no more; an event tells when it does again.
    pub(super) blocked: bool,
    /// A ping is unanswered.
    pub(super) pinged: bool,
    /// Its input is not read.
    pub(super) paused: bool,
    /// Something of those whom it watches waits until its socket takes more.
    pub(super) behind: bool,
    /// A person looks at it, as far as it has said.
    pub(super) attentive: bool,
}

/// Which frames a connection speaks, and how far it has come: one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    Guide,
    /// Of `tidings.v1`, and not welcomed: nothing is written, and what it sends waits.
    Hushed,
    /// Of `tidings.v1`, and lacks something of what it missed: see [`Session::resume`].
    Resuming,
    V1,
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// A close frame is queued or out: what comes in is thrown away, but for the peer's own close frame. Half closed once the
    /// frame is written; deaf where the peer's bytes make no sense any more.
    Closing {
        until: Moment,
        half_closed: bool,
        deaf: bool,
    },
    /// Both sides have closed: the socket goes when the rest is written, or when that takes too long.
    Closed {
        until: Moment,
    },
    /// The socket is broken or its peer gone: to be taken away.
    Gone,
}

/// What only a list of connections, an expiry or the end needs.
pub(super) struct Details {
    pub(super) guest: Guest,
    /// When its credentials end, in Unix milliseconds; [`NEVER`] where they don't.
    pub(super) expires_at_ms: i64,
    /// Unix seconds.
    pub(super) since: i64,
    /// Unique while the server runs.
    pub(super) number: u64,
    /// What few connections have.
    pub(super) session: Option<Box<Session>>,
}

/// Stands for credentials without an end.
pub(super) const NEVER: i64 = i64::MAX;

/// What only a connection with messages under way has.
#[derive(Default)]
pub(super) struct Work {
    /// A handler or group that is waited for, and until when.
    pub(super) running: Option<Running>,
    /// Other shards had no room yet for its last publication.
    pub(super) parked: bool,
    /// Its last publication has not reached everybody here.
    pub(super) fanning_out: bool,
    /// Kept sends under way.
    pub(super) under_way: u16,
    /// Messages that wait for their turn.
    pub(super) held: VecDeque<Box<str>>,
    pub(super) held_bytes: usize,
    /// The peer's close frame, with its code if it has one, that came while messages before it waited.
    pub(super) goodbye: Option<Option<u16>>,
}

impl Work {
    /// Whether the next message waits for what became of the last.
    fn waits(&self) -> bool {
        self.running.is_some() || self.parked || self.fanning_out
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) number: u32,
    pub(super) reference: Option<i64>,
    /// Of which type the message is, if it is one.
    pub(super) kind: Option<TypeIndex>,
    pub(super) until: Duration,
}

impl Connection {
    /// Whether the next message may be taken up, with so many kept sends allowed under way.
    pub(super) fn is_free(&self, most_under_way: u16) -> bool {
        !self.is_hushed() && self.work.as_ref().is_none_or(|work| !work.waits() && work.under_way < most_under_way)
    }

    /// Whether so much waits for its reader that it asks for nothing more: what `tidings.v1` asks for has large answers.
    pub(super) fn is_full(&self, half: usize) -> bool {
        self.speech != Speech::Guide && self.outbox.queued_bytes() > half
    }

    /// Whether messages that came are not taken up yet, or not decided.
    pub(super) fn is_busy(&self) -> bool {
        self.work.as_ref().is_some_and(|work| work.waits() || !work.held.is_empty())
    }

    pub(super) fn work(&mut self) -> &mut Work {
        self.work.get_or_insert_default()
    }

    /// Frees what only a busy connection needs.
    pub(super) fn rest(&mut self) {
        let idle = self.work.as_ref().is_some_and(|work| !work.waits() && work.under_way == 0 && work.held.is_empty());
        if idle {
            self.work = None;
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    pub(super) fn dialect(&self) -> Dialect {
        if self.speech == Speech::Guide { Dialect::Guide } else { Dialect::V1 }
    }

    /// Whether it is not welcomed yet.
    pub(super) fn is_hushed(&self) -> bool {
        self.speech == Speech::Hushed
    }

    /// Whether it lacks something of what it missed.
    pub(super) fn is_resuming(&self) -> bool {
        matches!(self.speech, Speech::Hushed | Speech::Resuming)
    }

    pub(super) fn session(&mut self) -> &mut Session {
        self.details.session.get_or_insert_default()
    }

    /// Frees the session where nothing is left in it.
    pub(super) fn rest_session(&mut self) {
        self.details.session.take_if(|session| session.is_empty());
    }

    /// Its name while the server runs.
    pub(super) fn name(&self, shard: u16) -> String {
        format!("{shard}-{}", self.details.number)
    }

    pub(super) fn info(&self, shard: u16) -> ConnectionInfo {
        let Details { guest, since, .. } = &*self.details;
        let (id, dialect, attentive) = (self.name(shard), self.dialect(), self.attentive);
        ConnectionInfo { id, peer: guest.peer(), dialect, since: *since, attentive }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_takes_at_most_200_bytes() {
        let (own, behind) = (size_of::<Connection>(), size_of::<Details>());
        assert!(own <= 112 && behind <= 88, "{own} bytes in the slab, {behind} behind its pointer");
    }
}
