//! A plain HTTP/1.1 client (RFC 9112): one connection that is kept, one request at a time, blocking.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::handshake;

/// Bytes of an answer at most; a longer one is [`HttpError::NotHttp`].
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// One connection; opened by the first request, and again where the server has closed it meanwhile.
pub struct Client {
    address: SocketAddr,
    host: String,
    timeout: Duration,
    stream: Option<TcpStream>,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// With its leading slash and its query.
    pub path: &'a str,
    /// A token or a key for `Authorization: Bearer`.
    pub bearer: Option<&'a str>,
    /// JSON; empty for none.
    pub body: &'a [u8],
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Why there is no answer, or not the one that was hoped for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The server could not be reached.
    #[error("no connection to {0}")]
    Connect(SocketAddr, #[source] io::Error),
    /// The connection ended, or nothing came in time.
    #[error("no answer")]
    Io(#[from] io::Error),
    /// What came is no HTTP/1 with a length.
    #[error("the answer is no HTTP/1 with a Content-Length")]
    NotHttp,
    /// Another status than 2xx.
    #[error("the server answers {}: {}", .0.status, .0.body)]
    Refused(Answer),
}

impl Answer {
    /// An error unless the status is 2xx.
    ///
    /// # Errors
    /// [`HttpError::Refused`].
    pub fn accepted(self) -> Result<(), HttpError> {
        if (200..300).contains(&self.status) { Ok(()) } else { Err(HttpError::Refused(self)) }
    }
}

impl Client {
    /// A client of the server at this address, known by this name and port. Nothing is connected yet.
    #[must_use]
    pub fn new(address: SocketAddr, host: &str, timeout: Duration) -> Self {
        Self { address, host: host.to_owned(), timeout, stream: None }
    }

    /// Asks, and reads the answer. Nothing is asked twice: a request whose answer is missing may have been done.
    ///
    /// # Errors
    /// No connection, no answer in time, no HTTP. The status is not looked at.
    pub fn ask(&mut self, request: &Request<'_>) -> Result<Answer, HttpError> {
        let mut stream = match self.stream.take().filter(is_open) {
            Some(stream) => stream,
            None => self.connect().map_err(|error| HttpError::Connect(self.address, error))?,
        };
        let Request { method, path, bearer, body } = request;
        let bearer = bearer.map(|bearer| format!("Authorization: Bearer {bearer}\r\n")).unwrap_or_default();
        let mut bytes = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{bearer}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        stream.write_all(&bytes)?;
        let (answer, stays) = read(&mut stream)?;
        self.stream = stays.then_some(stream);
        Ok(answer)
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, self.timeout)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        Ok(stream)
    }
}

/// Whether the server has left a kept connection open, and said nothing unasked.
fn is_open(stream: &TcpStream) -> bool {
    let peeked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
    let silent = peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
    stream.set_nonblocking(false).is_ok() && silent
}

/// Reads one answer; also whether the connection stays (RFC 9112 section 9.3).
fn read(stream: &mut TcpStream) -> Result<(Answer, bool), HttpError> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = handshake::head_end(&bytes) {
            break end;
        }
        more(stream, &mut bytes)?;
    };
    let text = std::str::from_utf8(&bytes[..head]).map_err(|_| HttpError::NotHttp)?;
    let status = handshake::status(text).ok_or(HttpError::NotHttp)?;
    let closes = handshake::header(text, "Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let length = match handshake::header(text, "Content-Length") {
        Some(length) => length.parse().map_err(|_| HttpError::NotHttp)?,
        // RFC 9112 section 6.3: these two have no body.
        None if matches!(status, 204 | 304) => 0,
        None => return Err(HttpError::NotHttp),
    };
    if length > ANSWER_BYTES {
        return Err(HttpError::NotHttp);
    }
    while bytes.len() < head + length {
        more(stream, &mut bytes)?;
    }
    let body = String::from_utf8_lossy(&bytes[head..head + length]).into_owned();
    Ok((Answer { status, body }, !closes))
}

fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<(), HttpError> {
    let mut scratch = [0; 8 * 1024];
    loop {
        match stream.read(&mut scratch) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(read) => bytes.extend_from_slice(&scratch[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        }
        return if bytes.len() > ANSWER_BYTES { Err(HttpError::NotHttp) } else { Ok(()) };
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// A server that gives one connection these answers, one for each request, and then closes it.
    fn server(answers: Vec<Vec<&'static str>>) -> (SocketAddr, thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serving = thread::spawn(move || {
            let mut asked = Vec::new();
            for connection in answers {
                let (mut stream, _) = listener.accept().unwrap();
                for answer in connection {
                    let mut bytes = Vec::new();
                    while handshake::head_end(&bytes).is_none() {
                        more(&mut stream, &mut bytes).unwrap();
                    }
                    asked.push(String::from_utf8(bytes).unwrap());
                    stream.write_all(answer.as_bytes()).unwrap();
                }
            }
            asked
        });
        (address, serving)
    }

    const GET: Request<'_> = Request { method: "GET", path: "/x", bearer: Some("tdk_key"), body: b"" };

    #[test]
    fn a_connection_is_kept_until_the_server_closes_it() {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        let none = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
        let (address, serving) = server(vec![vec![ok, none], vec![ok]]);
        let mut client = Client::new(address, "host:1", PATIENCE);
        let answers = [(); 3].map(|()| client.ask(&GET).unwrap());
        assert_eq!(
            answers.map(|answer| (answer.status, answer.body)),
            [(200, "hi".to_owned()), (204, String::new()), (200, "hi".to_owned())]
        );
        let asked = serving.join().unwrap();
        assert!(
            asked[0].starts_with("GET /x HTTP/1.1\r\nHost: host:1\r\nAuthorization: Bearer tdk_key\r\n"),
            "{asked:?}"
        );
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for (answer, is_http) in
            [("SSH-2.0-x\r\n\r\n", false), ("HTTP/1.1 200 OK\r\n\r\n", false), ("HTTP/1.1 200", true)]
        {
            let (address, _serving) = server(vec![vec![answer]]);
            let error = Client::new(address, "host", PATIENCE).ask(&GET).unwrap_err();
            assert_eq!(matches!(error, HttpError::Io(_)), is_http, "{answer:?}: {error}");
        }
        let refused = Answer { status: 401, body: "who?".to_owned() };
        assert_eq!(refused.accepted().unwrap_err().to_string(), "the server answers 401: who?");
    }
}
