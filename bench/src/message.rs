//! What the clients send, and how what arrives is read.
//!
//! A content is a counter of 20 digits and filler, so that a receiver can tell which message it is and that not a byte
//! of it changed.

use std::io::Write as _;

use serde::Deserialize;

/// Digits of the counter that each content begins with: those of the greatest `u64`.
pub const COUNTER_DIGITS: usize = 20;

/// The content with this counter, `bytes` long (never shorter than its counter).
pub fn content(out: &mut Vec<u8>, counter: u64, bytes: usize) {
    let start = out.len();
    write!(out, "{counter:0width$}", width = COUNTER_DIGITS).expect("writing to a Vec never fails");
    out.resize(start + bytes.max(COUNTER_DIGITS), b'x');
}

/// Appends the guide's broadcast. It begins with `{"type":"b`, by which the floor knows it.
pub fn broadcast(out: &mut Vec<u8>, counter: u64, bytes: usize) {
    out.extend_from_slice(br#"{"type":"broadcast","content":""#);
    content(out, counter, bytes);
    out.extend_from_slice(b"\"}");
}

/// Appends the guide's private message. It begins with [`PRIVATE_START`], by which the floor knows it.
pub fn private(out: &mut Vec<u8>, to: u64, counter: u64, bytes: usize) {
    out.extend_from_slice(PRIVATE_START);
    write!(out, "{to}").expect("writing to a Vec never fails");
    out.extend_from_slice(br#","content":""#);
    content(out, counter, bytes);
    out.extend_from_slice(b"\"}");
}

/// Appends the same as `tidings.v1` has it: with a `ref`, the counter, that comes back in the acknowledgement.
pub fn private_with_ref(out: &mut Vec<u8>, to: u64, counter: u64, bytes: usize) {
    out.extend_from_slice(PRIVATE_START);
    write!(out, r#"{to},"ref":{counter},"content":""#).expect("writing to a Vec never fails");
    content(out, counter, bytes);
    out.extend_from_slice(b"\"}");
}

/// Appends the guide's message to a group. It begins with [`GROUP_START`], by which the floor knows it.
pub fn group(out: &mut Vec<u8>, group: u64, counter: u64, bytes: usize) {
    out.extend_from_slice(GROUP_START);
    write!(out, "{group}").expect("writing to a Vec never fails");
    out.extend_from_slice(br#","content":""#);
    content(out, counter, bytes);
    out.extend_from_slice(b"\"}");
}

/// What a private message begins with; the receiver's number follows.
pub const PRIVATE_START: &[u8] = br#"{"type":"private","to":"#;

/// What a message to a group begins with; the group's number follows.
pub const GROUP_START: &[u8] = br#"{"type":"group","group_id":"#;

/// A message as a server sends it out: what of it is checked.
#[derive(Debug, Deserialize)]
pub struct Incoming<'a> {
    /// The registered type's name.
    pub r#type: &'a str,
    /// Who sent it: the number of a user. Missing in an `error`.
    #[serde(default)]
    pub from: Option<u64>,
    /// The content. Borrowed: ours holds nothing that JSON escapes.
    #[serde(default)]
    pub content: Option<&'a str>,
}

impl<'a> Incoming<'a> {
    /// Reads a payload; `None` when it is no such object.
    #[must_use]
    pub fn read(payload: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok()
    }

    /// The counter, if the content is one that [`content`] makes with this many bytes.
    #[must_use]
    pub fn counter(&self, bytes: usize) -> Option<u64> {
        let content = self.content?.as_bytes();
        let (digits, filler) = content.split_at_checked(COUNTER_DIGITS)?;
        let whole = content.len() == bytes.max(COUNTER_DIGITS) && filler.iter().all(|&byte| byte == b'x');
        if !whole || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        std::str::from_utf8(digits).ok()?.parse().ok()
    }
}

/// What a server's messages carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// The content that was sent, so that each message is told from the others: any real server.
    Counted,
    /// The same frame for each: the floor. Arrivals are counted and compared; which is which can't be told.
    Constant,
}

/// Tells which message a payload is, having checked all of it that the sender determined.
pub struct Reader {
    name: &'static str,
    content_bytes: usize,
    answers: Answers,
    /// Payloads already checked, at counter modulo [`REMEMBERED`]. Everyone gets the same bytes of a broadcast, so they
    /// are parsed once and then compared: the generator must not be slower than what it measures.
    checked: Vec<Checked>,
}

/// A payload with what it says.
#[derive(Clone, Default)]
struct Checked {
    from: u64,
    counter: u64,
    payload: Vec<u8>,
}

/// Payloads that a [`Reader`] remembers; an older one is parsed again.
const REMEMBERED: usize = 64;

impl Reader {
    /// Reads messages of the type `name` with contents of `content_bytes`.
    #[must_use]
    pub fn new(name: &'static str, content_bytes: usize, answers: Answers) -> Self {
        Self { name, content_bytes, answers, checked: vec![Checked::default(); REMEMBERED] }
    }

    /// The counter of a message from the user `from`, where `expected` is the counter that should come now. `None` when
    /// it is no such message: another type, another sender, a changed content.
    pub fn counter(&mut self, payload: &[u8], from: u64, expected: u64) -> Option<u64> {
        let slot = match self.answers {
            Answers::Counted => expected as usize % REMEMBERED,
            Answers::Constant => 0,
        };
        let known = &self.checked[slot];
        if known.payload == payload && (self.answers == Answers::Constant || known.from == from) {
            return Some(if self.answers == Answers::Constant { expected } else { known.counter });
        }
        let incoming = Incoming::read(payload)?;
        let counter = incoming.counter(self.content_bytes)?;
        let right_sender = self.answers == Answers::Constant || incoming.from == Some(from);
        if incoming.r#type != self.name || !right_sender {
            return None;
        }
        self.remember(from, counter, payload);
        Some(if self.answers == Answers::Constant { expected } else { counter })
    }

    fn remember(&mut self, from: u64, counter: u64, payload: &[u8]) {
        let known = &mut self.checked[counter as usize % REMEMBERED];
        (known.from, known.counter) = (from, counter);
        known.payload.clear();
        known.payload.extend_from_slice(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent_out(name: &str, from: u64, counter: u64) -> Vec<u8> {
        let mut text = Vec::new();
        content(&mut text, counter, 32);
        let content = String::from_utf8(text).unwrap();
        format!(r#"{{"type":"{name}","content":"{content}","from":{from},"id":"9"}}"#).into_bytes()
    }

    #[test]
    fn a_reader_knows_each_message_the_first_and_the_second_time() {
        let mut reader = Reader::new("broadcast", 32, Answers::Counted);
        for counter in [3, 3, 67, 3, 67] {
            assert_eq!(reader.counter(&sent_out("broadcast", 1, counter), 1, counter), Some(counter));
        }
        assert_eq!(reader.counter(&sent_out("broadcast", 1, 5), 1, 69), Some(5), "whatever was expected");
    }

    #[test]
    fn a_reader_refuses_another_type_another_sender_and_words_in_between() {
        let mut reader = Reader::new("private", 32, Answers::Counted);
        assert_eq!(reader.counter(&sent_out("broadcast", 1, 0), 1, 0), None);
        assert_eq!(reader.counter(&sent_out("private", 2, 0), 1, 0), None);
        assert_eq!(reader.counter(&sent_out("private", 2, 0), 2, 0), Some(0));
        assert_eq!(reader.counter(&sent_out("private", 2, 0), 1, 0), None, "also when it is known by now");
        assert_eq!(reader.counter(br#"{"type":"error","code":"limited"}"#, 1, 0), None);
        assert_eq!(reader.counter(b"not JSON", 1, 0), None);
    }

    #[test]
    fn a_constant_answer_counts_as_the_one_expected_if_its_content_is_right() {
        let mut reader = Reader::new("broadcast", 32, Answers::Constant);
        let same = sent_out("broadcast", 1, 0);
        assert_eq!([0, 1, 9].map(|expected| reader.counter(&same, 1, expected)), [Some(0), Some(1), Some(9)]);
        assert_eq!(reader.counter(b"{}", 1, 10), None);
    }

    #[test]
    fn a_message_is_json_of_the_promised_size_and_gives_its_counter_back() {
        let mut text = Vec::new();
        broadcast(&mut text, 41, 128);
        let read = Incoming::read(&text).unwrap();
        assert_eq!((read.r#type, read.content.unwrap().len(), read.counter(128)), ("broadcast", 128, Some(41)));

        let mut text = Vec::new();
        group(&mut text, 5, 41, 64);
        assert!(text.starts_with(GROUP_START));
        let read = Incoming::read(&text).unwrap();
        assert_eq!((read.r#type, read.counter(64)), ("group", Some(41)));

        let mut text = Vec::new();
        private(&mut text, 7, u64::MAX, 64);
        assert!(text.starts_with(PRIVATE_START));
        let read = Incoming::read(&text).unwrap();
        assert_eq!((read.r#type, read.counter(64)), ("private", Some(u64::MAX)));
    }

    #[test]
    fn a_changed_content_has_no_counter() {
        let mut text = Vec::new();
        content(&mut text, 5, 32);
        let whole = String::from_utf8(text).unwrap();
        for changed in [whole.replace('x', "y"), whole.replacen('5', "a", 1), whole[..31].to_owned(), String::new()] {
            let incoming = Incoming { r#type: "broadcast", from: None, content: Some(&changed) };
            assert_eq!(incoming.counter(32), None, "{changed:?}");
        }
    }
}
