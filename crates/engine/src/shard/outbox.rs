//! What waits for one reader, bounded in bytes: the only place that decides what a slow reader loses.
//!
//! Two things wait: frames for this connection, in a queue, and broadcasts, in the shard's log from the connection's cursor
//! on. Each queued frame notes where the log ended when it came, so both go out in the order in which they came.

use std::{collections::VecDeque, io::IoSlice};

use bytes::{Buf, Bytes};
use smallvec::SmallVec;

use super::everyone::EveryoneLog;
use crate::websocket::spare;

/// Bytes that one write takes at most. A slow reader's queue is joined no further, or each try would join all of it again.
const WRITE_BYTES: usize = 128 * 1024;

/// Slices that one write takes at most.
const WRITE_PARTS: usize = 64;

/// What waits for one reader. Empty, it owns no memory.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Frames for this reader, if there are any.
    queue: Option<Box<Queue>>,
    /// Where in the log this reader stands, at a boundary.
    cursor: u64,
    /// The last frame is queued: what the log gets from now on is not for this reader.
    sealed: bool,
}

/// Frames that wait: at least one.
#[derive(Debug)]
struct Queue {
    first: Queued,
    rest: VecDeque<Queued>,
    bytes: usize,
}

#[derive(Debug)]
struct Queued {
    frame: Bytes,
    /// The log up to here goes first.
    after: u64,
}

