//! What the project wants to reach, and whether a record does.

use std::fmt;

use super::record::{Entry, Measured};
use super::table::number;
use crate::scenario::{Beside, Scenario};

/// One figure of one scenario, and how far it may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    /// The scenario's name.
    pub scenario: &'static str,
    /// Of what.
    pub figure: Figure,
    /// The most, or of a throughput the least.
    pub limit: f64,
}

/// What a goal is about; its median over the rounds counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// The server's cost by that of what it is compared with.
    Ratio,
    /// The server's cost, in the scenario's unit.
    Cost,
    /// Deliveries a second.
    PerSecond,
    /// Half of the messages arrived within so many microseconds.
    P50,
    /// All but one in a hundred arrived within so many microseconds.
    P99,
}

/// The goals, each for the scenario's usual number of connections.
pub const GOALS: [Goal; 15] = [
    goal("fanout1", Figure::Ratio, 1.05),
    goal("fanout32", Figure::Ratio, 0.065),
    goal("private1", Figure::Ratio, 1.12),
    goal("private32", Figure::Ratio, 1.12),
    goal("idle", Figure::Cost, 0.6),
    goal("churn", Figure::Cost, 0.8),
    goal("connect", Figure::Cost, 60.0),
    goal("two-shards-fanout", Figure::Ratio, 1.15),
    goal("two-shards-private", Figure::Ratio, 1.15),
    goal("durable1", Figure::P50, 400.0),
    goal("durable32", Figure::PerSecond, 24_000.0),
    goal("durable32", Figure::P99, 2_000.0),
    goal("durable1000", Figure::PerSecond, 40_000.0),
    goal("durable1000", Figure::Cost, 32.0),
    goal("durable1000", Figure::P99, 40_000.0),
];

const fn goal(scenario: &'static str, figure: Figure, limit: f64) -> Goal {
    Goal { scenario, figure, limit }
}

impl Goal {
    /// The goals of an entry: none with another number of connections than the scenario's usual one.
    pub fn of(entry: &Entry) -> impl Iterator<Item = &'static Self> {
        GOALS.iter().filter(move |goal| {
            let usual = goal.known().map(|scenario| scenario.usual_size().connections);
            goal.scenario == entry.scenario && usual == Some(entry.connections)
        })
    }

    fn known(&self) -> Option<Scenario> {
        self.scenario.parse().ok()
    }

    /// The figure's median in these rounds.
    #[must_use]
    pub fn found(&self, entry: &Entry) -> Option<f64> {
        let last = |of: fn(&crate::latency::Quantiles) -> f64| move |round: &Measured| round.last.as_ref().map(of);
        let summary = match self.figure {
            Figure::Ratio => entry.ratio(),
            Figure::Cost => entry.server(|round| round.cost),
            Figure::PerSecond => entry.server(|round| round.per_second),
            Figure::P50 => entry.server(last(|quantiles| quantiles.p50)),
            Figure::P99 => entry.server(last(|quantiles| quantiles.p99)),
        };
        summary.map(|summary| summary.median)
    }

    /// Whether it is reached. What wasn't found isn't.
    #[must_use]
    pub fn is_reached(&self, entry: &Entry) -> bool {
        match self.figure {
            Figure::PerSecond => self.found(entry).is_some_and(|found| found >= self.limit),
            _ => self.found(entry).is_some_and(|found| found <= self.limit),
        }
    }

    /// The goal with its verdict: `≤ 1.05 of the floor: reached`.
    #[must_use]
    pub fn verdict(&self, entry: &Entry) -> String {
        match self.found(entry) {
            _ if self.is_reached(entry) => format!("{self}: reached"),
            Some(found) => format!("{self}: NOT reached ({})", self.figure.value(found)),
            None => format!("{self}: not measured"),
        }
    }
}

impl Figure {
    fn value(self, value: f64) -> String {
        match self {
            Self::P50 | Self::P99 => format!("{} ms", number(value / 1_000.0)),
            Self::PerSecond => format!("{value:.0}"),
            Self::Ratio | Self::Cost => number(value),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Goals are round numbers: written as they are set, not to so many digits.
        let limit = self.limit;
        match self.figure {
            Figure::Ratio => match self.known().map(Scenario::beside) {
                Some(Beside::Variant(word)) => write!(out, "≤ {limit} of {word}"),
                _ => write!(out, "≤ {limit} of the floor"),
            },
            Figure::Cost if self.known().is_some_and(|scenario| scenario.unit().starts_with("KiB")) => {
                write!(out, "≤ {limit} KiB")
            }
            Figure::Cost => write!(out, "≤ {limit} µs"),
            Figure::PerSecond => write!(out, "≥ {limit} a second"),
            Figure::P50 => write!(out, "p50 ≤ {} ms", limit / 1_000.0),
            Figure::P99 => write!(out, "p99 ≤ {} ms", limit / 1_000.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::entry;
    use super::*;

    #[test]
    fn each_goal_is_of_a_scenario_that_is_run() {
        let all: Vec<String> = crate::scenario::choice::all().iter().map(ToString::to_string).collect();
        for goal in GOALS {
            assert!(all.iter().any(|name| name == goal.scenario), "{}", goal.scenario);
        }
    }

    #[test]
    fn a_goal_is_for_the_usual_number_of_connections_alone() {
        let mut entry = entry();
        assert_eq!(Goal::of(&entry).count(), 1);
        entry.connections = 100;
        assert_eq!(Goal::of(&entry).count(), 0);
    }

    #[test]
    fn a_goal_names_what_it_is_compared_with() {
        let goals: Vec<String> =
            GOALS.iter().filter(|goal| goal.scenario.starts_with("two")).map(ToString::to_string).collect();
        assert_eq!(goals, ["≤ 1.15 of one shard"; 2]);
    }
}
