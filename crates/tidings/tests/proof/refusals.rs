//! What is wrong with a message is told by a stable code, and the connection stays.

use serde_json::{Value, json};

use crate::world::{Api, As, Client, Plan, hears_nothing};

#[test]
fn each_kind_of_wrong_message_gets_its_code_and_the_connection_stays() {
    let plan = Plan::dev().unlimited();
    let server = plan.start();
    let (mut ann, mut bob) = (Client::dev(&server, "7"), Client::dev(&server, "2"));
    let cases = [
        ("", "bad_json", None),
        ("hi", "bad_json", None),
        ("{", "bad_json", None),
        (r#"{"type":"private","to":2,"content":"hi"} x"#, "bad_json", None),
        ("[]", "bad_json", None),
        ("null", "bad_json", None),
        (r#"["private",2,"hi"]"#, "bad_json", None),
        ("{}", "bad_json", None),
        (r#"{"to":2,"content":"hi"}"#, "bad_json", None),
        (r#"{"type":5,"to":2,"content":"hi"}"#, "bad_field", Some("type")),
        (r#"{"type":"priv","to":2,"content":"hi"}"#, "unknown_type", None),
        (r#"{"type":"","to":2}"#, "unknown_type", None),
        (r#"{"type":"PRIVATE","to":2,"content":"hi"}"#, "unknown_type", None),
        (r#"{"type":"private","content":"hi"}"#, "bad_field", Some("to")),
        (r#"{"type":"private","to":2}"#, "bad_field", Some("content")),
        (r#"{"type":"private","to":2,"content":5}"#, "bad_field", Some("content")),
        (r#"{"type":"private","to":2,"content":null}"#, "bad_field", Some("content")),
        (r#"{"type":"private","to":"Bob","content":"hi"}"#, "bad_field", Some("to")),
        (r#"{"type":"private","to":2,"content":"hi","data":[1]}"#, "bad_field", Some("data")),
        (r#"{"type":"private","to":2,"content":"hi","data":"x"}"#, "bad_field", Some("data")),
        (r#"{"type":"private","to":2,"content":"hi","reply_to":"x"}"#, "bad_field", Some("reply_to")),
        (r#"{"type":"private","to":2,"content":"hi","reply_to":-1}"#, "bad_field", Some("reply_to")),
        (r#"{"type":"group","content":"hi"}"#, "bad_field", Some("group_id")),
        (r#"{"type":"group","group_id":true,"content":"hi"}"#, "bad_field", Some("group_id")),
        (r#"{"type":"broadcast"}"#, "bad_field", Some("content")),
    ];
    let mut sent = 0;
    for (text, code, field) in cases {
        let refused = ann.refused(text);
        assert_eq!(refused["code"], code, "{text}: {refused}");
        assert_eq!(refused.get("field").and_then(Value::as_str), field, "{text}: {refused}");
        sent += 1;
        ann.say(&json!({"type": "private", "to": 2, "content": "still here"}));
        assert_eq!(bob.hear()["seq"], sent, "after {text}: what was refused took no place");
    }
    hears_nothing(&server, &mut [&mut ann, &mut bob]);
}

#[test]
fn over_http_each_kind_of_wrong_message_gets_its_status_and_a_problem_document() {
    let plan = Plan::dev().unlimited();
    let server = plan.start();
    let api = Api::of(&server, As::Dev("7"));
    let cases = [
        (json!("hi"), 400, "bad_json", None),
        (json!({"type": 5}), 422, "bad_field", Some("type")),
        (json!({"type": "priv"}), 404, "unknown_type", None),
        (json!({"type": "private", "to": 2}), 422, "bad_field", Some("content")),
        (json!({"type": "private", "to": 2, "content": 5}), 422, "bad_field", Some("content")),
        (json!({"type": "group", "group_id": 5, "content": "hi"}), 403, "not_a_member", None),
    ];
    for (body, status, code, field) in cases {
        let answer = api.send(&body);
        let document = &answer.body;
        assert_eq!(
            (answer.status, &document["code"], &document["status"]),
            (status, &json!(code), &json!(status)),
            "{body}"
        );
        assert_eq!(document.get("field").and_then(Value::as_str), field, "{body}: {document}");
        assert!(answer.head.contains("content-type: application/problem+json"), "{}", answer.head);
        assert!(["type", "title", "detail"].iter().all(|name| document[name].is_string()), "{document}");
    }
    assert_eq!(api.history("dm:2:7"), Err(404), "nothing was kept");
}

#[test]
fn a_message_that_breaks_off_is_no_message() {
    let plan = Plan::dev();
    let server = plan.start();
    let mut bob = Client::dev(&server, "2");
    let mut ann = Client::dev(&server, "7");
    ann.say(&json!({"type": "private", "to": 2, "content": "whole"}));
    assert_eq!(bob.hear()["content"], "whole");
    ann.vanish();
    let mut raw = crate::world::Raw::upgraded(&server, "7");
    raw.frame(0x01, br#"{"type":"private","to":2,"#);
    drop(raw);
    hears_nothing(&server, &mut [&mut bob]);
}

#[test]
fn odd_json_is_told_unchanged_or_refused_and_hurts_nobody() {
    let plan = Plan::dev().unlimited();
    let server = plan.start();
    let (mut ann, mut bob) = (Client::dev(&server, "7"), Client::dev(&server, "2"));
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let taken = [
        r#"{"n":[1.0,-0.5,1e10,18446744073709551615,-9223372036854775808,0.1]}"#.to_owned(),
        r#"{"":{"\u0000":"\u0000\u001f\u007f\u2028\ud83d\ude00","type":"group","seq":4}}"#.to_owned(),
        format!(r#"{{"deep":{}}}"#, nested(100)),
        "{}".to_owned(),
    ];
    for data in taken {
        ann.say_text(&format!(r#" {{ "content" : "hi" , "data" : {data} , "to" : 2 , "type" : "private" }} "#));
        assert_eq!(bob.hear()["data"], serde_json::from_str::<Value>(&data).unwrap(), "{data}");
    }
    let deep = nested(4_000);
    let refused = [
        format!(r#"{{"type":"private","to":2,"content":"hi","data":{{"deep":{deep}}}}}"#),
        r#"{"type":"private","to":2,"content":"\ud800"}"#.to_owned(),
        r#"{"type":"private","to":2,"content":"hi","data":{"n":1e999}}"#.to_owned(),
        r#"{"type":"private","to":2,"content":"hi","to":3}"#.to_owned(),
        r#"{"type":"private","type":"group","to":2,"content":"hi"}"#.to_owned(),
        nested(30_000),
    ];
    for text in refused {
        let code = ann.refused(&text)["code"].clone();
        assert!(code == "bad_json" || code == "bad_field", "{text}: {code}");
    }
    ann.say_text(&format!(r#"{{"type":"private","to":2,"content":"hi","unknown":{}}}"#, nested(20_000)));
    ann.say(&json!({"type": "private", "to": 2, "content": "after"}));
    let before = std::iter::repeat_with(|| bob.hear()).take_while(|message| message["content"] != "after").count();
    let refused = crate::world::heard(&server, &mut [&mut ann])[0].len();
    assert_eq!(before + refused, 1, "an unknown field is passed over, or the message refused");
}
