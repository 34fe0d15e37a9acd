//! A backend that hangs, fails, talks nonsense, or is not there.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tidings_endpoints::{EndpointList, EndpointUsers, Endpoints};
use tidings_engine::ports::{StoreError, Users};
use tidings_testkit::{AppBackend, Reply};
use tokio::task::JoinSet;

use crate::support::{chain, endpoints, endpoints_with, run, template, user};

fn users(endpoints: &Endpoints, backend: &AppBackend) -> EndpointUsers {
    EndpointUsers::new(endpoints, template(backend, "/people/{user}", EndpointUsers::PLACES))
}

fn said(error: &StoreError) -> String {
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    chain(error)
}

#[test]
fn what_may_pass_is_asked_again_and_what_may_not_is_not() {
    for (bad, retries, asked) in [
        (Reply::Status(500), 2, 3),
        (Reply::Status(503), 1, 2),
        (Reply::Status(429), 2, 3),
        (Reply::Break, 2, 3),
        (Reply::Status(500), 0, 1),
        (Reply::Status(403), 2, 1),
        (Reply::Status(400), 2, 1),
        (Reply::Status(302), 2, 1),
        (Reply::Json("no JSON".into()), 2, 1),
        (Reply::Json("[7]".into()), 2, 1),
    ] {
        let answer = bad.clone();
        let backend = AppBackend::start(move |_| answer.clone());
        let error =
            run(users(&endpoints_with(|options| options.retries = retries), &backend).user(user(7))).unwrap_err();
        assert!(said(&error).contains("`app.test.url`: GET"), "{bad:?}: {}", said(&error));
        assert_eq!(backend.requests().len(), asked, "{bad:?}: {}", said(&error));
    }
}

#[test]
fn a_backend_that_comes_back_is_heard_without_an_error() {
    let times = AtomicUsize::new(0);
    let backend = AppBackend::start(move |_| match times.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::Status(503),
        1 => Reply::Break,
        _ => Reply::Json(r#"{"name": "Ann"}"#.into()),
    });
    let ann = run(users(&endpoints(), &backend).user(user(7))).unwrap().unwrap();
    assert_eq!((ann.name.as_deref(), backend.requests().len()), (Some("Ann"), 3));
}

#[test]
fn a_backend_that_hangs_is_asked_once_more_and_given_up_in_time() {
    let backend = AppBackend::start(|_| Reply::Hang);
    let hasty = endpoints_with(|options| options.timeout = Duration::from_millis(400));
    let error = run(users(&hasty, &backend).user(user(7))).unwrap_err();
    assert!(said(&error).contains("no answer within"), "{}", said(&error));
    assert_eq!(backend.requests().len(), 2, "each attempt has half of the time");
}

#[test]
fn a_question_that_hangs_holds_no_other_up() {
    let backend = AppBackend::start(|request| match request.path.as_str() {
        "/people/1" => Reply::Hang,
        _ => Reply::Json("{}".into()),
    });
    let users = users(&endpoints(), &backend);
    run(async {
        let mut hanging = JoinSet::new();
        hanging.spawn(users.user(user(1)));
        for id in 2..50 {
            assert!(users.user(user(id)).await.unwrap().is_some());
        }
        assert!(hanging.try_join_next().is_none());
    });
}

#[test]
fn no_more_are_under_way_than_allowed_and_one_too_many_is_refused() {
    let backend = AppBackend::start(|_| Reply::Hang);
    let tight = endpoints_with(|options| (options.requests, options.queue) = (2, 3));
    let users = users(&tight, &backend);
    run(async {
        let mut hanging = JoinSet::new();
        for id in 0..5 {
            hanging.spawn(users.user(user(id)));
        }
        // Each is counted when it is asked, not when it is sent.
        let refused = users.user(user(9)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Full), "{refused:?}");
        backend.wait_for(2);
        assert_eq!(backend.requests().len(), 2, "three wait");
        // Who goes away leaves the place to another.
        hanging.abort_all();
        while hanging.join_next().await.is_some() {}
        let mut next = JoinSet::new();
        next.spawn(users.user(user(10)));
        let patience = Instant::now() + Duration::from_secs(30);
        while backend.requests().len() < 3 {
            assert!(Instant::now() < patience, "no place was given back");
            // Places are given back on the client's own thread, a moment after.
            if let Some(Ok(Err(StoreError::Full))) = next.try_join_next() {
                next.spawn(users.user(user(10)));
            }
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn the_backend_is_never_asked_more_at_once_than_allowed() {
    let under_way = Arc::new((Mutex::new((0, 0)), Condvar::new()));
    let seen = under_way.clone();
    let backend = AppBackend::start(move |_| {
        let (counts, another) = &*seen;
        let mut counts = counts.lock().unwrap();
        counts.0 += 1;
        counts.1 = counts.1.max(counts.0);
        another.notify_all();
        // One too many would come within this time.
        let waited = another.wait_timeout_while(counts, Duration::from_millis(100), |(now, _)| *now <= 2);
        waited.unwrap().0.0 -= 1;
        Reply::Json("{}".into())
    });
    let users = users(&endpoints_with(|options| options.requests = 2), &backend);
    run(async {
        let mut all = JoinSet::new();
        for id in 0..6 {
            all.spawn(users.user(user(id)));
        }
        assert!(all.join_all().await.into_iter().all(|answer| answer.unwrap().is_some()));
    });
    assert_eq!(under_way.0.lock().unwrap().1, 2);
}

#[test]
fn answers_are_bounded_in_bytes() {
    let backend = AppBackend::start(|_| Reply::Json(format!(r#"{{"bio": "{}"}}"#, "x".repeat(10_000))));
    let small = endpoints_with(|options| options.answer_bytes = 1_024);
    let error = run(users(&small, &backend).user(user(7))).unwrap_err();
    assert!(said(&error).contains("more than 1024 bytes"), "{}", said(&error));
    assert!(run(users(&endpoints(), &backend).user(user(7))).unwrap().is_some());
}

#[test]
fn a_page_that_is_none_is_an_error() {
    for body in ["[3, 2]", "[2, 2]", "[1, 2]", "[2, 3, 4]", "[2, -3]", r#"{"people": [2]}"#] {
        let backend = AppBackend::start(move |_| Reply::Json(body.into()));
        let url = backend.url("/{user}?after={after}&limit={limit}");
        let list = EndpointList::of_user(&endpoints(), "app.followers.url", &url).unwrap();
        let error = run(list.page(user(7).0, Some(user(1).0), 2)).unwrap_err();
        assert!(said(&error).contains("answered with something else"), "{body}: {}", said(&error));
    }
}

#[test]
fn nobody_at_home_is_said() {
    let backend = AppBackend::start(|_| Reply::Hang);
    // A port that nobody listens on any more.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{gone}/{{user}}");
    let template = tidings_endpoints::Template::parse("app.users.url", &url, EndpointUsers::PLACES).unwrap();
    let error = run(EndpointUsers::new(&endpoints(), template).user(user(7))).unwrap_err();
    assert!(
        said(&error).contains("`app.users.url`: GET") && said(&error).contains("the connection failed"),
        "{}",
        said(&error)
    );
    drop(backend);
}
