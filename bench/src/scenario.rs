//! What is measured: scenarios, their sizes, their units, how their servers are set up.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::files;
use crate::identity::Identity;
use crate::latency::Quantiles;
use crate::message::Answers;
use crate::setup::Setup;
use crate::target::Target;

mod acks;
pub mod choice;
mod churn;
mod connect;
mod fanout;
mod followers;
mod group;
mod idle;
mod lone;
pub mod name;
mod notifications;
mod private;
mod rooms;
mod shards;
mod stalled;
mod v1;

pub use lone::Noise;
pub use v1::Doing;

/// A scenario. Its name (`fanout32`) is how it is asked for and how it appears in tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// `fanout<K>`: user 1 broadcasts, with K messages under way; the next goes out when all have the oldest.
    Fanout {
        /// Messages sent and not yet received by all.
        under_way: usize,
    },
    /// `private<K>` (not kept) and `durable<K>` (stored before they are delivered): users in pairs write to each other, with K
    /// messages under way in all. `durable<K>+<T>ms`: with a disk that is slower by so much.
    Private {
        /// Messages sent and not yet received.
        under_way: usize,
        /// Whether messages are stored.
        kept: bool,
        /// Milliseconds that are added to each sync of a file.
        slower_sync_ms: u16,
    },
    /// `group<N>` (not kept) and `durable-group<N>`: groups of N members, of which a tenth is online, and one more who
    /// writes; 32 messages under way in all.
    Group {
        /// Members of each group.
        members: usize,
        /// Whether messages are stored.
        kept: bool,
    },
    /// `followers<N>`: somebody whom N users follow publishes to them by HTTP, one message at a time; a hundredth of them is online.
    Followers {
        /// Followers, online or not.
        followers: usize,
    },
    /// `notifications<N>`: a backend notifies the N followers of somebody by one call; done when the last one has theirs.
    Notifications {
        /// Followers, of whom the last one is online.
        followers: usize,
    },
    /// `fanout-burst<N>` and `private-burst<N>`: a sender writes N messages with one write and waits until all have arrived.
    Burst {
        /// Broadcasts, or private messages that aren't kept.
        of: Traffic,
        /// Messages in one write.
        messages: usize,
    },
    /// `two-shards-fanout`, `two-shards-private`: with 32 messages under way, beside the same with one shard.
    TwoShards {
        /// Broadcasts, or private messages that aren't kept.
        of: Traffic,
    },
    /// `stalled`: a fan-out with 32 messages under way, where one reader in a hundred has stopped reading.
    Stalled,
    /// `beside-bulk`, `beside-senders` (both kept) and `fairness` (nothing kept): private messages between two users, one at
    /// a time, beside others who have much to do.
    Lone {
        /// What the others do.
        beside: Noise,
    },
    /// `idle`: connections that do nothing.
    Idle,
    /// `churn`: what connections keep after bursts, and after each was closed and opened five times.
    Churn,
    /// `connect`, `connect-rs256`, `connect-es256`, `connect-session`: connections and their upgrades, 64 at once; and
    /// `connect-again`: with tokens that the server has seen a moment ago.
    Connect {
        /// What they show.
        identity: Identity,
        /// Whether they come a second time.
        again: bool,
    },
    /// `fanout<K>-v1`, `durable<K>-v1`, `idle-v1`, `restart-v1`: in `tidings.v1`, beside the same in the guide's dialect.
    V1 {
        /// What is done.
        doing: Doing,
    },
}

/// What is sent where a scenario has a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// As [`Scenario::Fanout`].
    Fanout,
    /// As [`Scenario::Private`], not kept.
    Private,
}

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Client connections, one a user.
    pub connections: usize,
    /// Messages sent while the CPU is charged; a warm-up comes before. Without meaning for `idle` and `connect`.
    pub messages: u64,
    /// Bytes of a message's content.
    pub content_bytes: usize,
}

/// A server that runs.
#[derive(Clone)]
pub struct Running {
    /// Where it is, and who connects.
    pub target: Target,
    /// What its messages carry.
    pub answers: Answers,
    /// Its process, if CPU and memory are to be charged.
    pub pid: Option<u32>,
    /// A backend's key; without one nothing is asked of the server by HTTP, as of the floor.
    pub service_key: Option<String>,
    /// Where it keeps its data.
    pub data: Option<PathBuf>,
    /// Whether this is what the scenario is compared with, see [`Scenario::beside`].
    pub beside: bool,
}

/// What the rounds of a scenario alternate with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// The bare epoll loop.
    Floor,
    /// The server itself, without what the scenario is about; in which words.
    Variant(&'static str),
}

impl Beside {
    /// What it is called beside the server.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Variant(word) => word,
        }
    }
}

