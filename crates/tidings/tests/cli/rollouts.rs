//! Rollouts of the program: configured, changed at run time, and remembered across its lives.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    client::Client,
    http::request,
    support::process::{Server, run},
};

const PATH: &str = "/v1/types/private/rollout";

#[test]
fn what_was_set_at_run_time_outlives_a_kill_and_wins_over_the_configuration_until_it_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let configured = "[types.private]\nrollout = { percent = 0, users = [7] }\n";
    std::fs::write(folder.path().join("tidings.toml"), configured).unwrap();
    let key = run(folder.path(), &["keys", "new", "--name", "app", "--scope", "admin"]).stdout;
    let server = Server::start(folder.path(), &["--dev"]);
    let ask = |server: &Server, method: &str, body: Option<Value>| {
        let answer = request(server.address, method, PATH, Some(key.trim()), body.as_ref());
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    assert_eq!(ask(&server, "GET", None), json!({"percent": 0, "users": [7], "source": "configuration"}));
    assert_eq!([7, 8].map(|user| may_send(&server, user)), [true, false]);
    ask(&server, "PUT", Some(json!({"percent": 0, "users": [8]})));
    assert_eq!([7, 8].map(|user| may_send(&server, user)), [false, true]);
    server.signal(Signal::KILL);
    server.wait();

    let server = Server::start(folder.path(), &["--dev"]);
    assert_eq!(ask(&server, "GET", None), json!({"percent": 0, "users": [8], "source": "run_time"}));
    assert_eq!([7, 8].map(|user| may_send(&server, user)), [false, true]);
    ask(&server, "DELETE", None);
    assert_eq!([7, 8].map(|user| may_send(&server, user)), [true, false]);
    server.signal(Signal::KILL);
    server.wait();

    let server = Server::start(folder.path(), &["--dev"]);
    assert_eq!(ask(&server, "GET", None)["source"], "configuration");
    assert_eq!([7, 8].map(|user| may_send(&server, user)), [true, false]);
}

/// Whether a private message of the user to themselves is taken.
fn may_send(server: &Server, user: u32) -> bool {
    let mut elsewhere = Client::dev(server.address, user);
    let mut client = Client::dev(server.address, user);
    client.say(json!({"type": "private", "to": user, "content": "hi"}));
    client.say(json!({"type": "nothing"}));
    let answer = client.hear();
    match answer["code"].as_str().unwrap() {
        "not_enabled" => false,
        // Nothing but this was refused, so the message was taken.
        "unknown_type" => {
            assert_eq!(elsewhere.hear()["content"], "hi");
            true
        }
        other => panic!("{other}: {answer}"),
    }
}
