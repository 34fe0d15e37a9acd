//! What libFuzzer writes: counts at its end, and the inputs that broke the target.

use std::fmt;

/// What came of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Inputs tried. None where the run broke before it could say.
    executions: Option<u64>,
    /// Edges covered by what was there at the beginning, and at the end.
    coverage: Option<(u64, u64)>,
    /// Inputs added to the corpus.
    new_inputs: Option<u64>,
    memory_mb: Option<u64>,
    exited_well: bool,
    /// The files with inputs that broke the target.
    pub(super) crashes: Vec<String>,
}

impl Findings {
    pub(super) fn read(log: &str, exited_well: bool) -> Self {
        let mut findings = Self { exited_well, ..Self::default() };
        let mut began = None;
        for line in log.lines() {
            if let Some((_, path)) = line.split_once("Test unit written to ") {
                findings.crashes.push(path.trim().to_owned());
            } else if let Some(statistic) = line.strip_prefix("stat::") {
                findings.statistic(statistic);
            } else if let Some(edges) = line.starts_with('#').then(|| covered(line)).flatten() {
                if line.contains("INITED") {
                    began = Some(edges);
                }
                findings.coverage = began.map(|began| (began, edges));
            }
        }
        findings
    }

    /// Whether it ran its time and could say what it did.
    pub(super) fn ended_well(&self) -> bool {
        self.exited_well && self.executions.is_some_and(|executions| executions > 0)
    }

    fn statistic(&mut self, line: &str) {
        let Some((name, value)) = line.split_once(':') else { return };
        let value = value.trim().parse().ok();
        match name {
            "number_of_executed_units" => self.executions = value,
            "new_units_added" => self.new_inputs = value,
            "peak_rss_mb" => self.memory_mb = value,
            _ => {}
        }
    }
}

/// The number behind `cov:`, of a line like `#4096 pulse  cov: 1212 ft: 3400 corp: 210/14Kb …`.
fn covered(line: &str) -> Option<u64> {
    line.split_once("cov: ")?.1.split_whitespace().next()?.parse().ok()
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(executions) = self.executions else { return f.write_str("broke before it could say what it did") };
        write!(f, "{executions} executions")?;
        if let Some((began, ended)) = self.coverage {
            write!(f, ", {ended} edges covered, {} of them new", ended.saturating_sub(began))?;
        }
        if let Some(inputs) = self.new_inputs {
            write!(f, ", {inputs} new inputs")?;
        }
        if let Some(memory) = self.memory_mb {
            write!(f, ", {memory} MB at most")?;
        }
        write!(f, ", {} crashes", self.crashes.len())?;
        if self.crashes.is_empty() && !self.exited_well {
            f.write_str(", but it did not end as it should")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
INFO: seed corpus: files: 23 min: 3b max: 400b total: 2100b rss: 40Mb
#24\tINITED cov: 1000 ft: 2000 corp: 20/2000b exec/s: 0 rss: 60Mb
#4096\tpulse  cov: 1200 ft: 2600 corp: 90/14Kb lim: 80 exec/s: 2048 rss: 80Mb
#9000\tDONE   cov: 1234 ft: 3000 corp: 120/16Kb lim: 120 exec/s: 900 rss: 90Mb
Done 9000 runs in 10 second(s)
stat::number_of_executed_units: 9000
stat::average_exec_per_sec:     900
stat::new_units_added:          130
stat::slowest_unit_time_sec:    0
stat::peak_rss_mb:              91
";

    #[test]
    fn a_run_is_summed_up() {
        let findings = Findings::read(LOG, true);
        assert!(findings.ended_well());
        let expected = "9000 executions, 1234 edges covered, 234 of them new, 130 new inputs, 91 MB at most, 0 crashes";
        assert_eq!(findings.to_string(), expected);
    }

    #[test]
    fn a_crash_is_named() {
        let log =
            "#24\tINITED cov: 10 ft: 2\nthread panicked\nartifact_prefix='a/'; Test unit written to a/crash-0123\n";
        let findings = Findings::read(log, false);
        assert_eq!(findings.crashes, ["a/crash-0123"]);
        assert!(!findings.ended_well());
        assert_eq!(findings.to_string(), "broke before it could say what it did");
    }

    #[test]
    fn a_run_that_tried_nothing_or_was_ended_is_not_good() {
        assert!(!Findings::read("", true).ended_well());
        assert!(!Findings::read("stat::number_of_executed_units: 0\n", true).ended_well());
        let ended = Findings::read(LOG, false);
        assert!(!ended.ended_well() && ended.to_string().ends_with("0 crashes, but it did not end as it should"));
    }
}
