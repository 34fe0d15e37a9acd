//! What this program is called, in the commands that it suggests.

use std::borrow::Cow;

/// As it was started (`target/debug/tidings`, or the name of an app of one's own), so that a suggested command works where
/// that one did.
pub(super) fn name() -> String {
    let started = std::env::args_os().next().map(|name| name.to_string_lossy().into_owned());
    let started = started.filter(|name| !name.is_empty());
    word(&started.unwrap_or_else(|| "tidings".to_owned())).into_owned()
}

/// A text as one word of a shell (POSIX.1-2024, Shell Command Language §2.2.2).
pub(super) fn word(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%,=".contains(&byte);
    match !text.is_empty() && text.bytes().all(plain) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(format!("'{}'", text.replace('\'', r"'\''"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_shell_is_quoted_where_it_must_be() {
        assert_eq!(word("target/debug/tidings"), "target/debug/tidings");
        assert_eq!(word("my data"), "'my data'");
        assert_eq!(word("it's"), r"'it'\''s'");
    }
}
