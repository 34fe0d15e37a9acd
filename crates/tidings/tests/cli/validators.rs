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

/// Whether the form's validator takes the text, and what it says.
fn validate(form: &str, text: &str) -> (bool, String) {
    let installed = checks().join("node_modules").exists();
    assert!(installed, "the validators are not installed: run `cargo xtask test`, or `npm ci` in checks/spec");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(if form == "typescript" { "tidings.ts" } else { "document.json" });
    fs::write(&file, text).unwrap();
    let output = Command::new("node")
        .args(["check.mjs", form])
        .arg(&file)
        .current_dir(checks())
        .output()
        .expect("Node 18 or newer: on Debian, `apt-get install nodejs npm`");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.code().is_some_and(|code| code < 2) && said.contains("wrong"), "the check broke: {said}");
    (output.status.success(), said)
}

fn takes(form: &str, text: &str) {
    let (good, said) = validate(form, text);
    assert!(good, "{said}");
}

/// That the form's validator refuses what `tidings spec` prints after this change, with words that say why.
fn refuses(form: &str, change: impl FnOnce(&mut Value), why: &str) {
    let mut document = spec(form);
    change(&mut document);
    let (good, said) = validate(form, &document.to_string());
    assert!(!good && said.contains(why), "{why}: {said}");
}

#[test]
fn the_asyncapi_document_is_one() {
    takes("asyncapi", &printed("asyncapi"));
}

#[test]
fn a_broken_asyncapi_document_is_refused() {
    let operation = "v1_receive_send_private";
    refuses(
        "asyncapi",
        |document| document["operations"][operation]["action"] = json!("hear"),
        "must be equal to one of",
    );
    refuses(
        "asyncapi",
        |document| drop(document["components"]["messages"].as_object_mut().unwrap().remove("server_ack")),
        "#/components/messages/server_ack: leads nowhere",
    );
    refuses(
        "asyncapi",
        |document| {
            document["operations"][operation]["messages"][0]["$ref"] = json!("#/components/messages/send_private")
        },
        "is not of its channel",
    );
    refuses(
        "asyncapi",
        |document| document["components"]["messages"]["send_private"]["examples"][0]["payload"]["to"] = json!([2]),
        "message send_private: its example/to",
    );
}

#[test]
fn the_openapi_document_is_one() {
    takes("openapi", &printed("openapi"));
}

#[test]
fn a_broken_openapi_document_is_refused() {
    let answer = |document: &mut Value| document["paths"]["/v1/feed"]["get"]["responses"]["200"].take();
    refuses("openapi", |document| drop(answer(document)), "/paths/~1v1~1feed/get/responses/200");
    refuses(
        "openapi",
        |document| drop(document["components"]["schemas"].as_object_mut().unwrap().remove("Problem")),
        "\"Problem\" does not exist",
    );
    refuses(
        "openapi",
        |document| document["paths"]["/v1/feed"]["get"]["operationId"] = json!("get_me"),
        "operationId `get_me` is given twice",
    );
}

#[test]
fn the_bundle_of_schemas_is_json_schema_and_takes_each_types_example() {
    takes("jsonschema", &printed("jsonschema"));
}

#[test]
fn a_broken_bundle_of_schemas_is_refused() {
    let field = "/$defs/message.private/properties/to";
    refuses(
        "jsonschema",
        |bundle| bundle["$defs"]["message.private"]["type"] = json!("objekt"),
        "message.private/type",
    );
    refuses("jsonschema", |bundle| *bundle.pointer_mut(field).unwrap() = json!({"$ref": "#/$defs/Lost"}), "Lost");
    refuses(
        "jsonschema",
        |bundle| *bundle.pointer_mut(field).unwrap() = json!({"type": "boolean"}),
        "message.private: its example/to",
    );
    refuses(
        "jsonschema",
        |bundle| drop(bundle["$defs"]["message.private"].as_object_mut().unwrap().remove("examples")),
        "message.private: has no example",
    );
    refuses("jsonschema", |bundle| bundle["$defs"]["frame.client"]["anyOf"] = json!([true]), "takes anything");
}

#[test]
fn the_types_of_typescript_compile_and_refuse_misuse() {
    takes("typescript", &printed("typescript"));
}

#[test]
fn broken_types_of_typescript_are_refused() {
    let module = printed("typescript");
    for (is, becomes, why) in [
        ("  to: Id;", "  to: Identity;", "Cannot find name 'Identity'"),
        ("  content: string;", "  content: number;", "right.ts"),
        ("  content: string;", "  content?: string;", "wrong.ts:5: compiles"),
        ("export type CloseCode = ", "export type CloseCode = number | ", "wrong.ts:10: compiles"),
    ] {
        assert!(module.contains(is), "{is}");
        let (good, said) = validate("typescript", &module.replace(is, becomes));
        assert!(!good && said.contains(why), "{why}: {said}");
    }
}
