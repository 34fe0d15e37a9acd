//! Tables of a record, as text and as Markdown.

use super::goal::Goal;
use super::record::{Entry, Measured, Record};
use crate::latency::Quantiles;
use crate::scenario::{Figure, Round, Scenario};
use crate::statistics::Summary;

const HEADINGS: [&str; 12] = [
    "scenario",
    "connections",
    "unit",
    "compared with",
    "its cost",
    "server",
    "server ÷ that",
    "a second",
    "server RSS MiB",
    "first recipient p50 / p99 µs",
    "last recipient p50 / p99 µs",
    "goals",
];

/// Characters of a failure that a table tells at most; the rest is in the record.
const WHY: usize = 160;

/// The table for a terminal: columns padded to the longest of their cells.
#[must_use]
pub(super) fn text(record: &[Entry]) -> String {
    let table = cells(record);
    let width = |column: usize| table.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned() + "\n"
    };
    table.iter().map(|cells| line(cells)).collect()
}

/// The table as Markdown.
#[must_use]
pub(super) fn markdown(record: &[Entry]) -> String {
    let mut lines: Vec<String> = cells(record).iter().map(|cells| format!("| {} |\n", cells.join(" | "))).collect();
    lines.insert(1, format!("|{}\n", "---|".repeat(HEADINGS.len())));
    lines.concat()
}

/// The table as Markdown, with all that it takes to measure it again.
#[must_use]
pub fn fragment(record: &Record, command: &str) -> String {
    let machine = &record.machine;
    let mut text = format!(
        "<!-- Made by `{command}`: measure again, don't edit. -->\n\n\
         ![What a delivery costs beside a bare epoll loop, and how long messages take](chart.svg)\n\n"
    );
    text += &markdown(&record.rows);
    text += &format!(
        "\nMedians over the rounds ({} of each), with the least and the greatest in parentheses; a ratio is taken of the two rounds that ran \
         beside each other. The floor is a bare epoll loop; where another word stands in its place, the server is compared \
         with itself, without what the scenario is about.\n\n\
         - Measured with `{command}`\n- Commit {}\n- {}, {} cores, {:.1} GiB\n- {}\n",
        record.rounds(),
        machine.commit,
        machine.processor,
        machine.cores,
        machine.memory_mib as f64 / 1024.0,
        machine.kernel,
    );
    text
}

/// One round as lines for a terminal, where there is nothing to compare with.
#[must_use]
pub fn round(scenario: Scenario, round: &Round) -> String {
    let cost = round.cost.map_or_else(|| "not charged (give --pid)".to_owned(), number);
    let mut lines = format!("{scenario}: {cost} {}\n", scenario.unit());
    if let Some(kib) = round.resident_kib {
        lines += &format!("server RSS: {:.1} MiB\n", kib as f64 / 1024.0);
    }
    if let Some(per_second) = round.per_second {
        lines += &format!("a second: {per_second:.0}\n");
    }
    for (name, quantiles) in [("first", round.first), ("last", round.last)] {
        if let Some(Quantiles { p50, p99, max }) = quantiles {
            lines += &format!("{name} recipient: p50 {p50:.0} µs, p99 {p99:.0} µs, longest {max:.0} µs\n");
        }
    }
    for Figure { name, value, unit } in &round.extra {
        lines += &format!("{name}: {} {unit}\n", number(*value));
    }
    lines
}

fn cells(record: &[Entry]) -> Vec<Vec<String>> {
    let mut table = vec![HEADINGS.map(str::to_owned).to_vec()];
    table.extend(record.iter().map(|entry| {
        let goals: Vec<String> = Goal::of(entry).map(|goal| goal.verdict(entry)).collect();
        vec![
            entry.scenario.clone(),
            entry.connections.to_string(),
            entry.unit.clone(),
            entry.beside.clone(),
            spread(entry.floor(|round| round.cost)),
            entry.failed.as_deref().map_or_else(|| spread(entry.server(|round| round.cost)), failed),
            spread(entry.ratio()),
            median(entry.server(|round| round.per_second), 0),
            median(entry.server(|round| Some(round.resident_kib? as f64 / 1024.0)), 1),
            latencies(entry, |round| round.first),
            latencies(entry, |round| round.last),
            if goals.is_empty() { NOTHING.to_owned() } else { goals.join("; ") },
        ]
    }));
    table
}

pub(super) const NOTHING: &str = "–";

