//! What is refused for good, gone, or nobody's any more.

use serde_json::json;

use crate::{
    endpoint::{Endpoint, until},
    world::{ANN, World},
};

#[tokio::test]
async fn a_subscription_that_is_gone_is_removed() {
    for status in [404, 410] {
        let mut service = Endpoint::start().await;
        let world = World::with_web_push().await;
        world.subscribes(ANN, service.url("/ann")).await;
        service.statuses([status]);
        world.likes(2, ANN, 9).await;
        world.passes(31);
        service.next().await;
        until("it is removed", || world.number("SELECT count(*) FROM notify_subscriptions") == 0).await;
        assert_eq!((world.waiting(), world.number("SELECT count(*) FROM notify_dead_letters")), (0, 0));
    }
}

#[tokio::test]
async fn what_is_refused_for_good_is_laid_aside_at_once_and_the_subscription_stays() {
    let mut service = Endpoint::start().await;
    let world = World::with_web_push().await;
    world.subscribes(ANN, service.url("/ann")).await;
    service.statuses([403]);
    world.likes(2, ANN, 9).await;
    world.passes(31);
    service.next().await;
    until("it is laid aside", || world.number("SELECT count(*) FROM notify_dead_letters") == 1).await;
    let list = world.server.by_service("admin").await.get("/v1/dead-letters").await.json();
    assert_eq!(list["dead_letters"][0]["why"], "refused: answered with status 403");
    assert_eq!((world.waiting(), world.number("SELECT count(*) FROM notify_subscriptions")), (0, 1));
}

#[tokio::test]
async fn an_erasure_takes_subscriptions_and_what_was_to_be_sent() {
    let mut backend = Endpoint::start().await;
    let world = World::with_webhook(&backend.url("/hook")).await;
    let device = json!({"kind": "fcm", "token": "f1"});
    assert_eq!(world.send(ANN, "PUT", "/push/subscriptions", &device).await.status, 204);
    backend.statuses([410]);
    world.likes(2, ANN, 8).await;
    world.passes(31);
    backend.next().await;
    until("one is laid aside", || world.number("SELECT count(*) FROM notify_dead_letters") == 1).await;
    world.likes(2, ANN, 9).await;
    assert_eq!(world.waiting(), 1);
    world.server.tidings().erase(ANN).await.expect("an erasure");
    let left = "SELECT (SELECT count(*) FROM notify_deliveries) + (SELECT count(*) FROM notify_subscriptions) \
                + (SELECT count(*) FROM notify_dead_letters)";
    assert_eq!(world.number(left), 0);
}
