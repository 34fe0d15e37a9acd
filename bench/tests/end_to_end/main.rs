//! The generator against the floor and against a small relay, over real sockets.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use bench::dialect::Dialect;
use bench::identity::Credentials;
use bench::message::Answers;
use bench::process::Server;
use bench::scenario::{Round, Running, Scenario, Size};
use bench::target::Target;

mod probe;
mod relay;

use relay::{Mischief, Relay};

const BENCH: &str = env!("CARGO_BIN_EXE_bench");

const SMALL: Size = Size { connections: 10, messages: 50, content_bytes: 128 };

fn target(address: SocketAddr) -> Target {
    Target {
        address,
        path: "/ws?user={user}".to_owned(),
        credentials: Credentials::default(),
        dialect: Dialect::Guide,
        first_user: 1,
        silence: Duration::from_secs(10),
    }
}

fn running(target: Target, answers: Answers, pid: Option<u32>) -> Running {
    Running { target, answers, pid, service_key: None, data: None, beside: false }
}

/// Runs a scenario against a floor of its own.
fn on_the_floor(scenario: &str, size: Size) -> Round {
    let scenario: Scenario = scenario.parse().expect("a known scenario");
    let online_in_a_group = scenario.setup(size, true).online_in_a_group;
    let floor = Server::floor(Path::new(BENCH), size.content_bytes, online_in_a_group).expect("the floor starts");
    let running = running(target(floor.address()), Answers::Constant, Some(floor.pid()));
    scenario.run(&running, size).expect("a run without faults")
}

#[test]
fn the_floor_delivers_a_fan_out_to_all_and_is_charged_for_it() {
    for scenario in ["fanout1", "fanout32", "fanout200"] {
        let round = on_the_floor(scenario, SMALL);
        assert!(round.cost.expect("it has a process") > 0.0, "{scenario}");
        let (first, last) = (round.first.expect("all arrived"), round.last.expect("all arrived"));
        assert!(first.p50 <= last.p50, "{scenario}: the first recipient can't be later than the last");
    }
}

#[test]
fn the_floor_delivers_private_messages_to_their_receivers() {
    for scenario in ["private1", "private32", "durable7"] {
        let round = on_the_floor(scenario, SMALL);
        assert!(round.cost.expect("it has a process") > 0.0, "{scenario}");
        assert!(round.last.is_some() && round.per_second.expect("it counts") > 0.0, "{scenario}");
    }
}

#[test]
fn the_floor_delivers_to_groups_and_in_bursts() {
    for (scenario, connections) in [("group10", 10), ("group100", 22), ("fanout-burst16", 10), ("private-burst16", 10)]
    {
        let round = on_the_floor(scenario, Size { connections, messages: 64, ..SMALL });
        assert!(round.cost.expect("it has a process") > 0.0, "{scenario}");
        assert_eq!(round.first.is_some(), ["group100", "fanout-burst16"].contains(&scenario), "{scenario}");
        assert!(round.last.is_some(), "{scenario}");
    }
}

#[test]
fn two_users_are_measured_beside_a_flooded_group() {
    let size = Size { connections: 12, messages: 50, ..SMALL };
    let round = on_the_floor("fairness", size);
    assert!(round.last.is_some_and(|last| round.cost == Some(last.p99)), "the cost is the message's p99");
    let figure = |name: &str| round.extra.iter().find(|figure| figure.name == name).map(|figure| figure.value);
    assert!(figure("messages beside").is_some_and(|beside| beside > 0.0), "{:?}", round.extra);
    assert!(figure("server's own: read to write, p99").is_some_and(f64::is_nan), "the floor has no metrics");
}

#[test]
fn two_users_are_measured_beside_senders_who_saturate_the_socket() {
    let round = on_the_floor("beside-senders", Size { connections: 22, messages: 50, ..SMALL });
    assert!(
        round.extra.iter().any(|figure| figure.name == "messages beside" && figure.value > 0.0),
        "{:?}",
        round.extra
    );
}

#[test]
fn what_goes_on_beside_must_be_possible() {
    let relay = Relay::start(Mischief::None);
    let error = relay.measure("beside-bulk").expect_err("posting needs a key, and there is none");
    assert!(error.contains("service key"), "{error}");
}

