//! The HTTP API of a server that keeps nothing: what it answers, and how it refuses.

use serde_json::json;
use tidings_server::ServerOptions;

use crate::{
    client::Answer,
    world::{World, dev, of_user, options},
};

fn send(world: &World, authorization: &str, body: &str) -> Answer {
    world.ask("POST", "/v1/messages", &[("Authorization", authorization)], body)
}

#[test]
fn a_user_sends_as_themselves_whatever_they_write() {
    let world = World::new(options());
    let mut bob = world.upgrade("/ws", &[("Authorization", &world.token(2))]).unwrap();
    let forged = r#"{"type":"poke","to":2,"from":9,"id":"1","timestamp":1}"#;
    let answer = send(&world, &world.token(7), forged);
    assert_eq!(answer.status, 202);
    let heard = bob.hears();
    assert_eq!((&heard["from"], &heard["id"]), (&json!(7), &answer.json()["id"]));
    let refused = send(&world, &world.token(7), r#"{"type":"poke","to":2,"audience":{"everyone":true}}"#);
    assert_eq!(refused.problem(), (403, "not_allowed".into()));
}

#[test]
fn a_service_sends_for_a_user_and_to_whom_it_wants() {
    let world = World::new(options());
    let [mut ann, mut bob] = [1, 2].map(|user| world.upgrade("/ws", &[("Authorization", &world.token(user))]).unwrap());
    let key = world.key("send");
    assert_eq!(send(&world, &key, r#"{"type":"poke","to":2,"from":7}"#).status, 202);
    assert_eq!(bob.hears()["from"], 7);
    assert_eq!(send(&world, &key, r#"{"type":"poke","to":2,"audience":{"users":[1]}}"#).status, 202);
    assert_eq!(ann.hears()["to"], 2);
    assert_eq!(send(&world, &key, r#"{"type":"alarm"}"#).status, 202);
    assert_eq!((&ann.hears()["type"], &bob.hears()["type"]), (&json!("alarm"), &json!("alarm")));
    for (body, status, code) in [
        (r#"{"type":"poke","to":2,"audience":{}}"#, 422, "bad_field"),
        (r#"{"type":"poke","to":2,"audience":{"followers_of":7}}"#, 501, "not_enabled"),
        (r#"{"type":"poke","to":2,"from":"nobody"}"#, 422, "bad_field"),
    ] {
        assert_eq!(send(&world, &key, body).problem(), (status, code.into()), "{body}");
    }
}

#[test]
fn what_is_wrong_with_a_message_is_told_by_code_and_field() {
    let world = World::new(options());
    let token = world.token(7);
    for (body, status, code, field) in [
        ("{", 400, "bad_json", json!(null)),
        (r#"{"to":2}"#, 400, "bad_json", json!(null)),
        ("[1]", 400, "bad_json", json!(null)),
        (r#"{"type":"nudge","to":2}"#, 404, "unknown_type", json!(null)),
        (r#"{"type":"poke","to":"x"}"#, 422, "bad_field", json!("to")),
        (r#"{"type":"poke"}"#, 422, "bad_field", json!("to")),
        (r#"{"type":"alarm"}"#, 403, "not_allowed", json!(null)),
        (r#"{"type":"cheer","group_id":5}"#, 403, "not_a_member", json!(null)),
    ] {
        let answer = send(&world, &token, body);
        assert_eq!(answer.problem(), (status, code.into()), "{body}");
        assert_eq!(answer.json()["field"], field, "{body}");
    }
    let headers = [("Authorization", &*token), ("Content-Type", "text/plain"), ("Content-Length", "2")];
    let mut client = world.client();
    client.write("POST /v1/messages HTTP/1.1\r\nHost: chat.localhost\r\n");
    headers.iter().for_each(|(name, value)| client.write(format!("{name}: {value}\r\n")));
    client.write("\r\n{}");
    assert_eq!(client.answer().problem(), (415, "bad_json".into()));
    let long = "k".repeat(65);
    let keyed = world.ask("POST", "/v1/messages", &[("Authorization", &token), ("Idempotency-Key", &long)], "{}");
    assert_eq!((keyed.problem(), &keyed.json()["field"]), ((422, "bad_field".into()), &json!("Idempotency-Key")));
}

#[test]
fn members_come_and_go_by_http_and_hear_their_group() {
    let world = World::new(options());
    let (admin, ann) = (world.key("all"), world.token(1));
    let change = |method: &str, user: u32| {
        world.ask(method, &format!("/v1/groups/5/members/{user}"), &[("Authorization", &admin)], "").status
    };
    let mut bob = world.upgrade("/ws", &[("Authorization", &world.token(2))]).unwrap();
    assert_eq!([change("PUT", 1), change("PUT", 2), change("PUT", 2), change("PUT", 3)], [204; 4]);
    let members = |authorization: &str, query: &str| {
        world.get(&format!("/v1/groups/5/members{query}"), &[("Authorization", authorization)])
    };
    assert_eq!(members(&ann, "").json(), json!({"members": [1, 2, 3], "more": false}));
    assert_eq!(members(&admin, "?limit=1&after=1").json(), json!({"members": [2], "more": true}));
    assert_eq!(members(&world.token(9), "").problem(), (403, "not_a_member".into()));
    assert_eq!(send(&world, &ann, r#"{"type":"cheer","group_id":5}"#).status, 202);
    assert_eq!(bob.hears()["from"], 1);
    assert_eq!(change("DELETE", 1), 204);
    assert_eq!(send(&world, &ann, r#"{"type":"cheer","group_id":5}"#).problem(), (403, "not_a_member".into()));
    for query in ["?limit=0", "?limit=1001", "?limit=many", "?after=x"] {
        let refused = members(&admin, query);
        assert_eq!(refused.problem(), (422, "bad_field".into()), "{query}");
        assert_eq!(refused.json()["field"], query[1..].split('=').next().unwrap(), "{query}");
    }
}

#[test]
fn presence_is_told_to_services_and_where_it_is_open_and_to_others_as_offline() {
    let world = World::new(options());
    let _online = world.upgrade("/ws", &[("Authorization", &world.token(2))]).unwrap();
    let asked = |world: &World, authorization: &str| {
        world.get("/v1/presence?users=2,3", &[("Authorization", authorization)]).json()["presence"].clone()
    };
    let both = json!([{"user": 2, "online": true}, {"user": 3, "online": false}]);
    assert_eq!(asked(&world, &world.key("read")), both);
    let neither = json!([{"user": 2, "online": false}, {"user": 3, "online": false}]);
    assert_eq!(asked(&world, &world.token(3)), neither, "a stranger looks as if they were never there");
    let open = World::new(ServerOptions { open_presence: true, ..options() });
    let _online = open.upgrade("/ws", &[("Authorization", &open.token(2))]).unwrap();
    assert_eq!(asked(&open, &open.token(3)), both);
    for users in ["", "2,x", &vec!["1"; 501].join(",")] {
        let refused = world.get(&format!("/v1/presence?users={users}"), &[("Authorization", &world.token(3))]);
        assert_eq!((refused.problem(), &refused.json()["field"]), ((422, "bad_field".into()), &json!("users")));
    }
}

#[test]
fn users_choose_who_learns_of_them() {
    let world = World::keeping(ServerOptions { open_presence: true, ..options() });
    let (bob, service) = (world.token(2), world.key("read"));
    let _online = world.upgrade("/ws", &[("Authorization", &bob)]).unwrap();
    let chosen = |answer: Answer| {
        let answer = answer.json();
        (answer["receipts"].clone(), answer["visible"].clone())
    };
    let chooses = |who: &str, body: &str| world.ask("PATCH", "/v1/me", &[("Authorization", who)], body);
    let online = |who: &str| {
        let answer = world.get("/v1/presence?users=2", &[("Authorization", who)]);
        answer.json()["presence"][0]["online"].clone()
    };
    let me = || chosen(world.get("/v1/me", &[("Authorization", &bob)]));
    assert_eq!((me(), online(&world.token(3))), ((json!(true), json!(true)), json!(true)));
    assert_eq!(chosen(chooses(&bob, r#"{"visible":false}"#)), (json!(true), json!(false)));
    assert_eq!([&world.token(3), &bob, &service].map(|who| online(who)), [json!(false), json!(true), json!(true)]);
    assert_eq!(chosen(chooses(&bob, r#"{"receipts":false}"#)), (json!(false), json!(false)));
    assert_eq!(me(), (json!(false), json!(false)));
    assert_eq!(chosen(chooses(&bob, r#"{"visible":true,"receipts":true}"#)), (json!(true), json!(true)));
    assert_eq!(online(&world.token(3)), json!(true));
    assert_eq!(chooses(&bob, r#"{"visible":"no"}"#).problem(), (422, "bad_field".into()));
    assert_eq!(chooses(&service, r#"{"visible":false}"#).problem(), (403, "not_allowed".into()));
    assert_eq!(world.get("/v1/me", &[("Authorization", &service)]).json().get("visible"), None);
}

#[test]
fn a_users_connections_are_listed_for_backends() {
    let world = World::new(options());
    let _open: Vec<_> = (0..2).map(|_| world.upgrade("/ws", &[("Authorization", &world.token(2))]).unwrap()).collect();
    let answer = world.get(&of_user(2, "connections"), &[("Authorization", &world.key("read"))]).json();
    let connections = answer["connections"].as_array().unwrap();
    assert_eq!(connections.len(), 2);
    for connection in connections {
        assert_eq!(connection["dialect"], "guide");
        assert!(connection["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{connection}");
    }
    assert_ne!(connections[0]["id"], connections[1]["id"]);
    let own = world.get(&of_user(2, "connections"), &[("Authorization", &world.token(2))]);
    assert_eq!(own.problem(), (403, "not_allowed".into()));
}

#[test]
fn without_a_store_there_is_no_history_and_it_says_so() {
    let world = World::new(options());
    let token = world.token(7);
    for path in ["/v1/conversations", "/v1/conversations/dm:2:7/messages"] {
        assert_eq!(world.get(path, &[("Authorization", &token)]).problem(), (501, "not_enabled".into()), "{path}");
    }
    for (path, field) in [
        ("/v1/conversations/dm:7:2/messages", "conversation"),
        ("/v1/conversations/dm:2:7/messages?limit=101", "limit"),
        ("/v1/conversations?before=x", "before"),
    ] {
        let refused = world.get(path, &[("Authorization", &token)]);
        assert_eq!((refused.problem(), &refused.json()["field"]), ((422, "bad_field".into()), &json!(field)), "{path}");
    }
    let other = world.get("/v1/conversations?user=8", &[("Authorization", &token)]);
    assert_eq!(other.problem(), (403, "not_allowed".into()), "users read for themselves only");
    let nobody = world.get("/v1/conversations", &[("Authorization", &world.key("read"))]);
    assert_eq!((nobody.problem(), &nobody.json()["field"]), ((422, "bad_field".into()), &json!("user")));
}

#[test]
fn the_registered_types_are_listed_with_their_schemas() {
    let world = World::new(options());
    let types = world.get("/v1/types", &[("Authorization", &world.token(7))]).json();
    let poke = types["types"].as_array().unwrap().iter().find(|kind| kind["name"] == "poke").unwrap();
    assert_eq!((&poke["kept"], &poke["version"]), (&json!(false), &json!(1)));
    assert!(poke["schema"]["properties"]["to"].is_object());
}

#[test]
fn unknown_paths_and_methods_are_refused_by_problem_documents() {
    let world = World::new(dev());
    for path in ["/", "/nowhere", "/v1", "/v1/nowhere"] {
        assert_eq!(world.get(path, &[]).problem(), (404, "not_found".into()), "{path}");
    }
    for path in ["/v1/types", "/healthz", "/v1/groups/5/members/7"] {
        let refused = world.ask("PATCH", path, &[], "");
        assert_eq!(refused.problem(), (405, "not_allowed".into()), "{path}");
        assert!(refused.header("allow").is_some(), "{path}");
    }
}

#[test]
fn operators_see_life_readiness_and_metrics() {
    let world = World::new(dev());
    let _open = world.socket(7);
    assert_eq!(world.get("/healthz", &[]).json(), json!({"status": "ok"}));
    assert_eq!(world.get("/readyz", &[]).json(), json!({"status": "ready", "store": "ok", "connections": 1}));
    world.get("/v1/me?user=1", &[]);
    let metrics = world.get("/metrics", &[]);
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        r#"tidings_http_requests_total{route="/v1/me",method="GET",status="2xx"}"#,
        "tidings_connections_opened_total",
        r#"tidings_http_seconds_bucket{route="/v1/me",method="GET",le="#,
    ] {
        assert!(metrics.body.contains(line), "{line} in {}", metrics.body);
    }
}

#[test]
fn the_document_describes_every_route_and_the_problem() {
    let world = World::new(dev());
    let document = world.get("/v1/openapi.json", &[]).json();
    assert_eq!(document["openapi"].as_str().map(|version| &version[..2]), Some("3."));
    let paths = document["paths"].as_object().unwrap();
    let of_user = of_user(0, "connections").replace('0', "{user}");
    for (path, method) in [
        ("/v1/messages", "post"),
        ("/v1/presence", "get"),
        (&*of_user, "get"),
        (&*of_user, "delete"),
        ("/v1/groups/{group}/members/{user}", "put"),
        ("/v1/groups/{group}/members/{user}", "delete"),
        ("/v1/groups/{group}/members", "get"),
        ("/v1/conversations", "get"),
        ("/v1/conversations/{conversation}/messages", "get"),
        ("/v1/types", "get"),
        ("/v1/me", "get"),
        ("/v1/me", "patch"),
        ("/v1/openapi.json", "get"),
        ("/healthz", "get"),
        ("/readyz", "get"),
        ("/metrics", "get"),
    ] {
        assert!(paths.get(path).is_some_and(|item| item.get(method).is_some()), "{method} {path}");
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert!(schemas["Problem"]["properties"]["code"].is_object());
    let mut references = Vec::new();
    collect_references(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let name = reference.strip_prefix("#/components/schemas/").unwrap();
        assert!(schemas.contains_key(name), "{reference} leads nowhere");
    }
}

fn collect_references(value: &serde_json::Value, into: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            into.extend(fields.get("$ref").and_then(|reference| reference.as_str()).map(str::to_owned));
            fields.values().for_each(|field| collect_references(field, into));
        }
        serde_json::Value::Array(entries) => entries.iter().for_each(|entry| collect_references(entry, into)),
        _ => {}
    }
}

#[test]
fn an_audience_of_null_is_a_services_mistake_and_no_mass_send() {
    let world = World::new(options());
    let refused = send(&world, &world.key("send"), r#"{"type":"poke","to":2,"audience":null}"#);
    assert_eq!(refused.problem(), (422, "bad_field".into()));
    assert_eq!(refused.json()["field"], "audience");
}
