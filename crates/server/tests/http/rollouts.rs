//! For whom a type is on: changed while connections are open, on several shards, and how such a change is refused.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::{FutureExt, future::ready};
use serde_json::{Value, json};
use tidings_server::{
    Rollout, Settings,
    ports::{BoxFuture, Rollouts, StoreError},
};
use tidings_testkit::memory::MemoryStore;

use crate::{
    client::{Answer, Socket},
    world::{World, app, dev, options},
};

const POKE: &str = "/v1/types/poke/rollout";

fn ask(world: &World, key: &str, method: &str, path: &str, body: &str) -> Answer {
    world.ask(method, path, &[("Authorization", key)], body)
}

/// Who of these gets a poke through to user 9.
fn on_for(senders: &mut [(u32, Socket)], target: &mut Socket) -> Vec<u32> {
    let mut on = Vec::new();
    for (user, socket) in senders {
        socket.say(r#"{"type":"poke","to":9,"ref":4}"#);
        let answer = socket.hears();
        if answer["type"] == "ack" {
            assert_eq!(target.hears()["from"], *user);
            on.push(*user);
        } else {
            assert_eq!((&answer["code"], &answer["ref"]), (&json!("not_enabled"), &json!(4)), "{answer}");
        }
    }
    on
}

/// What `/metrics` counted of pokes.
fn counted(world: &World, result: &str) -> u64 {
    let line = format!(r#"tidings_rollout_total{{type="poke",result="{result}"}} "#);
    let metrics = world.get("/metrics", &[]).body;
    let count = metrics.lines().find_map(|found| found.strip_prefix(&line));
    count.map_or(0, |count| count.parse().unwrap())
}

#[test]
fn every_shard_goes_by_a_change_at_once_and_each_verdict_is_counted() {
    let (app, clock, store) = app(options());
    let world = World::of(app.settings(Settings { shards: 3, ..Settings::default() }), clock, store);
    let key = world.key("admin");
    let mut target = world.v1(9);
    // The least loaded shard takes a connection, so that six are on all three.
    let mut senders: Vec<_> = (1..=6).map(|user| (user, world.v1(user))).collect();
    let before = ["share", "named", "off"].map(|result| counted(&world, result));
    let counts = || {
        let now = ["share", "named", "off"].map(|result| counted(&world, result));
        [0, 1, 2].map(|at| now[at] - before[at])
    };
    assert_eq!(on_for(&mut senders, &mut target), [1, 2, 3, 4, 5, 6]);
    assert_eq!(counts(), [0, 0, 0], "where a type is on for everybody nothing is evaluated");

    let named = ask(&world, &key, "PUT", POKE, r#"{"percent":0,"users":[5,2]}"#);
    assert_eq!((named.status, named.json()), (200, json!({"percent": 0, "users": [2, 5], "source": "run_time"})));
    assert_eq!(on_for(&mut senders, &mut target), [2, 5]);
    assert_eq!(counts(), [0, 2, 4]);

    let off = ask(&world, &key, "PUT", POKE, r#"{"percent":0}"#);
    assert_eq!((off.status, off.json()["users"].clone()), (200, json!([])));
    assert_eq!(on_for(&mut senders, &mut target), [0_u32; 0]);
    assert_eq!(counts(), [0, 2, 10]);

    let almost = ask(&world, &key, "PUT", POKE, r#"{"percent":99,"users":[1,2,3,4,5,6]}"#);
    assert_eq!(almost.status, 200);
    assert_eq!(on_for(&mut senders, &mut target), [1, 2, 3, 4, 5, 6]);
    let [share, named, off] = counts();
    assert_eq!((share + named, off), (8, 10));

    assert_eq!(ask(&world, &key, "GET", POKE, "").json()["percent"], 99);
    let taken = ask(&world, &key, "DELETE", POKE, "");
    assert_eq!((taken.status, taken.json()), (200, json!({"percent": 100, "users": [], "source": "default"})));
    assert_eq!(on_for(&mut senders, &mut target), [1, 2, 3, 4, 5, 6]);
    assert_eq!(ask(&world, &key, "DELETE", POKE, "").status, 200, "a second time changes nothing");
}

#[test]
fn a_type_that_is_off_is_off_over_http_too_and_never_for_services() {
    let world = World::new(options());
    let (admin, sender) = (world.key("admin"), world.key("send"));
    assert_eq!(ask(&world, &admin, "PUT", "/v1/types/letter/rollout", r#"{"percent":0}"#).status, 200);
    let letter = r#"{"type":"letter","from":7,"to":2,"content":"hi"}"#;
    let send = |key: &str| ask(&world, key, "POST", "/v1/messages", letter);
    assert_eq!(send(&world.token(7)).problem(), (501, "not_enabled".into()));
    assert_eq!(send(&sender).status, 202);
    let types = ask(&world, &world.token(7), "GET", "/v1/types", "").json();
    let of = |name: &str| types["types"].as_array().unwrap().iter().find(|told| told["name"] == name).unwrap().clone();
    assert_eq!((&of("letter")["rollout_percent"], of("poke").get("rollout_percent")), (&json!(0), None));
}

#[test]
fn only_admins_change_a_rollout_and_what_is_none_is_refused() {
    let world = World::new(options());
    let admin = world.key("admin");
    for (key, status) in [(world.token(7), 403), (world.key("send,read,notify"), 403), (String::new(), 401)] {
        for (method, body) in [("GET", ""), ("PUT", r#"{"percent":0}"#), ("DELETE", "")] {
            assert_eq!(ask(&world, &key, method, POKE, body).status, status, "{method} {key}");
        }
    }
    for (method, body) in [("GET", ""), ("PUT", r#"{"percent":0}"#), ("DELETE", "")] {
        let unknown = ask(&world, &admin, method, "/v1/types/pokes/rollout", body);
        assert_eq!(unknown.problem(), (404, "not_found".into()));
    }
    let many = Value::from((0..10_001).collect::<Vec<u32>>());
    let cases = [
        (r#"{"percent":101}"#.to_owned(), 422, "percent"),
        (r#"{"percent":-1}"#.to_owned(), 422, "percent"),
        (r#"{"percent":10.5}"#.to_owned(), 422, "percent"),
        (r#"{"users":[7]}"#.to_owned(), 422, "percent"),
        (r#"{"percent":10,"users":[-7]}"#.to_owned(), 422, "users[0]"),
        (format!(r#"{{"percent":10,"users":{many}}}"#), 422, "users"),
    ];
    for (body, status, field) in cases {
        let refused = ask(&world, &admin, "PUT", POKE, &body);
        assert_eq!(refused.problem(), (status, "bad_field".into()), "{body:.80}");
        assert_eq!(refused.json()["field"], field, "{body:.80}");
    }
    assert_eq!(ask(&world, &admin, "PUT", POKE, "{").problem(), (400, "bad_json".into()));
    let large = format!(r#"{{"percent":10,"users":[{}]}}"#, " ".repeat(512 * 1024));
    assert_eq!(ask(&world, &admin, "PUT", POKE, &large).problem(), (413, "too_large".into()));
    assert_eq!(ask(&world, &admin, "GET", POKE, "").json()["percent"], 100, "nothing has changed");

    let uuids: Vec<_> = (0..10_000).map(|id| format!("0192f0c1-2b3c-7def-8abc-{id:012}")).collect();
    let most = ask(&world, &admin, "PUT", POKE, &json!({"percent": 0, "users": uuids}).to_string());
    assert_eq!(most.status, 200, "as many as may be named fit into a body");
}

/// A store of rollouts that fails when it is told to.
struct Broken(Arc<MemoryStore>, Arc<AtomicBool>);

impl Broken {
    fn fails(&self) -> bool {
        self.1.load(Ordering::Relaxed)
    }
}

fn failure<T: Send + 'static>() -> BoxFuture<Result<T, StoreError>> {
    ready(Err(StoreError::Unavailable("the disk is full".into()))).boxed()
}

impl Rollouts for Broken {
    fn all(&self) -> BoxFuture<Result<Vec<(String, Rollout)>, StoreError>> {
        Rollouts::all(&*self.0)
    }

    fn set(&self, kind: String, rollout: Rollout) -> BoxFuture<Result<(), StoreError>> {
        if self.fails() { failure() } else { Rollouts::set(&*self.0, kind, rollout) }
    }

    fn take_back(&self, kind: String) -> BoxFuture<Result<bool, StoreError>> {
        if self.fails() { failure() } else { self.0.take_back(kind) }
    }
}

#[test]
fn what_can_not_be_stored_does_not_hold_and_what_was_stored_holds_after_a_start() {
    let broken = Arc::new(AtomicBool::new(false));
    let (app, clock, store) = app(dev());
    let world = World::of(app.rollouts(Arc::new(Broken(store.clone(), broken.clone()))), clock, store.clone());
    let key = world.key("admin");
    assert_eq!(ask(&world, &key, "PUT", POKE, r#"{"percent":0,"users":[7]}"#).status, 200);
    broken.store(true, Ordering::Relaxed);
    assert_eq!(ask(&world, &key, "PUT", POKE, r#"{"percent":50}"#).problem(), (503, "unavailable".into()));
    assert_eq!(ask(&world, &key, "DELETE", POKE, "").problem(), (503, "unavailable".into()));
    let expected = json!({"percent": 0, "users": [7], "source": "run_time"});
    assert_eq!(ask(&world, &key, "GET", POKE, "").json(), expected);
    drop(world);

    let (app, clock, _) = crate::world::app(dev());
    let world = World::of(app.rollouts(store.clone()).keys(store.clone()), clock, store);
    assert_eq!(ask(&world, &key, "GET", POKE, "").json(), expected);
}