/// What one run of a scenario found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Round {
    /// In the scenario's [`Scenario::unit`]; `None` without a process to charge.
    pub cost: Option<f64>,
    /// The server's resident memory in KiB at the end, with its connections open; `None` without a process.
    pub resident_kib: Option<u64>,
    /// Deliveries a second, or connections a second; `None` for `idle`.
    pub per_second: Option<f64>,
    /// From sending to the first recipient.
    pub first: Option<Quantiles>,
    /// From sending to the last recipient; of a private message, to its only one.
    pub last: Option<Quantiles>,
    /// What only this scenario tells.
    pub extra: Vec<Figure>,
}

/// One figure of a round.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What it is of.
    pub name: String,
    /// How much; NaN where it can't be told.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
}

impl Figure {
    /// A figure.
    #[must_use]
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit }
    }
}

/// Deliveries of a fan-out in a round: with them, a round stays within seconds at any number of connections.
const FANOUT_DELIVERIES: u64 = 500_000;

/// Connections where a scenario doesn't say otherwise.
const CONNECTIONS: usize = 1_000;

impl Scenario {
    /// The size that fits a round into some seconds.
    #[must_use]
    pub fn usual_size(self) -> Size {
        self.size_with(match self {
            Self::Group { members, .. } => group::connections(members, CONNECTIONS),
            Self::Followers { followers } => followers::online(followers),
            Self::Notifications { .. } => 1,
            Self::Idle | Self::Churn => 8_000,
            Self::Lone { beside: Noise::Posts } => lone::PAIR,
            Self::Lone { beside: Noise::Senders } => CONNECTIONS + lone::PAIR,
            Self::Lone { beside: Noise::Flood } => 10_000 + lone::PAIR,
            Self::Connect { .. } => 4_000,
            Self::V1 { doing } => doing.usual_connections().unwrap_or(CONNECTIONS),
            _ => CONNECTIONS,
        })
    }

    /// The same with another number of connections.
    #[must_use]
    pub fn size_with(self, connections: usize) -> Size {
        let fanout = |at_once: usize| (FANOUT_DELIVERIES / connections.max(1) as u64).max(50).max(2 * at_once as u64);
        let messages = match self {
            Self::Fanout { under_way } | Self::V1 { doing: Doing::Fanout { under_way } } => fanout(under_way),
            Self::Burst { of: Traffic::Fanout, messages } => fanout(messages).next_multiple_of(messages as u64),
            Self::TwoShards { of: Traffic::Fanout } => fanout(shards::UNDER_WAY),
            // Some times the bytes that the server keeps for one reader, see `content_bytes`.
            Self::Stalled => 2_000,
            Self::Private { kept: true, under_way, slower_sync_ms } => kept_messages(under_way, slower_sync_ms),
            Self::V1 { doing: Doing::Durable { under_way } } => kept_messages(under_way, 0),
            Self::Private { .. } | Self::Burst { of: Traffic::Private, .. } | Self::TwoShards { .. } => 40_000,
            // They end after some seconds in any case.
            Self::Lone { .. } => 5_000,
            Self::Group { members, kept } => {
                let messages = FANOUT_DELIVERIES / group::listeners(members) as u64;
                messages.min(if kept { 20_000 } else { 40_000 })
            }
            Self::Followers { .. } => fanout(1).min(followers::MESSAGES),
            Self::Notifications { .. } => notifications::CALLS,
            Self::Idle | Self::Churn | Self::Connect { .. } | Self::V1 { .. } => 0,
        };
        let content_bytes = if self == Self::Stalled { 1024 } else { 128 };
        Size { connections, messages, content_bytes }
    }

