//! Every figure of every row, latencies and what only one scenario tells included: medians with their spread.

use std::fmt::Write as _;

use crate::compare::Row;
use crate::scenario::{Beside, Figure, Round};
use crate::statistics::Summary;

/// For a terminal: a line a figure.
#[must_use]
pub fn text(rows: &[Row]) -> String {
    let line = |row: &Row, [name, unit, beside, server]: [String; 4]| {
        format!("{}@{} {name}, {unit}: {} {beside}, server {server}\n", row.scenario, row.size.connections, word(row))
    };
    rows.iter().flat_map(|row| figures(row).into_iter().map(move |figure| line(row, figure))).collect()
}

/// A table in Markdown.
#[must_use]
pub fn markdown(rows: &[Row]) -> String {
    let mut out = "| scenario | connections | figure | unit | compared with | its value | server |\n|---|---|---|---|---|---|---|\n".to_owned();
    for row in rows {
        for [name, unit, beside, server] in figures(row) {
            let (scenario, connections) = (row.scenario, row.size.connections);
            let _ =
                writeln!(out, "| {scenario} | {connections} | {name} | {unit} | {} | {beside} | {server} |", word(row));
        }
    }
    out
}

/// What only this round's scenario tells, as lines for a terminal.
#[must_use]
pub fn round(round: &Round) -> String {
    round.extra.iter().map(|Figure { name, value, unit }| format!("{name}: {} {unit}\n", number(*value))).collect()
}

fn word(row: &Row) -> &'static str {
    match row.scenario.beside() {
        Beside::Floor => "floor",
        Beside::Variant(word) => word,
    }
}

/// Name, unit, and the value on both sides.
fn figures(row: &Row) -> Vec<[String; 4]> {
    let (beside, server): (Vec<_>, Vec<_>) =
        (row.floor.iter().map(all).collect(), row.server.iter().map(all).collect());
    let mut names: Vec<(&str, &str)> = Vec::new();
    for Figure { name, unit, .. } in server.iter().chain(&beside).flatten() {
        if !names.contains(&(name, unit)) {
            names.push((name, unit));
        }
    }
    let value = |rounds: &[Vec<Figure>], name: &str| {
        let values: Vec<f64> =
            rounds.iter().flatten().filter(|figure| figure.name == name).map(|figure| figure.value).collect();
        if values.is_empty() { "–".to_owned() } else { spread(Summary::of(&values)) }
    };
    let line =
        |(name, unit): (&str, &str)| [name.to_owned(), unit.to_owned(), value(&beside, name), value(&server, name)];
    names.into_iter().map(line).collect()
}

fn all(round: &Round) -> Vec<Figure> {
    let mut all = Vec::new();
    all.extend(round.per_second.map(|value| Figure::new("a second", value, "1/s")));
    for (name, quantiles) in [("first recipient", round.first), ("last recipient", round.last)] {
        let Some(quantiles) = quantiles else { continue };
        for (which, value) in [("p50", quantiles.p50), ("p99", quantiles.p99), ("longest", quantiles.max)] {
            all.push(Figure::new(format!("{name} {which}"), value, "µs"));
        }
    }
    all.extend(round.resident_kib.map(|kib| Figure::new("resident memory at the end", kib as f64 / 1024.0, "MiB")));
    all.extend(round.extra.iter().cloned());
    all
}

fn spread(Summary { median, min, max }: Summary) -> String {
    if median.is_nan() {
        return "not told".to_owned();
    }
    format!("{} ({}–{})", number(median), number(min), number(max))
}

/// Three significant digits or so.
fn number(value: f64) -> String {
    match value.abs() {
        small if small < 1.0 => format!("{value:.3}"),
        middle if middle < 100.0 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::Quantiles;

    fn row() -> Row {
        let round = |factor: f64| Round {
            last: Some(Quantiles { p50: 10.0 * factor, p99: 20.0 * factor, max: 30.0 * factor }),
            extra: vec![Figure::new("longest pause", factor, "ms")],
            ..Round::default()
        };
        let floor = Round { last: round(1.0).last, ..Round::default() };
        let scenario: crate::scenario::Scenario = "durable32".parse().unwrap();
        Row { scenario, size: scenario.usual_size(), floor: vec![floor], server: [3.0, 1.0, 2.0].map(round).to_vec() }
    }

    #[test]
    fn each_figure_has_its_median_and_spread_on_both_sides() {
        let text = text(&[row()]);
        assert!(
            text.contains(
                "durable32@1000 last recipient p99, µs: floor 20.00 (20.00–20.00), server 40.00 (20.00–60.00)\n"
            ),
            "{text}"
        );
        assert!(text.contains("durable32@1000 longest pause, ms: floor –, server 2.00 (1.00–3.00)\n"), "{text}");
        let markdown = markdown(&[row()]);
        assert_eq!(markdown.lines().count(), 2 + 4, "{markdown}");
        assert!(
            markdown.contains("| durable32 | 1000 | longest pause | ms | floor | – | 2.00 (1.00–3.00) |"),
            "{markdown}"
        );
    }

    #[test]
    fn a_figure_that_could_not_be_told_says_so() {
        let mut row = row();
        row.server = vec![Round { extra: vec![Figure::new("turn p99", f64::NAN, "µs")], ..Round::default() }];
        assert!(text(&[row]).contains("turn p99, µs: floor –, server not told\n"));
    }
}
