//! A like by the app's own route reaches those whom the app's own tables name, over the socket that Tidings mounted.

use std::net::SocketAddr;

use axum_app::{Database, app};
use futures_util::StreamExt;
use tidings::axum;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{WebSocketStream, tungstenite::client::IntoClientRequest};

async fn connects(server: SocketAddr, cookie: &str) -> WebSocketStream<TcpStream> {
    let mut request = format!("ws://{server}/ws").into_client_request().expect("a request");
    request.headers_mut().insert("cookie", format!("session={cookie}").parse().expect("a header"));
    let stream = TcpStream::connect(server).await.expect("it listens");
    tokio_tungstenite::client_async(request, stream).await.expect("the session is known").0
}

async fn hears(client: &mut WebSocketStream<TcpStream>) -> serde_json::Value {
    let message = client.next().await.expect("it is open").expect("a frame");
    serde_json::from_str(message.to_text().expect("text")).expect("JSON")
}

/// The status of a like.
async fn likes(server: SocketAddr, cookie: &str, post: u32) -> u16 {
    let mut stream = TcpStream::connect(server).await.expect("it listens");
    let request = format!(
        "PUT /posts/{post}/like HTTP/1.1\r\nHost: {server}\r\nCookie: a=b; session={cookie}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer.split(' ').nth(1).expect("a status").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_and_the_followers_hear_of_a_like_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::open(&folder.path().join("app.db")).expect("a database");
    let rows = "INSERT INTO Sessions VALUES ('owner', 1), ('follower', 2), ('asked', 4), ('liker', 456);
                INSERT INTO Posts VALUES (123, 1, 'hello'), (124, 1, 'again');
                INSERT INTO Followers VALUES (2, 1, 1), (456, 1, 1), (4, 1, 0);";
    database.lock().execute_batch(rows).expect("rows");
    let (router, running) = app(database).await.expect("it starts");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let server = listener.local_addr().expect("an address");
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = tokio::spawn(async move { axum::serve(listener, service).await });

    let mut heard = Vec::new();
    for cookie in ["owner", "follower", "asked", "liker"] {
        heard.push(connects(server, cookie).await);
    }
    assert_eq!(likes(server, "nobody", 123).await, 401);
    assert_eq!(likes(server, "liker", 999).await, 404);
    assert_eq!(likes(server, "liker", 123).await, 204);
    assert_eq!(likes(server, "liker", 123).await, 204, "a second one changes nothing");
    assert_eq!(likes(server, "owner", 124).await, 204);
    for post in [123, 124] {
        let told = hears(&mut heard[1]).await;
        assert_eq!((&told["type"], &told["post_id"]), (&"liked".into(), &post.into()), "{told}");
    }
    assert_eq!(hears(&mut heard[0]).await["liker_id"], 456);
    assert_eq!(hears(&mut heard[3]).await["post_id"], 124, "who likes is told of others' likes alone");
    // Whoever was not accepted hears nothing until the end.
    running.stop().await;
    let ended = heard[2].next().await.expect("a close frame").expect("a frame");
    assert!(ended.is_close(), "{ended}");
    serving.abort();
}
