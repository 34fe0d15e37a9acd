//! Why a run ends before it is done.

use std::io;
use std::time::Duration;

use crate::connection::ConnectionError;
use crate::handshake::HandshakeError;

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// epoll, or a socket before it was connected.
    #[error("the system refused a socket")]
    System(#[from] io::Error),
    /// The server didn't upgrade a connection.
    #[error("user {user} could not connect")]
    Upgrade {
        /// The user's number.
        user: usize,
        /// What the server answered.
        source: HandshakeError,
    },
    /// A connection ended before its upgrade.
    #[error("user {user} could not connect: the server closed the connection before it answered")]
    NotAnswered {
        /// The user's number.
        user: usize,
    },
    /// A connection ended.
    #[error("the connection of user {user} ended")]
    Ended {
        /// The user's number.
        user: usize,
        /// Why.
        source: ConnectionError,
    },
    /// A message that should not have come, as it stands (cut at 300 characters).
    #[error("user {user} got an unexpected message: {text}")]
    Unexpected {
        /// The user's number.
        user: usize,
        /// The message's text.
        text: String,
    },
    /// The server answered a message with an error.
    #[error("a message of user {user} was refused with {code}: {message}")]
    Refused {
        /// The user's number; the connection's index where a scene says it, as in [`LoadError::unexpected`].
        user: usize,
        /// The error's code, such as `limited`.
        code: String,
        /// The server's sentence.
        message: String,
    },
    /// Nothing happened for too long.
    #[error("nothing happened for {0:?}")]
    Silent(Duration),
    /// The run took too long.
    #[error("the run isn't over after {0:?}")]
    TooLong(Duration),
    /// Whoever looked on ended it.
    #[error("stopped with {open} connections open")]
    Stopped {
        /// Connections that were open by then.
        open: usize,
    },
}

impl LoadError {
    /// An [`LoadError::Unexpected`] at the connection with this index. The load, which knows who that is, puts the user's
    /// number in its place.
    #[must_use]
    pub fn unexpected(receiver: usize, payload: &[u8]) -> Self {
        Self::Unexpected { user: receiver, text: String::from_utf8_lossy(payload).chars().take(300).collect() }
    }

    /// What a scene refuses names the connection's index; here the user's number takes its place.
    pub(super) fn of_user(self, user: usize) -> Self {
        match self {
            Self::Unexpected { text, .. } => Self::Unexpected { user, text },
            Self::Refused { code, message, .. } => Self::Refused { user, code, message },
            other => other,
        }
    }
}
