//! Which scenarios run when none are named, how often, and how long that will take.

use std::time::Duration;

use super::name::Asked;
use super::{Doing, Noise, Scenario, Size, Traffic};
use crate::compare::Job;

/// What a comparison runs when nothing else is asked for, and a quick report.
const USUAL: [&str; 10] = [
    "fanout1",
    "fanout32",
    "private1",
    "private32",
    "private1000",
    "durable1",
    "durable32",
    "durable1000",
    "idle",
    "connect",
];

/// What a quick report leaves out of them.
const NOT_QUICK: &str = "private1000";

/// Everything, by families.
const ALL: [&[&str]; 12] = [
    &["fanout1@100", "fanout1", "fanout1@10000", "fanout1@19000"],
    &["fanout32@100", "fanout32", "fanout32@10000", "fanout32@19000"],
    &["private1", "private32", "private1000", "durable1", "durable32", "durable1000"],
    &["durable1+1ms", "durable32+1ms", "durable1000+1ms", "durable1+5ms", "durable32+5ms", "durable1000+5ms"],
    &["group10", "group100", "group10000", "durable-group10", "durable-group100", "durable-group10000"],
    &["followers10", "followers10000", "followers1000000", "notifications100000"],
    &["fanout-burst32", "private-burst32", "two-shards-fanout", "two-shards-private", "stalled"],
    &["beside-bulk", "beside-senders", "fairness"],
    &["idle", "churn"],
    &["connect", "connect-rs256", "connect-es256", "connect-session"],
    &["connect-again", "connect-rs256-again", "connect-es256-again", "connect-session-again"],
    &["fanout1-v1", "fanout32-v1", "durable32-v1", "durable1000-v1", "idle-v1", "restart-v1"],
];

/// So many rounds at most of what takes minutes each.
const LONG_ROUNDS: usize = 3;

/// So many connections make a round a long one.
const MANY_CONNECTIONS: usize = 19_000;

/// What `compare` runs when nothing is named.
#[must_use]
pub fn usual() -> Vec<Asked> {
    read(&USUAL)
}

/// What `report --quick` runs.
#[must_use]
pub fn quick() -> Vec<Asked> {
    read(&USUAL.into_iter().filter(|&name| name != NOT_QUICK).collect::<Vec<_>>())
}

/// What `report` runs.
#[must_use]
pub fn all() -> Vec<Asked> {
    read(&ALL.concat())
}

fn read(names: &[&str]) -> Vec<Asked> {
    names.iter().map(|name| name.parse().expect("a test reads each of them")).collect()
}

impl Job {
    /// The same with at most three rounds, if one takes minutes or so many connections that ports get scarce.
    #[must_use]
    pub fn with_few_rounds_if_long(self) -> Self {
        let long = matches!(self.scenario, Scenario::Churn | Scenario::Lone { beside: Noise::Flood })
            || matches!(self.scenario, Scenario::V1 { doing: Doing::Idle | Doing::Restart })
            || self.size.connections >= MANY_CONNECTIONS;
        Self { rounds: if long { self.rounds.min(LONG_ROUNDS) } else { self.rounds }, ..self }
    }

    /// About how long it takes on two idle cores of a usual server, both sides of each round.
    #[must_use]
    pub fn estimate(&self) -> Duration {
        Duration::from_secs_f64(self.rounds as f64 * seconds(self.scenario, self.size))
    }
}

/// One round, both sides: starting and ending servers, connecting, what is sent, and what is waited for.
fn seconds(scenario: Scenario, Size { connections, messages, .. }: Size) -> f64 {
    const START: f64 = 0.6;
    const CONNECT: f64 = 0.000_4;
    const DELIVERY: f64 = 0.000_012;
    const MESSAGE: f64 = 0.000_04;
    let (connections, messages) = (connections as f64, messages as f64);
    START
        + CONNECT * connections
        + match scenario {
            Scenario::V1 { doing: Doing::Fanout { .. } } => 2.0 * DELIVERY * connections * messages,
            Scenario::V1 { doing: Doing::Durable { under_way } } => {
                3.0 * (MESSAGE + 0.000_4 / under_way as f64) * messages
            }
            // Groups are made twice, and it rests five times.
            Scenario::V1 { doing: Doing::Idle } => 75.0 + 0.002 * connections,
            // Twice the lists are made, and come back once.
            Scenario::V1 { doing: Doing::Restart } => 0.006 * connections,
            Scenario::Fanout { .. } | Scenario::Stalled => DELIVERY * connections * messages,
            Scenario::Burst { of: Traffic::Fanout, .. } | Scenario::TwoShards { of: Traffic::Fanout } => {
                DELIVERY * connections * messages
            }
            Scenario::Private { under_way, slower_sync_ms, kept: true } => {
                // A commit takes as long as the disk does, and holds what is under way.
                let commit = 0.000_4 + f64::from(slower_sync_ms) / 1_000.0;
                MESSAGE * messages + commit * messages / under_way as f64
            }
            Scenario::Private { .. } | Scenario::Burst { .. } | Scenario::TwoShards { .. } => 2.0 * MESSAGE * messages,
            Scenario::Group { .. } => 8.0,
            // The follows are put into the database twice, and a request is answered for each message.
            Scenario::Followers { followers } => {
                0.000_02 * followers as f64 + 2.0 * (0.000_2 + DELIVERY * connections) * messages
            }
            // The same, and each recipient's notifications are stored twice.
            Scenario::Notifications { followers } => 0.000_2 * followers as f64 * messages,
            Scenario::Lone { beside: Noise::Posts } => 12.0,
            Scenario::Lone { .. } => 25.0,
            Scenario::Idle => 3.0,
            // It is closed and opened five times more, each with its messages, and rests for a minute.
            Scenario::Churn => 62.0 + 10.0 * (CONNECT + 64.0 * DELIVERY) * connections,
            Scenario::Connect { .. } => CONNECT * connections,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str) -> Job {
        let asked: Asked = name.parse().unwrap();
        Job { scenario: asked.scenario, size: asked.size(None), rounds: 5 }
    }

    #[test]
    fn each_scenario_that_is_run_unasked_is_known_and_named_once() {
        for asked in [usual(), quick(), all()] {
            let names: Vec<String> = asked.iter().map(ToString::to_string).collect();
            assert!(names.iter().all(|name| names.iter().filter(|other| *other == name).count() == 1), "{names:?}");
        }
        assert!(usual().iter().all(|asked| all().contains(asked)) && quick().len() == USUAL.len() - 1);
    }

    #[test]
    fn long_scenarios_have_fewer_rounds_and_take_longer() {
        for (name, rounds) in
            [("churn", 3), ("fairness", 3), ("restart-v1", 3), ("fanout32@19000", 3), ("fanout32@10000", 5)]
        {
            assert_eq!(job(name).with_few_rounds_if_long().rounds, rounds, "{name}");
        }
        assert!(job("churn").estimate() > job("idle").estimate());
        assert!(job("durable1+5ms").estimate() > job("durable1").estimate());
    }
}
