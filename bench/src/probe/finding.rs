//! What was found.

use serde::Serialize;

use crate::checker::Faults;
use crate::latency::Quantiles;

/// What one thing asked came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What was asked, as it is called on the command line: `connect`, `idle`, `ping`, `private1` …
    pub scenario: String,
    /// What [`Finding::count`] counts, in the plural: `upgrades`, `pongs`, `deliveries`, `connections`.
    pub counts: &'static str,
    /// How many there were.
    pub count: u64,
    /// Messages sent for it; 0 where none is.
    pub sent: u64,
    /// How long it took.
    pub seconds: f64,
    /// [`Finding::count`] a second; `None` where nothing was done but waiting.
    pub per_second: Option<f64>,
    /// From asking to the answer: of a message to many, to the first who has it.
    pub first: Option<Quantiles>,
    /// From asking to the answer: of a message to many, to the last who has it.
    pub last: Option<Quantiles>,
    /// Messages that never came.
    pub lost: u64,
    /// Messages that came again.
    pub doubled: u64,
    /// Messages that came after later ones, or that nobody sent.
    pub reordered: u64,
    /// Messages of others that arrived meanwhile.
    pub of_others: u64,
    /// The server's CPU for each of [`Finding::count`], in microseconds; `None` without a process.
    pub cpu_micros_each: Option<f64>,
    /// The server's resident memory at the end in KiB; `None` without a process.
    pub resident_kib: Option<u64>,
    /// What each connection added to it, in KiB; of `idle` only.
    pub kib_each: Option<f64>,
    /// The first fault in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

impl Finding {
    pub(super) fn new(scenario: impl Into<String>, counts: &'static str) -> Self {
        Self {
            scenario: scenario.into(),
            counts,
            count: 0,
            sent: 0,
            seconds: 0.0,
            per_second: None,
            first: None,
            last: None,
            lost: 0,
            doubled: 0,
            reordered: 0,
            of_others: 0,
            cpu_micros_each: None,
            resident_kib: None,
            kib_each: None,
            fault: None,
        }
    }

    pub(super) fn blame(&mut self, faults: &Faults) {
        self.lost = faults.lost;
        self.doubled = faults.doubled;
        self.reordered = faults.reordered + faults.never_sent;
        self.fault = faults.first.as_ref().map(|_| faults.to_string());
    }

    /// Whether every message arrived once and in order.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.reordered == 0
    }
}
