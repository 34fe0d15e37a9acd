//! Broadcasts, once a shard: a log of bytes in which each connection has a cursor. A broadcast costs a connection nothing
//! but its write.

use std::collections::VecDeque;

/// Bytes of a new segment. Frames are never split over two, so that what a connection lacks is few slices.
const SEGMENT_BYTES: usize = 64 * 1024;

/// The log. Positions count bytes from the shard's start; a position between frames is a boundary.
#[derive(Debug)]
pub(super) struct EveryoneLog {
    segments: VecDeque<Segment>,
    end: u64,
    /// Everything before it was offered to every connection: it may be dropped when the bound is passed.
    offered: u64,
    bound: u64,
    /// What blocked readers are kept where nobody else lacks anything.
    keep: u64,
}

#[derive(Debug)]
struct Segment {
    start: u64,
    bytes: Vec<u8>,
}

impl EveryoneLog {
    /// A log that keeps about `bound` bytes for readers that lag. Where only blocked readers lack something they are kept a
    /// quarter of it, or the `backlog` that each of them may have.
    pub(super) fn new(bound: usize, backlog: usize) -> Self {
        let keep = (bound / 4).max(backlog).min(bound) as u64;
        Self { segments: VecDeque::new(), end: 0, offered: 0, bound: bound as u64, keep }
    }

    /// The position behind the last frame.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The position of the oldest byte that is kept.
    pub(super) fn start(&self) -> u64 {
        self.segments.front().map_or(self.end, |segment| segment.start)
    }

    /// Appends a frame.
    pub(super) fn append(&mut self, frame: &[u8]) {
        let fits = self.segments.back().is_some_and(|last| last.bytes.len() + frame.len() <= last.bytes.capacity());
        if !fits {
            let bytes = Vec::with_capacity(SEGMENT_BYTES.max(frame.len()));
            self.segments.push_back(Segment { start: self.end, bytes });
        }
        if let Some(last) = self.segments.back_mut() {
            last.bytes.extend_from_slice(frame);
        }
        self.end += frame.len() as u64;
        self.drop_offered();
    }

    /// Everything before `position` was offered to every connection.
    pub(super) fn offered(&mut self, position: u64) {
        self.offered = position;
        self.drop_offered();
        if self.offered == self.end && self.end - self.start() > self.keep {
            self.drop_to(self.end - self.keep);
        }
    }

    /// Whether so much waits to be offered that the shard should take no new input.
    pub(super) fn is_crowded(&self) -> bool {
        self.end - self.offered > self.bound / 2
    }

    /// The slice from `from` on, up to `to` or the segment's end. `from` must be at least [`EveryoneLog::start`].
    pub(super) fn slice(&self, from: u64, to: u64) -> &[u8] {
        let at = self.segments.partition_point(|segment| segment.start <= from);
        let Some(segment) = at.checked_sub(1).and_then(|at| self.segments.get(at)) else { return &[] };
        let begin = (from - segment.start) as usize;
        let end = ((to - segment.start) as usize).min(segment.bytes.len());
        segment.bytes.get(begin..end).unwrap_or_default()
    }

    /// Forgets all, where nobody lacks anything; one segment's memory is kept for what comes next.
    pub(super) fn clear(&mut self) {
        self.segments.truncate(1);
        if let Some(segment) = self.segments.front_mut() {
            segment.start = self.end;
            segment.bytes.clear();
            segment.bytes.shrink_to(SEGMENT_BYTES);
        }
    }

    fn drop_offered(&mut self) {
        if self.end - self.start() > self.bound {
            self.drop_to(self.offered.min(self.end - self.bound));
        }
    }

    /// Drops whole segments that end at or before `position`.
    fn drop_to(&mut self, position: u64) {
        while self.segments.front().is_some_and(|first| first.start + first.bytes.len() as u64 <= position) {
            self.segments.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_all_frames_in_order_over_segments() {
        let mut log = EveryoneLog::new(1 << 20, 0);
        let frames: Vec<Vec<u8>> = (0..100_u8).map(|n| vec![n; 3_000]).collect();
        frames.iter().for_each(|frame| log.append(frame));
        let (mut cursor, mut read) = (0, Vec::new());
        while cursor < log.end() {
            let slice = log.slice(cursor, log.end());
            assert!(!slice.is_empty());
            read.extend_from_slice(slice);
            cursor += slice.len() as u64;
        }
        assert_eq!(read, frames.concat());
    }

    #[test]
    fn blocked_readers_are_kept_what_each_of_them_may_lack() {
        for (backlog, kept) in [(0, 256), (600, 600), (4_000, 1_024)] {
            let mut log = EveryoneLog::new(1024 * 1024, backlog * 1024);
            for _ in 0..10_000 {
                log.append(&[7; 1_000]);
            }
            log.offered(log.end());
            let left = log.end() - log.start();
            assert!(left.abs_diff(kept * 1024) <= SEGMENT_BYTES as u64, "{left} bytes of {kept} KiB");
        }
    }

    #[test]
    fn what_was_offered_is_dropped_at_the_bound_and_what_was_not_is_kept() {
        let mut log = EveryoneLog::new(256 * 1024, 0);
        for _ in 0..2_000 {
            log.append(&[7; 1_000]);
        }
        assert_eq!(log.start(), 0, "nothing was offered yet");
        assert!(log.is_crowded());
        log.offered(log.end());
        assert!(!log.is_crowded());
        assert!(log.end() - log.start() <= 256 * 1024 && log.start() > 0);
    }
}
