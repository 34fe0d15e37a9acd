//! From `hello` to live, without a buffer of live frames: what a connection missed is read from the store while live messages of
//! the same streams are only noted, and read again until nothing came meanwhile.
//!
//! Why nothing is lost and nothing doubled. The connection is in the directory before anything is read for it, so a message that
//! a reading does not see is committed later and comes live. It is noted then ([`Replay`]'s `skipped`), and the stream is read
//! again up to there. The stream goes live in the turn in which a reading has reached all that was noted; what is still on its
//! way then and was seen by the reading is known by the stream's floor. The inbox goes before the streams: see `inbox`.

use std::time::Duration;

use tidings_wire::{
    CloseCode, Seq, StreamKey, UserId,
    server_frames::{Behind, Frame, Limits, Reset, ResetReason, Resumed, Welcome},
};

use super::{
    Shard,
    connection::{NEVER, Speech},
    output::Haste,
    session::{MAX_ROUNDS, Replay, Resume, SETTLE, Stage},
};
use crate::{
    clock::Now,
    greet::Loaded,
    planted::Planted,
    ports::HistoryPage,
    render::{self, Style},
    websocket::encoder,
};

impl Shard {
    /// More memberships and read marks changed than are held: the client comes back, and is told how they stand then.
    pub(super) fn greet_anew(&mut self, index: u32, now: Now) {
        tracing::warn!("more changed before a connection was welcomed than is held: it is closed with 1012");
        self.close(index, CloseCode::Restart, now);
    }

    /// Greets the connection, and finds out what each stream lacks.
    pub(super) fn welcome(&mut self, index: u32, loaded: Loaded, now: Now) {
        let Loaded { conversations, heads, standings, inbox } = loaded;
        let services = self.node.services().clone();
        let epoch = &services.epoch;
        let connection = &mut self.connections[index as usize];
        connection.outbox.begin(&self.log);
        connection.speech = Speech::Resuming;
        let expires_at_ms = connection.details.expires_at_ms;
        let expires_in_ms = (expires_at_ms != NEVER).then(|| (expires_at_ms - now.unix_ms).max(0).cast_unsigned());
        let (user, connection) = (connection.user, connection.name(self.id));
        let Some(resume) = self.resume_of(index) else { return };
        let reference = resume.hello.reference;
        let same_epoch = resume.hello.epoch.as_deref().is_none_or(|held| held == &**epoch);
        let (mut resets, mut ahead) = (Vec::new(), Vec::new());
        let mut streams: Vec<(u64, Replay)> = Vec::new();
        for (mut replay, standing) in std::mem::take(&mut resume.streams).into_iter().zip(standings) {
            let stream = StreamKey::Conversation(replay.conversation);
            let Some(standing) = standing else {
                // Never seen, or gone: whatever is held of it is of no use.
                ahead.extend(same_epoch.then_some(stream));
                resets.push(Reset { conversation: stream, reason: ResetReason::Epoch, oldest: 0, head: 0 });
                // It may have begun a moment ago: what came since is noted, and read.
                (replay.at, replay.head) = (0, 0);
                streams.push((0, replay));
                continue;
            };
            let (oldest, head) = (standing.oldest, standing.head);
            if !same_epoch || replay.at > head {
                ahead.extend(same_epoch.then_some(stream));
                resets.push(Reset { conversation: stream, reason: ResetReason::Epoch, oldest, head });
                replay.at = head;
            } else if replay.at + 1 < oldest {
                resets.push(Reset { conversation: stream, reason: ResetReason::Pruned, oldest, head });
                replay.at = oldest - 1;
            }
            replay.head = head;
            streams.push((standing.touched.0, replay));
        }
        if let Some(reset) = resume.inbox.begin(resume.hello.inbox, inbox, same_epoch) {
            ahead.extend((same_epoch && inbox.is_some()).then_some(StreamKey::Inbox));
            resets.push(reset);
        }
        warn_of_more_than_there_is(user, &ahead);
        streams.sort_by_key(|(touched, _)| std::cmp::Reverse(*touched));
        resume.streams = streams.into_iter().map(|(_, replay)| replay).collect();
        resume.stage = Stage::Replaying;
        let early = std::mem::take(&mut resume.early);
        let outrun = resume.live_from(&heads);
        let welcome = Welcome {
            reference,
            user,
            connection,
            epoch: (**epoch).to_owned(),
            ping: services.settings.ping_after.as_secs().max(1),
            expires_in_ms,
            limits: Limits { frame_bytes: services.settings.frame_bytes as u64 },
            conversations,
            inbox: inbox.unwrap_or_default(),
        };
        self.push_frame(index, &welcome, now);
        resets.iter().for_each(|reset| self.push_frame(index, reset, now));
        for (place, frame) in early {
            let known = place.is_some_and(|(conversation, seq)| {
                heads.get(&conversation).is_some_and(|&head| seq <= head) || outrun.contains(&conversation)
            });
            if !known {
                self.push(index, frame, Haste::Prompt, now);
            }
        }
        self.go_on_resuming(index, now);
        // What it sent before it was welcomed.
        self.go_on(self.slot_of(index), now);
    }

