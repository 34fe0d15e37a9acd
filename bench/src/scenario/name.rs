//! The names of scenarios, as they are asked for and as they stand in tables.

use std::fmt;
use std::str::FromStr;

use anyhow::bail;

use super::{Doing, Noise, Scenario, Size, Traffic};
use crate::identity::Identity;

/// Messages under way at most, in any scenario.
const UNDER_WAY: usize = 100_000;

/// Members of a group at most: what the floor can number.
const MEMBERS: usize = 50_000;

/// Followers at most: what a database takes in within seconds.
const FOLLOWERS: usize = 1_000_000;

/// Behind the name of what is done in `tidings.v1`.
const V1: &str = "-v1";

/// Milliseconds added to a sync at most.
const SLOWER_SYNC_MS: u16 = 1_000;

/// A scenario as it was asked for: `fanout32`, or `fanout32@19000` with 19,000 connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The scenario.
    pub scenario: Scenario,
    /// Connections, where it isn't the usual number.
    pub connections: Option<usize>,
}

impl Asked {
    /// The size, where `connections` are meant unless it says a number itself.
    #[must_use]
    pub fn size(&self, connections: Option<usize>) -> Size {
        let connections = self.connections.or(connections);
        connections.map_or_else(|| self.scenario.usual_size(), |connections| self.scenario.size_with(connections))
    }
}

impl From<Scenario> for Asked {
    fn from(scenario: Scenario) -> Self {
        Self { scenario, connections: None }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.scenario)?;
        self.connections.iter().try_for_each(|connections| write!(out, "@{connections}"))
    }
}

impl FromStr for Asked {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let Some((name, number)) = text.split_once('@') else { return Ok(text.parse::<Scenario>()?.into()) };
        match number.parse() {
            Ok(connections @ 1..) => Ok(Self { scenario: name.parse()?, connections: Some(connections) }),
            _ => bail!("{text:?}: behind the @ stands a number of connections"),
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fanout { under_way } => write!(out, "fanout{under_way}"),
            Self::Private { under_way, kept: false, .. } => write!(out, "private{under_way}"),
            Self::Private { under_way, kept: true, slower_sync_ms: 0 } => write!(out, "durable{under_way}"),
            Self::Private { under_way, slower_sync_ms, .. } => write!(out, "durable{under_way}+{slower_sync_ms}ms"),
            Self::Group { members, kept: false } => write!(out, "group{members}"),
            Self::Group { members, kept: true } => write!(out, "durable-group{members}"),
            Self::Followers { followers } => write!(out, "followers{followers}"),
            Self::Notifications { followers } => write!(out, "notifications{followers}"),
            Self::Burst { of: Traffic::Fanout, messages } => write!(out, "fanout-burst{messages}"),
            Self::Burst { of: Traffic::Private, messages } => write!(out, "private-burst{messages}"),
            Self::TwoShards { of: Traffic::Fanout } => out.write_str("two-shards-fanout"),
            Self::TwoShards { of: Traffic::Private } => out.write_str("two-shards-private"),
            Self::Stalled => out.write_str("stalled"),
            Self::Lone { beside: Noise::Posts } => out.write_str("beside-bulk"),
            Self::Lone { beside: Noise::Senders } => out.write_str("beside-senders"),
            Self::Lone { beside: Noise::Flood } => out.write_str("fairness"),
            Self::Idle => out.write_str("idle"),
            Self::Churn => out.write_str("churn"),
            Self::Connect { identity: Identity::Hs256, again: false } => out.write_str("connect"),
            Self::Connect { identity: Identity::Hs256, again: true } => out.write_str("connect-again"),
            Self::Connect { identity, again: false } => write!(out, "connect-{identity}"),
            Self::Connect { identity, again: true } => write!(out, "connect-{identity}-again"),
            Self::V1 { doing: Doing::Fanout { under_way } } => write!(out, "fanout{under_way}{V1}"),
            Self::V1 { doing: Doing::Durable { under_way } } => write!(out, "durable{under_way}{V1}"),
            Self::V1 { doing: Doing::Idle } => write!(out, "idle{V1}"),
            Self::V1 { doing: Doing::Restart } => write!(out, "restart{V1}"),
        }
    }
}

impl FromStr for Scenario {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        if let Some(words) = name.strip_prefix("connect") {
            return connect(words).ok_or_else(|| unknown(name));
        }
        if let Some(plain) = name.strip_suffix(V1) {
            return in_v1(plain).map(|doing| Self::V1 { doing }).ok_or_else(|| unknown(name));
        }
        let digits = name.find(|found: char| found.is_ascii_digit()).unwrap_or(name.len());
        let (kind, number) = name.split_at(digits);
        if number.is_empty() {
            return whole(kind).ok_or_else(|| unknown(name));
        }
        let (number, slower_sync_ms) = match number.split_once('+') {
            Some((number, slower)) => (number, slower_sync(slower).ok_or_else(|| unknown(name))?),
            None => (number, 0),
        };
        let most = if kind == "followers" || kind == "notifications" { FOLLOWERS } else { UNDER_WAY };
        let number = number.parse().ok().filter(|number| (1..=most).contains(number));
        match number.and_then(|number| numbered(kind, number)) {
            Some(Self::Private { under_way, kept: true, .. }) => {
                Ok(Self::Private { under_way, kept: true, slower_sync_ms })
            }
            Some(scenario) if slower_sync_ms == 0 => Ok(scenario),
            _ => Err(unknown(name)),
        }
    }
}