/// The frame does not fit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Outbox {
    /// For a connection that begins at the log's end.
    pub(super) fn new(log: &EveryoneLog) -> Self {
        Self { cursor: log.end(), ..Self::default() }
    }

    /// Queues a frame behind all that waits, if the queue then has at most `bound` bytes.
    pub(super) fn push(&mut self, frame: Bytes, log: &EveryoneLog, bound: usize) -> Result<(), Full> {
        if self.queued_bytes() + frame.len() > bound {
            return Err(Full);
        }
        self.append(frame, log.end());
        Ok(())
    }

    /// Bytes in the queue, without the log's.
    pub(super) fn queued_bytes(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.bytes)
    }

    /// Queues the last frame: nothing that comes later goes out. Where it does not fit, or what goes before it is lost, it
    /// takes the place of all that has not begun to go out.
    pub(super) fn finish(&mut self, last: Bytes, log: &EveryoneLog, bound: usize) {
        if self.fell_off(log) || self.push(last.clone(), log, bound).is_err() {
            self.replace(last, log);
        }
        self.sealed = true;
    }

    /// Throws away what has not begun to go out, and queues the last frame.
    pub(super) fn replace(&mut self, last: Bytes, log: &EveryoneLog) {
        let begun = self.queue.take().map(|queue| queue.first).filter(|queued| queued.after == BEGUN);
        *self = Self { cursor: log.end(), sealed: true, ..Self::default() };
        if let Some(begun) = begun {
            self.append(begun.frame, BEGUN);
        }
        self.append(last, log.end());
    }

    /// Throws away all but what has begun to go out and the last frame: the log has dropped what goes before it.
    pub(super) fn skip_to_last(&mut self, log: &EveryoneLog) {
        match self.queue.as_mut().and_then(|queue| queue.rest.pop_back()) {
            Some(last) => self.replace(last.frame, log),
            None => self.cursor = log.end(),
        }
    }

    /// From now on the log is for this reader: not what stands in it already.
    pub(super) fn begin(&mut self, log: &EveryoneLog) {
        self.cursor = log.end();
        if let Some(queue) = &mut self.queue {
            let cursor = self.cursor;
            std::iter::once(&mut queue.first)
                .chain(&mut queue.rest)
                .filter(|queued| queued.after != BEGUN)
                .for_each(|queued| queued.after = cursor);
        }
    }

    /// Bytes that wait, the log's included.
    pub(super) fn waiting(&self, log: &EveryoneLog) -> usize {
        self.queued_bytes() + (self.end(log) - self.cursor) as usize
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self, log: &EveryoneLog) -> bool {
        self.queue.is_none() && self.cursor == self.end(log)
    }

    /// Whether the log has dropped what this reader lacks.
    pub(super) fn fell_off(&self, log: &EveryoneLog) -> bool {
        self.cursor < log.start() && self.cursor < self.end(log)
    }

    /// Up to where the log is for this reader.
    fn end(&self, log: &EveryoneLog) -> u64 {
        if !self.sealed {
            return log.end();
        }
        let last = self.queue.as_ref().map(|queue| queue.rest.back().unwrap_or(&queue.first));
        last.filter(|last| last.after != BEGUN).map_or(self.cursor, |last| last.after.max(self.cursor))
    }

    /// The next slices to write, in order.
    pub(super) fn parts<'a>(&'a self, log: &'a EveryoneLog) -> SmallVec<[IoSlice<'a>; 4]> {
        let (mut parts, mut bytes, mut cursor) = (SmallVec::new(), 0, self.cursor);
        let mut add = |slice: &'a [u8]| {
            if !slice.is_empty() {
                bytes += slice.len();
                parts.push(IoSlice::new(slice));
            }
            parts.len() < WRITE_PARTS && bytes < WRITE_BYTES
        };
        for queued in self.queued() {
            while cursor < queued.after && queued.after != BEGUN {
                let slice = log.slice(cursor, queued.after);
                cursor += slice.len() as u64;
                if slice.is_empty() || !add(slice) {
                    return parts;
                }
            }
            if !add(&queued.frame) {
                return parts;
            }
        }
        let end = self.end(log);
        while cursor < end {
            let slice = log.slice(cursor, end);
            cursor += slice.len() as u64;
            if slice.is_empty() || !add(slice) {
                return parts;
            }
        }
        parts
    }

    /// So many bytes of [`Outbox::parts`] were written. What is left of a broadcast that went out in part moves into the
    /// queue, so that the cursor stays at a boundary.
    pub(super) fn wrote(&mut self, mut written: usize, log: &EveryoneLog) {
        while written > 0 {
            let until = match self.queue.as_ref().map(|queue| queue.first.after) {
                Some(BEGUN) => self.cursor,
                Some(after) => after,
                None => self.end(log),
            };
            if self.cursor < until {
                written = self.advance(written, until, log);
                continue;
            }
            let Some(queue) = &mut self.queue else { return };
            let part = written.min(queue.first.frame.len());
            queue.first.frame.advance(part);
            queue.first.after = BEGUN;
            queue.bytes -= part;
            written -= part;
            if queue.first.frame.is_empty() {
                self.next();
            }
        }
    }

    /// Moves the cursor by whole frames; returns what is left of `written`.
    fn advance(&mut self, mut written: usize, until: u64, log: &EveryoneLog) -> usize {
        while self.cursor < until && written > 0 {
            let frame = frame_at(log.slice(self.cursor, until));
            self.cursor += frame.len() as u64;
            if frame.len() <= written {
                written -= frame.len();
                continue;
            }
            self.put_in_front(Bytes::copy_from_slice(&frame[written..]));
            return 0;
        }
        written
    }

    /// The rest of a broadcast that went out in part.
    fn put_in_front(&mut self, left: Bytes) {
        let (bytes, begun) = (left.len(), Queued { frame: left, after: BEGUN });
        match &mut self.queue {
            Some(queue) => {
                let next = std::mem::replace(&mut queue.first, begun);
                queue.rest.push_front(next);
                queue.bytes += bytes;
            }
            None => self.queue = Some(Box::new(Queue { first: begun, rest: VecDeque::new(), bytes })),
        }
    }

    fn append(&mut self, frame: Bytes, after: u64) {
        let (bytes, queued) = (frame.len(), Queued { frame, after });
        match &mut self.queue {
            Some(queue) => {
                queue.rest.push_back(queued);
                queue.bytes += bytes;
            }
            None => self.queue = Some(Box::new(Queue { first: queued, rest: VecDeque::new(), bytes })),
        }
    }

    /// The first frame has gone out.
    fn next(&mut self) {
        let Some(queue) = &mut self.queue else { return };
        let gone = match queue.rest.pop_front() {
            Some(next) => std::mem::replace(&mut queue.first, next).frame,
            None => match self.queue.take() {
                Some(queue) => queue.first.frame,
                None => return,
            },
        };
        spare::give_back(gone);
    }

    fn queued(&self) -> impl Iterator<Item = &Queued> {
        self.queue.iter().flat_map(|queue| std::iter::once(&queue.first).chain(&queue.rest))
    }
}

/// Marks a frame that has gone out in part: it goes before all else.
const BEGUN: u64 = u64::MAX;

