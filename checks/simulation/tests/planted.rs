//! Mistakes that the simulation must find, each within a few hundred seeds:
//!
//! | mistake | found by |
//! |---|---|
//! | the store tells of commits before they are synced | an acknowledged message is not stored after a crash |
//! | the store tells a seq twice | a seq comes twice on one connection, or a hole |
//! | a backup keeps its epoch | a client's log differs from the store's |
//! | the store forgets keys | a repeated message is stored twice |
//! | a page leaves a message out | a hole |
//! | a reading sees less than was told before | a message never comes |
//! | a stream goes live after one reading | a hole |
//! | live messages are sent during the replay | a hole, or a seq twice |
//! | what was replayed is sent again | a seq twice on one connection |
//! | what comes before the `welcome` is dropped | a hole |
//! | acknowledgements don't wait for their place | a hole |
//! | a connection is registered after its first reading | a hole |

use simulation::{Flaw, Setup, simulate};
use tidings_engine::Planted;

/// Seeds in which a mistake must show itself.
const SEEDS: u64 = 300;

fn found(setup: impl Fn(u64) -> Setup) -> Option<String> {
    (0..SEEDS).find_map(|seed| simulate(setup(seed)).err())
}

#[test]
fn every_mistake_of_the_engine_is_found() {
    for planted in [
        Planted::SkipSecondReading,
        Planted::LiveDuringReplay,
        Planted::ForgetFloors,
        Planted::DropEarly,
        Planted::AcknowledgeOutOfOrder,
        Planted::RegisterLate,
    ] {
        let problem = found(|seed| Setup { planted: Some(planted), ..Setup::new(seed) });
        println!("{planted:?}: {problem:?}");
        assert!(problem.is_some(), "{planted:?} was not found in {SEEDS} seeds");
    }
}

#[test]
fn every_mistake_of_the_store_is_found() {
    for flaw in [
        Flaw::AcknowledgeBeforeSync,
        Flaw::ReuseSeq,
        Flaw::ForgetEpoch,
        Flaw::ForgetKey,
        Flaw::HoleInPage,
        Flaw::StaleReading,
    ] {
        let problem = found(|seed| Setup { flaw: Some(flaw), ..Setup::new(seed) });
        println!("{flaw:?}: {problem:?}");
        assert!(problem.is_some(), "{flaw:?} was not found in {SEEDS} seeds");
    }
}
