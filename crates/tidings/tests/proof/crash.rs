//! Ends: whatever had reached a receiver is in the history afterwards.

use std::collections::BTreeMap;

use rustix::process::Signal;

use crate::world::{Load, Plan, Streams};

#[test]
fn after_kill_9_everything_that_had_reached_a_receiver_is_in_the_history() {
    let plan = Plan::dev().unlimited().shards(2);
    let mut streams = Streams::default();
    for (name, enough) in [("first", 100), ("second", 5_000), ("third", 12_345)] {
        let server = plan.start();
        let mut load = Load::new(&server, name, 200, 1_000, &mut streams);
        load.run(16, enough);
        server.signal(Signal::KILL);
        assert_eq!(load.run_out(), BTreeMap::new(), "nobody is told");
        drop(load);
        assert_eq!(server.wait().0, None, "killed");
        let server = plan.start();
        streams.are_kept_by(&server);
    }
    assert!(streams.messages() >= 17_445, "{}", streams.messages());
}

#[test]
fn sigterm_under_load_closes_everybody_with_1012_and_loses_nothing() {
    for (name, spread) in [("at once", "0s"), ("spread", "500ms")] {
        let plan = Plan::dev().unlimited().set("SERVER__DRAIN_SPREAD", spread);
        let server = plan.start();
        let mut streams = Streams::default();
        let mut load = Load::new(&server, name, 200, 2_000, &mut streams);
        let all = load.connections();
        load.run(16, 2_000);
        server.signal(Signal::TERM);
        assert_eq!(load.run_out(), BTreeMap::from([(1012, all)]));
        drop(load);
        let (code, said) = server.wait();
        assert_eq!(code, Some(0), "{said}");
        let server = plan.start();
        streams.are_kept_by(&server);
    }
}