    /// Takes what a reading found; it is sent as the outbox has room.
    pub(super) fn replay(&mut self, index: u32, page: Option<HistoryPage>, now: Now) {
        let Some(replay) = self.resume_of(index).and_then(|resume| resume.streams.front_mut()) else { return };
        let (lines, more, head) =
            page.map_or((Vec::new(), false, replay.at), |page| (page.lines, page.more, page.head));
        replay.head = replay.head.max(head);
        replay.lines = lines.into();
        replay.seen = (!more).then_some(head);
        self.go_on_resuming(index, now);
    }

    /// Sends the lines of the stream in front, as long as at most half of the outbox is full; true where all are sent.
    fn send_lines(&mut self, index: u32, now: Now) -> bool {
        let services = self.node.services().clone();
        let half = services.settings.half_outbox();
        let style = Style { reader: Some(self.connections[index as usize].user), user_id: false, replayed: true };
        loop {
            let full = self.connections[index as usize].outbox.queued_bytes() > half;
            let Some(resume) = self.resume_of(index) else { return false };
            let Some(replay) = resume.streams.front_mut() else { return true };
            let conversation = replay.conversation;
            let Some(line) = replay.lines.pop_front_if(|_| !full) else { return replay.lines.is_empty() };
            replay.at = line.last();
            resume.left = resume.left.saturating_sub(1);
            let json = render::line(&services.registry, conversation, &line, style);
            self.push(index, encoder::text(&json), Haste::Bulk, now);
        }
    }

    /// A reading came to the head that it saw.
    fn reached(&mut self, index: u32, head: Seq, now: Now) {
        let skip_second = self.node.services().settings.has(Planted::SkipSecondReading);
        let Some(resume) = self.resume_of(index) else { return };
        let Some(replay) = resume.streams.front_mut() else { return };
        // What lies between the last line and the head is not this reader's.
        replay.at = replay.at.max(head);
        if replay.rounds >= MAX_ROUNDS {
            let mut replay = resume.streams.pop_front().expect("it was in front");
            let at = replay.at;
            let held: Vec<_> = std::mem::take(&mut replay.held).into_iter().filter(|(seq, _)| *seq > at).collect();
            for (seq, frame) in held {
                replay.at = seq;
                self.push(index, frame, Haste::Bulk, now);
            }
            let behind = replay.lost.then_some(replay.skipped);
            self.goes_live(index, replay, behind, now);
        } else if replay.skipped > replay.at && !skip_second {
            replay.rounds += 1;
        } else {
            let replay = resume.streams.pop_front().expect("it was in front");
            self.goes_live(index, replay, None, now);
        }
    }

