//! What `tidings bench` asks of a server, asked of a small one.

use std::time::Duration;

use bench::handshake;
use bench::probe::{Finding, Person, Plan, Probe, Progress, Rate, Speaker, Watch};

use crate::relay::{Mischief, Relay};

#[test]
fn a_probe_sends_for_its_time_at_its_rate_and_stops() {
    let relay = Relay::start(Mischief::None);
    let plan = relay.plan(Rate::PerSecond(100.0));
    let (mut probe, connect) = Probe::connect(&plan, &mut Patient).expect("the relay takes all");
    assert_eq!((connect.count, connect.last.is_some()), (10, true));
    for under_way in [1, 32] {
        let found = probe.private(under_way, &mut Patient).expect("a run");
        assert!(found.is_clean() && found.sent == found.count, "{found:?}");
        // 0.3 s of a hundred a second, the first at once, and some that a late timer caught up with.
        assert!((1..=33).contains(&found.sent), "{found:?}");
    }
    assert_eq!(probe.idle(&mut Patient).expect("nothing happens").of_others, 0);
}

#[test]
fn a_probe_whose_watch_says_no_ends_without_a_fault() {
    let relay = Relay::start(Mischief::None);
    let plan = Plan { time: Duration::from_secs(3_600), ..relay.plan(Rate::Unbounded) };
    let (mut probe, _) = Probe::connect(&plan, &mut Patient).expect("the relay takes all");
    let found = probe.private(4, &mut Until(100)).expect("it was ended");
    assert!(found.is_clean() && found.count >= 100, "{found:?}");
    assert!(Probe::connect(&plan, &mut Until(0)).is_err(), "there are no connections to go on with");
}

#[test]
fn a_probe_finds_what_a_server_does_wrong() {
    assert!(Relay::start(Mischief::None).probe().is_clean());
    let lost = Relay::start(Mischief::Loses).probe();
    assert_eq!((lost.lost, lost.doubled, lost.is_clean()), (1, 0, false), "{lost:?}");
    let doubled = Relay::start(Mischief::Doubles).probe();
    assert_eq!((doubled.lost, doubled.doubled), (0, 1), "{doubled:?}");
    let changed = Relay::start(Mischief::Changes).probe();
    assert_eq!((changed.lost, changed.of_others), (1, 1), "the changed one is nobody's: {changed:?}");
}

/// Looks on to the end.
struct Patient;

impl Watch for Patient {
    fn goes_on(&mut self, _: Progress) -> bool {
        true
    }
}

/// Says no when so many are done.
struct Until(u64);

impl Watch for Until {
    fn goes_on(&mut self, progress: Progress) -> bool {
        progress.done < self.0
    }
}

impl Relay {
    /// Ten users who talk for 0.3 s; what doesn't come within a second is lost.
    fn plan(&self, rate: Rate) -> Plan {
        let host = self.address.to_string();
        let person = |user: u32| Person {
            id: user.to_string(),
            request: handshake::request(&host, &format!("/ws?user={user}"), ""),
        };
        Plan {
            address: self.address,
            people: (1..=10).map(person).collect(),
            time: Duration::from_millis(300),
            rate,
            content_bytes: 64,
            mark: u32::MAX,
            silence: Duration::from_secs(1),
            pid: None,
        }
    }

    /// Lets user 1 speak to a group of all.
    fn probe(&self) -> Finding {
        let plan = self.plan(Rate::Unbounded);
        let (mut probe, _) = Probe::connect(&plan, &mut Patient).expect("the relay takes all");
        probe.crowd(Speaker::Member { group: "5" }, &mut Patient).expect("what is lost is found, not an error")
    }
}
