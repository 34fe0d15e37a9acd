//! What was sent is read again, by those who may.

use serde_json::{Value, json};

use crate::world::{Api, As, Client, Plan};

#[test]
fn the_history_shows_exactly_what_was_heard_to_those_who_may_see_it() {
    let plan = Plan::dev();
    let server = plan.start();
    let key = plan.key();
    let api = |user| Api::of(&server, As::Dev(user));
    let (mut ann, mut bob) = (Client::dev(&server, "7"), Client::dev(&server, "2"));
    let sent: Vec<Value> = (0..7)
        .map(|number| {
            let (from, to, user) = if number % 2 == 0 { (&mut ann, &mut bob, 2) } else { (&mut bob, &mut ann, 7) };
            from.say(
                &json!({"type": "private", "to": user, "content": format!("no. {number}"), "data": {"n": number}}),
            );
            to.hear()
        })
        .collect();
    for user in ["7", "2"] {
        assert_eq!(api(user).history("dm:2:7").unwrap(), sent, "user {user}");
    }
    assert_eq!(Api::of(&server, As::Bearer(&key)).history("dm:2:7").unwrap(), sent, "a service");
    assert_eq!(api("3").history("dm:2:7"), Err(404), "a stranger");
    assert_eq!(api("3").history("dm:2:3"), Err(404), "a conversation that never was");
    let refusals = ["dm:2:7", "dm:2:9"].map(|name| api("3").get(&format!("/v1/conversations/{name}/messages")).body);
    assert_eq!(refusals[0], refusals[1], "absent and forbidden look alike");
    assert_eq!(Api::of(&server, As::Nobody).history("dm:2:7"), Err(401), "nobody");
}

#[test]
fn pages_go_backward_and_forward_without_gap_or_repeat() {
    let plan = Plan::dev().unlimited();
    let server = plan.start();
    let api = Api::of(&server, As::Dev("7"));
    for number in 1..=120 {
        let sent = api.send(&json!({"type": "private", "to": 2, "content": number.to_string()}));
        assert_eq!((sent.status, &sent.body["seq"]), (201, &json!(number)), "{}", sent.body);
    }
    let page = |query: &str| {
        let body = api.get(&format!("/v1/conversations/dm:2:7/messages{query}")).body;
        assert_eq!((&body["oldest"], &body["head"]), (&json!(1), &json!(120)), "{body}");
        let messages = body["messages"].as_array().unwrap();
        let seqs: Vec<u64> = messages.iter().map(|message| message["seq"].as_u64().unwrap()).collect();
        (seqs, body["more"].as_bool().unwrap())
    };
    let seqs = |range: std::ops::RangeInclusive<u64>| range.collect::<Vec<_>>();
    assert_eq!(page(""), (seqs(71..=120), true), "the latest fifty");
    assert_eq!(page("?before=71&limit=70"), (seqs(1..=70), false));
    assert_eq!(page("?before=71&limit=69"), (seqs(2..=70), true));
    assert_eq!(page("?after=0&limit=100"), (seqs(1..=100), true));
    assert_eq!(page("?after=100&limit=100"), (seqs(101..=120), false));
    assert_eq!(page("?after=120"), (vec![], false));
    assert_eq!(page("?after=10&before=13"), (vec![11, 12], false));
    for query in ["?limit=0", "?limit=101", "?limit=x", "?before=-1"] {
        assert_eq!(api.get(&format!("/v1/conversations/dm:2:7/messages{query}")).status, 422, "{query}");
    }
}

#[test]
fn large_messages_make_shorter_pages() {
    let plan = Plan::dev();
    let server = plan.start();
    let api = Api::of(&server, As::Dev("7"));
    for _ in 0..5 {
        assert_eq!(api.send(&json!({"type": "private", "to": 2, "content": "x".repeat(60_000)})).status, 201);
    }
    let page = api.get("/v1/conversations/dm:2:7/messages?after=0");
    assert_eq!((page.body["messages"].as_array().unwrap().len(), &page.body["more"]), (1, &json!(true)));
    assert_eq!(api.history("dm:2:7").unwrap().len(), 5);
}