/// On one line, and without what would end a cell.
fn failed(why: &str) -> String {
    let line: Vec<&str> = why.split_whitespace().collect();
    let line = line.join(" ").replace('|', "/");
    let cut: String = line.chars().take(WHY).collect();
    let dots = if cut.len() < line.len() { "…" } else { "" };
    format!("FAILED: {cut}{dots}")
}

pub(super) fn spread(summary: Option<Summary>) -> String {
    let Some(Summary { median, min, max }) = summary else { return NOTHING.to_owned() };
    format!("{} ({}–{})", number(median), number(min), number(max))
}

fn median(summary: Option<Summary>, decimals: usize) -> String {
    summary.map_or_else(|| NOTHING.to_owned(), |summary| format!("{:.decimals$}", summary.median))
}

/// Three significant digits or so: small figures need their decimals, great ones don't.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        small if small < 1.0 => format!("{value:.3}"),
        middle if middle < 100.0 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}

fn latencies(entry: &Entry, of: impl Fn(&Measured) -> Option<Quantiles>) -> String {
    let quantile = |which: fn(&Quantiles) -> f64| entry.server(|round| of(round).as_ref().map(which));
    let (Some(p50), Some(p99)) = (quantile(|one| one.p50), quantile(|one| one.p99)) else { return NOTHING.to_owned() };
    format!("{:.0} / {:.0}", p50.median, p99.median)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entry, record};
    use super::*;

    #[test]
    fn a_row_tells_medians_spread_ratio_and_goals() {
        let markdown = markdown(&[entry()]);
        let lines: Vec<&str> = markdown.lines().collect();
        assert_eq!(lines[1], format!("|{}", "---|".repeat(12)));
        assert_eq!(
            lines[2],
            "| fanout32 | 1000 | CPU µs a delivery | floor | 4.10 (4.00–4.20) | 0.210 (0.200–0.410) | 0.050 (0.050–0.100) \
             | 1000 | 20.0 | 50 / 90 | – | ≤ 0.065 of the floor: reached |"
        );
    }

    #[test]
    fn the_text_has_its_columns_below_one_another() {
        let text = text(&[entry()]);
        let column = |line: &str, word: &str| {
            let at = line.find(word).expect("the cell is in its line");
            line[..at].chars().count()
        };
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(column(lines[0], "unit"), column(lines[1], "CPU µs"));
        assert_eq!(column(lines[0], "server ÷"), column(lines[1], "0.050"));
    }

    #[test]
    fn a_goal_that_is_missed_says_by_how_much() {
        let mut entry = entry();
        entry.scenario = "fanout1".to_owned();
        entry.server.iter_mut().for_each(|round| round.cost = Some(8.2));
        assert!(markdown(&[entry]).contains("≤ 1.05 of the floor: NOT reached (2.00)"));
        let mut durable = super::super::tests::entry();
        durable.scenario = "durable32".to_owned();
        let text = text(&[durable]);
        assert!(text.contains("≥ 24000 a second: NOT reached (1000); p99 ≤ 2 ms: not measured"), "{text}");
    }

    #[test]
    fn a_row_says_what_it_is_compared_with() {
        let mut entry = entry();
        (entry.scenario, entry.beside) = ("two-shards-fanout".to_owned(), "one shard".to_owned());
        let markdown = markdown(&[entry]);
        assert!(markdown.contains("| one shard | 4.10 (4.00–4.20) | 0.210"), "{markdown}");
        assert!(markdown.contains("≤ 1.15 of one shard: reached"), "{markdown}");
    }

    #[test]
    fn a_row_that_failed_says_why_and_gives_no_figure() {
        let mut entry = entry();
        entry.failed = Some(format!("the server: its log ends: \"a|b\n{}\"", "c".repeat(300)));
        let markdown = markdown(&[entry]);
        let line = markdown.lines().nth(2).expect("the row");
        assert!(line.contains("| floor | – | FAILED: the server: its log ends: \"a/b ccc"), "{line}");
        assert!(line.ends_with("ccc… | – | – | – | – | – | ≤ 0.065 of the floor: not measured |"), "{line}");
    }

    #[test]
    fn a_fragment_says_how_to_measure_again_and_no_date() {
        let text = fragment(&record(), "bench report");
        assert!(text.starts_with("<!-- Made by `bench report`"), "{text}");
        assert!(
            text.contains("rounds (3 of each)") && text.contains("Commit abc") && text.contains("2 cores, 4.0 GiB")
        );
    }
}