/// The first of the frames in `bytes`, which begin at a boundary: unmasked, so its length is all that its header tells
/// (RFC 6455 §5.2).
fn frame_at(bytes: &[u8]) -> &[u8] {
    let length = match bytes {
        [_, 126, high, low, ..] => 4 + usize::from(u16::from_be_bytes([*high, *low])),
        [_, 127, length @ ..] if length.len() >= 8 => {
            10 + length[..8].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
        }
        [_, length, ..] => 2 + usize::from(*length),
        _ => bytes.len(),
    };
    &bytes[..length.min(bytes.len())]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::websocket::encoder;

    /// Takes at most `most` bytes, as a socket would.
    fn write(outbox: &mut Outbox, log: &EveryoneLog, most: usize, out: &mut Vec<u8>) {
        let before = out.len();
        for part in outbox.parts(log) {
            let room = most - (out.len() - before);
            out.extend_from_slice(&part[..part.len().min(room)]);
        }
        let written = out.len() - before;
        outbox.wrote(written, log);
    }

    proptest! {
        #[test]
        fn whatever_the_writes_take_frames_and_broadcasts_go_out_whole_and_in_order(
            steps in prop::collection::vec((0..3_u8, 0..300_usize, 0..400_usize), 1..80)
        ) {
            let mut log = EveryoneLog::new(1 << 20, 0);
            let mut outbox = Outbox::new(&log);
            let (mut expected, mut out) = (Vec::new(), Vec::new());
            for (number, (step, size, most)) in steps.into_iter().enumerate() {
                let frame = encoder::text(&vec![b'a' + (number % 26) as u8; size]);
                match step {
                    0 => {
                        outbox.push(frame.clone(), &log, usize::MAX).unwrap();
                        expected.extend_from_slice(&frame);
                    }
                    1 => {
                        log.append(&frame);
                        expected.extend_from_slice(&frame);
                    }
                    _ => write(&mut outbox, &log, most, &mut out),
                }
                prop_assert_eq!(out.len() + outbox.waiting(&log), expected.len());
            }
            while !outbox.is_empty(&log) {
                write(&mut outbox, &log, 1 << 20, &mut out);
            }
            prop_assert_eq!(out, expected);
            prop_assert!(outbox.queue.is_none(), "an empty outbox owns no memory");
        }
    }

    #[test]
    fn a_frame_that_does_not_fit_is_refused_and_the_last_word_still_goes_out() {
        let log = EveryoneLog::new(1 << 20, 0);
        let mut outbox = Outbox::new(&log);
        let frame = encoder::text(&[b'x'; 60]);
        outbox.push(frame.clone(), &log, 130).unwrap();
        outbox.push(frame.clone(), &log, 130).unwrap();
        assert_eq!(outbox.push(frame.clone(), &log, 130), Err(Full));
        let mut out = Vec::new();
        write(&mut outbox, &log, 10, &mut out);
        outbox.replace(Bytes::from_static(b"bye"), &log);
        write(&mut outbox, &log, 1_000, &mut out);
        assert_eq!(out, [&frame[..], b"bye"].concat(), "the frame that had begun is finished first");
    }

    #[test]
    fn nothing_goes_out_behind_the_last_frame_and_all_that_was_before_it_does() {
        let mut log = EveryoneLog::new(1 << 20, 0);
        for begun in [0, 5] {
            let mut outbox = Outbox::new(&log);
            let (before, frame, after) = (encoder::text(b"before"), encoder::text(b"own"), encoder::text(b"after"));
            outbox.push(frame.clone(), &log, 1_000).unwrap();
            log.append(&before);
            let mut out = Vec::new();
            write(&mut outbox, &log, begun, &mut out);
            outbox.finish(Bytes::from_static(b"bye"), &log, 1_000);
            log.append(&after);
            assert_eq!(out.len() + outbox.waiting(&log), frame.len() + before.len() + 3);
            while !outbox.is_empty(&log) {
                write(&mut outbox, &log, 4, &mut out);
            }
            assert_eq!(out, [&frame[..], &before, b"bye"].concat());
            assert!(!outbox.fell_off(&log) && outbox.waiting(&log) == 0);
        }
    }

    #[test]
    fn the_last_frame_goes_out_though_the_log_dropped_what_was_before_it() {
        let mut log = EveryoneLog::new(1_000, 0);
        for begun in [0, 5] {
            let mut outbox = Outbox::new(&log);
            let frame = encoder::text(b"own");
            outbox.push(frame.clone(), &log, 1_000).unwrap();
            let mut out = Vec::new();
            write(&mut outbox, &log, begun, &mut out);
            log.append(&encoder::text(b"before"));
            outbox.finish(Bytes::from_static(b"bye"), &log, 1_000);
            for _ in 0..200 {
                log.append(&encoder::text(&[b'x'; 1_000]));
                log.offered(log.end());
            }
            assert!(outbox.fell_off(&log));
            outbox.skip_to_last(&log);
            write(&mut outbox, &log, 1_000, &mut out);
            let begun = if begun == 0 { &b""[..] } else { &frame };
            assert_eq!(out, [begun, b"bye"].concat());
            assert!(outbox.is_empty(&log));
        }
    }

    #[test]
    fn an_outbox_is_small() {
        assert!(size_of::<Outbox>() <= 24, "{}", size_of::<Outbox>());
    }
}
