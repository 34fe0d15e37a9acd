//! `tidings spec`: the protocol as the code has it.

use serde_json::Value;

use crate::support::process::run;

fn spec(what: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["spec", what]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no server is started");
    serde_json::from_str(&output.stdout).unwrap()
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
    let schemas = spec("jsonschema");
    for name in ["private", "group", "broadcast", "event", "post_action", "post_update", "post_counters"] {
        assert_eq!(schemas[name]["type"], "object", "{name}: {schemas}");
    }
    assert!(schemas["private"]["properties"]["to"].is_object());
}

#[test]
fn every_registered_type_has_a_page_that_says_who_hears_it_and_what_it_takes() {
    let pages = spec("pages");
    let types = spec("jsonschema");
    assert!(pages.as_object().unwrap().keys().eq(types.as_object().unwrap().keys()), "{pages}");
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
