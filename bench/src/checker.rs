//! Whether a receiver got each of a sender's messages once and in order.

use std::collections::BTreeSet;
use std::fmt;

/// What was wrong with one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It never came.
    Lost {
        /// The stream's number, from 0.
        stream: usize,
        /// The message's counter.
        counter: u64,
    },
    /// It came a second time.
    Doubled {
        /// The stream's number, from 0.
        stream: usize,
        /// The message's counter.
        counter: u64,
    },
    /// It came, but after one that was sent later.
    Reordered {
        /// The stream's number, from 0.
        stream: usize,
        /// The message's counter.
        counter: u64,
    },
    /// Nobody sent it.
    NeverSent {
        /// The stream's number, from 0.
        stream: usize,
        /// The message's counter.
        counter: u64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stream, counter, what) = match self {
            Self::Lost { stream, counter } => (stream, counter, "never came"),
            Self::Doubled { stream, counter } => (stream, counter, "came twice"),
            Self::Reordered { stream, counter } => (stream, counter, "came after a later one"),
            Self::NeverSent { stream, counter } => (stream, counter, "was never sent"),
        };
        write!(out, "message {counter} to user {} {what}", stream + 1)
    }
}

/// How often each [`Fault`] was seen, and the first of all.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Faults {
    /// Messages that never came.
    pub lost: u64,
    /// Messages that came again.
    pub doubled: u64,
    /// Messages that came after later ones.
    pub reordered: u64,
    /// Messages that nobody sent.
    pub never_sent: u64,
    /// The first fault seen.
    pub first: Option<Fault>,
}

impl Faults {
    /// Whether there was none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn add(&mut self, fault: Fault) {
        match fault {
            Fault::Lost { .. } => self.lost += 1,
            Fault::Doubled { .. } => self.doubled += 1,
            Fault::Reordered { .. } => self.reordered += 1,
            Fault::NeverSent { .. } => self.never_sent += 1,
        }
        self.first.get_or_insert(fault);
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lost, doubled, reordered, never_sent, first } = self;
        write!(out, "{lost} lost, {doubled} doubled, {reordered} reordered, {never_sent} never sent")?;
        first.iter().try_for_each(|first| write!(out, " (first: {first})"))
    }
}

/// The streams of a run. A stream is what one receiver gets from one sender: counters 0, 1, 2 …
pub struct Checker {
    streams: Vec<Stream>,
    faults: Faults,
}

#[derive(Default)]
struct Stream {
    sent: u64,
    expected: u64,
    /// Skipped so far. Bounded by `sent`, so by the number of messages of the run.
    missing: BTreeSet<u64>,
}

impl Checker {
    /// For this many streams, nothing sent yet.
    #[must_use]
    pub fn new(streams: usize) -> Self {
        Self { streams: std::iter::repeat_with(Stream::default).take(streams).collect(), faults: Faults::default() }
    }

    /// The next message of a stream goes out; returns its counter.
    pub fn sends(&mut self, stream: usize) -> u64 {
        let stream = &mut self.streams[stream];
        stream.sent += 1;
        stream.sent - 1
    }

    /// The counter that a stream's next message must have.
    #[must_use]
    pub fn expected(&self, stream: usize) -> u64 {
        self.streams[stream].expected
    }

    /// A message arrived. True when it is one that was awaited, be it in order or late: it then counts as delivered.
    pub fn receives(&mut self, stream: usize, counter: u64) -> bool {
        let state = &mut self.streams[stream];
        if counter >= state.sent {
            self.faults.add(Fault::NeverSent { stream, counter });
            return false;
        }
        if counter >= state.expected {
            state.missing.extend(state.expected..counter);
            state.expected = counter + 1;
            return true;
        }
        if state.missing.remove(&counter) {
            self.faults.add(Fault::Reordered { stream, counter });
            return true;
        }
        self.faults.add(Fault::Doubled { stream, counter });
        false
    }

    /// What was wrong, when no more will come: what is missing now is lost.
    #[must_use]
    pub fn finish(mut self) -> Faults {
        for (number, stream) in self.streams.into_iter().enumerate() {
            for counter in stream.missing.into_iter().chain(stream.expected..stream.sent) {
                self.faults.add(Fault::Lost { stream: number, counter });
            }
        }
        self.faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five messages are sent on stream 1 of two; these counters arrive.
    fn faults_of(arriving: &[u64]) -> Faults {
        let mut checker = Checker::new(2);
        for counter in 0..5 {
            assert_eq!(checker.sends(1), counter);
        }
        for &counter in arriving {
            checker.receives(1, counter);
        }
        checker.finish()
    }

    #[test]
    fn each_once_and_in_order_is_without_fault() {
        assert!(faults_of(&[0, 1, 2, 3, 4]).is_empty());
    }

    #[test]
    fn a_lost_message_is_found_in_the_middle_and_at_the_end() {
        let faults = faults_of(&[0, 1, 3, 4]);
        assert_eq!((faults.lost, faults.doubled, faults.reordered), (1, 0, 0));
        assert_eq!(faults.first, Some(Fault::Lost { stream: 1, counter: 2 }));
        assert_eq!(faults_of(&[0, 1]).lost, 3);
        assert_eq!(faults_of(&[]).lost, 5);
    }

    #[test]
    fn a_doubled_message_is_found_at_once_and_later() {
        for arriving in [[0, 1, 1, 2, 3, 4], [0, 1, 2, 3, 4, 1]] {
            let faults = faults_of(&arriving);
            assert_eq!((faults.lost, faults.doubled, faults.reordered), (0, 1, 0));
            assert_eq!(faults.first, Some(Fault::Doubled { stream: 1, counter: 1 }));
        }
    }

    #[test]
    fn a_reordered_message_is_neither_lost_nor_doubled() {
        let faults = faults_of(&[0, 2, 1, 3, 4]);
        assert_eq!((faults.lost, faults.doubled, faults.reordered), (0, 0, 1));
        assert_eq!(faults.first, Some(Fault::Reordered { stream: 1, counter: 1 }));
    }

    #[test]
    fn a_message_that_nobody_sent_is_found() {
        let faults = faults_of(&[0, 1, 2, 3, 4, 5]);
        assert_eq!(faults.never_sent, 1);
        assert_eq!(
            faults.to_string(),
            "0 lost, 0 doubled, 0 reordered, 1 never sent (first: message 5 to user 2 was never sent)"
        );
    }

    #[test]
    fn only_awaited_messages_count_as_delivered() {
        let mut checker = Checker::new(1);
        for _ in 0..3 {
            checker.sends(0);
        }
        let delivered: Vec<bool> = [0, 0, 2, 1, 1, 9].into_iter().map(|counter| checker.receives(0, counter)).collect();
        assert_eq!(delivered, [true, false, true, true, false, false]);
    }
}
