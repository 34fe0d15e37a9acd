//! Scenarios of `tidings.v1`. Each is compared with the same in the guide's dialect, so that what the second dialect costs shows.

use super::rooms::Pace;
use super::{Beside, Round, Running, Size, fanout, private};
use crate::dialect::Dialect;
use crate::lists::Lists;
use crate::setup::Setup;

mod idle;
mod restart;

/// What is done in `tidings.v1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// `fanout<K>-v1`: as [`super::Scenario::Fanout`].
    Fanout {
        /// Messages sent and not yet received by all.
        under_way: usize,
    },
    /// `durable<K>-v1`: as [`super::Scenario::Private`], kept; a message is under way until it is received and acknowledged.
    Durable {
        /// Messages sent and not yet received and acknowledged.
        under_way: usize,
    },
    /// `idle-v1`: connections that do nothing but watch others of their groups.
    Idle,
    /// `restart-v1`: users with many conversations come back all at once, with what they hold, after the server was killed and
    /// started again.
    Restart,
}

/// Compared with the same in the guide's dialect.
pub(super) const BESIDE: Beside = Beside::Variant("the guide's dialect");

/// What each user has in `restart-v1`.
fn lists(users: usize) -> Lists {
    Lists { users, conversations: 100, messages: 10 }
}

impl Doing {
    pub(super) fn usual_connections(self) -> Option<usize> {
        match self {
            Self::Fanout { .. } | Self::Durable { .. } => None,
            Self::Idle => Some(8_000),
            Self::Restart => Some(10_000),
        }
    }

    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Fanout { .. } | Self::Durable { .. } => "CPU µs a delivery",
            Self::Idle => "KiB a connection",
            Self::Restart => "CPU µs a client",
        }
    }

    pub(super) fn setup(self, size: Size) -> Setup {
        match self {
            Self::Fanout { .. } | Self::Durable { .. } => Setup::default(),
            Self::Idle => Setup { backend: true, ..Setup::default() },
            Self::Restart => Setup { lists: Some(lists(size.connections)), restarted: true, ..Setup::default() },
        }
    }

    /// Users with a credential beside those of the connections.
    pub(super) fn more_users(self) -> usize {
        match self {
            Self::Restart => restart::OTHERS,
            _ => 0,
        }
    }

    /// Runs it, in the guide's dialect where that is what it is compared with.
    pub(super) fn run(self, server: &Running, size: Size) -> anyhow::Result<Round> {
        let dialect = if server.beside { Dialect::Guide } else { Dialect::V1 };
        let server = &Running { target: server.target.speaking(dialect), ..server.clone() };
        match self {
            Self::Fanout { under_way } => fanout::run(server, size, Pace::UnderWay(under_way)),
            Self::Durable { under_way } => private::run_kept(server, size, Pace::UnderWay(under_way)),
            Self::Idle => idle::run(server, size),
            Self::Restart => restart::run(server, size, lists(size.connections)),
        }
    }
}