    /// From now on the stream's messages are sent as they come.
    fn goes_live(&mut self, index: u32, replay: Replay, behind: Option<Seq>, now: Now) {
        let Replay { conversation, at, .. } = replay;
        let forgets = self.node.services().settings.has(Planted::ForgetFloors);
        let Some(resume) = self.resume_of(index) else { return };
        let floor = behind.unwrap_or(at).max(at);
        if !forgets {
            resume.floors.insert(conversation, floor);
        }
        if let Some(head) = behind {
            resume.behind.push(Behind { conversation, head });
        }
        let (free, waiting) = std::mem::take(&mut resume.acks).into_iter().partition(|(of, _)| *of == conversation);
        resume.acks = waiting;
        let free: Vec<_> = free;
        free.into_iter().for_each(|(_, ack)| self.push(index, ack, Haste::Prompt, now));
    }

    /// Takes the next step, as soon as half of the outbox is free.
    pub(super) fn go_on_resuming(&mut self, index: u32, now: Now) {
        let half = self.node.services().settings.half_outbox();
        loop {
            if !self.connections[index as usize].is_open() {
                return;
            }
            let Some(resume) = self.resume_of(index) else { return };
            if resume.stage != Stage::Replaying || resume.reading.is_some() {
                return;
            }
            if !resume.inbox.is_live() {
                if self.go_on_with_inbox(index, now) {
                    continue;
                }
                return;
            }
            if !self.send_lines(index, now) {
                // It goes on when something was written.
                return;
            }
            let full = self.connections[index as usize].outbox.queued_bytes() > half;
            let Some(resume) = self.resume_of(index) else { return };
            let Some(replay) = resume.streams.front_mut() else { break };
            if let Some(head) = replay.seen.take() {
                self.reached(index, head, now);
            } else if replay.at >= replay.head.max(replay.skipped) && replay.rounds < MAX_ROUNDS {
                let replay = resume.streams.pop_front().expect("it was in front");
                self.goes_live(index, replay, None, now);
            } else if resume.left == 0 {
                let replay = resume.streams.pop_front().expect("it was in front");
                let head = replay.head.max(replay.skipped);
                self.goes_live(index, replay, Some(head), now);
            } else if full {
                return;
            } else {
                self.begin_resuming(index, now);
                return;
            }
        }
        let Some(resume) = self.resume_of(index) else { return };
        let until = now.mono + SETTLE;
        resume.stage = Stage::Settling { until };
        let (behind, inbox) = (std::mem::take(&mut resume.behind), resume.inbox_behind);
        let resumed = Resumed { reference: resume.hello.reference, behind, inbox };
        self.push_frame(index, &resumed, now);
        self.arm(index, until);
    }

    /// Forgets what was kept for frames that were on their way; says when to look again, where it is too early.
    pub(super) fn forget_floors(&mut self, index: u32, now: Now) -> Option<Duration> {
        let Some(Stage::Settling { until }) = self.resume_of(index).map(|resume| resume.stage) else { return None };
        if until > now.mono {
            return Some(until);
        }
        let connection = &mut self.connections[index as usize];
        connection.speech = Speech::V1;
        if let Some(session) = &mut connection.details.session {
            session.resume = None;
        }
        connection.rest_session();
        None
    }

    pub(super) fn resume_of(&mut self, index: u32) -> Option<&mut Resume> {
        self.connections[index as usize].details.session.as_mut()?.resume.as_deref_mut()
    }

    /// Queues a frame of the protocol's own.
    pub(super) fn push_frame(&mut self, index: u32, frame: &impl Frame, now: Now) {
        self.push(index, encoder::text(&frame.to_json()), Haste::Prompt, now);
    }
}

/// One line a greeting, however many conversations there are.
fn warn_of_more_than_there_is(user: UserId, held: &[StreamKey]) {
    if let Some(stream) = held.first() {
        tracing::warn!(%user, %stream, streams = held.len(),
            "a client holds more than there is: an old copy of the database is in use, or it was never let in there");
    }
}
