//! HTTP/1.1 requests on some connections that stay open, one under way on each (RFC 9112).

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::handshake;

/// Bytes of an answer at most; a longer one ends the run.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// All requests of one call take at most this long; then the run has failed.
const TAKES_AT_MOST: Duration = Duration::from_secs(300);

/// Why requests ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// A socket failed.
    #[error("an HTTP connection failed")]
    Socket(#[from] io::Error),
    /// The server closed the connection before it had answered.
    #[error("the server closed an HTTP connection before it had answered")]
    Cut,
    /// Another status than 2xx. The answer is cut at 300 characters.
    #[error("the server refused a request: {0}")]
    Refused(String),
    /// Not an answer with a `Content-Length`, or one that is too long.
    #[error("the server's answer can't be read")]
    NotHttp,
    /// Nothing was answered for too long, or not all in time.
    #[error("the requests weren't answered within {0:?}")]
    Slow(Duration),
}

/// The head and body of a request by a backend.
#[must_use]
pub fn request(method: &str, host: SocketAddr, path: &str, service_key: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {service_key}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Sends what `next` gives, on `at_once` connections, until it gives nothing more and all is answered. Returns how many
/// requests were answered.
///
/// # Errors
/// The first request that wasn't answered with 2xx.
pub fn requests(
    address: SocketAddr,
    at_once: usize,
    silence: Duration,
    mut next: impl FnMut() -> Option<String>,
) -> Result<u64, HttpError> {
    exchange(address, at_once, silence, &mut next, &mut |_| {})
}

/// The body of the answer to a GET.
///
/// # Errors
/// As [`requests`].
pub fn get(address: SocketAddr, path: &str, silence: Duration) -> Result<String, HttpError> {
    let mut request = Some(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n"));
    let mut answer = Vec::new();
    exchange(address, 1, silence, &mut || request.take(), &mut |body| answer = body.to_vec())?;
    String::from_utf8(answer).map_err(|_| HttpError::NotHttp)
}

struct Client {
    stream: TcpStream,
    request: String,
    /// Bytes of the request that are written.
    written: usize,
    answer: Vec<u8>,
}

fn exchange(
    address: SocketAddr,
    at_once: usize,
    silence: Duration,
    next: &mut dyn FnMut() -> Option<String>,
    body: &mut dyn FnMut(&[u8]),
) -> Result<u64, HttpError> {
    let end = Instant::now() + TAKES_AT_MOST;
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    let mut clients: Vec<Option<Client>> = Vec::new();
    for index in 0..at_once {
        let Some(request) = next() else { break };
        let mut stream = TcpStream::connect(address)?;
        poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        clients.push(Some(Client { stream, request, written: 0, answer: Vec::new() }));
    }
    let (mut busy, mut answered) = (clients.len(), 0);
    while busy > 0 {
        match poll.poll(&mut events, Some(silence)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        }
        if events.is_empty() || Instant::now() > end {
            return Err(HttpError::Slow(silence));
        }
        for event in &events {
            let slot = &mut clients[event.token().0];
            while let Some(client) = slot
                && client.step(body)?
            {
                answered += 1;
                match next() {
                    Some(request) => client.begin(request),
                    None => {
                        *slot = None;
                        busy -= 1;
                    }
                }
            }
        }
    }
    Ok(answered)
}

impl Client {
    fn begin(&mut self, request: String) {
        (self.request, self.written) = (request, 0);
        self.answer.clear();
    }

    /// Goes as far as the socket lets it; true when the answer is there.
    fn step(&mut self, body: &mut dyn FnMut(&[u8])) -> Result<bool, HttpError> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error.into());
        }
        let again = |kind| matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected);
        while self.written < self.request.len() {
            match self.stream.write(&self.request.as_bytes()[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) if again(error.kind()) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        let mut bytes = [0; 16 * 1024];
        loop {
            if let Some(length) = whole(&self.answer)? {
                body(&self.answer[self.answer.len() - length..]);
                return Ok(true);
            }
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(HttpError::Cut),
                Ok(read) => self.answer.extend_from_slice(&bytes[..read]),
                Err(error) if again(error.kind()) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The length of the body, if the answer is whole.
fn whole(answer: &[u8]) -> Result<Option<usize>, HttpError> {
    let Some(end) = handshake::head_end(answer) else {
        return if answer.len() > handshake::HEAD_BYTES { Err(HttpError::NotHttp) } else { Ok(None) };
    };
    let head = str::from_utf8(&answer[..end]).map_err(|_| HttpError::NotHttp)?;
    let status = head.strip_prefix("HTTP/1.1 ").ok_or(HttpError::NotHttp)?;
    // 204 has no body and need not say so (RFC 9110 section 8.6).
    let length = match handshake::header(head, "Content-Length") {
        Some(length) => {
            length.parse().ok().filter(|&length: &usize| length <= ANSWER_BYTES).ok_or(HttpError::NotHttp)?
        }
        None if status.starts_with("204") => 0,
        None => return Err(HttpError::NotHttp),
    };
    if answer.len() < end + length {
        return Ok(None);
    }
    if !status.starts_with('2') {
        let text = String::from_utf8_lossy(answer).replace("\r\n", " ");
        return Err(HttpError::Refused(text.chars().take(300).collect()));
    }
    Ok(Some(length))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers so many requests of one connection each with the next of `answers`.
    fn server(answers: Vec<&'static str>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in answers {
                let mut bytes = [0; 4096];
                assert!(stream.read(&mut bytes).unwrap() > 0);
                // In two parts, as a network may deliver it.
                let (first, second) = answer.split_at(answer.len() / 2);
                stream.write_all(first.as_bytes()).unwrap();
                stream.write_all(second.as_bytes()).unwrap();
            }
        });
        address
    }

    #[test]
    fn requests_follow_one_another_on_a_connection_until_there_are_no_more() {
        let address =
            server(vec!["HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok"]);
        let mut left = vec![request("PUT", address, "/a", "key", ""), request("POST", address, "/b", "key", "{}")];
        assert_eq!(requests(address, 1, Duration::from_secs(10), || left.pop()).unwrap(), 2);
    }

    #[test]
    fn a_body_is_given_back_and_a_refusal_is_quoted() {
        let address = server(vec!["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\na 1\nb"]);
        assert_eq!(get(address, "/metrics", Duration::from_secs(10)).unwrap(), "a 1\nb");
        let address = server(vec!["HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nwho?"]);
        let error = get(address, "/", Duration::from_secs(10)).unwrap_err();
        assert!(error.to_string().contains("403 Forbidden") && error.to_string().ends_with("who?"), "{error}");
    }
}
