//! A poke reaches its target, with the server's stamp, and nobody else.

use poke::Poke;
use tidings_testkit::{server::TestServer, world};
use tidings_wire::{Code, UserId};

#[test]
fn a_poke_reaches_only_its_target() {
    let world = world().message::<Poke>().start();
    let [ann, bob, eve] = world.clients([1, 2, 3]);
    ann.send(&Poke { to: bob.user() });
    assert_eq!(bob.expects::<Poke>().from, Some(ann.user()));
    ann.expects_nothing();
    eve.expects_nothing();
}

#[test]
fn a_poke_without_a_target_is_told_what_is_missing() {
    let world = world().message::<Poke>().start();
    let [ann] = world.clients([1]);
    ann.sends_text(r#"{"type":"poke"}"#);
    assert_eq!(ann.expects_error(Code::BadField).field.as_deref(), Some("to"));
}

#[tokio::test]
async fn a_poke_passes_a_whole_server() {
    let server = TestServer::with(|app| app.message::<Poke>()).await;
    let (mut ann, mut bob) = (server.client(UserId::new(1)).await, server.client(UserId::new(2)).await);
    ann.send(&Poke { to: bob.user() }).await;
    assert_eq!(bob.expects::<Poke>().await.from, Some(ann.user()));
    ann.expects_nothing().await;
    server.stop().await;
}
