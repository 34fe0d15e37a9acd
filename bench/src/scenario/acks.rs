//! Acknowledgements of kept messages in `tidings.v1`: each comes once, in the order in which the messages were sent, and together
//! with the messages that come to a connection they make up its stream without a gap.

use std::time::Duration;

use crate::dialect::Told;
use crate::latency::{Latency, Quantiles};

/// What an acknowledgement begins with.
const START: &[u8] = br#"{"type":"ack""#;

/// The acknowledgements of a load, of which each connection is in one conversation.
pub(super) struct Acks {
    connections: Vec<Place>,
    took: Latency,
}

#[derive(Clone, Copy, Default)]
struct Place {
    /// The counter of the message whose acknowledgement comes next.
    next: u64,
    /// The seq that came last; none before the first.
    seq: Option<u64>,
}

impl Acks {
    pub(super) fn new(connections: usize) -> Self {
        Self { connections: vec![Place::default(); connections], took: Latency::default() }
    }

    /// Whether a payload is one.
    pub(super) fn is_one(payload: &[u8]) -> bool {
        payload.starts_with(START)
    }

    /// The counter of the message that it acknowledges; `None` where another one was due.
    pub(super) fn acknowledged(&mut self, connection: usize, payload: &[u8]) -> Option<u64> {
        let told = Told::read(payload).filter(|told| told.r#type == "ack")?;
        let counter = self.connections[connection].next;
        if told.reference != Some(counter) || !self.follows(connection, told.seq?) {
            return None;
        }
        self.connections[connection].next += 1;
        Some(counter)
    }

    /// Whether a message that came is the next of the stream.
    pub(super) fn heard(&mut self, connection: usize, payload: &[u8]) -> bool {
        Told::read(payload).and_then(|told| told.seq).is_some_and(|seq| self.follows(connection, seq))
    }

    fn follows(&mut self, connection: usize, seq: u64) -> bool {
        let last = self.connections[connection].seq.replace(seq);
        last.is_none_or(|last| seq == last + 1)
    }

    /// So long after it was sent, a message was acknowledged.
    pub(super) fn record(&mut self, took: Duration) {
        self.took.record(took);
    }

    /// Forgets how long acknowledgements took: the warm-up is over.
    pub(super) fn clear(&mut self) {
        self.took.clear();
    }

    pub(super) fn quantiles(&self) -> Option<Quantiles> {
        self.took.quantiles()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ack(counter: u64, seq: u64) -> Vec<u8> {
        format!(r#"{{"type":"ack","ref":{counter},"id":"9","timestamp":1,"conversation":"dm:1:2","seq":{seq}}}"#).into()
    }

    #[test]
    fn acknowledgements_and_messages_make_up_one_stream() {
        let mut acks = Acks::new(2);
        assert_eq!(acks.acknowledged(1, &ack(0, 5)), Some(0), "a stream may have begun before");
        assert!(acks.heard(1, br#"{"type":"private","content":"x","seq":6}"#));
        assert_eq!(acks.acknowledged(1, &ack(1, 7)), Some(1));
    }

    #[test]
    fn one_that_is_missing_doubled_or_out_of_place_is_refused() {
        for (counter, seq) in [(2, 7), (0, 5), (0, 6), (1, 5), (1, 7)] {
            let mut acks = Acks::new(1);
            assert_eq!(acks.acknowledged(0, &ack(0, 5)), Some(0));
            assert_eq!(acks.acknowledged(0, &ack(counter, seq)), None, "{counter} {seq}");
        }
        let mut acks = Acks::new(1);
        assert!(acks.heard(0, br#"{"type":"private","seq":6}"#));
        assert!(!acks.heard(0, br#"{"type":"private","seq":8}"#) && !acks.heard(0, br#"{"type":"private"}"#));
    }
}
