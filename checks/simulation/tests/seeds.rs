//! A thousand seeds; `SIMULATION_SEEDS=5000..6000` runs others, `SIMULATION_SEEDS=17` one, with its frames.

use std::sync::atomic::{AtomicU64, Ordering};

use simulation::{Outcome, Setup, simulate};

/// Seeds that the ordinary run takes.
const SEEDS: std::ops::Range<u64> = 0..1_000;

/// Connections that must have met a commit during their resume, in a thousand seeds.
const BOUNDARIES: usize = 10_000;

fn seeds() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("SIMULATION_SEEDS") else { return SEEDS };
    match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&text)..number(&text) + 1,
    }
}

/// Runs the seeds on as many threads as there are processors; each run is on one.
fn all(seeds: std::ops::Range<u64>) -> Vec<Result<Outcome, String>> {
    let (next, end) = (&AtomicU64::new(seeds.start), seeds.end);
    let one = move || -> Vec<_> {
        let taken = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&seed| seed < end));
        let trace = end - seeds.start == 1;
        let run = |seed| {
            let outcome = simulate(Setup::new(seed))?;
            Ok(if trace { outcome } else { Outcome { trace: Vec::new(), ..outcome } })
        };
        taken.map(run).collect()
    };
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a run that fails says so")).collect()
    })
}

fn number(text: &str) -> u64 {
    text.parse().expect("SIMULATION_SEEDS is a seed like 17 or a range like 5000..6000")
}

#[test]
fn whatever_happens_nothing_acknowledged_is_lost_and_every_log_is_the_stores() {
    let seeds = seeds();
    let count = seeds.end - seeds.start;
    let (mut boundaries, mut crashes) = (0, 0);
    for outcome in all(seeds) {
        let outcome = outcome.unwrap_or_else(|problem| panic!("{problem}"));
        boundaries += outcome.boundaries;
        crashes += outcome.crashes;
        if count == 1 {
            outcome.trace.iter().for_each(|line| println!("{line}"));
        }
    }
    println!("{count} seeds, {crashes} crashes, {boundaries} connections that met a commit while they resumed");
    assert!(count < 1_000 || boundaries >= BOUNDARIES, "too few boundaries: {boundaries}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in [1, 2, 3] {
        assert_eq!(simulate(Setup::new(seed)), simulate(Setup::new(seed)));
    }
}