#[test]
fn a_user_sees_their_conversations_the_latest_first() {
    let plan = Plan::dev();
    let server = plan.start();
    let key = plan.key();
    let api = |user| Api::of(&server, As::Dev(user));
    api("1").join("5", &["7", "2"]);
    let long = "é".repeat(300);
    for message in [
        json!({"type": "private", "to": 2, "content": "one"}),
        json!({"type": "private", "to": 2, "content": "two"}),
        json!({"type": "group", "group_id": 5, "content": "all"}),
        json!({"type": "private", "to": 3, "content": long}),
    ] {
        assert_eq!(api("7").send(&message).status, 201);
    }
    assert_eq!(api("2").send(&json!({"type": "private", "to": 7, "content": "three"})).status, 201);
    let list = |api: Api<'_>, query: &str| {
        let body = api.get(&format!("/v1/conversations{query}")).body;
        body["conversations"].as_array().unwrap_or_else(|| panic!("{body}")).clone()
    };
    let names = |list: &[Value]| list.iter().map(|one| one["conversation"].clone()).collect::<Vec<_>>();
    let of_ann = list(api("7"), "");
    assert_eq!(names(&of_ann), ["dm:2:7", "dm:3:7", "group:5"]);
    let of_bob = list(api("2"), "");
    assert_eq!(names(&of_bob), ["dm:2:7", "group:5"]);
    let marks = |one: &Value| ["head", "read", "unread"].map(|name| one[name].as_u64().unwrap());
    assert_eq!([marks(&of_ann[0]), marks(&of_ann[1]), marks(&of_ann[2])], [[3, 2, 1], [1, 1, 0], [1, 1, 0]]);
    assert_eq!([marks(&of_bob[0]), marks(&of_bob[1])], [[3, 3, 0], [1, 0, 1]], "sending moves one's own mark");
    assert_eq!(Some(&of_bob[0]["last"]), api("7").history("dm:2:7").unwrap().last());
    assert_eq!(of_ann[1]["last"]["content"], "é".repeat(200), "the last message's content is cut");
    assert!(of_ann.iter().all(|one| one["touched_at"].as_u64() > Some(1_700_000_000)), "{of_ann:?}");
    assert_eq!(list(Api::of(&server, As::Bearer(&key)), "?user=2"), of_bob, "a service asks for anyone");
    assert_eq!(names(&list(api("7"), "?limit=1")), ["dm:2:7"]);
    assert_eq!(names(&list(api("7"), "?before=dm:2:7")), ["dm:3:7", "group:5"]);
    assert_eq!(list(api("4"), ""), Vec::<Value>::new());
    let _ = plan;
}

#[test]
fn a_member_reads_a_group_from_joining_to_leaving() {
    let plan = Plan::dev();
    let server = plan.start();
    let api = |user| Api::of(&server, As::Dev(user));
    let say = |content: &str| {
        let sent = api("7").send(&json!({"type": "group", "group_id": 5, "content": content}));
        assert_eq!(sent.status, 201, "{}", sent.body);
    };
    let read = |user| {
        let page = api(user).get("/v1/conversations/group:5/messages");
        let messages = page.body["messages"].as_array().cloned().unwrap_or_default();
        messages.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    api("1").join("5", &["7"]);
    say("before");
    api("1").join("5", &["2"]);
    say("while");
    assert_eq!((read("7"), read("2")), (vec!["before".to_owned(), "while".to_owned()], vec!["while".to_owned()]));
    assert_eq!(api("1").call("DELETE", "/v1/groups/5/members/2", None).status, 204);
    say("after");
    assert_eq!(read("2"), ["while"], "one's stream runs from joining to leaving");
    assert_eq!(api("3").history("group:5"), Err(404));
}
