//! A logarithmic axis from left to right, and its marks.

/// Where values lie between two bounds; each step of the same factor is as wide as the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    least: f64,
    greatest: f64,
    left: f64,
    width: f64,
}

impl Axis {
    /// An axis that has room for all these values, which are above 0; others are left out of account.
    pub(super) fn around(values: impl IntoIterator<Item = f64>, left: f64, width: f64) -> Self {
        let (mut least, mut greatest) = (f64::INFINITY, 0.0_f64);
        for value in values.into_iter().filter(|value| value.is_finite() && *value > 0.0) {
            least = least.min(value);
            greatest = greatest.max(value);
        }
        if greatest == 0.0 {
            (least, greatest) = (1.0, 1.0);
        }
        // The next marks outside, so that nothing ends at the very edge.
        let below = marks_from(least).filter(|&mark| mark < least).last();
        let above = marks_from(greatest).find(|&mark| mark > greatest);
        Self { least: below.unwrap_or(least), greatest: above.unwrap_or(greatest), left, width }
    }

    /// Where a value lies; the nearest end for one outside.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = (value / self.least).ln() / (self.greatest / self.least).ln();
        self.left + self.width * share.clamp(0.0, 1.0)
    }

    /// 1, 2, 5, 10, …: as many of them as fit without touching one another.
    pub(super) fn marks(&self) -> Vec<f64> {
        let inside = |mark: &f64| *mark <= self.greatest * 1.000_001;
        let all: Vec<f64> =
            marks_from(self.least).skip_while(|mark| *mark < self.least * 0.999_999).take_while(inside).collect();
        if all.len() <= MARKS {
            return all;
        }
        all.into_iter().filter(|mark| (mark.log10() - mark.log10().round()).abs() < 1e-9).collect()
    }
}

/// More than these are thinned out to the powers of ten.
const MARKS: usize = 12;

/// The series 1, 2, 5, 10, … from a power of ten below the value on.
fn marks_from(value: f64) -> impl Iterator<Item = f64> {
    let first = value.log10().floor() as i32 - 1;
    // Four decades: the caller stops long before.
    (first..first + 40).flat_map(|exponent| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(exponent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_factors_are_equally_wide() {
        let axis = Axis::around([0.03, 7.0], 100.0, 300.0);
        let step = |from: f64| axis.at(from * 10.0) - axis.at(from);
        assert!((step(0.05) - step(0.5)).abs() < 1e-9);
        assert!(axis.at(0.03) > 100.0 && axis.at(7.0) < 400.0, "values keep off the edges");
    }

    #[test]
    fn marks_are_round_and_inside() {
        let axis = Axis::around([0.3, 4.0, f64::NAN, 0.0], 0.0, 100.0);
        let marks = axis.marks();
        assert_eq!(
            marks.iter().map(|mark| format!("{mark:.1}")).collect::<Vec<_>>(),
            ["0.2", "0.5", "1.0", "2.0", "5.0"]
        );
        assert_eq!((axis.at(marks[0]), axis.at(marks[4])), (0.0, 100.0));
        let wide = Axis::around([0.001, 90_000.0], 0.0, 100.0).marks();
        assert!(wide.len() <= MARKS && wide.contains(&1.0), "{wide:?}");
    }

    #[test]
    fn without_a_value_there_still_is_an_axis() {
        assert!(Axis::around([], 0.0, 100.0).at(1.0).is_finite());
    }
}