    /// What [`Round::cost`] counts.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Fanout { .. } | Self::Private { .. } | Self::Group { .. } | Self::Burst { .. } => "CPU µs a delivery",
            Self::TwoShards { .. } | Self::Followers { .. } => "CPU µs a delivery",
            Self::Notifications { .. } => "CPU µs a recipient",
            Self::Stalled => "CPU µs a healthy delivery",
            Self::Lone { .. } => "p99 µs of a message",
            Self::Idle => "KiB a connection",
            Self::Churn => "KiB a connection at rest",
            Self::Connect { .. } => "CPU µs a connect",
            Self::V1 { doing } => doing.unit(),
        }
    }

    /// What it is compared with.
    #[must_use]
    pub fn beside(self) -> Beside {
        match self {
            Self::TwoShards { .. } => Beside::Variant("one shard"),
            Self::Followers { .. } => Beside::Variant("everyone"),
            Self::Notifications { .. } => Beside::Variant("by somebody"),
            Self::Stalled => Beside::Variant("none stalled"),
            Self::Lone { .. } => Beside::Variant("quiet"),
            Self::V1 { .. } => v1::BESIDE,
            _ => Beside::Floor,
        }
    }

    /// How the server is set up, or what it is compared with, where that is not the floor.
    #[must_use]
    pub fn setup(self, size: Size, beside: bool) -> Setup {
        const PRIVATE: &[&str] = &["private"];
        let usual = Setup::default();
        match self {
            Self::Private { kept: false, .. } | Self::Burst { of: Traffic::Private, .. } | Self::Churn => {
                Setup { not_kept: PRIVATE, ..usual }
            }
            Self::Private { slower_sync_ms, .. } => {
                Setup { slower_sync: Duration::from_millis(slower_sync_ms.into()), ..usual }
            }
            Self::Group { members, kept } => Setup {
                backend: true,
                not_kept: if kept { &[] } else { &["group"] },
                online_in_a_group: group::online(members),
                ..usual
            },
            Self::Followers { followers } | Self::Notifications { followers } => {
                Setup { backend: true, followers, ..usual }
            }
            Self::TwoShards { .. } => Setup { not_kept: PRIVATE, shards: Some(if beside { 1 } else { 2 }), ..usual },
            Self::Lone { beside: Noise::Flood } => Setup {
                backend: true,
                not_kept: &["private", "group"],
                online_in_a_group: size.connections.saturating_sub(lone::PAIR),
                ..usual
            },
            Self::Lone { .. } => Setup { backend: true, ..usual },
            Self::Connect { identity, .. } => Setup { identity, ..usual },
            Self::V1 { doing } => doing.setup(size),
            Self::Fanout { .. } | Self::Burst { .. } | Self::Stalled | Self::Idle => usual,
        }
    }

    /// Users that have a credential.
    #[must_use]
    pub fn users(self, size: Size) -> usize {
        match self {
            // The warm-up's users are others: the server remembers tokens.
            Self::Connect { .. } => size.connections + connect::WARM_UP,
            Self::V1 { doing } => size.connections + doing.more_users(),
            // The last follower alone connects.
            Self::Notifications { followers } => followers,
            _ => size.connections,
        }
    }

    /// Runs it once.
    ///
    /// # Errors
    /// Too few open files; whatever ended the run; a message that was lost, doubled, reordered or changed.
    pub fn run(self, server: &Running, size: Size) -> anyhow::Result<Round> {
        if size.connections == 0 {
            bail!("a run needs connections");
        }
        files::allow(size.connections)?;
        match self {
            Self::Fanout { under_way } => fanout::run(server, size, rooms::Pace::UnderWay(under_way)),
            Self::Private { under_way, kept: false, .. } => {
                private::run(server, size, rooms::Pace::UnderWay(under_way))
            }
            Self::Private { under_way, .. } => private::run_kept(server, size, rooms::Pace::UnderWay(under_way)),
            Self::Group { members, .. } => group::run(server, size, members),
            Self::Followers { followers } => followers::run(server, size, followers),
            Self::Notifications { followers } => notifications::run(server, size, followers),
            Self::Burst { of: Traffic::Fanout, messages } => fanout::run(server, size, rooms::Pace::Bursts(messages)),
            Self::Burst { of: Traffic::Private, messages } => private::run(server, size, rooms::Pace::Bursts(messages)),
            Self::TwoShards { of } => shards::run(server, size, of),
            Self::Stalled => stalled::run(server, size),
            Self::Lone { beside } => lone::run(server, size, beside),
            Self::Idle => idle::run(server, size),
            Self::Churn => churn::run(server, size),
            Self::Connect { again, .. } => connect::run(server, size, again),
            Self::V1 { doing } => doing.run(server, size),
        }
        .with_context(|| format!("{self} with {} connections failed", size.connections))
    }
}

/// Of a [`crate::usage::Meter`].
const NOT_READ: &str = "the server's CPU and memory can't be read";

/// Kept messages that take some seconds, where each sync takes at least so long: with few under way, that is what bounds
/// them.
fn kept_messages(under_way: usize, slower_sync_ms: u16) -> u64 {
    let usual = if under_way == 1 { 5_000 } else { 40_000 };
    match slower_sync_ms {
        0 => usual,
        slower => (5_000 / u64::from(slower) * under_way as u64).clamp(200, usual),
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The most memory that the server had, where it can be looked at.
fn peak_memory(server: &Running) -> anyhow::Result<Option<Figure>> {
    let Some(pid) = server.pid else { return Ok(None) };
    let kib = crate::usage::peak_resident_kib(pid).context(NOT_READ)?;
    Ok(Some(Figure::new("peak resident memory", kib as f64 / 1024.0, "MiB")))
}
