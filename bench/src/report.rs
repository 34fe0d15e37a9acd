//! Tables of a comparison, as text and as Markdown.

use crate::compare::Row;
use crate::latency::Quantiles;
use crate::scenario::{Round, Scenario};
use crate::statistics::Summary;

const HEADINGS: [&str; 10] = [
    "scenario",
    "connections",
    "unit",
    "floor",
    "server",
    "server ÷ floor",
    "a second",
    "server RSS MiB",
    "first recipient p50 / p99 µs",
    "last recipient p50 / p99 µs",
];

/// The table for a terminal: columns padded to the longest of their cells.
#[must_use]
pub fn text(rows: &[Row]) -> String {
    let table = cells(rows);
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
pub fn markdown(rows: &[Row]) -> String {
    let mut lines: Vec<String> = cells(rows).iter().map(|cells| format!("| {} |\n", cells.join(" | "))).collect();
    lines.insert(1, format!("|{}\n", "---|".repeat(HEADINGS.len())));
    lines.concat()
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
    lines
}

fn cells(rows: &[Row]) -> Vec<Vec<String>> {
    let mut table = vec![HEADINGS.map(str::to_owned).to_vec()];
    table.extend(rows.iter().map(|row| {
        let seconds: Vec<f64> = row.server.iter().filter_map(|round| round.per_second).collect();
        // What the floor keeps of an idle connection is nearly nothing, and a ratio to that says nothing.
        let ratio = if row.scenario == Scenario::Idle { "–".to_owned() } else { spread(row.ratio()) };
        vec![
            row.scenario.to_string(),
            row.size.connections.to_string(),
            row.scenario.unit().to_owned(),
            spread(row.floor_cost()),
            spread(row.server_cost()),
            ratio,
            if seconds.is_empty() { "–".to_owned() } else { format!("{:.0}", Summary::of(&seconds).median) },
            memory(&row.server),
            latencies(&row.server, |round| round.first),
            latencies(&row.server, |round| round.last),
        ]
    }));
    table
}

fn spread(summary: Summary) -> String {
    let Summary { median, min, max } = summary;
    format!("{} ({}–{})", number(median), number(min), number(max))
}

/// Three significant digits or so: small figures need their decimals, great ones don't.
fn number(value: f64) -> String {
    match value.abs() {
        small if small < 1.0 => format!("{value:.3}"),
        middle if middle < 100.0 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}

fn memory(rounds: &[Round]) -> String {
    let mib: Vec<f64> = rounds.iter().filter_map(|round| Some(round.resident_kib? as f64 / 1024.0)).collect();
    if mib.is_empty() { "–".to_owned() } else { format!("{:.1}", Summary::of(&mib).median) }
}

fn latencies(rounds: &[Round], of: impl Fn(&Round) -> Option<Quantiles>) -> String {
    let found: Vec<Quantiles> = rounds.iter().filter_map(of).collect();
    if found.is_empty() {
        return "–".to_owned();
    }
    let median = |of: fn(&Quantiles) -> f64| Summary::of(&found.iter().map(of).collect::<Vec<_>>()).median;
    format!("{:.0} / {:.0}", median(|one| one.p50), median(|one| one.p99))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let scenario = Scenario::Fanout { under_way: 32 };
        let round = |cost| Round {
            cost: Some(cost),
            resident_kib: Some(20 * 1024),
            per_second: Some(1000.0),
            first: Some(Quantiles { p50: 50.0, p99: 90.0, max: 91.0 }),
            last: None,
            extra: Vec::new(),
        };
        Row {
            scenario,
            size: scenario.usual_size(),
            floor: [4.0, 4.2, 4.1].map(round).to_vec(),
            server: [0.2, 0.21, 0.41].map(round).to_vec(),
        }
    }

    #[test]
    fn a_row_tells_medians_spread_and_ratio() {
        let markdown = markdown(&[row()]);
        let lines: Vec<&str> = markdown.lines().collect();
        assert_eq!(lines[1], "|---|---|---|---|---|---|---|---|---|---|");
        assert_eq!(
            lines[2],
            "| fanout32 | 1000 | CPU µs a delivery | 4.10 (4.00–4.20) | 0.210 (0.200–0.410) | 0.050 (0.050–0.100) \
             | 1000 | 20.0 | 50 / 90 | – |"
        );
    }

    #[test]
    fn the_text_has_its_columns_below_one_another() {
        let text = text(&[row()]);
        let column = |line: &str, word: &str| {
            let at = line.find(word).expect("the cell is in its line");
            line[..at].chars().count()
        };
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(column(lines[0], "unit"), column(lines[1], "CPU µs"));
        assert_eq!(column(lines[0], "server ÷"), column(lines[1], "0.050"));
    }
}
