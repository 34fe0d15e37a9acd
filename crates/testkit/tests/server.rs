//! The test server itself, with a type of these tests.
#![cfg(feature = "server")]

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tidings_server::{
    Pack, Setup,
    clock::Now,
    ports::{BoxFuture, Notices, Prepared},
};
use tidings_testkit::{memory::MemoryInbox, server::TestServer};
use tidings_wire::{
    Audience, CloseCode, Code, GroupId, Keep, Me, Message, Notice, Reject, Sender, UserId,
    client_frames::Hello,
    server_frames::{Drain, InboxState, Notification},
};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Letter {
    to: UserId,
    text: String,
}

impl Message for Letter {
    const TYPE: &'static str = "letter";
    const KEEP: Keep = Keep::Forever;
    const STREAM: bool = true;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::user(self.to).me(Me::OtherConnections)
    }
}

const ANN: UserId = UserId::new(1);
const BOB: UserId = UserId::new(2);

async fn server() -> TestServer {
    TestServer::with(|app| app.message::<Letter>()).await
}

#[tokio::test]
async fn clients_send_and_hear_over_real_sockets() {
    let server = server().await;
    let (mut ann, mut at_home) = (server.client(ANN).await, server.client_with_token(ANN).await);
    let mut bob = server.client(BOB).await;
    ann.send(&Letter { to: BOB, text: "hi".into() }).await;
    let got = bob.expects::<Letter>().await;
    assert_eq!((got.text.as_str(), got.from, got.seq), ("hi", Some(ANN), Some(1)));
    assert_eq!(at_home.expects::<Letter>().await.id, got.id);
    ann.expects_nothing().await;
    ann.sends_text("nonsense").await;
    ann.expects_error(Code::BadJson).await;
    ann.closes(1000).await;
    tokio::join!(server.stop(), bob.expects_close(CloseCode::Restart));
}

#[tokio::test]
async fn users_and_services_call_over_http() {
    let server = server().await;
    let mut bob = server.client(BOB).await;
    let letter = json!({"type": "letter", "to": 2, "text": "by post"});
    let sent = server.by(ANN).post("/v1/messages", &letter).await;
    assert_eq!((sent.status, &sent.json()["conversation"]), (201, &json!("dm:1:2")));
    assert_eq!(bob.expects_json().await["id"], sent.json()["id"]);
    let refused = server.requests().get("/v1/conversations").await;
    assert_eq!((refused.status, refused.code()), (401, "unauthorized".to_owned()));
    let backend = server.by_service("admin").await;
    assert_eq!(backend.put("/v1/groups/5/members/2").await.status, 204);
    assert!(server.tidings().is_member(GroupId::new(5), BOB).await.unwrap());
    assert_eq!(backend.delete("/v1/groups/5/members/2").await.status, 204);
    assert!(!server.tidings().is_member(GroupId::new(5), BOB).await.unwrap());
}

#[tokio::test]
async fn a_client_of_v1_goes_on_where_it_was() {
    let server = server().await;
    let mut bob = server.v1_saying(BOB, Hello::default()).await;
    let epoch = bob.expects_welcome().await.epoch;
    bob.expects_resumed().await;
    let mut ann = server.v1(ANN).await;
    ann.sends_json(&json!({"type": "letter", "to": 2, "text": "one", "ref": 1})).await;
    let ack = ann.expects_ack(1).await;
    assert_eq!((ack.seq, bob.expects::<Letter>().await.id), (Some(1), ack.id.expect("a kept one has an id")));
    bob.closes(1000).await;
    ann.sends_json(&json!({"type": "letter", "to": 2, "text": "two", "ref": 2})).await;
    assert_eq!(ann.expects_ack(2).await.seq, Some(2));
    let heads = [("dm:1:2".to_owned(), 1)].into();
    let mut bob = server.v1_saying(BOB, Hello { epoch: Some(epoch), heads, ..Hello::default() }).await;
    assert_eq!(bob.expects_welcome().await.user, BOB);
    let missed = bob.expects::<Letter>().await;
    assert_eq!((missed.text.as_str(), &missed.json["replayed"]), ("two", &json!(true)));
    assert_eq!(bob.expects_resumed().await.behind, []);
    tokio::join!(
        server.stop(),
        async {
            ann.expects_frame::<Drain>().await;
            ann.expects_close(CloseCode::Restart).await;
        },
        async {
            bob.expects_frame::<Drain>().await;
            bob.expects_close(CloseCode::Restart).await;
        }
    );
}

/// Keeps inboxes, and makes nothing of notices.
struct Inboxes(MemoryInbox);

impl Pack for Inboxes {
    const NAME: &'static str = "inboxes";

    fn add(self, to: &mut Setup) {
        to.notifications(Arc::new(self.0), Arc::new(Unheard));
    }
}

struct Unheard;

impl Notices for Unheard {
    fn prepare(&self, _: Vec<Notice>, _: Option<UserId>, _: Now) -> BoxFuture<Result<Prepared, Reject>> {
        Box::pin(async { Ok(Prepared::default()) })
    }
}

async fn tell(server: &TestServer, inbox: &MemoryInbox) {
    for (user, change) in inbox.take_untold() {
        server.tidings().tell_inbox(user, &change).await.expect("there is room");
    }
}

#[tokio::test]
async fn an_inbox_is_told_of_marked_and_goes_on_where_it_was() {
    let inbox = MemoryInbox::default();
    let server = TestServer::with(|app| app.pack(Inboxes(inbox.clone()))).await;
    let mut bob = server.v1_saying(BOB, Hello::default()).await;
    let epoch = bob.expects_welcome().await.epoch;
    bob.expects_resumed().await;
    let row = inbox.puts(BOB, "Ann liked your post");
    tell(&server, &inbox).await;
    let told: Notification = bob.expects_frame().await;
    assert_eq!((told.id, told.seq, told.unread), (row, 1, Some(1)));
    bob.sends_json(&json!({"type": "inbox_mark", "ref": 1, "state": "read", "up_to": 1})).await;
    bob.expects_ack(1).await;
    tell(&server, &inbox).await;
    let mark: InboxState = bob.expects_frame().await;
    assert_eq!((mark.seq, mark.unread), (2, 0));
    assert!(server.tidings().is_attentive(BOB).await);
    bob.sends_json(&json!({"type": "attention", "ref": 2, "active": false})).await;
    bob.expects_ack(2).await;
    assert!(!server.tidings().is_attentive(BOB).await);
    bob.closes(1000).await;
    inbox.grows(BOB, row);
    tell(&server, &inbox).await;
    let heads = [("inbox".to_owned(), mark.seq)].into();
    let mut bob = server.v1_saying(BOB, Hello { epoch: Some(epoch), heads, ..Hello::default() }).await;
    assert_eq!(bob.expects_welcome().await.inbox.head, 3);
    let grown: Notification = bob.expects_frame().await;
    assert_eq!((grown.id, grown.seq, grown.replayed), (row, 3, true));
    assert_eq!(bob.expects_resumed().await.inbox, None);
    tokio::join!(server.stop(), async {
        bob.expects_frame::<Drain>().await;
        bob.expects_close(CloseCode::Restart).await;
    });
}

#[tokio::test]
async fn who_is_refused_gets_a_status() {
    let server = server().await;
    assert_eq!(server.try_client("/ws", &[], ANN).await.err(), Some(401));
    let origin = [("Origin", "https://elsewhere.example")];
    assert_eq!(server.try_client("/ws?user=1", &origin, ANN).await.err(), Some(403));
}
