//! The accept loop: HTTP/1.1 on one thread, with timeouts that `axum::serve` can't have, until a socket is upgraded.

use std::{
    convert::Infallible,
    future::poll_fn,
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener as StdTcpListener},
    pin::Pin,
    sync::Arc,
    task::Poll,
    thread,
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, response::Response};
use http::Request;
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{HttpService, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
};
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::{
    handle::Tidings,
    handover::{self, Slot},
    limits::HttpPlace,
    metrics,
};

/// Serves on a thread of its own until `shutdown` is ready or the returned future is dropped, then stops the engine.
pub(crate) async fn serve(
    tidings: Tidings,
    router: Router,
    listener: StdTcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    // One thread is cheapest: 54–62 µs of CPU a connect, on a multi-thread runtime 76–105.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (caller, caller_gone) = oneshot::channel::<Infallible>();
    let (done, ended) = oneshot::channel();
    let work = move || {
        let shutdown = async move {
            tokio::select! { () = shutdown => {}, _ = caller_gone => {} }
        };
        let result = runtime.block_on(run(&tidings, router, listener, shutdown));
        // Cuts off what did not end within the drain's limit.
        drop(runtime);
        tidings.engine().stop();
        // Nobody listens where the caller's future was dropped.
        let _ = done.send(result);
    };
    thread::Builder::new().name("tidings-http".into()).spawn(work)?;
    let result = ended.await.unwrap_or_else(|_| Err(io::Error::other("the HTTP thread panicked")));
    drop(caller);
    result
}

async fn run(
    tidings: &Tidings,
    router: Router,
    listener: StdTcpListener,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let acceptor = Arc::new(Acceptor::new(tidings.clone(), router));
    // While the WebSockets are closed one after another, requests are still answered: `/readyz` must say 503.
    tokio::select! {
        () = acceptor.accept_all(&listener) => {}
        () = async { shutdown.await; tidings.drain().await } => {}
    }
    drop(listener);
    tidings.end_tasks().await;
    Ok(())
}

/// What every connection needs.
struct Acceptor {
    tidings: Tidings,
    router: Router,
    http: http1::Builder,
    open: Arc<Semaphore>,
    most: usize,
}

/// What an open HTTP connection holds until it ends or becomes a WebSocket whose user is known.
struct Places {
    _open: OwnedSemaphorePermit,
    _address: Option<HttpPlace>,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

impl Acceptor {
    fn new(tidings: Tidings, router: Router) -> Self {
        let options = &tidings.inner().options.http;
        let most = options.connections.min(Semaphore::MAX_PERMITS);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(options.header_timeout)
            .max_headers(options.header_fields)
            .max_buf_size(options.header_bytes);
        Self { router, http, open: Arc::new(Semaphore::new(most)), most, tidings }
    }

    async fn accept_all(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            let open = self.open.clone().acquire_owned().await.expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((socket, peer)) => self.begin(socket, peer, open),
                Err(error) => back_off(&error).await,
            }
        }
    }

    fn begin(self: &Arc<Self>, socket: TcpStream, peer: SocketAddr, open: OwnedSemaphorePermit) {
        metrics::http_open(self.most - self.open.available_permits());
        let inner = self.tidings.inner();
        let is_proxy = inner.options.proxies.iter().any(|network| network.contains(peer.ip()));
        let address = if is_proxy { Some(None) } else { inner.limits.take_http(peer.ip()) };
        let Some(address) = address else {
            metrics::http_connection("address_limit");
            return;
        };
        metrics::http_connection("accepted");
        let (acceptor, places) = (self.clone(), Places { _open: open, _address: address });
        inner.tasks.spawn(async move { acceptor.serve(socket, peer, places).await });
    }

    async fn serve(&self, socket: TcpStream, peer: SocketAddr, places: Places) {
        // The answers are written whole, so waiting to join small ones gains nothing. Where this fails the socket is broken.
        let _ = socket.set_nodelay(true);
        let slot = Slot::default();
        let service = service_fn(|request: Request<Incoming>| self.answer(request, peer, slot.clone()));
        let mut connection = self.http.serve_connection(TokioIo::new(socket), service);
        let result = drive(&mut connection, &slot, &self.tidings.inner().stop).await;
        let parts = connection.into_parts();
        let socket = parts.io.into_inner();
        match (result, slot.take()) {
            (Ok(()), Some(handover)) => {
                handover::direct(&self.tidings, socket, parts.read_buf, handover, places).await;
            }
            (Ok(()), None) => linger(socket).await,
            (Err(error), _) if error.is_timeout() => metrics::http_connection("header_timeout"),
            (Err(error), _) => tracing::debug!(%peer, %error, "an HTTP connection broke"),
        }
    }

    fn answer(&self, mut request: Request<Incoming>, peer: SocketAddr, slot: Slot) -> Answer {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(slot.clone());
        // The router is always ready.
        let answer = self.router.clone().call(request.map(Body::new));
        slot.answering(true);
        Box::pin(async move {
            let response = answer.await;
            if slot.is_filled() {
                return std::future::pending().await;
            }
            slot.answering(false);
            response
        })
    }
}

/// Polls a connection until it ends, its slot is filled, or the server stops and no answer is owed any more.
async fn drive<S>(
    connection: &mut http1::Connection<TokioIo<TcpStream>, S>,
    slot: &Slot,
    stop: &CancellationToken,
) -> hyper::Result<()>
where
    S: HttpService<Incoming, ResBody = Body, Error = Infallible, Future = Answer> + Unpin,
{
    /// How long an answer may take to be written once the server stops; until then a silent client is waited for in vain.
    const GRACE: Duration = Duration::from_millis(500);
    tokio::select! {
        biased;
        result = step(connection, slot) => return result,
        () = stop.cancelled() => Pin::new(&mut *connection).graceful_shutdown(),
    }
    match tokio::time::timeout(GRACE, step(connection, slot)).await {
        Ok(result) => result,
        Err(_) if slot.is_answering() => step(connection, slot).await,
        Err(_) => Ok(()),
    }
}

async fn step<S>(connection: &mut http1::Connection<TokioIo<TcpStream>, S>, slot: &Slot) -> hyper::Result<()>
where
    S: HttpService<Incoming, ResBody = Body, Error = Infallible, Future = Answer> + Unpin,
{
    poll_fn(|cx| match connection.poll_without_shutdown(cx) {
        // The service stays pending once the slot is filled: hyper has nothing to write, the engine will.
        Poll::Pending if slot.is_filled() => Poll::Ready(Ok(())),
        other => other,
    })
    .await
}

/// Closes a connection so that its last answer arrives: a socket that is closed with bytes unread is reset, which throws away
/// what the peer has not read yet. So its bytes are read away, at most so many and for so long.
async fn linger(mut socket: TcpStream) {
    const MOST: u64 = 1024 * 1024;
    const LONGEST: Duration = Duration::from_millis(500);
    let away = async {
        socket.shutdown().await?;
        tokio::io::copy(&mut (&mut socket).take(MOST), &mut tokio::io::sink()).await
    };
    // Either way the socket is closed now.
    let _ = tokio::time::timeout(LONGEST, away).await;
}

/// Waits before the next accept where the process is out of something: until then the kernel's queue holds the peers.
async fn back_off(error: &io::Error) {
    const WAIT: Duration = Duration::from_millis(100);
    match error.kind() {
        // The peer gave up between its connect and our accept.
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted => {}
        _ => {
            metrics::http_connection("accept_failed");
            tracing::warn!(%error, "accept failed: is the limit of open files (ulimit -n) too low?");
            tokio::time::sleep(WAIT).await;
        }
    }
}
