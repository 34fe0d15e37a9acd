//! Every figure of every row, latencies and what only one scenario tells included: medians with their spread.

use super::record::{Entry, Figure, Measured};
use super::table::{NOTHING, spread};
use crate::statistics::Summary;

/// For a terminal: a line a figure.
pub(super) fn text(rows: &[Entry]) -> String {
    let line = |entry: &Entry, [name, unit, beside, server]: [String; 4]| {
        format!("{} {name}, {unit}: {} {beside}, server {server}\n", entry.name(), entry.beside)
    };
    rows.iter().flat_map(|entry| figures(entry).into_iter().map(move |figure| line(entry, figure))).collect()
}

/// A table in Markdown.
pub(super) fn markdown(rows: &[Entry]) -> String {
    let head = "| scenario | connections | figure | unit | compared with | its value | server |\n|---|---|---|---|---|---|---|\n";
    let line = |entry: &Entry, [name, unit, beside, server]: [String; 4]| {
        let Entry { scenario, connections, beside: word, .. } = entry;
        format!("| {scenario} | {connections} | {name} | {unit} | {word} | {beside} | {server} |\n")
    };
    let lines = rows.iter().flat_map(|entry| figures(entry).into_iter().map(move |figure| line(entry, figure)));
    head.to_owned() + &lines.collect::<String>()
}

/// Name, unit, and the value on both sides. None of a row that failed.
fn figures(entry: &Entry) -> Vec<[String; 4]> {
    if entry.failed.is_some() {
        return Vec::new();
    }
    let all = |rounds: &[Measured]| -> Vec<Figure> { rounds.iter().flat_map(all).collect() };
    let (beside, server) = (all(&entry.floor), all(&entry.server));
    let mut names: Vec<(&str, &str)> = Vec::new();
    for Figure { name, unit, .. } in server.iter().chain(&beside) {
        if !names.contains(&(name, unit)) {
            names.push((name, unit));
        }
    }
    let line =
        |(name, unit): (&str, &str)| [name.to_owned(), unit.to_owned(), value(&beside, name), value(&server, name)];
    names.into_iter().map(line).collect()
}

/// Over the rounds that could tell it.
fn value(figures: &[Figure], name: &str) -> String {
    let of_name: Vec<&Figure> = figures.iter().filter(|figure| figure.name == name).collect();
    let told: Vec<f64> = of_name.iter().filter_map(|figure| figure.value).collect();
    match (of_name.len(), told.len()) {
        (0, _) => NOTHING.to_owned(),
        (_, 0) => "not told".to_owned(),
        _ => spread(Some(Summary::of(&told))),
    }
}

fn all(round: &Measured) -> Vec<Figure> {
    let figure = |name: String, value: f64, unit: &str| Figure { name, value: Some(value), unit: unit.to_owned() };
    let mut all = Vec::new();
    all.extend(round.per_second.map(|value| figure("a second".to_owned(), value, "1/s")));
    for (name, quantiles) in [("first recipient", round.first), ("last recipient", round.last)] {
        let Some(quantiles) = quantiles else { continue };
        for (which, value) in [("p50", quantiles.p50), ("p99", quantiles.p99), ("longest", quantiles.max)] {
            all.push(figure(format!("{name} {which}"), value, "µs"));
        }
    }
    let resident = round.resident_kib.map(|kib| kib as f64 / 1024.0);
    all.extend(resident.map(|mib| figure("resident memory at the end".to_owned(), mib, "MiB")));
    all.extend(round.figures.iter().cloned());
    all
}

#[cfg(test)]
mod tests {
    use super::super::tests::entry;
    use super::*;
    use crate::latency::Quantiles;

    fn durable() -> Entry {
        let pause = |value| Figure { name: "longest pause".to_owned(), value, unit: "ms".to_owned() };
        let round = |factor: f64| Measured {
            last: Some(Quantiles { p50: 10.0 * factor, p99: 20.0 * factor, max: 30.0 * factor }),
            figures: vec![pause(Some(factor))],
            ..Measured::default()
        };
        let floor = Measured { figures: Vec::new(), ..round(1.0) };
        let server = [3.0, 1.0, 2.0].map(round).to_vec();
        Entry { scenario: "durable32".to_owned(), floor: vec![floor], server, ..entry() }
    }

    #[test]
    fn each_figure_has_its_median_and_spread_on_both_sides() {
        let text = text(&[durable()]);
        assert!(
            text.contains(
                "durable32@1000 last recipient p99, µs: floor 20.00 (20.00–20.00), server 40.00 (20.00–60.00)\n"
            ),
            "{text}"
        );
        assert!(text.contains("durable32@1000 longest pause, ms: floor –, server 2.00 (1.00–3.00)\n"), "{text}");
        let markdown = markdown(&[durable()]);
        assert_eq!(markdown.lines().count(), 2 + 4, "{markdown}");
        assert!(
            markdown.contains("| durable32 | 1000 | longest pause | ms | floor | – | 2.00 (1.00–3.00) |"),
            "{markdown}"
        );
    }

    #[test]
    fn a_figure_that_could_not_be_told_says_so() {
        let mut entry = durable();
        entry.server.iter_mut().for_each(|round| round.figures[0].value = None);
        assert!(text(&[entry]).contains("longest pause, ms: floor –, server not told\n"));
    }
}
