//! What the drawing shows: which scenarios, against what, with which goals.

use super::chart::{Panel, Row};
use super::goal::{Figure, Goal};
use super::record::Entry;
use super::table::{number, spread};
use crate::latency::Quantiles;

fn ratio(entry: &Entry) -> Option<Row> {
    let ratio = entry.ratio()?;
    let goals: Vec<&Goal> = Goal::of(entry).filter(|goal| goal.figure == Figure::Ratio).collect();
    let mut figures = spread(Some(ratio));
    if !entry.is_beside_the_floor() {
        figures += &format!(" of {}", entry.beside);
    }
    Some(Row {
        name: entry.name(),
        bar: ratio.median,
        tail: None,
        whisker: Some((ratio.min, ratio.max)),
        goals: goals.iter().map(|goal| goal.limit).collect(),
        figures: with_goals(figures, &goals, entry),
        missed: goals.iter().any(|goal| !goal.is_reached(entry)),
    })
}

pub(super) fn floors(entries: &[Entry]) -> Panel {
    Panel {
        head: "CPU for each delivery or connect, as a multiple of the floor's",
        legend: "bar: median of the rounds · whisker: least and greatest · orange mark: goal · 1: the bare epoll loop",
        axis: "times the floor (logarithmic)",
        from: Some(1.0),
        rows: entries.iter().filter(|entry| entry.is_beside_the_floor()).filter_map(ratio).collect(),
    }
}

/// Scenarios that compare the server with itself: two shards with one, many with few at work beside.
pub(super) fn variants(entries: &[Entry]) -> Panel {
    Panel {
        head: "The server beside itself: what each takes, as a multiple of the same without it",
        legend: "CPU for each delivery or client, memory of a connection, or the p99 of a message · bar, whisker and mark as above · 1: what stands behind \"of\"",
        axis: "times the server without it (logarithmic)",
        from: Some(1.0),
        rows: entries.iter().filter(|entry| !entry.is_beside_the_floor()).filter_map(ratio).collect(),
    }
}

pub(super) fn latencies(entries: &[Entry]) -> Panel {
    let row = |entry: &Entry| {
        let quantile = |of: fn(&Quantiles) -> f64| entry.server(move |round| round.last.as_ref().map(of));
        let (p50, p99) = (quantile(|last| last.p50)?, quantile(|last| last.p99)?);
        let goals: Vec<&Goal> =
            Goal::of(entry).filter(|goal| matches!(goal.figure, Figure::P50 | Figure::P99)).collect();
        let both = format!("{} / {} ms", number(p50.median / 1_000.0), number(p99.median / 1_000.0));
        Some(Row {
            name: entry.name(),
            bar: p50.median / 1_000.0,
            tail: Some(p99.median / 1_000.0),
            whisker: None,
            goals: goals.iter().map(|goal| goal.limit / 1_000.0).collect(),
            figures: with_goals(both, &goals, entry),
            missed: goals.iter().any(|goal| !goal.is_reached(entry)),
        })
    };
    Panel {
        head: "From sending a message until its last recipient has it",
        legend: "strong bar: half of the messages (p50) · faint bar: all but one in a hundred (p99) · orange mark: goal",
        axis: "milliseconds (logarithmic)",
        from: None,
        rows: entries.iter().filter_map(row).collect(),
    }
}

/// Goals of memory, of CPU as such and of throughput: how much of its limit each takes.
pub(super) fn others(entries: &[Entry]) -> Panel {
    let row = |entry: &Entry, goal: &Goal| {
        let found = goal.found(entry)?;
        let (what, share) = match goal.figure {
            Figure::Cost if entry.unit.starts_with("KiB") => ("memory", found / goal.limit),
            Figure::Cost => ("CPU", found / goal.limit),
            Figure::PerSecond => ("rate", goal.limit / found),
            Figure::Ratio | Figure::P50 | Figure::P99 => return None,
        };
        let value = if goal.figure == Figure::PerSecond { format!("{found:.0}") } else { number(found) };
        Some(Row {
            name: format!("{} {what}", entry.name()),
            bar: share,
            tail: None,
            whisker: None,
            goals: vec![1.0],
            figures: with_goals(value, &[goal], entry),
            missed: !goal.is_reached(entry),
        })
    };
    let rows = entries.iter().flat_map(|entry| Goal::of(entry).filter_map(move |goal| row(entry, goal)));
    Panel {
        head: "The other goals: memory, CPU, throughput",
        legend: "bar: how much of its limit a figure takes; of a throughput, the goal by what was reached · up to 1: reached",
        axis: "share of the limit (logarithmic)",
        from: None,
        rows: rows.collect(),
    }
}

fn with_goals(mut figures: String, goals: &[&Goal], entry: &Entry) -> String {
    for goal in goals {
        let word = if goal.is_reached(entry) { "reached" } else { "missed" };
        let what = match goal.figure {
            Figure::Ratio => format!("≤ {}", goal.limit),
            _ => goal.to_string(),
        };
        figures += &format!(" · {what} {word}");
    }
    figures
}
