//! The generator against the floor and against a small relay, over real sockets.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bench::frame;
use bench::handshake;
use bench::identity::Credentials;
use bench::message::Answers;
use bench::probe::{Finding, Person, Plan, Probe, Progress, Rate, Speaker, Watch};
use bench::process::Server;
use bench::scenario::{Round, Running, Scenario, Size};
use bench::target::Target;

const BENCH: &str = env!("CARGO_BIN_EXE_bench");

const SMALL: Size = Size { connections: 10, messages: 50, content_bytes: 128 };

fn target(address: SocketAddr) -> Target {
    Target {
        address,
        path: "/ws?user={user}".to_owned(),
        credentials: Credentials::default(),
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

/// What a probe's contents begin with: its mark in hexadecimal and its first scenario.
const MARK: &str = "ffffffff01";

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

/// What a relay does wrong, to user 3 with user 1's message 7; or what else it does then.
#[derive(Clone, Copy, PartialEq)]
enum Mischief {
    None,
    Loses,
    Doubles,
    Reorders,
    Changes,
    /// Closes user 10 as a slow reader.
    GivesUp,
}

/// A server that sends messages on as Tidings does, with a thread a connection; or does one thing wrong.
struct Relay {
    address: SocketAddr,
}

#[derive(Default)]
struct Room {
    writers: BTreeMap<u64, TcpStream>,
    held_back: Option<Vec<u8>>,
}

impl Relay {
    fn start(mischief: Mischief) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        // The threads end with the test's process: the accepting one waits for ever, the others until their client goes.
        thread::spawn(move || {
            let room = Arc::new(Mutex::new(Room::default()));
            for stream in listener.incoming() {
                let room = Arc::clone(&room);
                let stream = stream.expect("a connection");
                thread::spawn(move || serve(stream, &room, mischief));
            }
        });
        Self { address }
    }

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

    /// Runs a small scenario; the error is told with its causes.
    fn measure(&self, scenario: &str) -> Result<Round, String> {
        let target = Target { silence: Duration::from_secs(2), ..target(self.address) };
        let running = running(target, Answers::Counted, None);
        let scenario: Scenario = scenario.parse().expect("a known scenario");
        scenario.run(&running, SMALL).map_err(|error| format!("{error:#}"))
    }
}

fn serve(mut stream: TcpStream, room: &Mutex<Room>, mischief: Mischief) {
    stream.set_nodelay(true).expect("a TCP socket");
    let mut bytes = Vec::new();
    let mut scratch = [0; 4096];
    let mut user = None;
    while let Ok(read @ 1..) = stream.read(&mut scratch) {
        bytes.extend_from_slice(&scratch[..read]);
        if user.is_none()
            && let Some(end) = handshake::head_end(&bytes)
        {
            let head = String::from_utf8(bytes.drain(..end).collect()).expect("our client's head");
            let digits = head.split(['=', ' ']).nth(2).unwrap_or_default();
            // Whoever asks for something else, such as metrics, is cut.
            let Ok(number) = digits.parse() else { return };
            user = Some(number);
            let key = handshake::header(&head, "Sec-WebSocket-Key").expect("our client's key");
            let mut room = room.lock().expect("no thread panicked");
            room.writers.insert(number, stream.try_clone().expect("a socket"));
            stream.write_all(handshake::response(key).as_bytes()).expect("the client reads");
        }
        let Some(from) = user else { continue };
        while let Some((found, used)) = frame::split(&bytes).expect("our client's frames") {
            let mut text = vec![0; found.payload.len()];
            found.unmask_into(&mut text);
            bytes.drain(..used);
            room.lock().expect("no thread panicked").relay(from, &text, mischief);
        }
    }
}

impl Room {
    fn relay(&mut self, from: u64, text: &[u8], mischief: Mischief) {
        let message: serde_json::Value = serde_json::from_slice(text).expect("our client's JSON");
        let content = message["content"].as_str().expect("a content");
        let out = serde_json::json!({"type": message["type"], "content": content, "from": from, "user_id": from});
        let mut frame = Vec::new();
        frame::encode_server(&mut frame, frame::TEXT, out.to_string().as_bytes());
        let seventh = from == 1 && content.trim_start_matches(MARK).starts_with("00000000000000000007");
        let to = message["to"].as_u64();
        for (&user, mut writer) in &self.writers {
            let own_group = message["type"] == "group" && user == from;
            if own_group || to.is_some_and(|to| to != user) {
                continue;
            }
            let mut bytes = frame.clone();
            if user == 10 && seventh && mischief == Mischief::GivesUp {
                frame::encode_server(&mut bytes, frame::CLOSE, &4409_u16.to_be_bytes());
            }
            if user == 3 && seventh {
                match mischief {
                    Mischief::None | Mischief::GivesUp => {}
                    Mischief::Loses => continue,
                    Mischief::Doubles => bytes.extend_from_slice(&frame),
                    Mischief::Reorders => {
                        self.held_back = Some(bytes);
                        continue;
                    }
                    Mischief::Changes => *bytes.iter_mut().rfind(|byte| **byte == b'x').expect("filler") = b'y',
                }
            } else if user == 3 {
                bytes.extend(self.held_back.take().unwrap_or_default());
            }
            // A client that has gone needs nothing more.
            let _ = writer.write_all(&bytes);
        }
    }
}
