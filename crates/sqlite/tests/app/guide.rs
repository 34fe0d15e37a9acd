//! What the guide's tables answer.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_engine::ports::{Between, Posts, SessionResolver, SocialGraph, Users};
use tidings_sqlite::app::{AppGraph, AppList, AppPosts, AppSessions, AppUsers, GraphQueries, UuidForm};
use tidings_testkit::contract::wait;
use tidings_wire::{Id, PostId, UserId};

use crate::support::{App, chain, sql, user, users};

const FOLLOWERS: &str = "SELECT follower_id FROM Followers WHERE followee_id = :user AND is_accepted = 1";
const FOLLOWERS_PAGED: &str = "SELECT follower_id FROM Followers WHERE followee_id = :user AND is_accepted = 1 \
    AND follower_id > :after ORDER BY follower_id LIMIT :limit";
const MAX_AGE: Duration = Duration::from_secs(30);

fn graph(app: &App, followers: &'static str) -> AppGraph {
    let queries = GraphQueries {
        followers: sql(followers),
        following: Some(sql("SELECT followee_id FROM Followers WHERE follower_id = $1 AND is_accepted = 1")),
        apart: Some(sql(
            "SELECT blocked_id FROM Blocks WHERE blocker_id = :user UNION SELECT blocker_id FROM Blocks WHERE blocked_id = :user \
             UNION SELECT muter_id FROM Mutes WHERE muted_id = :user",
        )),
        blocked: Some(sql("SELECT blocked_id FROM Blocks WHERE blocker_id = :user")),
        between: Some(sql(
            "SELECT EXISTS (SELECT 1 FROM Followers WHERE follower_id = :user AND followee_id = :other AND is_accepted) AS follows, \
             EXISTS (SELECT 1 FROM Blocks WHERE blocker_id = :user AND blocked_id = :other) AS blocks, \
             EXISTS (SELECT 1 FROM Mutes WHERE muter_id = :other AND muted_id = :user) AS muted",
        )),
    };
    AppGraph::new(&app.database(), queries, MAX_AGE).unwrap()
}

#[test]
fn a_post_has_its_owner_and_what_its_other_columns_say() {
    let app = App::new();
    let posts =
        AppPosts::new(&app.database(), sql("SELECT user_id, content, score, 5 AS words FROM Posts WHERE id = ?"));
    let posts = posts.unwrap();
    let post = wait(posts.post(PostId::new(123))).unwrap();
    assert_eq!(post.owner, user(7));
    assert_eq!(Value::Object(post.details), json!({"content": "hello", "score": 0.5, "words": 5}));
    assert_eq!(wait(posts.post(PostId::new(9))).unwrap().details["score"], Value::Null);
    assert_eq!(wait(posts.post(PostId::new(10))), None);
}

#[test]
fn who_was_not_accepted_is_no_follower_whether_the_statement_is_paged_or_not() {
    let app = App::new();
    for followers in [FOLLOWERS, FOLLOWERS_PAGED] {
        let graph = graph(&app, followers);
        assert_eq!(wait(graph.followers(user(7), None, 10)), users([8, 456]), "not 9, who waits");
        assert_eq!(wait(graph.followers(user(7), None, 1)), users([8]));
        assert_eq!(wait(graph.followers(user(7), Some(user(8)), 10)), users([456]));
        assert_eq!(wait(graph.followers(user(7), Some(user(456)), 10)), []);
        assert_eq!(wait(graph.followers(user(99), None, 10)), []);
        app.run("UPDATE Followers SET is_accepted = 1 WHERE follower_id = 9");
        assert_eq!(wait(graph.followers(user(7), None, 10)), users([8, 9, 456]));
        app.run("UPDATE Followers SET is_accepted = 0 WHERE follower_id = 9");
    }
}

#[test]
fn large_sets_come_in_the_same_pages_either_way() {
    let app = App::new();
    app.run(
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 25000) \
         INSERT INTO Followers SELECT (i * 7919) % 1000003 + 1000, 1, 1 FROM n",
    );
    let pages = |followers| {
        let graph = graph(&app, followers);
        let (mut all, mut sizes): (Vec<UserId>, _) = (Vec::new(), Vec::new());
        loop {
            let page = wait(graph.followers(user(1), all.last().copied(), 10_000));
            sizes.push(page.len());
            all.extend_from_slice(&page);
            if page.len() < 10_000 {
                return (all, sizes);
            }
        }
    };
    let (paged, unpaged) = (pages(FOLLOWERS_PAGED), pages(FOLLOWERS));
    assert_eq!(paged.1, [10_000, 10_000, 5_000]);
    assert!(paged.0.is_sorted() && paged == unpaged);
}

#[test]
fn blocks_and_mutes_keep_apart_and_how_two_stand_is_one_row() {
    let app = App::new();
    let graph = graph(&app, FOLLOWERS);
    assert_eq!(wait(graph.apart(user(7), None, 10)), users([20, 21, 22]), "not 23, whom 7 has muted");
    assert!(graph.lists_blocked());
    assert_eq!(wait(graph.blocked(user(7), None, 10)), users([20]), "not 21, who has blocked 7");
    assert_eq!(wait(graph.following(user(8), None, 10)), users([7]));
    let between = |user_id, other| wait(graph.between(user(user_id), user(other)));
    assert_eq!(between(8, 7), Between { follows: true, ..Between::default() });
    assert_eq!(between(7, 20), Between { blocks: true, ..Between::default() });
    assert_eq!(between(7, 22), Between { muted: true, ..Between::default() });
    assert_eq!(graph.max_age(), Some(MAX_AGE));
}

