//! Who is online, and signing out.

use std::{
    fs,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::{
    on_one_and_two_shards,
    support::process::PATIENCE,
    world::{Api, As, Client, Plan},
};

on_one_and_two_shards! {
    fn a_user_is_online_from_the_upgrade_until_the_last_connection_has_gone(shards: u16) {
        let plan = Plan::dev().shards(shards);
        let server = plan.start();
        let api = Api::of(&server, As::Dev("1"));
        let online = || {
            let body = api.get("/v1/presence?users=2,3").body;
            assert_eq!((&body["presence"][0]["user"], &body["presence"][1]["user"]), (&json!(2), &json!(3)), "{body}");
            [0, 1].map(|index| body["presence"][index]["online"].as_bool().unwrap())
        };
        assert_eq!(online(), [false, false]);
        let first = Client::dev(&server, "2");
        assert_eq!(online(), [true, false]);
        let second = Client::dev(&server, "2");
        first.vanish();
        let deadline = Instant::now() + PATIENCE;
        while connections(&api, "2").len() > 1 {
            assert!(Instant::now() < deadline, "one that has gone is still listed");
        }
        assert_eq!(online(), [true, false]);
        second.vanish();
        // Ten seconds later, as users are told it.
        let deadline = Instant::now() + PATIENCE;
        while online()[0] {
            assert!(Instant::now() < deadline, "one that has gone is still online");
        }
        assert_eq!(connections(&api, "2"), Vec::<Value>::new());
    }

    fn signing_out_closes_every_connection_and_refuses_tokens_from_before(shards: u16) {
        let plan = Plan::production().shards(shards);
        let server = plan.start();
        let (key, bob, eve) = (plan.key(), plan.token("2"), plan.token("3"));
        let api = Api::of(&server, As::Bearer(&key));
        let mut clients = [(); 3].map(|()| Client::token(&server, "2", &bob).unwrap());
        let mut other = Client::token(&server, "3", &eve).unwrap();
        let listed = connections(&api, "2");
        let mut ids: Vec<&str> = listed.iter().map(|connection| connection["id"].as_str().unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 3, "{listed:?}");
        assert!(listed.iter().all(|connection| connection["peer"].as_str().unwrap().starts_with("127.0.0.1:")), "{listed:?}");
        let later = later_token(&plan);
        let closed = api.call("DELETE", "/v1/users/2/connections", None);
        assert_eq!(closed.status, 200, "{}", closed.body);
        clients.iter_mut().for_each(|client| assert_eq!(client.close_code(), 4403));
        assert_eq!(Client::token(&server, "2", &bob).err().unwrap().status, 401);
        assert_eq!(Api::of(&server, As::Bearer(&bob)).get("/v1/conversations").status, 401);
        let again = Client::token(&server, "2", &later);
        assert!(again.is_ok(), "one may sign in again: {:?}", again.err());
        let sent = api.send(&json!({"type": "private", "from": 2, "to": 3, "content": "still here"}));
        assert_eq!(sent.status, 201);
        assert_eq!(other.hear()["content"], "still here");
        drop(server);
        let server = plan.start();
        assert_eq!(Client::token(&server, "2", &bob).err().unwrap().status, 401, "after a restart too");
        assert!(Client::token(&server, "3", &eve).is_ok());
    }
}

#[test]
fn users_are_told_no_strangers_presence_and_no_connections() {
    let plan = Plan::production();
    let server = plan.start();
    let (ann, key) = (plan.token("7"), plan.key());
    let _bob = Client::token(&server, "2", &plan.token("2")).unwrap();
    let api = Api::of(&server, As::Bearer(&ann));
    let presence = |api: &Api<'_>| api.get("/v1/presence?users=2,7").body["presence"].clone();
    assert_eq!(presence(&api), json!([{"user": 2, "online": false}, {"user": 7, "online": false}]));
    let service = Api::of(&server, As::Bearer(&key));
    assert_eq!(presence(&service), json!([{"user": 2, "online": true}, {"user": 7, "online": false}]));
    assert_eq!(api.get("/v1/users/7/connections").status, 403);
    assert_eq!(api.call("DELETE", "/v1/users/2/connections", None).status, 403);
    assert_eq!(api.get("/v1/presence?users=2,x").status, 422);
}

/// A token of user 2 that is issued in a minute.
fn later_token(plan: &Plan) -> String {
    let secret = fs::read_to_string(plan.folder().join("data/secret.key")).unwrap();
    let issued_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 20;
    let claims = json!({"sub": 2, "iat": issued_at, "exp": issued_at + 600});
    encode(&Header::default(), &claims, &EncodingKey::from_secret(secret.trim().as_bytes())).unwrap()
}

fn connections(api: &Api<'_>, user: &str) -> Vec<Value> {
    let answer = api.get(&format!("/v1/users/{user}/connections"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["connections"].as_array().unwrap().clone()
}
