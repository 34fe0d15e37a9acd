//! `Idempotency-Key` on messages that are not kept: a repeat is heard once and answered as the first one was.

use std::sync::{Arc, Barrier};

use serde_json::{Value, json};

use crate::{
    client::Answer,
    world::{World, dev, of_user, options},
};

const POKE: &str = r#"{"type":"poke","to":2}"#;

fn post(world: &World, authorization: &str, key: &str, body: &str) -> Answer {
    world.ask("POST", "/v1/messages", &[("Authorization", authorization), ("Idempotency-Key", key)], body)
}

fn is_repeat(first: &Answer, again: &Answer) -> bool {
    let (mut expected, answer) = (first.json(), again.json());
    expected["duplicate"] = json!(true);
    (again.status, answer) == (202, expected)
}

/// That nothing came before it.
fn next_is(socket: &mut crate::client::Socket, id: &Value) {
    assert_eq!(&socket.hears_type("poke")["id"], id);
}

#[test]
fn a_repeat_is_heard_once_and_answered_as_the_first_one_was() {
    let world = World::keeping(options());
    let (ann, bob) = (world.token(7), world.token(3));
    let mut receiver = world.v1(2);
    let first = post(&world, &ann, "k1", POKE);
    assert_eq!((first.status, first.json().get("duplicate"), first.json().get("seq")), (202, None, None));
    world.clock.advance(std::time::Duration::from_secs(5));
    let again = post(&world, &ann, "k1", r#"{"to":2, "type":"poke"}"#);
    assert!(is_repeat(&first, &again), "{first:?} {again:?}");
    assert_eq!(post(&world, &ann, "k1", r#"{"type":"poke","to":3}"#).problem(), (409, "key_reused".into()));
    let other = post(&world, &bob, "k1", POKE);
    assert_eq!(other.json().get("duplicate"), None, "another user's keys are their own");
    let without = world.ask("POST", "/v1/messages", &[("Authorization", &ann)], POKE);
    for sent in [&first, &other, &without] {
        next_is(&mut receiver, &sent.json()["id"]);
    }
}

#[test]
fn twenty_at_once_are_heard_once() {
    let world = World::keeping(options());
    let mut receivers = [world.v1(2), world.v1(2)];
    // Services have no limit on their rate.
    let (app, start) = (world.key("send"), Arc::new(Barrier::new(20)));
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let one = || {
            start.wait();
            post(&world, &app, "k1", POKE)
        };
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
    let firsts: Vec<_> = answers.iter().filter(|answer| answer.json().get("duplicate").is_none()).collect();
    assert_eq!(firsts.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| answer.json()["id"] == firsts[0].json()["id"]));
    let last = world.ask("POST", "/v1/messages", &[("Authorization", &app)], POKE);
    for receiver in &mut receivers {
        next_is(receiver, &firsts[0].json()["id"]);
        next_is(receiver, &last.json()["id"]);
    }
}

#[test]
fn a_services_keys_are_its_own_for_each_user_and_for_nobody() {
    let world = World::keeping(options());
    let (service, ann) = (world.key("send"), world.token(7));
    let mut receiver = world.v1(2);
    let for_ann = r#"{"type":"poke","to":2,"from":7}"#;
    let sent = [(&ann, POKE), (&service, for_ann), (&service, POKE)].map(|(by, body)| post(&world, by, "k1", body));
    for ((by, body), first) in [(&ann, POKE), (&service, for_ann), (&service, POKE)].into_iter().zip(&sent) {
        assert_eq!(first.json().get("duplicate"), None, "{body}");
        assert!(is_repeat(first, &post(&world, by, "k1", body)), "{body}");
        next_is(&mut receiver, &first.json()["id"]);
    }
    let others = r#"{"type":"poke","to":2,"audience":{"users":[1]}}"#;
    assert_eq!(post(&world, &service, "k1", others).problem(), (409, "key_reused".into()), "others would hear it");
}

#[test]
fn who_has_left_the_group_gets_the_first_answer_all_the_same() {
    let world = World::keeping(options());
    let (admin, ann) = (world.key("admin"), world.token(7));
    let member = |method: &str| world.ask(method, "/v1/groups/5/members/7", &[("Authorization", &admin)], "").status;
    assert_eq!(member("PUT"), 204);
    let cheer = r#"{"type":"cheer","group_id":5}"#;
    let first = post(&world, &ann, "k1", cheer);
    assert_eq!(member("DELETE"), 204);
    assert!(is_repeat(&first, &post(&world, &ann, "k1", cheer)));
    assert_eq!(post(&world, &ann, "k2", cheer).problem(), (403, "not_a_member".into()));
}

#[test]
fn an_erasure_forgets_the_users_keys() {
    let world = World::keeping(options());
    let (service, admin) = (world.key("send"), world.key("admin"));
    let body = r#"{"type":"poke","to":2,"from":7}"#;
    post(&world, &service, "k1", body);
    assert_eq!(world.ask("DELETE", &of_user(7, "data"), &[("Authorization", &admin)], "").status, 200);
    assert_eq!(post(&world, &service, "k1", body).json().get("duplicate"), None);
}

#[test]
fn where_nothing_is_kept_a_key_is_refused_instead_of_forgotten() {
    let world = World::new(dev());
    let mut receiver = world.socket(2);
    for body in [POKE, r#"{"type":"letter","to":2,"content":"hi"}"#] {
        let refused = post(&world, &world.token(7), "k1", body);
        assert_eq!(refused.problem(), (501, "not_enabled".into()), "{body}");
        assert!(refused.detail().contains("keeps nothing"), "{}", refused.detail());
    }
    let sent = world.ask("POST", "/v1/messages", &[("Authorization", &world.token(7))], POKE);
    next_is(&mut receiver, &sent.json()["id"]);
}
