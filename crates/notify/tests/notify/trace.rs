//! Why: what `GET /v1/trace` says of what was given, what was not, and what waits.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tidings_notify::Notify;
use tidings_testkit::SteppedClock;
use tidings_wire::UserId;

use crate::world::{ANN, World};

impl World {
    /// A backend that may read asks.
    async fn trace(&self, of: &str) -> Value {
        let answer = self.server.by_service("read").await.get(&format!("/v1/trace{of}")).await;
        assert_eq!(answer.status, 200, "{of}: {answer:?}");
        answer.json()
    }

    /// A backend notifies: the notice's id.
    async fn notice(&self, body: Value) -> String {
        let answer = self.notifies(body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["id"].as_str().expect("an id").to_owned()
    }
}

#[tokio::test]
async fn a_preference_that_switched_it_off_is_named_by_notice_and_by_user() {
    let world = World::new().await;
    let off = json!({"preferences": [{"subtype": "post_like", "mode": "off"}]});
    world.does(ANN, "PUT", "/preferences", Some(off)).await;
    let id = world.notice(json!({"to": [1, 5], "subtype": "post_like", "actor": 2})).await;
    let trace = world.trace(&format!("/{id}")).await;
    let steps = trace["steps"].as_array().expect("steps");
    let told = |step: &Value| (step["step"].clone(), step["user"].clone());
    assert_eq!(told(&steps[0]), (json!("filtered"), json!(1)), "{trace}");
    assert_eq!(steps[0]["why"], "preference: switched off by the recipient");
    assert_eq!(steps[0]["say"], "not given to user 1 (preference: switched off by the recipient)");
    assert_eq!(told(&steps[1]), (json!("stored"), json!(5)), "{trace}");
    let row = &world.get(UserId::new(5), "/inbox").await["notifications"][0];
    assert_eq!(steps[1]["notification"], row["id"]);
    assert_eq!((steps.len(), &trace["more"]), (2, &json!(false)));
    let by_user = world.trace("?user=1").await;
    assert_eq!((&by_user["steps"][0]["notice"], &by_user["more"]), (&json!(id), &json!(false)), "{by_user}");
    // Nobody expects to hear of what they did themselves; the trace says even that.
    let own = world.notice(json!({"to": [1], "subtype": "post_like", "actor": 1})).await;
    assert_eq!(
        world.trace(&format!("/{own}")).await["steps"][0]["why"],
        "own: nobody is told of what they did themselves"
    );
}

#[tokio::test]
async fn what_quiet_hours_hold_back_says_until_when_and_then_where_it_is() {
    let clock = SteppedClock::new();
    // 2026-03-28, 23:30 in Berlin.
    clock.set_unix_ms(1_774_737_000_000);
    let folder = Arc::new(tempfile::tempdir().expect("a folder"));
    let world = World::on(folder, Notify::standard(), clock.clone()).await;
    let quiet = json!({"zone": "Europe/Berlin", "hours": [{"from": "22:00", "to": "07:00"}]});
    world.does(ANN, "PUT", "/quiet-hours", Some(quiet)).await;
    let id = world.notice(json!({"to": [1], "subtype": "post_like", "actor": 2, "group_key": "post:9"})).await;
    let step = world.trace(&format!("/{id}")).await["steps"][0].clone();
    assert_eq!(step["step"], "deferred");
    assert_eq!(step["say"], "deferred until 2026-03-29T05:00:00Z, when user 1's quiet hours are over");
    clock.advance(Duration::from_secs(6 * 3_600 + 30 * 60));
    let mut ann = world.v1(ANN).await;
    // The change itself, or where the inbox stands if it came first.
    while world.inbox(ANN).await["unread"] == 0 {
        ann.expects_json().await;
    }
    let trace = world.trace(&format!("/{id}")).await;
    assert_eq!(
        trace["steps"][0]["say"],
        "was deferred by user 1's quiet hours, and has been given or taken back since"
    );
    let row = &world.inbox(ANN).await["notifications"][0];
    assert_eq!((&trace["steps"][1]["step"], &trace["steps"][1]["notification"]), (&json!("stored"), &row["id"]));
    assert_eq!(trace["steps"][1]["at"], 1_774_737_000 + 6 * 3_600 + 30 * 60, "{trace}");
}

#[tokio::test]
async fn a_notification_says_who_is_in_it_and_by_which_mark_it_was_read() {
    let world = World::new().await;
    let notice = |actor: i64| json!({"to": [1], "subtype": "post_like", "actor": actor, "group_key": "post:9"});
    let first = world.notice(notice(2)).await;
    let second = world.notice(notice(3)).await;
    let row = world.inbox(ANN).await["notifications"][0].clone();
    let id = row["id"].as_str().expect("an id");
    let standing = world.trace(&format!("/{id}")).await["notification"].clone();
    assert_eq!((&standing["state"], &standing["by"]), (&json!("unseen"), &json!("no mark")));
    let actors = json!([{"user": 3, "events": 1, "notice": second}, {"user": 2, "events": 1, "notice": first}]);
    assert_eq!((&standing["actors"], &standing["count"]), (&actors, &json!(2)), "{standing}");
    assert_eq!((&standing["user"], &standing["group"]), (&json!(1), &json!("post:9")));
    let stored = world.trace(&format!("/{second}")).await["steps"][0].clone();
    assert_eq!(
        stored["say"],
        format!("stored in the inbox of user 1, joined into the notification {id}, done by user 3")
    );
    world.does(ANN, "POST", "/inbox/mark", Some(json!({"state": "read", "up_to": row["seq"]}))).await;
    let standing = world.trace(&format!("/{id}")).await["notification"].clone();
    assert_eq!(standing["state"], "read");
    assert_eq!(standing["by"], "the mark of all rows up to 2, which is the inbox's change 3");
    world.does(ANN, "POST", "/inbox/mark", Some(json!({"state": "archived", "ids": [id]}))).await;
    let standing = world.trace(&format!("/{id}")).await["notification"].clone();
    assert_eq!((&standing["state"], &standing["by"]), (&json!("archived"), &json!("a mark of this row")));
}

#[tokio::test]
async fn what_nothing_is_joined_into_has_its_notice_itself() {
    let world = World::new().await;
    let id = world.notice(json!({"to": [1], "subtype": "news", "message": "Hi", "actor": 2})).await;
    let anybody = world.notice(json!({"to": [1], "subtype": "news", "message": "Hi", "group_key": "all"})).await;
    let trace = world.trace(&format!("/{id}")).await;
    let row = trace["steps"][0]["notification"].as_str().expect("a row").to_owned();
    let standing = world.trace(&format!("/{row}")).await["notification"].clone();
    assert_eq!(standing["actors"], json!([{"user": 2, "events": 1, "notice": id}]));
    let trace = world.trace(&format!("/{anybody}")).await;
    assert_eq!((&trace["steps"][0]["step"], &trace["steps"][0]["user"]), (&json!("stored"), &json!(1)), "{trace}");
}

#[tokio::test]
async fn work_that_goes_on_says_how_far_it_has_come() {
    let world = World::new().await;
    // A job that can't go on stays where it is.
    world.changes(
        "INSERT INTO notify_jobs (id, notice, recipients, created_at) VALUES (77, '{\"event\":\"77\",\"subtype\":\"news\"}', \
         '{\"related\":[\"cousins\",5]}', 1700000000); INSERT INTO notify_progress (job, after_user, done, tries) VALUES (77, 40, 12, 0)",
    );
    let job = world.trace("/77").await["job"].clone();
    let expected = json!({"subtype": "news", "to": "those in the relation cousins to 5", "done": 12, "after": 40, "since": 1_700_000_000});
    assert_eq!(job, expected);
}

#[tokio::test]
async fn steps_come_in_pages_in_both_directions() {
    let world = World::new().await;
    world.does(ANN, "PUT", "/preferences", Some(json!({"preferences": [{"mode": "off"}]}))).await;
    let mut notices = Vec::new();
    for _ in 0..5 {
        notices.push(world.notice(json!({"to": [1], "subtype": "post_like", "actor": 2})).await);
    }
    let of = |page: &Value| -> Vec<Value> {
        page["steps"].as_array().into_iter().flatten().map(|step| step["notice"].clone()).collect()
    };
    let latest = world.trace("?user=1&limit=2").await;
    assert_eq!((of(&latest), &latest["more"]), (vec![json!(notices[4]), json!(notices[3])], &json!(true)));
    let last = latest["steps"][1]["id"].as_str().expect("an id");
    let before = world.trace(&format!("?user=1&limit=3&before={last}")).await;
    assert_eq!((of(&before).len(), &before["more"]), (3, &json!(false)), "{before}");
    let first = before["steps"][2]["id"].as_str().expect("an id");
    let after = world.trace(&format!("?user=1&limit=2&after={first}")).await;
    assert_eq!((of(&after), &after["more"]), (vec![json!(notices[1]), json!(notices[2])], &json!(true)));
    // One notice to several: the same.
    let users: Vec<u64> = (1..=5).collect();
    let id = world.notice(json!({"to": users, "subtype": "post_like", "actor": 9})).await;
    let (mut after, mut told) = (String::new(), Vec::new());
    loop {
        let page = world.trace(&format!("/{id}?limit=2{after}")).await;
        told.extend(page["steps"].as_array().into_iter().flatten().map(|step| step["user"].as_u64()));
        if page["more"] == false {
            break;
        }
        after = format!("&after={}", page["steps"][1]["id"].as_str().expect("an id"));
    }
    assert_eq!(told, users.into_iter().map(Some).collect::<Vec<_>>());
}

#[tokio::test]
async fn only_backends_that_may_read_or_operate_are_told() {
    let world = World::new().await;
    assert_eq!(world.send(ANN, "GET", "/trace?user=1", None).await.status, 403);
    for (scopes, status) in [("send", 403), ("notify", 403), ("read", 200), ("admin", 200)] {
        let answer = world.server.by_service(scopes).await.get("/v1/trace?user=1").await;
        assert_eq!(answer.status, status, "{scopes}");
    }
    let reader = world.server.by_service("read").await;
    for (path, status, field) in [
        ("/v1/trace", 422, json!("user")),
        ("/v1/trace?user=1&limit=101", 422, json!("limit")),
        ("/v1/trace?user=1&before=1&after=2", 422, json!("after")),
        ("/v1/trace/seven", 422, json!("id")),
        ("/v1/trace/7", 404, Value::Null),
    ] {
        let answer = reader.get(path).await;
        assert_eq!((answer.status, answer.json()["field"].clone()), (status, field), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn work_that_cannot_go_on_holds_up_no_other() {
    let world = World::new().await;
    for job in [77, 78, 79] {
        world.changes(&format!(
            "INSERT INTO notify_jobs (id, notice, recipients, created_at) VALUES ({job}, '{{\"event\":\"{job}\",\"subtype\":\"news\"}}', \
             '{{\"related\":[\"cousins\",5]}}', 0); INSERT INTO notify_progress (job, after_user, done, tries) VALUES ({job}, NULL, 0, 0)",
        ));
    }
    let many: Vec<u32> = (1..=40).collect();
    let answer = world.notifies(json!({"to": many, "subtype": "news", "message": "Hello"})).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    world.comes_to("SELECT count(*) FROM notify_rows", 40).await;
    world.comes_to("SELECT count(*) FROM notify_jobs", 3).await;
}