#[test]
fn shards_that_a_server_has_not_are_not_told() {
    for scenario in ["two-shards-fanout", "two-shards-private"] {
        let round = on_the_floor(scenario, SMALL);
        assert!(round.cost.expect("it has a process") > 0.0, "{scenario}");
        assert!(round.extra.iter().all(|figure| figure.value.is_nan()), "{scenario}: {:?}", round.extra);
    }
}

#[test]
fn a_pause_of_kept_messages_is_told() {
    let round = on_the_floor("durable7", SMALL);
    let pause = round.extra.iter().find(|figure| figure.name == "longest pause of deliveries").expect("it is told");
    assert!(pause.value > 0.0, "{pause:?}");
}

#[test]
fn connections_that_churned_are_charged_at_rest() {
    let floor = Server::floor(Path::new(BENCH), 128, 0).expect("the floor starts");
    let beside = Running { beside: true, ..running(target(floor.address()), Answers::Constant, Some(floor.pid())) };
    let size = Size { connections: 100, ..SMALL };
    let round = "churn".parse::<Scenario>().expect("it is known").run(&beside, size).expect("a run without faults");
    assert!(round.cost.is_some() && round.resident_kib.is_some());
    assert!(round.extra.iter().any(|figure| figure.name == "time to come to rest" && figure.value >= 0.0));
}

#[test]
fn a_reader_that_stopped_is_seen_to_be_closed_as_a_slow_one() {
    let round = Relay::start(Mischief::GivesUp).measure("stalled").expect("the others are without fault");
    let closed = round.extra.iter().find(|figure| figure.name == "read the close frame 4409 in the end");
    assert_eq!(closed.expect("it is told").value, 1.0, "{:?}", round.extra);
}

#[test]
fn connecting_and_idling_are_charged_too() {
    let size = Size { connections: 200, ..SMALL };
    assert!(on_the_floor("connect", size).cost.expect("it has a process") > 0.0);
    assert!(on_the_floor("idle", size).cost.is_some());
}

#[test]
fn a_comparison_of_the_floor_with_itself_prints_its_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("table.md");
    let server = format!("'{BENCH}' floor --listen 127.0.0.1:{{port}}");
    let output = Command::new(BENCH)
        .args(["compare", "--server", &server, "--answers", "constant", "--scenario", "fanout1,private4,connect"])
        .args(["--rounds", "2", "--connections", "10", "--messages", "50", "--markdown"])
        .arg(&file)
        .output()
        .expect("the binary runs");
    let text = String::from_utf8(output.stdout).expect("the table is UTF-8");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let names: Vec<&str> =
        text.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["scenario", "fanout1", "private4", "connect"]);
    let markdown = std::fs::read_to_string(file).expect("it was written");
    let table = markdown.lines().take_while(|line| !line.is_empty());
    assert_eq!(table.filter(|line| line.starts_with("| ")).count(), 4, "{markdown}");
}

#[test]
fn a_report_is_made_again_from_its_results_without_measuring() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, again) = (folder.path().join("first"), folder.path().join("again"));
    let report = |arguments: &[&str], into: &Path| {
        let output = Command::new(BENCH).arg("report").args(arguments).arg("--into").arg(into).output();
        let output = output.expect("the binary runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("the table is UTF-8")
    };
    let server = format!("'{BENCH}' floor --listen 127.0.0.1:{{port}}");
    let small = ["--server", &server, "--answers", "constant", "--scenario", "fanout1,fanout1@10", "--rounds", "2"];
    let told = report(&[&small[..], &["--messages", "50"]].concat(), &first);
    assert_eq!(told.matches("≤ 1.05 of the floor").count(), 1, "the goal is for 1,000 connections: {told}");
    let results = first.join("results.json");
    assert_eq!(report(&["--from", results.to_str().expect("a plain path")], &again), told);
    for name in ["results.json", "table.md", "figures.md", "chart.svg"] {
        let read = |folder: &Path| std::fs::read_to_string(folder.join(name)).expect("it was written");
        assert_eq!(read(&first), read(&again), "{name}");
    }
}

