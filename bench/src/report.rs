//! What a comparison found, for people: a table, a page in Markdown, a drawing; and for programs, as JSON.
//!
//! | file | holds |
//! |---|---|
//! | `record` | all rounds with the machine they ran on, as they are saved |
//! | `machine` | processor, cores, kernel, memory, commit |
//! | `goal` | what is to be reached, and whether it is |
//! | `table` | tables as text and Markdown |
//! | `figures` | every figure of every row |
//! | `panels` | what the drawing shows |
//! | `chart`, `axis`, `svg` | the drawing |

use std::fs;
use std::path::Path;

use anyhow::Context as _;

mod axis;
mod chart;
mod figures;
mod goal;
mod machine;
mod panels;
mod record;
mod svg;
mod table;

pub use chart::svg as draw;
pub use goal::{GOALS, Goal};
pub use machine::Machine;
pub use record::{Entry, Figure, Measured, Record};
pub use table::{fragment, round};

impl Record {
    /// The table for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        table::text(&self.rows)
    }

    /// Every figure of every row for a terminal.
    #[must_use]
    pub fn figures(&self) -> String {
        figures::text(&self.rows)
    }

    /// The table and every figure as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        format!("{}\n{}", table::markdown(&self.rows), figures::markdown(&self.rows))
    }

    /// Reads what [`Record::write`] saved.
    ///
    /// # Errors
    /// The file can't be read or is no record.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read(file).with_context(|| format!("can't read {}", file.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is no record of a comparison", file.display()))
    }

    /// Writes `results.json`, `table.md`, `figures.md` and `chart.svg` into a folder, which is made if it is not there.
    ///
    /// # Errors
    /// One of them can't be written.
    pub fn write(&self, folder: &Path, command: &str) -> anyhow::Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
        let json = serde_json::to_string_pretty(self).context("the record can't be written as JSON")? + "\n";
        for (name, text) in [
            ("results.json", json),
            ("table.md", fragment(self, command)),
            ("figures.md", figures::markdown(&self.rows)),
            ("chart.svg", draw(self)),
        ] {
            let file = folder.join(name);
            fs::write(&file, text).with_context(|| format!("can't write {}", file.display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::Quantiles;

    pub(super) fn entry() -> Entry {
        let round = |cost| Measured {
            cost: Some(cost),
            resident_kib: Some(20 * 1024),
            per_second: Some(1000.0),
            first: Some(Quantiles { p50: 50.0, p99: 90.0, max: 91.0 }),
            ..Measured::default()
        };
        Entry {
            scenario: "fanout32".to_owned(),
            unit: "CPU µs a delivery".to_owned(),
            connections: 1_000,
            messages: 500,
            content_bytes: 128,
            beside: "floor".to_owned(),
            failed: None,
            floor: [4.0, 4.2, 4.1].map(round).to_vec(),
            server: [0.2, 0.21, 0.41].map(round).to_vec(),
        }
    }

    pub(super) fn record() -> Record {
        let mut durable = entry();
        durable.scenario = "durable32".to_owned();
        for round in &mut durable.server {
            round.last = Some(Quantiles { p50: 900.0, p99: 1_900.0, max: 2_500.0 });
        }
        let machine = Machine {
            processor: "A processor".to_owned(),
            cores: 2,
            kernel: "Linux 6".to_owned(),
            memory_mib: 4096,
            commit: "abc".to_owned(),
        };
        Record { machine, rows: vec![entry(), durable] }
    }

    #[test]
    fn a_record_is_the_same_after_it_was_saved() {
        let folder = tempfile::tempdir().unwrap();
        let record = record();
        record.write(folder.path(), "bench report").unwrap();
        assert_eq!(Record::read(&folder.path().join("results.json")).unwrap(), record);
        for name in ["table.md", "chart.svg"] {
            assert!(fs::read_to_string(folder.path().join(name)).unwrap().contains("fanout32"), "{name}");
        }
        assert!(Record::read(&folder.path().join("table.md")).unwrap_err().to_string().contains("no record"));
    }

    #[test]
    fn goals_are_for_scenarios_that_a_record_may_have_once() {
        let record = record();
        let goals: Vec<bool> = Goal::of(&record.rows[1]).map(|goal| goal.is_reached(&record.rows[1])).collect();
        assert_eq!(goals, [false, true], "1,000 a second are too few; the p99 of 1.9 ms is within 2 ms");
    }
}
