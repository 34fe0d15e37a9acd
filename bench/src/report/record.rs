//! What was measured, as it is saved: tables and drawings can be made of it again without measuring.

use serde::{Deserialize, Serialize};

use super::machine::Machine;
use crate::compare::Row;
use crate::latency::Quantiles;
use crate::scenario::{self, Beside, Round};
use crate::statistics::Summary;

/// A whole set of scenarios.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Where it was measured, and of which state of the code.
    pub machine: Machine,
    /// The scenarios, in their order.
    pub rows: Vec<Entry>,
}

/// All rounds of one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name, such as `fanout32`.
    pub scenario: String,
    /// What its cost counts.
    pub unit: String,
    /// Client connections.
    pub connections: usize,
    /// Messages of a round.
    pub messages: u64,
    /// Bytes of a message's content.
    pub content_bytes: usize,
    /// What the server is compared with: `floor`, or itself without what the scenario is about, such as `one shard`.
    pub beside: String,
    /// The rounds of that.
    pub floor: Vec<Measured>,
    /// The server's rounds, each run right after the other's of the same place.
    pub server: Vec<Measured>,
    /// Why the rounds ended early. Those that there are don't count then, and no figure is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// One round.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// In the entry's unit.
    pub cost: Option<f64>,
    /// The server's resident memory in KiB at the end.
    pub resident_kib: Option<u64>,
    /// Deliveries or connections a second.
    pub per_second: Option<f64>,
    /// From sending to the first recipient, in microseconds.
    pub first: Option<Quantiles>,
    /// From sending to the last recipient, in microseconds.
    pub last: Option<Quantiles>,
    /// What only this scenario tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
}

/// A figure by its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is of.
    pub name: String,
    /// How much; absent where it can't be told.
    pub value: Option<f64>,
    /// Of what.
    pub unit: String,
}

impl Record {
    /// Takes the rows of a comparison.
    #[must_use]
    pub fn new(machine: Machine, rows: &[Row]) -> Self {
        Self { machine, rows: rows.iter().map(Entry::of).collect() }
    }

    /// Rounds of each scenario: `5`, or `3 to 5` where they differ.
    #[must_use]
    pub fn rounds(&self) -> String {
        let rounds = || self.rows.iter().filter(|entry| entry.failed.is_none()).map(|entry| entry.server.len());
        match (rounds().min().unwrap_or(0), rounds().max().unwrap_or(0)) {
            (least, most) if least == most => most.to_string(),
            (least, most) => format!("{least} to {most}"),
        }
    }

    /// The names of the scenarios that failed, each with why.
    pub fn failures(&self) -> impl Iterator<Item = (String, &str)> {
        self.rows.iter().filter_map(|entry| Some((entry.name(), entry.failed.as_deref()?)))
    }
}

impl Entry {
    fn of(row: &Row) -> Self {
        Self {
            scenario: row.scenario.to_string(),
            unit: row.scenario.unit().to_owned(),
            connections: row.size.connections,
            messages: row.size.messages,
            content_bytes: row.size.content_bytes,
            beside: row.scenario.beside().word().to_owned(),
            floor: row.floor.iter().map(Measured::of).collect(),
            server: row.server.iter().map(Measured::of).collect(),
            failed: row.failed.clone(),
        }
    }

    /// The scenario with its number of connections.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}@{}", self.scenario, self.connections)
    }

    /// Whether it is compared with the bare epoll loop.
    #[must_use]
    pub fn is_beside_the_floor(&self) -> bool {
        self.beside == Beside::Floor.word()
    }

    /// The server's cost by that of what it is compared with, of each round. What the floor keeps of an idle connection is
    /// nearly nothing, and a ratio to that says nothing, so there is none for memory.
    #[must_use]
    pub fn ratio(&self) -> Option<Summary> {
        if self.unit.starts_with("KiB") || self.failed.is_some() {
            return None;
        }
        let ratio = |(server, floor): (&Measured, &Measured)| Some(server.cost? / floor.cost?);
        summary(self.server.iter().zip(&self.floor).filter_map(ratio))
    }

    /// A figure over the server's rounds.
    #[must_use]
    pub fn server(&self, figure: impl Fn(&Measured) -> Option<f64>) -> Option<Summary> {
        self.failed.is_none().then(|| summary(self.server.iter().filter_map(figure))).flatten()
    }

    /// A figure over the rounds of what it is compared with.
    #[must_use]
    pub fn floor(&self, figure: impl Fn(&Measured) -> Option<f64>) -> Option<Summary> {
        self.failed.is_none().then(|| summary(self.floor.iter().filter_map(figure))).flatten()
    }
}

impl Measured {
    fn of(round: &Round) -> Self {
        Self {
            cost: round.cost.filter(|cost| cost.is_finite()).map(rounded),
            resident_kib: round.resident_kib,
            per_second: round.per_second.map(rounded),
            first: round.first.map(rounded_each),
            last: round.last.map(rounded_each),
            figures: round.extra.iter().map(Figure::of).collect(),
        }
    }
}

impl Figure {
    fn of(figure: &scenario::Figure) -> Self {
        let scenario::Figure { name, value, unit } = figure;
        let value = value.is_finite().then(|| rounded(*value));
        Self { name: name.clone(), value, unit: (*unit).to_owned() }
    }
}

/// To a millionth: what is saved is short, and read back to the same number.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn rounded_each(Quantiles { p50, p99, max }: Quantiles) -> Quantiles {
    Quantiles { p50: rounded(p50), p99: rounded(p99), max: rounded(max) }
}

fn summary(values: impl Iterator<Item = f64>) -> Option<Summary> {
    let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    (!values.is_empty()).then(|| Summary::of(&values))
}
