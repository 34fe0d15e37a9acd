//! Whether a server's fan-out has the shape that can become fast: not two times off the floor.

use std::fmt;

use crate::compare::Row;
use crate::scenario::Scenario;

/// The scenarios of the gate, each with the greatest median ratio to the floor that passes.
pub const LIMITS: [(Scenario, f64); 2] =
    [(Scenario::Fanout { under_way: 1 }, 1.2), (Scenario::Fanout { under_way: 32 }, 0.1)];

/// One scenario's ratio beside its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// The scenario.
    pub scenario: Scenario,
    /// The median ratio to the floor.
    pub ratio: f64,
    /// The greatest that passes.
    pub limit: f64,
}

impl Verdict {
    /// Whether it passes. A ratio that is no number doesn't.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.ratio <= self.limit
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, ratio, limit } = self;
        let word = if self.passes() { "passes" } else { "FAILS" };
        write!(out, "{scenario} {word}: {ratio:.3} of the floor, at most {limit} is the shape")
    }
}

/// Judges the rows that have a limit.
#[must_use]
pub fn judge(rows: &[Row]) -> Vec<Verdict> {
    let limit = |row: &Row| LIMITS.iter().find(|(scenario, _)| *scenario == row.scenario).map(|&(_, limit)| limit);
    let judged = rows.iter().filter_map(|row| Some((row, limit(row)?)));
    judged.map(|(row, limit)| Verdict { scenario: row.scenario, ratio: row.ratio().median, limit }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Round;

    fn verdict(scenario: Scenario, floor: f64, server: f64) -> Vec<Verdict> {
        let round = |cost| Round { cost: Some(cost), ..Round::default() };
        let size = scenario.usual_size();
        judge(&[Row { failed: None, scenario, size, floor: vec![round(floor)], server: vec![round(server)] }])
    }

    #[test]
    fn a_ratio_passes_up_to_its_limit() {
        let (one, many) = (LIMITS[0].0, LIMITS[1].0);
        for (scenario, server, passes) in [(one, 4.8, true), (one, 5.0, false), (many, 0.4, true), (many, 0.41, false)]
        {
            assert_eq!(verdict(scenario, 4.0, server)[0].passes(), passes, "{scenario} at {server}");
        }
        assert!(!verdict(one, f64::NAN, 1.0)[0].passes(), "no figure is no proof");
    }

    #[test]
    fn other_scenarios_are_not_judged() {
        assert!(verdict(Scenario::Idle, 1.0, 9.0).is_empty());
    }
}
