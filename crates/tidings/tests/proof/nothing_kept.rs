//! `--store none`: everything flows, nothing is kept.

use serde_json::{Value, json};

use crate::world::{Api, As, Client, Plan};

#[test]
fn messages_flow_without_a_place_and_there_is_no_history() {
    let plan = Plan::dev().argument("--store").argument("none");
    let server = plan.start();
    let api = Api::of(&server, As::Dev("7"));
    api.join("5", &["7", "2"]);
    let (mut ann, mut bob) = (Client::dev(&server, "7"), Client::dev(&server, "2"));
    let mut phone = Client::dev(&server, "7");
    let mut eve = Client::dev(&server, "3");
    for message in [
        json!({"type": "private", "to": 2, "content": "to Bob"}),
        json!({"type": "group", "group_id": 5, "content": "to the group"}),
    ] {
        ann.say(&message);
        let heard = bob.hear();
        assert_eq!(phone.hear(), heard);
        assert_eq!((&heard["content"], &heard["from"]), (&message["content"], &json!(7)));
        assert!(
            heard["id"].is_string() && heard.get("seq").is_none() && heard.get("conversation").is_none(),
            "{heard}"
        );
    }
    assert_eq!(eve.refused(r#"{"type":"group","group_id":5,"content":"hi"}"#)["code"], "not_a_member");
    eve.say(&json!({"type": "broadcast", "content": "to all"}));
    for client in [&mut ann, &mut phone, &mut bob, &mut eve] {
        assert_eq!(client.hear()["content"], "to all", "and nothing else came before");
    }
    let sent = api.send(&json!({"type": "private", "to": 2, "content": "by HTTP"}));
    assert_eq!((sent.status, sent.body.get("seq")), (202, None), "{}", sent.body);
    assert_eq!(bob.hear()["content"], "by HTTP");
    for path in ["/v1/conversations/dm:2:7/messages", "/v1/conversations"] {
        let refused = api.get(path);
        assert_eq!((refused.status, &refused.body["code"]), (501, &json!("not_enabled")), "{path}: {}", refused.body);
    }
    let files = std::fs::read_dir(plan.folder().join("data")).unwrap();
    let names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().all(|name| !name.contains(".db")), "{names:?}");
}

#[test]
fn a_backends_key_is_good_for_a_server_that_keeps_no_messages_too() {
    let plan = Plan::production().argument("--store").argument("none");
    let key = plan.key();
    let server = plan.start();
    let api = Api::of(&server, As::Bearer(&key));
    api.join("5", &["7", "2"]);
    let mut bob = Client::token(&server, "2", &plan.token("2")).unwrap();
    let sent = api.send(&json!({"type": "group", "from": 7, "group_id": 5, "content": "by the app"}));
    assert_eq!((sent.status, sent.body.get("seq")), (202, None), "{}", sent.body);
    assert_eq!(bob.hear()["content"], "by the app");
    assert_eq!(api.get("/v1/conversations/group:5/messages").status, 501);
}

#[test]
fn a_type_that_is_never_kept_flows_beside_kept_ones() {
    let plan = Plan::dev().set("TYPES__PRIVATE__KEEP", "never");
    let server = plan.start();
    let api = Api::of(&server, As::Dev("7"));
    api.join("5", &["7", "2"]);
    let (mut ann, mut bob) = (Client::dev(&server, "7"), Client::dev(&server, "2"));
    ann.say(&json!({"type": "private", "to": 2, "content": "gone"}));
    let gone = bob.hear();
    assert_eq!((&gone["content"], gone.get("seq")), (&json!("gone"), None::<&Value>));
    ann.say(&json!({"type": "group", "group_id": 5, "content": "kept"}));
    let kept = bob.hear();
    assert_eq!(api.history("group:5").unwrap(), [kept]);
    assert_eq!(api.history("dm:2:7"), Err(404));
}
