//! Latencies, kept in an HDR histogram: three significant digits from a nanosecond to a minute.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The longest time that is told apart, in nanoseconds; a longer one counts as this.
const LONGEST_NANOS: u64 = 60_000_000_000;

/// Latencies of one run.
pub struct Latency {
    nanos: Histogram<u64>,
}

/// What is reported of a [`Latency`], in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Half of them took at most this.
    pub p50: f64,
    /// All but one in a hundred took at most this.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Default for Latency {
    fn default() -> Self {
        let nanos = Histogram::new_with_bounds(1, LONGEST_NANOS, 3).expect("the bounds are constant and in range");
        Self { nanos }
    }
}

impl Latency {
    /// Adds one.
    pub fn record(&mut self, latency: Duration) {
        self.nanos.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(LONGEST_NANOS));
    }

    /// Forgets all: the warm-up is over.
    pub fn clear(&mut self) {
        self.nanos.clear();
    }

    /// The quantiles; `None` when nothing was recorded.
    #[must_use]
    pub fn quantiles(&self) -> Option<Quantiles> {
        let micros = |nanos: u64| nanos as f64 / 1000.0;
        (!self.nanos.is_empty()).then(|| Quantiles {
            p50: micros(self.nanos.value_at_quantile(0.50)),
            p99: micros(self.nanos.value_at_quantile(0.99)),
            max: micros(self.nanos.max()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_three_digits() {
        let mut latency = Latency::default();
        (1..=1000).for_each(|micros| latency.record(Duration::from_micros(micros)));
        let found = latency.quantiles().unwrap();
        for (got, want) in [(found.p50, 500.0), (found.p99, 990.0), (found.max, 1000.0)] {
            assert!((got - want).abs() <= want / 500.0, "{got} instead of {want}");
        }
    }

    #[test]
    fn nothing_recorded_gives_nothing_and_an_hour_counts_as_the_longest() {
        let mut latency = Latency::default();
        assert_eq!(latency.quantiles(), None);
        latency.record(Duration::from_secs(3600));
        assert!(latency.quantiles().unwrap().max >= 60_000_000.0);
        latency.clear();
        assert_eq!(latency.quantiles(), None);
    }
}