#[test]
fn a_scenario_that_fails_says_why_and_takes_none_of_the_others_along() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = format!("'{BENCH}' floor --listen 127.0.0.1:{{port}}");
    let output = Command::new(BENCH)
        .args(["report", "--server", &server, "--answers", "constant", "--scenario", "fanout1,group10,private4"])
        .args(["--rounds", "1", "--connections", "10", "--messages", "50", "--into"])
        .arg(folder.path())
        .output()
        .expect("the binary runs");
    let text = String::from_utf8(output.stdout).expect("the table is UTF-8");
    let told = String::from_utf8(output.stderr).expect("and what is told beside it");
    assert_eq!(output.status.code(), Some(1), "{told}");
    let cells: Vec<(&str, bool)> =
        text.lines().filter_map(|line| Some((line.split_whitespace().next()?, line.contains("FAILED")))).collect();
    assert_eq!(cells, [("scenario", false), ("fanout1", false), ("group10", true), ("private4", false)], "{text}");
    assert!(told.contains("3 scenarios, about 1 min") && told.contains("group10@10 FAILED"), "{told}");
    let results = std::fs::read_to_string(folder.path().join("results.json")).expect("it was written nonetheless");
    assert!(results.contains("keys new"), "the reason is kept: {results}");
}

#[test]
fn what_is_not_built_is_said_before_anything_is_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(BENCH)
        .args(["report", "--server", "target/none/tidings serve", "--scenario", "fanout1", "--into"])
        .arg(folder.path())
        .output()
        .expect("the binary runs");
    let told = String::from_utf8(output.stderr).expect("it is told in words");
    assert!(!output.status.success() && told.contains("`cargo build --release -p tidings`"), "{told}");
}

#[test]
fn a_server_that_relays_each_message_once_is_without_fault() {
    let relay = Relay::start(Mischief::None);
    for scenario in ["fanout1", "fanout4", "private1", "private20", "fanout-burst4", "private-burst4"] {
        relay.measure(scenario).unwrap_or_else(|error| panic!("{scenario}: {error}"));
    }
}

#[test]
fn a_server_that_speaks_no_second_dialect_is_found_out() {
    for scenario in ["fanout4-v1", "durable4-v1"] {
        let error = Relay::start(Mischief::None).measure(scenario).expect_err("a relay greets nobody");
        assert!(error.contains("nothing happened") || error.contains("ended"), "{scenario}: {error}");
    }
}

#[test]
fn what_needs_a_server_of_its_own_says_so() {
    let error = Relay::start(Mischief::None).measure("restart-v1").expect_err("nobody prepared it");
    assert!(error.contains("`compare` alone"), "{error}");
}

#[test]
fn a_server_that_loses_a_message_is_found_out() {
    let lossy = Relay::start(Mischief::Loses);
    let error = lossy.measure("fanout4").expect_err("user 3 never got message 7");
    assert!(error.contains("message 7 to user 3 never came"), "{error}");
}

#[test]
fn a_server_that_sends_a_message_twice_is_found_out() {
    let error = Relay::start(Mischief::Doubles).measure("fanout4").expect_err("user 3 got message 7 twice");
    assert!(error.contains("1 doubled") && error.contains("message 7 to user 3 came twice"), "{error}");
}

#[test]
fn a_server_that_exchanges_two_messages_is_found_out() {
    let error = Relay::start(Mischief::Reorders).measure("fanout4").expect_err("user 3 got message 8 before 7");
    assert!(error.contains("1 reordered") && error.contains("message 7 to user 3"), "{error}");
}

#[test]
fn a_server_that_changes_a_message_is_found_out() {
    let error = Relay::start(Mischief::Changes).measure("fanout4").expect_err("user 3 got another message 7");
    assert!(error.contains("user 3 got an unexpected message"), "{error}");
}

#[test]
fn a_server_that_refuses_the_upgrade_is_quoted() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let answering = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the generator connects");
        let mut head = [0; 4096];
        let read = stream.read(&mut head).expect("it asks");
        assert!(head[..read].starts_with(b"GET /ws?user="));
        stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nwho??").expect("it listens");
    });
    let running = running(target(address), Answers::Counted, None);
    // One alone: another would be reset when the listener goes.
    let size = Size { connections: 1, ..SMALL };
    let error = "connect".parse::<Scenario>().expect("it is known").run(&running, size).expect_err("it was refused");
    assert!(format!("{error:#}").contains("401 Unauthorized"), "{error:#}");
    answering.join().expect("the server's checks hold");
}
