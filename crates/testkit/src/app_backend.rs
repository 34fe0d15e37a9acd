//! The HTTP side of an app, as small as it can be: real sockets, answers that a test chooses, every request remembered.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// An HTTP/1.1 server on a port of the loopback, for tests of whatever asks an app's backend. It ends when it is dropped.
///
/// ```
/// use std::io::{Read, Write};
/// use tidings_testkit::{AppBackend, Reply};
///
/// let backend = AppBackend::start(|request| match request.path.as_str() {
///     "/people/7" => Reply::Json(r#"{"name": "Ann"}"#.into()),
///     _ => Reply::Status(404),
/// });
/// let mut stream = std::net::TcpStream::connect(backend.address())?;
/// write!(stream, "GET /people/7 HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n")?;
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer)?;
/// assert!(answer.ends_with(r#"{"name": "Ann"}"#));
/// assert_eq!(backend.requests().len(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct AppBackend {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct AppRequest {
    /// With its query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
}

/// What a test answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// 200 with JSON, or what calls itself so.
    Json(String),
    /// A status without a body.
    Status(u16),
    /// No answer, as long as the server lives.
    Hang,
    /// The connection is closed in place of an answer.
    Break,
}

struct Shared {
    answer: Box<dyn Fn(&AppRequest) -> Reply + Send + Sync>,
    seen: Mutex<Vec<AppRequest>>,
    more: Condvar,
    ended: AtomicBool,
}

/// How long a test waits for a request. Far more than it takes.
const PATIENCE: Duration = Duration::from_secs(30);

impl AppBackend {
    /// Starts a server that answers as the function says: called on a thread of each connection.
    ///
    /// # Panics
    /// Where the system has no port.
    pub fn start(answer: impl Fn(&AppRequest) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the system has a port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            seen: Mutex::default(),
            more: Condvar::new(),
            ended: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.ended.load(Ordering::SeqCst) {
                    return;
                }
                let shared = accepting.clone();
                // A client that goes away ends its thread.
                std::thread::spawn(move || drop(shared.serve(stream)));
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL with this path, which may hold places such as `{user}`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests so far, those that hang included.
    pub fn requests(&self) -> Vec<AppRequest> {
        self.shared.seen().clone()
    }

    /// Waits until there were so many requests.
    ///
    /// # Panics
    /// After 30 s.
    pub fn wait_for(&self, requests: usize) {
        let waited = self.shared.more.wait_timeout_while(self.shared.seen(), PATIENCE, |seen| seen.len() < requests);
        let (seen, result) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!result.timed_out(), "{} requests came in place of {requests}", seen.len());
    }
}

impl AppRequest {
    /// A header field's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

impl Drop for AppBackend {
    fn drop(&mut self) {
        let seen = self.shared.seen();
        self.shared.ended.store(true, Ordering::SeqCst);
        self.shared.more.notify_all();
        drop(seen);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Vec<AppRequest>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some(request) = read(&mut reader)? {
            self.seen().push(request.clone());
            self.more.notify_all();
            let (status, body) = match (self.answer)(&request) {
                Reply::Json(body) => (200, body),
                Reply::Status(status) => (status, String::new()),
                Reply::Break => return Ok(()),
                Reply::Hang => {
                    let until = |_: &mut Vec<AppRequest>| !self.ended.load(Ordering::SeqCst);
                    drop(self.more.wait_while(self.seen(), until));
                    return Ok(());
                }
            };
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
            )?;
            if request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
                break;
            }
        }
        Ok(())
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<AppRequest>> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let Some(path) = line.split(' ').nth(1).map(str::to_owned) else { return Ok(None) };
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        if name == "content-length" {
            length = value.parse().unwrap_or(0);
        }
        headers.push((name, value));
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    Ok(Some(AppRequest { path, headers }))
}
