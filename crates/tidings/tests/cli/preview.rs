//! Notifications in the configuration: `tidings notify preview`, what is wrong with them, and a server that has them.

use serde_json::{Value, json};

use crate::{
    http::request,
    support::process::{Server, run},
};

const CONFIGURED: &str = r#"[notifications.post_like]
texts.de.single = "{{ actor }} mag deinen Beitrag"
texts.de.other = "{{ actor }} und {{ others }} andere mögen deinen Beitrag"

[notifications.lesson_done]
title = "Lessons that were done"
texts.en.single = "{{ actor }} finished {{ data.lesson }}"
texts.en.one = "{{ actor }} and {{ others }} other finished {{ data.lesson }}"
texts.en.other = "{{ actors[0] }}, {{ actors[1] }} and more, {{ count }} in all, finished {{ data.lesson }}"
limit = "2/h"

[notifications.sign_in]
texts.en.single = "A new sign-in"
mandatory = true
"#;

fn folder_with(configuration: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tidings.toml"), configuration).unwrap();
    folder
}

#[test]
fn a_preview_says_each_number_in_the_readers_language() {
    let folder = folder_with(CONFIGURED);
    let preview = |arguments: &[&str]| {
        let output = run(folder.path(), &[&["notify", "preview"], arguments].concat());
        assert_eq!(output.code, Some(0), "{arguments:?}: {}", output.stderr);
        output.stdout
    };
    assert_eq!(
        preview(&["post_like"]),
        "1: Ann liked your post\n2: Ann and 1 other liked your post\n13: Ann and 12 others liked your post\n"
    );
    assert_eq!(
        preview(&["post_like", "--actors", "1,2,13", "--lang", "de"]),
        "1: Ann mag deinen Beitrag\n2: Ann und 1 andere mögen deinen Beitrag\n13: Ann und 12 andere mögen deinen Beitrag\n"
    );
    assert_eq!(
        preview(&["mention", "--actors", "2", "--lang", "de-AT"]),
        "2: Ann und eine weitere Person haben dich erwähnt\n"
    );
    assert_eq!(
        preview(&["lesson_done", "--actors", "1,4", "--fields", r#"{"lesson":"Chords"}"#]),
        "1: Ann finished Chords\n4: Ann, Bob and more, 4 in all, finished Chords\n"
    );
    let unknown = run(folder.path(), &["notify", "preview", "post_lik"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("the nearest known one is \"post_like\""), "{}", unknown.stderr);
}

#[test]
fn a_preview_names_those_whom_the_data_folder_knows() {
    let folder = folder_with(CONFIGURED);
    let server = Server::start(folder.path(), &["--dev"]);
    let called = json!({"name": "Zoë"});
    assert_eq!(request(server.address, "PATCH", "/v1/me?user=5", None, Some(&called)).status, 200);
    let output = run(folder.path(), &["notify", "preview", "lesson_done", "--actors", "1,3"]);
    assert_eq!(output.stdout, "1: Zoë finished \n3: Zoë, Ann and more, 3 in all, finished \n", "{}", output.stderr);
}

#[test]
fn a_wrong_setting_is_named_with_its_line_and_the_nearest_known_one() {
    for (configuration, expected) in [
        (
            "[notifications.post_like]\ntitel = \"Likes\"",
            "tidings.toml:2: unknown key `notifications.post_like.titel`; the nearest known one is `notifications.post_like.title`",
        ),
        (
            "[notifications.post_like]\n\ntexts.en.singel = \"x\"",
            "tidings.toml:3: `notifications.post_like.texts`: `en.singel`: \"singel\" is no form: single, zero, one, two, few, many, \
             other; the nearest known one is `en.single`",
        ),
        (
            "[notifications.post_like.texts.en]\nsingle = \"{{ actor\"",
            "`notifications.post_like.texts`: `en.single`: read the template \"{{ actor\": ",
        ),
        (
            "[notifications.x]\ntexts.in_english.single = \"x\"",
            "`in_english.single`: \"in_english\" is no language tag",
        ),
        ("[notifications.x]\ntexts = \"Hi\"", "`notifications.x.texts` expects table such as `{ en = { single = "),
        ("[notifications.x]\nlimit = \"20\"", "`notifications.x.limit`: \"20\" is no rate such as \"60/min\""),
        (
            "[notifications.x]\nwindow = \"1ms\"",
            ":2: `notifications.x.window` expects length of time from 1s, not the text",
        ),
        (
            "[notifications.Post-Like]\nmandatory = true",
            "`notifications.Post-Like` is no name of a subtype: 1 to 40 of a-z",
        ),
        (
            "[notifications.x]\nchannels = [\"in app\"]",
            ":2: `notifications.x.channels` has \"in app\", which is no name of a channel: 1 to 40 of a-z",
        ),
    ] {
        let folder = folder_with(configuration);
        let checked = run(folder.path(), &["config", "check"]);
        assert_eq!(checked.code, Some(2), "{configuration}: {}", checked.stdout);
        assert!(checked.stderr.contains(expected), "{configuration}: {}", checked.stderr);
    }
}

#[test]
fn what_is_shown_of_the_configuration_reads_back() {
    let folder = folder_with(CONFIGURED);
    let shown = run(folder.path(), &["config", "show"]).stdout;
    std::fs::write(folder.path().join("tidings.toml"), &shown).unwrap();
    let again = run(folder.path(), &["config", "show"]);
    let values = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split("  # ").next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(values(&again.stdout), values(&shown), "{}", again.stderr);
    assert!(shown.contains("mögen deinen Beitrag"), "{shown}");
}

#[test]
fn a_server_says_them_in_the_configured_words_and_not_more_often_than_the_limit() {
    let folder = folder_with(CONFIGURED);
    let key = run(folder.path(), &["keys", "new", "--name", "app"]).stdout;
    let server = Server::start(folder.path(), &["--dev"]);
    let does = |method: &str, path: &str, body: Value| {
        let answer = request(server.address, method, path, Some(key.trim()), Some(&body));
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        answer.body
    };
    let notice = |subtype: &str, actor: u32, lesson: &str| {
        let key = format!("lesson:{lesson}");
        let body = json!({"to": [7], "subtype": subtype, "actor": actor, "data": {"lesson": lesson}, "group_key": key});
        does("POST", "/v1/notifications", body)["id"].as_str().unwrap().to_owned()
    };
    notice("lesson_done", 2, "Chords");
    notice("lesson_done", 3, "Scales");
    let over = notice("lesson_done", 4, "Rhythm");
    // What is joined into a row that is there is no new one.
    notice("lesson_done", 5, "Chords");
    notice("post_like", 6, "Chords");
    does("PUT", "/v1/preferences?user=7", json!({"preferences": [{"mode": "off"}]}));
    notice("sign_in", 6, "");
    let inbox = does("GET", "/v1/inbox?user=7", Value::Null);
    let said: Vec<_> = inbox["notifications"].as_array().unwrap().iter().map(|row| row["message"].clone()).collect();
    assert_eq!(
        said,
        ["A new sign-in", "User 6 liked your post", "User 5 and 1 other finished Chords", "User 3 finished Scales",]
    );
    let why = does("GET", &format!("/v1/trace/{over}"), Value::Null)["steps"][0]["why"].clone();
    assert_eq!(why, "limit: a recipient gets 2 new ones of its kind in 3600 s");
    let chosen = does("GET", "/v1/preferences?user=7", Value::Null);
    let lesson = chosen["subtypes"].as_array().unwrap().iter().find(|kind| kind["subtype"] == "lesson_done").unwrap();
    assert_eq!(lesson["title"], "Lessons that were done");
}