#[test]
fn without_a_statement_for_it_how_two_stand_is_looked_up_among_followers() {
    let app = App::new();
    for followers in [FOLLOWERS, FOLLOWERS_PAGED] {
        let queries =
            GraphQueries { followers: sql(followers), following: None, apart: None, blocked: None, between: None };
        let graph = AppGraph::new(&app.database(), queries, MAX_AGE).unwrap();
        let between = |user_id, other| wait(graph.between(user(user_id), user(other)));
        assert_eq!(between(456, 7), Between { follows: true, ..Between::default() });
        assert_eq!(between(7, 8), Between { follows: true, followed: true, ..Between::default() });
        assert_eq!(between(9, 7), Between::default(), "who waits does not follow yet");
        assert_eq!(wait(graph.apart(user(7), None, 10)), []);
        assert!(!graph.lists_blocked() && wait(graph.blocked(user(7), None, 10)).is_empty());
        let refused = pollster(graph.following(user(7), None, 10)).unwrap_err();
        assert!(chain(&refused).contains("app.following.query: it is not set"), "{}", chain(&refused));
    }
}

#[test]
fn a_user_has_a_name_a_language_a_zone_and_whatever_else_the_app_says() {
    let app = App::new();
    let ask = AppUsers::new(&app.database(), sql("SELECT name, language, zone, city, age FROM Users WHERE id = @user"))
        .unwrap();
    let ann = wait(ask.user(user(7))).unwrap();
    assert_eq!([ann.name, ann.language, ann.zone].map(Option::unwrap), ["Ann", "de", "Europe/Berlin"]);
    assert_eq!(Value::Object(ann.data), json!({"city": "Ulm", "age": 40}));
    let bob = wait(ask.user(user(8))).unwrap();
    assert_eq!(
        (bob.name.as_deref(), bob.language, bob.zone),
        (Some("Bob"), None, None),
        "neither NULL nor nothing is a zone"
    );
    assert_eq!(wait(ask.user(user(9))), None);
}

#[test]
fn a_session_is_found_by_its_cookie_or_its_hash_until_its_time_is_over() {
    let app = App::new();
    let sessions =
        AppSessions::new(&app.database(), sql("SELECT user_id, expires_at FROM Sessions WHERE cookie = :cookie"));
    let sessions = sessions.unwrap();
    let resolve = |cookie: &str| wait(sessions.resolve(cookie.to_owned()));
    assert_eq!(resolve("for ever").map(|found| (found.user, found.expires_at)), Some((user(7), None)));
    assert_eq!(resolve("later").map(|found| (found.user, found.expires_at)), Some((user(8), Some(99_999_999_999))));
    assert_eq!(resolve("over"), None);
    assert_eq!(resolve("' OR 1 --"), None, "a value is bound, never a part of the statement");
    let wrong = pollster(sessions.resolve("text".to_owned())).unwrap_err();
    assert!(chain(&wrong).contains("`expires_at` holds text, expected a Unix second"), "{}", chain(&wrong));
    // The SHA-256 of `secret`, as `printf secret | sha256sum` prints it.
    app.run(
        "INSERT INTO Sessions VALUES ('2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b', 9, NULL)",
    );
    let hashed = AppSessions::new(&app.database(), sql("SELECT user_id FROM Sessions WHERE cookie = $2")).unwrap();
    assert_eq!(wait(hashed.resolve("secret".to_owned())).map(|found| found.user), Some(user(9)));
    assert_eq!(wait(hashed.resolve("for ever".to_owned())), None);
}

#[test]
fn ids_may_be_uuids_as_text_or_as_bytes() {
    let [ann, bob] = ["0192f0c1-2b3c-7def-8abc-0123456789ab", "f192f0c1-2b3c-7def-8abc-0123456789ab"];
    for (form, column, value) in [
        (UuidForm::Text, "TEXT", |id: &str| format!("'{id}'")),
        (UuidForm::Bytes, "BLOB", |id: &str| format!("x'{}'", id.replace('-', ""))),
    ] as [(_, _, fn(&str) -> String); 2]
    {
        let app = App::new();
        app.run(&format!(
            "CREATE TABLE Fans (fan {column}, star {column}); INSERT INTO Fans VALUES ({b}, {a}), ({a}, {b}), ({b}, {b})",
            a = value(ann),
            b = value(bob)
        ));
        let database = app.database_with(form);
        for text in [
            "SELECT fan FROM Fans WHERE star = :user",
            "SELECT fan FROM Fans WHERE star = :user AND fan > :after ORDER BY fan LIMIT :limit",
        ] {
            let fans = AppList::of_user(&database, sql(text)).unwrap();
            let [ann, bob] = [ann, bob].map(|id| id.parse::<Id>().unwrap());
            assert_eq!(wait(fans.page(bob, None, 10)), [ann, bob], "{form:?} {text}");
            assert_eq!(wait(fans.page(bob, Some(ann), 10)), [bob], "{form:?} {text}");
            assert!(wait(fans.contains(ann, bob)) && !wait(fans.contains(ann, ann)), "{form:?} {text}");
        }
    }
}

/// A port's answer, whatever it is.
fn pollster<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(answer)
}
