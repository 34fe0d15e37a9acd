//! Medians, spread and ratios over the rounds of a comparison.

/// Several rounds' values of one figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// The middle value; of an even number of rounds, the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Summary {
    /// Summarises the values of the rounds; all are NaN when there is none.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.len() {
            0 => f64::NAN,
            length if length % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        };
        let end = |value: Option<&f64>| value.copied().unwrap_or(f64::NAN);
        Self { median, min: end(sorted.first()), max: end(sorted.last()) }
    }

    /// Summarises the ratios of each round's `values` to the same round's `floor`. Each round is compared with the one
    /// beside it, so that a machine that slows down half-way shifts both and not their ratio.
    #[must_use]
    pub fn of_ratios(values: &[f64], floor: &[f64]) -> Self {
        let ratios: Vec<f64> = values.iter().zip(floor).map(|(value, floor)| value / floor).collect();
        Self::of(&ratios)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(Summary::of(&[9.0, 1.0, 5.0]), Summary { median: 5.0, min: 1.0, max: 9.0 });
        assert_eq!(Summary::of(&[4.0, 1.0, 2.0, 100.0]), Summary { median: 3.0, min: 1.0, max: 100.0 });
        assert_eq!(Summary::of(&[7.0]), Summary { median: 7.0, min: 7.0, max: 7.0 });
        assert!(Summary::of(&[]).median.is_nan());
    }

    #[test]
    fn one_slow_round_moves_the_spread_and_not_the_median() {
        let summary = Summary::of(&[1.0, 1.1, 1.0, 50.0, 1.1]);
        assert_eq!((summary.median, summary.max), (1.1, 50.0));
    }

    #[test]
    fn ratios_pair_each_round_with_the_floor_beside_it() {
        // The machine slowed down threefold after the first round; the ratio did not change.
        let ratio = Summary::of_ratios(&[2.0, 6.0, 6.0], &[1.0, 3.0, 3.0]);
        assert_eq!(ratio, Summary { median: 2.0, min: 2.0, max: 2.0 });
    }
}
