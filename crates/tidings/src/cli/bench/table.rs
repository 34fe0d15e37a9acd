//! What was found, as a table for a person and as JSON for a program.

use bench::{latency::Quantiles, probe::Finding};
use serde_json::json;

/// The table, with notes below it.
pub(super) fn text(findings: &[Finding]) -> String {
    let columns: Vec<&Column> = COLUMNS.iter().filter(|column| column.always || column.is_used(findings)).collect();
    let mut rows = vec![columns.iter().map(|column| column.heading.to_owned()).collect::<Vec<_>>()];
    rows.extend(findings.iter().map(|finding| {
        columns.iter().map(|column| (column.cell)(finding).unwrap_or_else(|| "–".to_owned())).collect()
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let padded: Vec<_> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    for finding in findings {
        if let Some(fault) = &finding.fault {
            lines.push(format!("{}: {fault}", finding.scenario));
        }
    }
    let of_others: u64 = findings.iter().map(|finding| finding.of_others).sum();
    if of_others > 0 {
        lines.push(format!("{of_others} messages of others arrived meanwhile; they are not counted."));
    }
    lines.join("\n")
}

/// All figures; latencies in microseconds.
pub(super) fn json(findings: &[Finding], ended: Option<&str>) -> String {
    let document = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "findings": findings,
        "ended": ended,
    });
    format!("{document:#}\n")
}

/// Of fewer connections, the pages that a process takes at a time say more than the connections.
const TELLING: u64 = 1_000;

struct Column {
    heading: &'static str,
    /// Others are left out where no finding has them.
    always: bool,
    cell: fn(&Finding) -> Option<String>,
}

impl Column {
    fn is_used(&self, findings: &[Finding]) -> bool {
        findings.iter().any(|finding| (self.cell)(finding).is_some())
    }
}

const COLUMNS: [Column; 9] = [
    Column { heading: "asked", always: true, cell: |finding| Some(finding.scenario.clone()) },
    Column { heading: "count", always: true, cell: |finding| Some(format!("{} {}", finding.count, finding.counts)) },
    Column { heading: "seconds", always: true, cell: |finding| Some(format!("{:.1}", finding.seconds)) },
    Column { heading: "a second", always: true, cell: |finding| finding.per_second.map(number) },
    Column { heading: "p50 / p99 / longest ms", always: true, cell: |finding| finding.last.map(all) },
    Column { heading: "first of many", always: false, cell: |finding| finding.first.map(all) },
    Column {
        heading: "lost / doubled / out of order",
        always: true,
        cell: |finding| {
            let Finding { lost, doubled, reordered, .. } = finding;
            (finding.sent > 0 && finding.counts == "deliveries").then(|| format!("{lost} / {doubled} / {reordered}"))
        },
    },
    Column { heading: "server's CPU µs each", always: false, cell: |finding| finding.cpu_micros_each.map(number) },
    Column {
        heading: "server's memory",
        always: false,
        cell: |finding| {
            let mib = format!("{:.1} MiB", finding.resident_kib? as f64 / 1024.0);
            let each = finding
                .kib_each
                .filter(|_| finding.count >= TELLING)
                .map(|each| format!(", {each:.2} KiB a connection"));
            Some(mib + &each.unwrap_or_default())
        },
    },
];

fn all(Quantiles { p50, p99, max }: Quantiles) -> String {
    [p50, p99, max].map(|micros| number(micros / 1_000.0)).join(" / ")
}

/// Three significant digits or so.
fn number(value: f64) -> String {
    match value.abs() {
        small if small < 1.0 => format!("{value:.3}"),
        middle if middle < 100.0 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}
