//! Packs: what they add, and what does not fit.

use axum::{Json, extract::State};
use serde_json::{Value, json};
use tidings_server::{
    App, BuildError, JsonBody, Migration, Pack, Problem, ServerOptions, Setup, Tidings,
    auth::Caller,
    utoipa,
    utoipa_axum::{router::OpenApiRouter, routes},
};
use tidings_wire::UserId;

use crate::{
    types::Poke,
    world::{World, app, options},
};

struct Nudging;

impl Pack for Nudging {
    const NAME: &'static str = "nudging";

    fn add(self, to: &mut Setup) {
        to.routes(OpenApiRouter::new().routes(routes!(nudge))).migrations(&[
            Migration { version: 1, name: "nudges", sql: "CREATE TABLE nudging_nudges (user)" },
            Migration { version: 2, name: "times", sql: "ALTER TABLE nudging_nudges ADD COLUMN at" },
        ]);
    }
}

/// Nudges somebody.
#[utoipa::path(post, path = "/nudges", responses((status = 200)))]
async fn nudge(
    State(tidings): State<Tidings>,
    caller: Caller,
    JsonBody(to): JsonBody<UserId>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({"by": caller.user(), "online": tidings.is_online(to).await})))
}

#[test]
fn a_packs_route_knows_its_caller_and_stands_in_the_document() {
    let (app, clock, store) = app(options());
    let world = World::of(app.pack(Nudging), clock, store);
    let _bob = world.upgrade("/ws", &[("Authorization", &world.token(2))]).unwrap();
    let nudge =
        |authorization: &str, body: &str| world.ask("POST", "/v1/nudges", &[("Authorization", authorization)], body);
    assert_eq!(nudge(&world.token(7), "2").json(), json!({"by": 7, "online": true}));
    assert_eq!(nudge("", "2").problem(), (401, "unauthorized".into()));
    assert_eq!(nudge(&world.token(7), "{").problem(), (400, "bad_json".into()));
    let document = world.get("/v1/openapi.json", &[]).json();
    assert_eq!(document["paths"]["/v1/nudges"]["post"]["summary"], "Nudges somebody.");
}

#[test]
fn migrations_are_handed_on_by_pack() {
    let app = App::new().pack(Nudging);
    let [nudging] = app.migrations() else { panic!() };
    assert_eq!((nudging.pack, nudging.migrations.len()), ("nudging", 2));
    assert_eq!(app.build().unwrap().migrations()[0].migrations[1].name, "times");
}

#[test]
fn what_does_not_fit_fails_at_build_and_says_what_to_change() {
    struct Misnamed;
    impl Pack for Misnamed {
        const NAME: &'static str = "Nudging!";
        fn add(self, _: &mut Setup) {}
    }
    struct Hurried;
    impl Pack for Hurried {
        const NAME: &'static str = "hurried";
        fn add(self, to: &mut Setup) {
            to.migrations(&[Migration { version: 2, name: "late", sql: "" }]);
        }
    }
    let error = |app: App| app.build().map(drop).unwrap_err();
    assert_eq!(error(App::new().pack(Nudging).pack(Nudging)), BuildError::PackTwice("nudging"));
    assert_eq!(error(App::new().pack(Misnamed)), BuildError::PackName("Nudging!"));
    assert_eq!(error(App::new().pack(Hurried)), BuildError::Migrations("hurried"));
    assert!(error(App::new().message::<Poke>().message::<Poke>()).to_string().contains("registered twice"));
    let mut small = ServerOptions::default();
    small.http.header_bytes = 100;
    let spaced = ServerOptions { session_cookie: "my session".into(), ..ServerOptions::default() };
    for (options, setting) in [(small, "http.header_bytes"), (spaced, "session_cookie")] {
        assert!(error(App::new().options(options)).to_string().starts_with(setting));
    }
}
