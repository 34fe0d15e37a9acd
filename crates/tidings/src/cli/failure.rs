//! Why a command did not do what was asked, and what the process ends with.

use std::{fmt, process::ExitCode};

/// Why a command ended.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was asked in a wrong way, or the configuration is wrong: exit code 2.
    Usage(String),
    /// It was asked rightly and could not be done: exit code 1.
    Failed(anyhow::Error),
    /// The question was answered with no, and the answer is printed already: exit code 1.
    No,
}

impl Failure {
    /// What the process ends with.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => 2,
            Self::Failed(_) | Self::No => 1,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) => f.write_str(what),
            // The alternate form writes the causes behind their effect, on one line.
            Self::Failed(error) => write!(f, "{error:#}"),
            Self::No => Ok(()),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
