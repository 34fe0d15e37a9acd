//! What is measured: a name for each scenario, its sizes, its unit.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, bail};

use crate::files;
use crate::latency::Quantiles;
use crate::load::Target;
use crate::message::Answers;
use crate::usage::{Cpu, resident_kib};

mod connect;
mod fanout;
mod idle;
mod private;

/// Messages under way at most, in any scenario.
const UNDER_WAY: usize = 100_000;

/// A scenario. Its name (`fanout32`) is how it is asked for and how it appears in tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// `fanout<K>`: user 1 broadcasts, with K messages under way; the next goes out when all have the oldest.
    Fanout {
        /// Messages sent and not yet received by all.
        under_way: usize,
    },
    /// `private<K>` (not kept) and `durable<K>` (stored before they are delivered): users in pairs write to each other, with K
    /// messages under way in all.
    Private {
        /// Messages sent and not yet received.
        under_way: usize,
        /// Whether the server is started with its store.
        kept: bool,
    },
    /// `idle`: connections that do nothing.
    Idle,
    /// `connect`: connections and their upgrades, 64 at once.
    Connect,
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
pub struct Running {
    /// Where it is.
    pub target: Target,
    /// What its messages carry.
    pub answers: Answers,
    /// Its process, if CPU and memory are to be charged.
    pub pid: Option<u32>,
}

/// What one run of a scenario found.
#[derive(Debug, Clone, Copy, PartialEq)]
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
}

impl Scenario {
    /// What a comparison runs when nothing else is asked for.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        let private = |kept| [1, 32, 1000].map(|under_way| Self::Private { under_way, kept });
        let mut all = vec![Self::Fanout { under_way: 1 }, Self::Fanout { under_way: 32 }];
        all.extend(private(false));
        all.extend(private(true));
        all.extend([Self::Idle, Self::Connect]);
        all
    }

    /// The size that fits a round into some seconds.
    #[must_use]
    pub fn usual_size(self) -> Size {
        let (connections, messages) = match self {
            Self::Fanout { .. } => (1_000, 500),
            Self::Private { kept: true, under_way: 1 } => (1_000, 5_000),
            Self::Private { .. } => (1_000, 40_000),
            Self::Idle => (8_000, 0),
            Self::Connect => (4_000, 0),
        };
        Size { connections, messages, content_bytes: 128 }
    }

    /// What [`Round::cost`] counts.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Fanout { .. } | Self::Private { .. } => "CPU µs a delivery",
            Self::Idle => "KiB a connection",
            Self::Connect => "CPU µs a connect",
        }
    }

    /// The server's `--store`: everything is measured with it, but for private messages that aren't kept.
    #[must_use]
    pub fn store(self) -> &'static str {
        if matches!(self, Self::Private { kept: false, .. }) { "none" } else { "sqlite" }
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
            Self::Fanout { under_way } => fanout::run(server, size, under_way),
            Self::Private { under_way, .. } => private::run(server, size, under_way),
            Self::Idle => idle::run(server, size),
            Self::Connect => connect::run(server, size),
        }
        .with_context(|| format!("{self} with {} connections failed", size.connections))
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fanout { under_way } => write!(out, "fanout{under_way}"),
            Self::Private { under_way, kept: false } => write!(out, "private{under_way}"),
            Self::Private { under_way, kept: true } => write!(out, "durable{under_way}"),
            Self::Idle => out.write_str("idle"),
            Self::Connect => out.write_str("connect"),
        }
    }
}

impl FromStr for Scenario {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        let digits = name.find(|found: char| found.is_ascii_digit()).unwrap_or(name.len());
        let (kind, number) = name.split_at(digits);
        let under_way = number.parse().ok().filter(|number| (1..=UNDER_WAY).contains(number));
        match (kind, under_way) {
            ("idle", _) if number.is_empty() => Ok(Self::Idle),
            ("connect", _) if number.is_empty() => Ok(Self::Connect),
            ("fanout", Some(under_way)) => Ok(Self::Fanout { under_way }),
            ("private", Some(under_way)) => Ok(Self::Private { under_way, kept: false }),
            ("durable", Some(under_way)) => Ok(Self::Private { under_way, kept: true }),
            _ => bail!(
                "no scenario {name:?}: there are fanout<K>, private<K>, durable<K> (K messages under way, 1 to {UNDER_WAY}), \
                 idle and connect"
            ),
        }
    }
}

/// What a run cost the process.
#[derive(Default, Clone, Copy)]
struct Charge {
    micros_each: Option<f64>,
    resident_kib: Option<u64>,
}

/// CPU of the process from now on.
struct Meter {
    before: Option<(u32, Cpu)>,
}

impl Meter {
    fn start(pid: Option<u32>) -> anyhow::Result<Self> {
        let read = |pid| Cpu::read_at_rest(pid).map(|cpu| (pid, cpu)).context("the server's CPU can't be read");
        Ok(Self { before: pid.map(read).transpose()? })
    }

    /// What was used since the start, with the CPU divided by `count`; nothing without a process.
    fn charge(&self, count: u64) -> anyhow::Result<Charge> {
        let Some((pid, before)) = &self.before else { return Ok(Charge::default()) };
        let after = Cpu::read_at_rest(*pid).context("the server's CPU can't be read")?;
        let micros_each = Some(after.since(before).as_secs_f64() * 1e6 / count as f64);
        Ok(Charge { micros_each, resident_kib: Some(resident_kib(*pid).context("the server's memory can't be read")?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_scenario_is_known_by_its_name() {
        for scenario in Scenario::usual() {
            assert_eq!(scenario.to_string().parse::<Scenario>().unwrap(), scenario);
        }
    }

    #[test]
    fn names_that_mean_nothing_are_refused() {
        for name in ["", "fanout", "fanout0", "fanout-1", "fanout100001", "idle5", "durable", "private1x", "storm"] {
            assert!(name.parse::<Scenario>().is_err(), "{name:?}");
        }
    }
}
