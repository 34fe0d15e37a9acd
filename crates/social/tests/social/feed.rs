//! Lists, in pages.

use serde_json::{Value, json};

use crate::world::{ANN, BOB, DAN, EVE, World};

/// Walks through a list, newest first, in pages of so many.
async fn pages(world: &World, path: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut before) = (Vec::new(), String::new());
    loop {
        let page = world.get(ANN, &format!("{path}limit={limit}{before}")).await.json();
        let posts = page["posts"].as_array().unwrap_or_else(|| panic!("{page}")).clone();
        assert!(posts.len() <= limit && !(page["more"] == true && posts.is_empty()), "{page}");
        all.extend(posts);
        if page["more"] == false {
            return all;
        }
        let last = all.last().expect("there is a last").clone();
        before = format!("&before={}", last["id"].as_str().map_or_else(|| last["id"].to_string(), str::to_owned));
    }
}

#[tokio::test]
async fn a_feed_has_ones_own_posts_and_those_of_whom_one_follows_newest_first() {
    let world = World::new().await;
    assert_eq!(pages(&world, "/feed?", 3).await, Vec::<Value>::new());
    for user in [BOB, EVE] {
        world.follows(ANN, user).await;
    }
    let mut expected = Vec::new();
    for user in [BOB, DAN, ANN, EVE, DAN, BOB, BOB] {
        let post = world.posts(user).await;
        if user != DAN {
            expected.insert(0, json!(post));
        }
    }
    let ids = |posts: Vec<Value>| posts.into_iter().map(|post| post["id"].clone()).collect::<Vec<_>>();
    for limit in [1, 2, 5, 100] {
        assert_eq!(ids(pages(&world, "/feed?", limit).await), expected);
    }
    assert_eq!(pages(&world, &format!("/posts?by={DAN}&"), 1).await.len(), 2);
    for limit in [0, 101] {
        assert_eq!(world.get(ANN, &format!("/feed?limit={limit}")).await.json()["field"], "limit");
    }
    world.does(ANN, "PUT", &format!("/users/{BOB}/mute")).await;
    assert_eq!(pages(&world, "/feed?", 100).await.len(), 2, "who is muted is left out");
    world.does(EVE, "PUT", &format!("/users/{ANN}/block")).await;
    assert_eq!(pages(&world, "/feed?", 100).await.len(), 1, "a block ends the follow");
    assert_eq!(world.get(ANN, &format!("/posts?by={EVE}")).await.code(), "not_found");
    world.server.stop().await;
}

#[tokio::test]
async fn a_post_shows_its_counters_and_goes_with_all_that_was_done_with_it() {
    let world = World::new().await;
    let made = world.post(ANN, "/posts", json!({"content": "hello"})).await.json();
    let post = crate::world::post_id(&made["id"]);
    assert_eq!(world.get(BOB, &format!("/posts/{post}")).await.json(), made);
    assert_eq!(
        (&made["user_id"], &made["content"], &made["likes"], &made["comments"], &made["shares"]),
        (&json!(ANN), &json!("hello"), &json!(0), &json!(0), &json!(0))
    );
    world.does(BOB, "PUT", &format!("/posts/{post}/like")).await;
    world.post(BOB, &format!("/posts/{post}/shares"), json!({})).await;
    world.post(BOB, &format!("/posts/{post}/comments"), json!({"content": "one"})).await;
    assert_eq!(world.counters(ANN, post).await, [1, 1, 1]);
    assert_eq!(world.send(BOB, "DELETE", &format!("/posts/{post}"), None).await.code(), "not_allowed");
    world.does(ANN, "DELETE", &format!("/posts/{post}")).await;
    assert_eq!(world.send(ANN, "DELETE", &format!("/posts/{post}"), None).await.code(), "not_found");
    for table in ["posts", "counts", "likes", "comments", "shares"] {
        assert_eq!(world.number(&format!("SELECT count(*) FROM social_{table}")), 0, "{table}");
    }
    world.server.stop().await;
}

#[tokio::test]
async fn comments_come_in_pages_and_go_by_their_writer_or_the_posts_owner() {
    let world = World::new().await;
    let post = world.posts(ANN).await;
    let path = format!("/posts/{post}/comments");
    let mut ids = Vec::new();
    for user in [BOB, EVE, BOB, DAN, BOB] {
        ids.push(world.post(user, &path, json!({"content": "hi"})).await.json()["id"].clone());
    }
    let page = async |query: &str| {
        let page = world.get(ANN, &format!("{path}?{query}")).await.json();
        let ids: Vec<_> = page["comments"].as_array().unwrap().iter().map(|comment| comment["id"].clone()).collect();
        (ids, page["more"] == true)
    };
    let at = |index: usize| ids[index].as_str().expect("a string of digits");
    assert_eq!(page("").await, (ids.clone(), false));
    assert_eq!(page("limit=2").await, (ids[3..].to_vec(), true));
    assert_eq!(page(&format!("limit=2&before={}", at(3))).await, (ids[1..3].to_vec(), true));
    assert_eq!(page(&format!("limit=2&after={}", at(0))).await, (ids[1..3].to_vec(), true));
    assert_eq!(page(&format!("after={}", at(2))).await, (ids[3..].to_vec(), false));
    assert_eq!(world.get(ANN, &format!("{path}?before=1&after=1")).await.code(), "bad_field");

    assert_eq!(world.send(EVE, "DELETE", &format!("{path}/{}", at(0)), None).await.code(), "not_allowed");
    assert_eq!(world.send(EVE, "DELETE", &format!("{path}/7"), None).await.code(), "not_found");
    world.does(EVE, "DELETE", &format!("{path}/{}", at(1))).await;
    world.does(ANN, "DELETE", &format!("{path}/{}", at(0))).await;
    assert_eq!(page("").await, (ids[2..].to_vec(), false));
    assert_eq!(world.counters(ANN, post).await, [0, 3, 0]);
    world.does(ANN, "PUT", &format!("/users/{DAN}/block")).await;
    assert_eq!(page("").await, (vec![ids[2].clone(), ids[4].clone()], false));
    world.server.stop().await;
}
