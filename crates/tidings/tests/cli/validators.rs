//! What `tidings spec` prints, held against the public validators of each form (`checks/spec`): they take it as it is, and refuse it
//! broken. They need Node 18 or newer with npm; `cargo xtask test` sets them up.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use super::spec::{printed, spec};

fn checks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../checks/spec")
}

/// What the form's validators find wrong with each of the texts.
fn wrong(form: &str, texts: &[String]) -> Vec<String> {
    let installed = checks().join("node_modules").exists();
    assert!(installed, "the validators are not installed: run `cargo xtask test`, or `npm ci` in checks/spec");
    let folder = tempfile::tempdir().unwrap();
    let extension = if form == "typescript" { "ts" } else { "json" };
    let files = texts.iter().enumerate().map(|(index, text)| {
        let file = folder.path().join(format!("{index}.{extension}"));
        fs::write(&file, text).unwrap();
        file
    });
    let output = Command::new("node")
        .args(["check.mjs", form])
        .args(files)
        .current_dir(checks())
        .output()
        .expect("Node 18 or newer: on Debian, `apt-get install nodejs npm`");
    let lines = String::from_utf8(output.stdout).unwrap();
    let found: Vec<Vec<String>> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["wrong"].take())
        .map(|wrong| serde_json::from_value(wrong).unwrap())
        .collect();
    assert_eq!(found.len(), texts.len(), "the check broke: {lines}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.success(), found.iter().all(Vec::is_empty), "it ends with what it found: {lines}");
    found.iter().map(|wrong| wrong.join("\n")).collect()
}

fn takes(form: &str) {
    assert_eq!(wrong(form, &[printed(form)]), [""], "{form}");
}

/// That the form's validators refuse each of the texts, with words that say why.
fn refuses(form: &str, broken: &[(String, &str)]) {
    let texts: Vec<_> = broken.iter().map(|(text, _)| text.clone()).collect();
    for (said, (_, why)) in wrong(form, &texts).iter().zip(broken) {
        assert!(said.contains(why), "{form}, {why}: {said:?}");
    }
}

/// What breaks a document, and what is said of it then.
type Change = (fn(&mut Value), &'static str);

/// The document that `tidings spec` prints, after each of these changes.
fn changed(form: &str, changes: &[Change]) -> Vec<(String, &'static str)> {
    let document = spec(form);
    let after = |change: fn(&mut Value)| {
        let mut document = document.clone();
        change(&mut document);
        document.to_string()
    };
    changes.iter().map(|&(change, why)| (after(change), why)).collect()
}

fn remove(from: &mut Value, name: &str) {
    from.as_object_mut().unwrap().remove(name).unwrap();
}

#[test]
fn what_is_printed_is_taken() {
    ["asyncapi", "openapi", "jsonschema", "typescript"].into_iter().for_each(takes);
}

#[test]
fn a_broken_asyncapi_document_is_refused() {
    let changes: &[Change] = &[
        (|document| document["operations"]["v1_send_server_ack"]["action"] = json!("hear"), "must be equal to one of"),
        (
            |document| remove(&mut document["components"]["messages"], "server_ack"),
            "messages/server_ack: leads nowhere",
        ),
        (
            |document| {
                let message = json!("#/components/messages/server_ack");
                document["operations"]["v1_send_server_ack"]["messages"][0]["$ref"] = message;
            },
            "is not of its channel",
        ),
        (
            |document| {
                let message = &mut document["components"]["messages"]["send_private"];
                message["examples"][0]["payload"]["to"] = json!([2]);
            },
            "message send_private: its example/to",
        ),
    ];
    refuses("asyncapi", &changed("asyncapi", changes));
}

#[test]
fn a_broken_openapi_document_is_refused() {
    let changes: &[Change] = &[
        (
            |document| remove(&mut document["paths"]["/v1/feed"]["get"]["responses"]["200"], "description"),
            "/paths/~1v1~1feed/get/responses/200: must have required property 'description'",
        ),
        (|document| remove(&mut document["components"]["schemas"], "Problem"), "\"Problem\" does not exist"),
        (
            |document| document["paths"]["/v1/feed"]["get"]["operationId"] = json!("get_me"),
            "operationId `get_me` is given twice",
        ),
    ];
    refuses("openapi", &changed("openapi", changes));
}

#[test]
fn a_broken_bundle_of_schemas_is_refused() {
    let changes: &[Change] = &[
        (|bundle| bundle["$defs"]["message.private"]["type"] = json!("objekt"), "message.private/type"),
        (
            |bundle| bundle["$defs"]["message.private"]["properties"]["to"] = json!({"$ref": "#/$defs/Lost"}),
            "can't resolve reference #/$defs/Lost",
        ),
        (
            |bundle| bundle["$defs"]["message.private"]["properties"]["to"] = json!({"type": "boolean"}),
            "message.private: its example/to",
        ),
        (|bundle| remove(&mut bundle["$defs"]["message.private"], "examples"), "message.private: has no example"),
        (|bundle| bundle["$defs"]["frame.client"]["anyOf"] = json!([true]), "frame:client: takes anything"),
    ];
    refuses("jsonschema", &changed("jsonschema", changes));
}

#[test]
fn broken_types_of_typescript_are_refused() {
    let module = printed("typescript");
    let broken = [
        ("  to: Id;", "  to: Identity;", "Cannot find name 'Identity'"),
        ("  content: string;", "  content: number;", "right.ts"),
        ("  content: string;", "  content?: string;", "wrong.ts:5: compiles"),
        ("export type CloseCode = ", "export type CloseCode = number | ", "wrong.ts:10: compiles"),
    ];
    let broken = broken.map(|(is, becomes, why)| {
        assert!(module.contains(is), "{is}");
        (module.replace(is, becomes), why)
    });
    refuses("typescript", &broken);
}
