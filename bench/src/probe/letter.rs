//! What a probe sends, and what an arriving message is.

use std::borrow::Cow;
use std::io::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::load::LoadError;
use crate::message::COUNTER_DIGITS;

/// Writes and reads the contents of one scenario of one probe: a mark, a counter of 20 digits, filler.
pub(super) struct Letters {
    mark: String,
    bytes: usize,
}

/// What an arriving message is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Letter {
    /// The one of this probe with this counter, unchanged.
    Own(u64),
    /// Somebody else's.
    Foreign,
}

#[derive(Deserialize)]
struct Arriving<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(default, borrow)]
    from: Option<&'a RawValue>,
    #[serde(default, borrow)]
    content: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    message: Option<Cow<'a, str>>,
}

impl Letters {
    /// `scenario` tells those of one from those of the next.
    pub(super) fn new(mark: u32, scenario: u8, bytes: usize) -> Self {
        Self { mark: format!("{mark:08x}{scenario:02x}"), bytes }
    }

    /// Appends the content with this counter; it needs no escaping in JSON.
    pub(super) fn content(&self, out: &mut Vec<u8>, counter: u64) {
        let start = out.len();
        write!(out, "{}{counter:0width$}", self.mark, width = COUNTER_DIGITS).expect("writing to a Vec never fails");
        let least = out.len();
        out.resize(least.max(start + self.bytes), b'x');
    }

    /// Reads a message that arrived at the connection with this index; `kind` and `from` (as JSON) are those of the probe's
    /// own messages.
    ///
    /// # Errors
    /// An error that the server answers with; no JSON object.
    pub(super) fn read(&self, receiver: usize, payload: &[u8], kind: &str, from: &str) -> Result<Letter, LoadError> {
        let Ok(arriving) = serde_json::from_slice::<Arriving<'_>>(payload) else {
            return Err(LoadError::unexpected(receiver, payload));
        };
        if arriving.r#type == "error" {
            let text = |text: Option<Cow<'_, str>>| text.unwrap_or_default().into_owned();
            let (code, message) = (text(arriving.code), text(arriving.message));
            return Err(LoadError::Refused { user: receiver, code, message });
        }
        let own = arriving.r#type == kind && arriving.from.is_some_and(|found| found.get() == from);
        let counter = arriving.content.filter(|_| own).and_then(|content| self.counter(content.as_bytes()));
        Ok(counter.map_or(Letter::Foreign, Letter::Own))
    }

    fn counter(&self, content: &[u8]) -> Option<u64> {
        let (digits, filler) = content.strip_prefix(self.mark.as_bytes())?.split_at_checked(COUNTER_DIGITS)?;
        let whole = content.len() == self.bytes.max(self.mark.len() + COUNTER_DIGITS);
        if !whole || !digits.iter().all(u8::is_ascii_digit) || filler.iter().any(|&byte| byte != b'x') {
            return None;
        }
        std::str::from_utf8(digits).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(letters: &Letters, counter: u64) -> String {
        let mut content = Vec::new();
        letters.content(&mut content, counter);
        let content = String::from_utf8(content).unwrap();
        format!(r#"{{"type":"private","content":"{content}","from":7,"id":"9"}}"#)
    }

    fn read(letters: &Letters, text: &str) -> Result<Letter, LoadError> {
        letters.read(3, text.as_bytes(), "private", "7")
    }

    #[test]
    fn an_own_letter_is_known_by_its_counter_at_any_length() {
        for bytes in [0, 30, 31, 128] {
            let letters = Letters::new(5, 1, bytes);
            assert_eq!(read(&letters, &sent(&letters, 41)).unwrap(), Letter::Own(41), "{bytes}");
        }
    }

    #[test]
    fn another_probes_anothers_and_a_changed_letter_are_foreign() {
        let letters = Letters::new(5, 1, 64);
        let own = sent(&letters, 41);
        let others = [
            sent(&Letters::new(6, 1, 64), 41),
            sent(&Letters::new(5, 2, 64), 41),
            own.replace(":7", ":8"),
            own.replace("private", "group"),
            own.replacen('x', "y", 1),
            own.replacen('x', "", 1),
            r#"{"type":"notification","subtype":"post_like"}"#.to_owned(),
        ];
        for other in others {
            assert_eq!(read(&letters, &other).unwrap(), Letter::Foreign, "{other}");
        }
    }

    #[test]
    fn an_error_and_what_is_no_message_end_the_run() {
        let letters = Letters::new(5, 1, 64);
        let error =
            read(&letters, r#"{"type":"error","code":"limited","message":"too many \"private\""}"#).unwrap_err();
        assert!(matches!(&error, LoadError::Refused { user: 3, code, .. } if code == "limited"), "{error}");
        assert!(matches!(read(&letters, "[1]"), Err(LoadError::Unexpected { user: 3, .. })));
    }
}
