//! Who may watch a topic.

use tidings_wire::{Topic, UserId};

use super::{BoxFuture, StoreError};

/// Decides which topics a user may watch. Asked once for each topic of a `watch`, before anything of it is done; any thread may
/// call, up to eight topics of one watch at a time. After 5 s the watch is answered `unavailable`.
///
/// Asked again of what is watched when somebody blocks the user or is blocked by them, and when the app says that the user may see
/// less (`sight_changed` of the server's handle): a watch that is not allowed any more ends without a word. Where there is no answer
/// it goes on, and is asked about again a second later. What else closes a topic is seen by the next watch.
pub trait Topics: Send + Sync + 'static {
    /// Whether the user may hear what is published to the topic.
    fn may_watch(&self, user: UserId, topic: Topic) -> BoxFuture<Result<bool, StoreError>>;
}

/// Topics that match one of some patterns are open to everybody; the others to nobody.
#[derive(Clone, Debug, Default)]
pub struct OpenTopics(Vec<Box<str>>);

impl OpenTopics {
    /// Patterns in which each `*` stands for any characters, or none: `score:*`.
    pub fn new(patterns: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        Self(patterns.into_iter().map(Into::into).collect())
    }

    /// Every topic.
    #[must_use]
    pub fn all() -> Self {
        Self::new(["*"])
    }
}

impl Topics for OpenTopics {
    fn may_watch(&self, _: UserId, topic: Topic) -> BoxFuture<Result<bool, StoreError>> {
        let open = self.0.iter().any(|pattern| matches(pattern, topic.as_str()));
        Box::pin(std::future::ready(Ok(open)))
    }
}

/// Whether the text is what the pattern says. Each part between two stars is looked for behind the one before, so the time grows with
/// the two lengths multiplied, never faster.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').map_or(("", rest), |(middle, last)| (middle, last));
    for part in middle.split('*') {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text) in
            [("score:*", "score:4"), ("score:*", "score:"), ("*", "x"), ("a*b*c", "a-b-b-c"), ("a*a", "aa"), ("a", "a")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("score:*", "scores:4"), ("a*a", "a"), ("a*b*c", "a-c-b"), ("*:x", "a:y"), ("a", "ab"), ("", "a")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
