//! The router inside an app's own server: over plain TCP the socket is taken back, over anything else it is bridged.

use std::{net::SocketAddr, thread::JoinHandle};

use axum::{Router, routing::get};
use futures_util::FutureExt;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::oneshot};
use tower::Service;

use crate::{
    client::{Client, V1, text_frame},
    world::{app, dev},
};

/// An app with a route of its own around the router.
struct AppServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl AppServer {
    /// `serve` gets the listener, the router, and what ends it.
    fn new<F: Future<Output = ()>>(
        serve: impl FnOnce(TcpListener, Router, oneshot::Receiver<()>) -> F + Send + 'static,
    ) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (bound, address) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let running = app(dev()).0.build().unwrap().start().await.unwrap();
                let router = Router::new().route("/app", get(async || "the app's own")).merge(running.router());
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                bound.send(listener.local_addr().unwrap()).unwrap();
                serve(listener, router, stopped).await;
                running.stop().await;
            });
        });
        Self { address: address.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }

    fn meets(&self) {
        assert_eq!(Client::connect(self.address).ask("GET", "/app", &[], "").body, "the app's own");
        let open = |user: u32| Client::connect(self.address).upgrade(&format!("/ws?user={user}"), &[]).unwrap();
        let (mut ann, mut bob) = (open(1), open(2));
        // Who has read the 101 of another server may not be online yet; who has been heard is.
        ann.say(r#"{"type":"poke","to":3}"#);
        bob.say_wrong(r#"{"type":"poke","to":"x"}"#);
        assert_eq!(bob.hears()["code"], "bad_field");
        ann.say(r#"{"type":"poke","to":2}"#);
        assert_eq!(bob.hears()["from"], 1);
        let mut eve = Client::connect(self.address).upgrade("/ws?user=3", &[V1]).unwrap();
        let (hello, poke) = (r#"{"type":"hello","ref":1}"#, r#"{"type":"poke","to":1,"ref":2}"#);
        eve.write([text_frame(hello), text_frame(poke)].concat());
        for kind in ["welcome", "resumed", "ack"] {
            eve.hears_type(kind);
        }
        assert_eq!(ann.hears()["from"], 3);
        let mut nobody = Client::connect(self.address).upgrade("/ws", &[V1]).unwrap();
        nobody.say(hello);
        assert_eq!(nobody.ends_with(), 4401);
        for socket in [ann, bob, eve] {
            socket.close();
        }
    }
}

impl Drop for AppServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().unwrap().join();
        if !std::thread::panicking() {
            ended.unwrap();
        }
    }
}

#[test]
fn in_axums_own_server_the_socket_is_taken_back() {
    let server = AppServer::new(|listener, router, stopped| async {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service).with_graceful_shutdown(stopped.map(drop)).await.unwrap();
    });
    server.meets();
}

#[test]
fn over_another_kind_of_stream_the_socket_is_bridged() {
    // A duplex pipe in memory stands for TLS: nothing below it can be taken back.
    let server = AppServer::new(|listener, router, mut stopped| async move {
        let tasks = tokio_util::task::TaskTracker::new();
        loop {
            let mut socket = tokio::select! {
                accepted = listener.accept() => accepted.unwrap().0,
                _ = &mut stopped => return,
            };
            let (mut near, far) = tokio::io::duplex(4096);
            tasks.spawn(async move { tokio::io::copy_bidirectional(&mut socket, &mut near).await });
            let router = router.clone();
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                Box::pin(router.clone().call(request.map(axum::body::Body::new)))
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(far), service).with_upgrades();
            tasks.spawn(async move { connection.await.is_ok() });
        }
    });
    server.meets();
}
