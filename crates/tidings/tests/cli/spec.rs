//! `tidings spec`: the protocol as the code has it.

use serde_json::Value;

use crate::support::process::run;

pub(crate) fn printed(what: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["spec", what]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no server is started");
    output.stdout
}

pub(crate) fn spec(what: &str) -> Value {
    serde_json::from_str(&printed(what)).unwrap()
}

/// The names of all registered types.
fn types() -> Vec<String> {
    spec("types").as_object().unwrap().keys().cloned().collect()
}

#[test]
fn codes_have_a_status_or_reason_and_a_meaning() {
    let codes = spec("codes");
    let errors = codes["errors"].as_array().unwrap();
    let limited = errors.iter().find(|error| error["code"] == "limited").unwrap();
    assert_eq!(limited["status"], 429);
    let close = codes["close"].as_array().unwrap();
    assert!(close.iter().any(|close| close["code"] == 4409 && close["reason"] == "slow_reader"));
    assert!(errors.iter().chain(close).all(|code| !code["meaning"].as_str().unwrap().is_empty()));
}

#[test]
fn every_registered_type_has_a_schema() {
    let schemas = spec("types");
    for name in ["private", "group", "broadcast", "event", "post_action", "post_update", "post_counters"] {
        assert_eq!(schemas[name]["type"], "object", "{name}: {schemas}");
    }
    assert!(schemas["private"]["properties"]["to"].is_object());
}

#[test]
fn every_registered_type_has_a_page_that_says_who_hears_it_and_what_it_takes() {
    let pages = spec("pages");
    assert!(pages.as_object().unwrap().keys().eq(&types()), "{pages}");
    let page = pages["private"].as_str().unwrap();
    for line in [
        "# `private`",
        "| who hears it | the user in `to`; the sender's other connections too |",
        "| `to` | id: integer, digits or UUID | yes | For whom. |",
        r#"{"type":"private","content":"hi","to":2}"#,
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
    let counters = pages["post_counters"].as_str().unwrap();
    assert!(counters.contains("| `not_allowed` |") && !page.contains("| `not_allowed` |"), "{counters}");
}

#[test]
fn the_http_api_is_described() {
    let paths = &spec("openapi")["paths"];
    for (path, method) in [("/v1/messages", "post"), ("/v1/posts/{post}/like", "put"), ("/v1/feed", "get")] {
        assert!(paths[path][method].is_object(), "{paths}");
    }
}

/// The frames of one side: `client` or `server`.
fn frames(side: &str) -> Vec<String> {
    spec("frames")[side].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_bundle_has_every_schema_and_an_example_of_each_type() {
    let bundle = spec("jsonschema");
    for name in types() {
        let schema = &bundle["$defs"][format!("message.{name}")];
        assert_eq!(schema["examples"][0]["type"], name.as_str(), "{schema}");
    }
    for side in ["client", "server"] {
        for name in frames(side) {
            let schema = &bundle["$defs"][format!("{side}.{name}")];
            assert_eq!(schema["properties"]["type"]["const"], name.as_str(), "{schema}");
        }
    }
}

#[test]
fn each_message_and_frame_is_received_or_sent_on_its_channels() {
    let document = spec("asyncapi");
    let operation = |channel: &str, action: &str, message: &str| {
        let operation = &document["operations"][format!("{channel}_{action}_{message}")];
        assert_eq!(operation["action"], action, "{channel} {message}: {operation}");
        assert_eq!(operation["channel"]["$ref"], format!("#/channels/{channel}"));
        let path = operation["messages"][0]["$ref"].as_str().unwrap();
        let component = document.pointer(&path[1..]).unwrap()["$ref"].as_str().unwrap();
        assert!(document.pointer(&component[1..]).unwrap()["payload"].is_object(), "{component}");
    };
    for name in types() {
        for channel in ["guide", "v1"] {
            operation(channel, "receive", &format!("send_{name}"));
            operation(channel, "send", &format!("{channel}_{name}"));
        }
    }
    frames("client").iter().for_each(|name| operation("v1", "receive", &format!("client_{name}")));
    frames("server").iter().for_each(|name| operation("v1", "send", &format!("server_{name}")));
    operation("guide", "send", "server_error");
    assert_eq!(document["servers"]["local"]["security"].as_array().unwrap().len(), 3);
}

#[test]
fn each_message_and_frame_is_a_type_of_typescript() {
    let module = printed("typescript");
    for name in types() {
        let types = module.split_once("export interface MessageTypes {").unwrap().1.split_once('}').unwrap().0;
        assert!(types.contains(&format!("  {name}: ")), "{name}");
    }
    for (side, union) in [("client", "ClientFrame"), ("server", "ServerFrame")] {
        let union = module.split_once(&format!("export type {union} =")).unwrap().1.split_once(';').unwrap().0;
        assert_eq!(union.matches("\n  | ").count(), frames(side).len() + 1, "{union}");
    }
}

#[test]
fn operations_of_the_http_api_have_names_that_differ() {
    let document = spec("openapi");
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let mut names: Vec<_> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "{names:?}");
}
