//! What each port asks, and what it takes as an answer.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_endpoints::{
    EndpointGraph, EndpointList, EndpointPosts, EndpointSessions, EndpointUsers, GraphTemplates, Template,
};
use tidings_engine::ports::{Between, Posts, Session, SessionResolver, SocialGraph, Users};
use tidings_testkit::{AppBackend, Reply};
use tidings_wire::PostId;

use crate::support::{chain, endpoints, endpoints_with, run, template, user};

#[test]
fn a_session_is_asked_for_with_the_cookie_and_the_bearer() {
    let backend = AppBackend::start(|request| match request.header("cookie") {
        Some("sid=good") => Reply::Json(r#"{"user": 7, "expires": 1750000000}"#.into()),
        Some("sid=endless") => Reply::Json(r#"{"user": "0192f0c1-2b3c-7def-8abc-0123456789ab", "name": "Ann"}"#.into()),
        Some("sid=nobody") => Reply::Json(r#"{"user": null}"#.into()),
        Some("sid=over") => Reply::Status(401),
        _ => Reply::Status(404),
    });
    let asking = endpoints_with(|options| options.bearer = Some("a secret".into()));
    let sessions = EndpointSessions::new(&asking, template(&backend, "/session", &[]), "sid");
    let resolve = |cookie: &str| run(sessions.resolve(cookie.to_owned())).unwrap();
    assert_eq!(resolve("good"), Some(Session { user: user(7), expires_at: Some(1_750_000_000) }));
    let uuid = "0192f0c1-2b3c-7def-8abc-0123456789ab".parse().unwrap();
    assert_eq!(resolve("endless"), Some(Session { user: uuid, expires_at: None }));
    for nobody in ["nobody", "over", "unknown"] {
        assert_eq!(resolve(nobody), None, "{nobody}");
    }
    let before = backend.requests();
    assert!(before.iter().all(|request| request.header("authorization") == Some("Bearer a secret")));
    // What could add a cookie or a header of its own is not passed on.
    for bad in ["good; admin=1", "good\r\nX-Admin: 1", "g\"d", "gö", ""] {
        if bad.is_empty() {
            continue;
        }
        assert_eq!(resolve(bad), None, "{bad:?}");
    }
    assert_eq!(backend.requests().len(), before.len());
}

#[test]
fn posts_and_users_are_objects_and_404_is_none() {
    let backend = AppBackend::start(|request| match request.path.as_str() {
        "/posts/9" => Reply::Json(r#"{"owner": 7, "content": "hello", "tags": ["a"]}"#.into()),
        "/people/7" => Reply::Json(r#"{"name": "Ann", "language": "de", "zone": null, "city": "Ulm"}"#.into()),
        _ => Reply::Status(404),
    });
    let asking = endpoints();
    let posts = EndpointPosts::new(&asking, template(&backend, "/posts/{post}", EndpointPosts::PLACES));
    let post = run(posts.post(PostId::new(9))).unwrap().unwrap();
    assert_eq!((post.owner, Value::Object(post.details)), (user(7), json!({"content": "hello", "tags": ["a"]})));
    assert_eq!(run(posts.post(PostId::new(10))).unwrap(), None);
    let users = EndpointUsers::new(&asking, template(&backend, "/people/{user}", EndpointUsers::PLACES));
    let ann = run(users.user(user(7))).unwrap().unwrap();
    assert_eq!((ann.name.as_deref(), ann.language.as_deref(), ann.zone), (Some("Ann"), Some("de"), None));
    assert_eq!(Value::Object(ann.data), json!({"city": "Ulm"}));
    assert_eq!(run(users.user(user(8))).unwrap(), None);
}

#[test]
fn a_graph_has_lists_and_one_object() {
    let backend = AppBackend::start(|request| match request.path.as_str() {
        "/f?of=7&after=&limit=2" => Reply::Json("[8, 9]".into()),
        "/f?of=7&after=9&limit=2" => Reply::Json(r#"{"users": [456]}"#.into()),
        "/blocked/7" => Reply::Json("[21, 20]".into()),
        "/by/8" => Reply::Json("[9, 7, 9]".into()),
        "/between?a=7&b=8" => Reply::Json(r#"{"follows": true, "muted": true, "since": 5}"#.into()),
        _ => Reply::Status(404),
    });
    let asking = endpoints();
    let list = |path| EndpointList::of_user(&asking, "app.test.url", &backend.url(path)).unwrap();
    let templates = GraphTemplates {
        followers: list("/f?of={user}&after={after}&limit={limit}"),
        following: list("/by/{user}"),
        apart: None,
        blocked: Some(list("/blocked/{user}")),
        between: template(&backend, "/between?a={user}&b={other}", EndpointGraph::BETWEEN),
    };
    let graph = EndpointGraph::new(&asking, templates, Duration::from_secs(30));
    assert_eq!(run(graph.followers(user(7), None, 2)).unwrap(), [8, 9].map(user));
    assert_eq!(run(graph.followers(user(7), Some(user(9)), 2)).unwrap(), [user(456)]);
    assert_eq!(run(graph.followers(user(8), None, 2)).unwrap(), []);
    assert_eq!(run(graph.following(user(8), None, 10)).unwrap(), [7, 9].map(user), "sorted here, and each once");
    assert_eq!(run(graph.apart(user(7), None, 10)).unwrap(), []);
    assert!(graph.lists_blocked());
    assert_eq!(run(graph.blocked(user(7), None, 10)).unwrap(), [20, 21].map(user));
    let between = Between { follows: true, muted: true, ..Between::default() };
    assert_eq!(run(graph.between(user(7), user(8))).unwrap(), between);
    assert_eq!(run(graph.between(user(8), user(7))).unwrap(), Between::default());
}

#[test]
fn a_list_that_is_half_paged_is_refused() {
    let error =
        EndpointList::of_user(&endpoints(), "app.followers.url", "http://app/{user}?after={after}").err().unwrap();
    assert!(chain(&error).contains("`app.followers.url` has one of `{after}` and `{limit}`"), "{}", chain(&error));
}

#[test]
fn a_whole_answer_can_be_fetched() {
    let backend = AppBackend::start(|_| Reply::Json("[]".into()));
    let keys = Template::parse("auth.jwks_url", &backend.url("/keys"), &[]).unwrap();
    assert_eq!(run(endpoints().fetch(&keys)).unwrap(), "[]");
}
