//! Posts, followers and names that the app keeps, as the guide's `PostDataFetcher` does.

use std::{future::ready, sync::Arc, time::Duration};

use serde_json::{Map, Value, json};
use tidings_server::ports::{Between, BoxFuture, Post, Posts, Profile, SocialGraph, StoreError, Users};
use tidings_social::{PostAction, PostUpdate, Social};
use tidings_wire::{Code, PostId, UserId};

use crate::world::{World, like};

/// The guide's tables: post 123 is of user 7, whom 8 and 9 follow; 10 is not accepted.
struct Tables;

const OWNER: UserId = UserId::new(7);
const POST: PostId = PostId::new(123);

fn follows(user: UserId) -> bool {
    [8, 9].map(UserId::new).contains(&user)
}

fn page(users: [u32; 2], of: bool, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
    let users = users.into_iter().map(UserId::new).filter(|user| of && after.is_none_or(|after| *user > after));
    Box::pin(ready(Ok(users.take(limit as usize).collect())))
}

impl Posts for Tables {
    fn post(&self, id: PostId) -> BoxFuture<Result<Option<Post>, StoreError>> {
        Box::pin(ready(Ok((id == POST).then_some(Post { owner: OWNER, details: Map::new() }))))
    }
}

impl SocialGraph for Tables {
    fn followers(&self, of: UserId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        page([8, 9], of == OWNER, after, limit)
    }

    fn following(&self, _: UserId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        page([8, 9], false, after, limit)
    }

    fn apart(&self, _: UserId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        page([8, 9], false, after, limit)
    }

    fn blocked(&self, _: UserId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        page([8, 9], false, after, limit)
    }

    fn between(&self, user: UserId, other: UserId) -> BoxFuture<Result<Between, StoreError>> {
        let between = Between { follows: follows(user) && other == OWNER, ..Between::default() };
        Box::pin(ready(Ok(between)))
    }

    fn max_age(&self) -> Option<Duration> {
        Some(Duration::from_secs(30))
    }
}

impl Users for Tables {
    fn user(&self, id: UserId) -> BoxFuture<Result<Option<Profile>, StoreError>> {
        let data = [("private".to_owned(), Value::from(id == OWNER))].into_iter().collect();
        Box::pin(ready(Ok((id == OWNER).then(|| Profile { name: Some("Ann".into()), data, ..Profile::default() }))))
    }
}

#[tokio::test]
async fn the_guides_data_fetcher_says_who_hears_of_a_like() {
    let world = World::of(Social::new().posts(Arc::new(Tables)).graph(Arc::new(Tables))).await;
    let liker = UserId::new(456);
    let [mut owner, mut one, mut other, mut pending, mut sender] =
        world.clients([OWNER, UserId::new(8), UserId::new(9), UserId::new(10), liker]).await;
    sender.send(&like(POST)).await;
    for client in [&mut owner, &mut one, &mut other] {
        assert_eq!(client.expects::<PostAction>().await.from, Some(liker));
    }
    sender.send(&like(POST)).await;
    sender.send(&like(PostId::new(124))).await;
    sender.expects_error(Code::NotFound).await;
    world.does(UserId::new(457), "PUT", "/posts/123/like").await;
    for client in [&mut owner, &mut one, &mut other] {
        assert_eq!(client.expects::<PostUpdate>().await.liker_id, Some(UserId::new(457)));
        client.expects_nothing().await;
    }
    pending.expects_nothing().await;
    let shown = world.get(liker, "/posts/123").await.json();
    assert_eq!(shown, json!({"id": 123, "user_id": OWNER, "likes": 2, "comments": 0, "shares": 0}));
    world.server.stop().await;
}

#[tokio::test]
async fn what_the_app_keeps_is_read_and_not_changed_here() {
    let social = Social::new().posts(Arc::new(Tables)).graph(Arc::new(Tables)).users(Arc::new(Tables));
    let world = World::of(social).await;
    let (follower, stranger) = (UserId::new(8), UserId::new(11));
    for (method, path, body) in [
        ("POST", "/posts", Some(json!({"content": "hi"}))),
        ("DELETE", "/posts/123", None),
        ("GET", "/posts?by=7", None),
        ("GET", "/feed", None),
        ("PUT", "/users/7/follow", None),
        ("DELETE", "/users/7/follow", None),
        ("GET", "/follows?state=pending", None),
        ("PUT", "/follows/8", Some(json!({"accepted": true}))),
        ("PUT", "/users/7/block", None),
        ("DELETE", "/users/7/mute", None),
        ("PATCH", "/me", Some(json!({"name": "Bob"}))),
    ] {
        assert_eq!(world.send(follower, method, path, body).await.code(), "not_enabled", "{method} {path}");
    }
    assert_eq!(world.send(follower, "PATCH", "/me", Some(json!({"receipts": false}))).await.status, 200);
    assert_eq!(world.get(follower, "/users/7/followers").await.json()["users"], json!([8, 9]));
    let shown = world.get(follower, "/users/7").await.json();
    assert_eq!(
        (&shown["name"], &shown["private"], &shown["follow"]),
        (&json!("Ann"), &json!(true), &json!("accepted"))
    );
    // The account is private, as the app's own tables say.
    assert_eq!(world.get(stranger, "/posts/123").await.code(), "not_found");
    assert_eq!(world.get(stranger, "/users/12").await.code(), "not_found");
    world.server.stop().await;
}
