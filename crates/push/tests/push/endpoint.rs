//! An HTTP server that takes what goes out, and answers as it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    time::timeout,
};

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Came {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// How one request is answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<&'static str>,
    pub(crate) location: Option<String>,
}

struct Answers {
    next: Mutex<VecDeque<Answer>>,
    came: mpsc::UnboundedSender<Came>,
    /// Nothing is answered meanwhile.
    is_held: watch::Sender<bool>,
}

/// It runs as long as this lives.
pub(crate) struct Endpoint {
    pub(crate) port: u16,
    answers: Arc<Answers>,
    came: mpsc::UnboundedReceiver<Came>,
    task: tokio::task::JoinHandle<()>,
}

/// How long something that comes may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

impl Endpoint {
    /// Answers 201 to everything.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, came) = mpsc::unbounded_channel();
        let answers = Arc::new(Answers { next: Mutex::default(), came: sender, is_held: watch::Sender::new(false) });
        let router = Router::new().fallback(answer).with_state(answers.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { port, answers, came, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The next requests are answered so; those after them with 201.
    pub(crate) fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.next.lock().expect("no panic").extend(answers);
    }

    pub(crate) fn statuses(&self, statuses: impl IntoIterator<Item = u16>) {
        self.answers(statuses.into_iter().map(|status| Answer { status, ..Answer::default() }));
    }

    /// From now on requests come and are not answered.
    pub(crate) fn holds(&self) {
        self.answers.is_held.send_replace(true);
    }

    /// All requests are answered again.
    pub(crate) fn lets_go(&self) {
        self.answers.is_held.send_replace(false);
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Came {
        timeout(PATIENCE, self.came.recv()).await.expect("a request comes").expect("the endpoint lives")
    }

    /// What has come and nobody has looked at.
    pub(crate) fn rest(&mut self) -> Vec<Came> {
        std::iter::from_fn(|| self.came.try_recv().ok()).collect()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(answers): State<Arc<Answers>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let _ = answers.came.send(Came { path: parts.uri.to_string(), headers: parts.headers, body });
    answers.is_held.subscribe().wait_for(|held| !held).await.expect("the sender lives");
    let next = answers.next.lock().expect("no panic").pop_front();
    let Answer { status, retry_after, location } = next.unwrap_or(Answer { status: 201, ..Answer::default() });
    let mut response = StatusCode::from_u16(status).expect("a status").into_response();
    for (name, value) in [(header::RETRY_AFTER, retry_after.map(str::to_owned)), (header::LOCATION, location)] {
        if let Some(value) = value {
            response.headers_mut().insert(name, value.parse().expect("a header"));
        }
    }
    response
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = async {
        // Of the database nobody tells: it is looked at again and again.
        let mut looks = tokio::time::interval(Duration::from_millis(10));
        while !is_so() {
            looks.tick().await;
        }
    };
    timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}
