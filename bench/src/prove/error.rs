//! Why there is no verdict.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::handshake::HandshakeError;
use crate::http::HttpError;

/// What kept a run from its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The program could not be started.
    #[error("can't start {0}")]
    Program(PathBuf, #[source] io::Error),
    /// The program ended, or said for 30 s nothing of listening.
    #[error("the server does not listen; its log ends: {0}")]
    Silent(String),
    /// The server refused a client.
    #[error("a client was refused")]
    Refused(#[from] HandshakeError),
    /// A request over HTTP was not answered as it must be.
    #[error("a request over HTTP")]
    Http(#[from] HttpError),
    /// A page of history is none.
    #[error("the history of {0} can't be read: {1}")]
    Page(String, String),
    /// The load came to a standstill.
    #[error("{waiting_for} did not come within {limit:?}; the server's log ends: {log}")]
    Slow {
        /// What was awaited.
        waiting_for: String,
        /// For how long.
        limit: Duration,
        /// The end of the log.
        log: String,
    },
    /// The server ended though nobody ended it.
    #[error("the server ended by itself; its log ends: {0}")]
    Ended(String),
    /// The system failed.
    #[error("the system")]
    Io(#[from] io::Error),
}
