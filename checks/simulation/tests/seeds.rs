//! A thousand seeds; `SIMULATION_SEEDS=5000..6000` runs others, `SIMULATION_SEEDS=17` one, with its frames.

use simulation::{Setup, simulate};

/// Seeds that the ordinary run takes.
const SEEDS: std::ops::Range<u64> = 0..1_000;

/// Connections that must have met a commit during their resume, in a thousand seeds.
const BOUNDARIES: usize = 10_000;

fn seeds() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("SIMULATION_SEEDS") else { return SEEDS };
    match text.split_once("..") {
        Some((from, to)) => from.parse().unwrap()..to.parse().unwrap(),
        None => text.parse::<u64>().map(|seed| seed..seed + 1).unwrap(),
    }
}

#[test]
fn whatever_happens_nothing_acknowledged_is_lost_and_every_log_is_the_stores() {
    let seeds = seeds();
    let count = seeds.end - seeds.start;
    let (mut boundaries, mut crashes) = (0, 0);
    for seed in seeds {
        let outcome = simulate(Setup::new(seed)).unwrap_or_else(|problem| panic!("{problem}"));
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
