//! Why a store did not answer.

use std::time::Duration;

use tidings_wire::{Code, Reject};

/// Why a store or another port did not answer. Clients get `unavailable`, the log gets the cause.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It can't be reached, is locked, or its disk is full or broken.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Too much is waiting already.
    #[error("the store's queue is full")]
    Full,
    /// A statement is wrong: a defect of the pack or the configuration that brought it.
    #[error("a statement failed: {statement}")]
    Statement {
        /// The statement.
        statement: String,
        /// What the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is stored can't be understood.
    #[error("the store holds {what} that can't be read")]
    Corrupt {
        /// What it is.
        what: String,
    },
    /// This deployment has no such store.
    #[error("this deployment keeps nothing")]
    NotEnabled,
}

impl StoreError {
    /// What a client reads of it. The cause goes to the log, behind `what_happened`.
    pub fn refusal(self, what_happened: &str) -> Reject {
        if matches!(self, Self::NotEnabled) {
            return Reject::new(Code::NotEnabled, "this deployment keeps nothing (--store none)");
        }
        tracing::warn!(error = &self as &dyn std::error::Error, "{what_happened}");
        Reject::unavailable(Duration::from_secs(1))
    }
}

/// What was refused to a port that asks the server itself.
impl From<Reject> for StoreError {
    fn from(reject: Reject) -> Self {
        match reject.code {
            Code::NotEnabled => Self::NotEnabled,
            _ => Self::Unavailable(Box::new(reject)),
        }
    }
}
