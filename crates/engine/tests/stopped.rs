//! What a stopped engine answers: at once, and never nothing.

use std::{sync::Arc, time::Duration};

use tidings_engine::{
    Engine, Notifications, Parts, Settings,
    clock::SystemClock,
    ports::{Everybody, NoCredentials, OpenTopics},
    registry::Registry,
    volatile::VolatileStore,
};
use tidings_wire::{CloseCode, Code, GroupId, UserId};

/// Fails a test that would hang.
const PATIENCE: Duration = Duration::from_secs(20);

fn stopped() -> Engine {
    let store = Arc::new(VolatileStore::new("an epoch"));
    let engine = Engine::start(Parts {
        registry: Registry::builder().build().expect("no types fit"),
        store: store.clone(),
        groups: store,
        relations: Vec::new(),
        clock: Arc::new(SystemClock::new()),
        credentials: Arc::new(NoCredentials),
        visibility: Arc::new(Everybody),
        topics: Arc::new(OpenTopics::all()),
        notifications: Notifications::default(),
        settings: Settings { keep: false, ..Settings::default() },
    });
    let engine = engine.expect("it starts");
    engine.stop();
    engine
}

#[tokio::test]
async fn it_has_no_connections() {
    let engine = stopped();
    let user = UserId::new(1);
    assert_eq!(tokio::time::timeout(PATIENCE, engine.disconnect(user, CloseCode::Revoked)).await, Ok(0));
    assert_eq!(tokio::time::timeout(PATIENCE, engine.connections(user)).await, Ok(Vec::new()));
}

#[tokio::test]
async fn it_refuses_what_would_be_committed() {
    let engine = stopped();
    let asked = tokio::time::timeout(PATIENCE, engine.set_member(GroupId::new(1), UserId::new(1), true)).await;
    assert_eq!(asked.expect("an answer").unwrap_err().code, Code::Unavailable);
}

#[test]
fn it_can_be_stopped_again() {
    stopped().stop();
}