/// `5ms`; none is no time.
fn slower_sync(text: &str) -> Option<u16> {
    text.strip_suffix("ms")?.parse().ok().filter(|milliseconds| (1..=SLOWER_SYNC_MS).contains(milliseconds))
}

fn whole(name: &str) -> Option<Scenario> {
    Some(match name {
        "two-shards-fanout" => Scenario::TwoShards { of: Traffic::Fanout },
        "two-shards-private" => Scenario::TwoShards { of: Traffic::Private },
        "stalled" => Scenario::Stalled,
        "beside-bulk" => Scenario::Lone { beside: Noise::Posts },
        "beside-senders" => Scenario::Lone { beside: Noise::Senders },
        "fairness" => Scenario::Lone { beside: Noise::Flood },
        "idle" => Scenario::Idle,
        "churn" => Scenario::Churn,
        _ => return None,
    })
}

/// What is there in `tidings.v1` too.
fn in_v1(plain: &str) -> Option<Doing> {
    if plain == "restart" {
        return Some(Doing::Restart);
    }
    Some(match plain.parse().ok()? {
        Scenario::Fanout { under_way } => Doing::Fanout { under_way },
        Scenario::Private { under_way, kept: true, slower_sync_ms: 0 } => Doing::Durable { under_way },
        Scenario::Idle => Doing::Idle,
        _ => return None,
    })
}

fn numbered(kind: &str, number: usize) -> Option<Scenario> {
    Some(match kind {
        "fanout" => Scenario::Fanout { under_way: number },
        "private" => Scenario::Private { under_way: number, kept: false, slower_sync_ms: 0 },
        "durable" => Scenario::Private { under_way: number, kept: true, slower_sync_ms: 0 },
        "group" if number <= MEMBERS => Scenario::Group { members: number, kept: false },
        "durable-group" if number <= MEMBERS => Scenario::Group { members: number, kept: true },
        "followers" => Scenario::Followers { followers: number },
        "notifications" => Scenario::Notifications { followers: number },
        "fanout-burst" => Scenario::Burst { of: Traffic::Fanout, messages: number },
        "private-burst" => Scenario::Burst { of: Traffic::Private, messages: number },
        _ => return None,
    })
}

fn connect(words: &str) -> Option<Scenario> {
    let (identity, again) = match words.strip_suffix("-again") {
        Some(identity) => (identity, true),
        None => (words, false),
    };
    let identity = match identity {
        "" | "-hs256" => Identity::Hs256,
        "-rs256" => Identity::Rs256,
        "-es256" => Identity::Es256,
        "-session" => Identity::Session,
        _ => return None,
    };
    Some(Scenario::Connect { identity, again })
}

fn unknown(name: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "no scenario {name:?}: there are fanout<K>, private<K>, durable<K> (K messages under way, 1 to {UNDER_WAY}), \
         group<N>, durable-group<N> (N members, at most {MEMBERS}), followers<N>, notifications<N> (at most {FOLLOWERS}), fanout-burst<N>, private-burst<N> (N messages in one \
         write), durable<K>+<T>ms (syncs that take T ms longer), two-shards-fanout, two-shards-private, stalled, beside-bulk, \
         beside-senders, fairness, idle, churn, connect, connect-rs256, connect-es256, connect-session, connect-again, \
         fanout<K>-v1, durable<K>-v1, idle-v1, restart-v1 (in tidings.v1); each also with a number of \
         connections, such as fanout32@19000"
    )
}

#[cfg(test)]
mod tests {
    use super::super::choice;
    use super::*;

    #[test]
    fn every_scenario_that_is_run_is_known_by_its_name() {
        for asked in choice::all() {
            assert_eq!(asked.to_string().parse::<Asked>().unwrap(), asked);
        }
    }

    #[test]
    fn a_name_that_is_read_is_written_again() {
        for name in [
            "fanout32@19000",
            "durable7",
            "durable32+1ms",
            "two-shards-fanout",
            "two-shards-private",
            "stalled@200",
            "beside-bulk",
            "beside-senders",
            "fairness",
            "churn",
            "group10",
            "followers1000000",
            "followers10000@500",
            "notifications100000",
            "durable-group10000",
            "fanout-burst16",
            "private-burst16@4",
            "connect",
            "connect-again",
            "connect-rs256",
            "connect-session-again",
            "fanout32-v1@100",
            "durable1000-v1",
            "idle-v1@200",
            "restart-v1",
        ] {
            assert_eq!(name.parse::<Asked>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn names_that_mean_nothing_are_refused() {
        for name in [
            "",
            "fanout",
            "fanout0",
            "fanout-1",
            "fanout100001",
            "idle5",
            "durable",
            "private1x",
            "storm",
            "group",
            "followers1000001",
            "connect-x",
            "restart",
            "-v1",
            "private32-v1",
            "durable32+1ms-v1",
            "idle-v1-v1",
        ] {
            assert!(name.parse::<Scenario>().is_err(), "{name:?}");
        }
        for name in ["fanout1@", "fanout1@0", "fanout1@x", "@5"] {
            assert!(name.parse::<Asked>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_number_behind_the_name_is_nearer_than_one_for_all() {
        let asked: Asked = "fanout32@100".parse().unwrap();
        assert_eq!(asked.size(Some(7)).connections, 100);
        assert_eq!(Asked::from(asked.scenario).size(Some(7)).connections, 7);
    }
}
