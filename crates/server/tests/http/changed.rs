//! What is remembered of the app's users, and what makes the server forget it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tidings_engine::ports::{BoxFuture, Profile, StoreError, Users};
use tidings_wire::UserId;

use crate::world::{World, app, options};

/// A table of one name, which the test changes.
#[derive(Default)]
struct Table {
    name: Mutex<String>,
    asked: AtomicUsize,
}

impl Users for Table {
    fn user(&self, _: UserId) -> BoxFuture<Result<Option<Profile>, StoreError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let name = Some(self.name.lock().unwrap().clone());
        Box::pin(async move { Ok(Some(Profile { name, ..Profile::default() })) })
    }
}

fn name(world: &World) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(world.tidings.user(UserId::new(7))).unwrap().unwrap().name.clone().unwrap()
}

#[test]
fn a_changed_row_is_seen_after_its_age_and_at_once_when_it_is_told() {
    let table = Arc::new(Table::default());
    let (app, clock, store) = app(options());
    let world = World::of(app.users(table.clone()), clock, store);
    let called = |name: &str| *table.name.lock().unwrap() = name.to_owned();
    called("Ann");
    assert_eq!([name(&world), name(&world)], ["Ann", "Ann"]);
    called("Anna");
    world.clock.advance(Duration::from_secs(29));
    assert_eq!((name(&world).as_str(), table.asked.load(Ordering::SeqCst)), ("Ann", 1));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(name(&world), "Anna");
    called("Annika");
    assert_eq!(name(&world), "Anna");
    let key = world.key("send");
    let told = world.ask("POST", "/v1/changed", &[("Authorization", &key)], r#"{"user":7,"what":["profile"]}"#);
    assert_eq!((told.status, name(&world).as_str()), (204, "Annika"));
}

#[test]
fn only_services_that_may_send_tell_of_changes_and_say_what() {
    let world = World::new(options());
    let (read, send, user) = (world.key("read"), world.key("send"), world.token(7));
    let told = |who: &str, body: &str| world.ask("POST", "/v1/changed", &[("Authorization", who)], body);
    for who in [&read, &user] {
        assert_eq!(told(who, r#"{"user":7,"what":["profile"]}"#).problem(), (403, "not_allowed".into()));
    }
    for body in [r#"{"user":7}"#, r#"{"what":["profile"]}"#, r#"{"user":7,"what":["shoes"]}"#] {
        assert_eq!(told(&send, body).problem(), (422, "bad_field".into()), "{body}");
    }
    for body in [r#"{"groups":[5,9]}"#, r#"{"user":7,"other":8,"what":["followers","following","blocks","sessions"]}"#]
    {
        assert_eq!(told(&send, body).status, 204, "{body}");
    }
}
