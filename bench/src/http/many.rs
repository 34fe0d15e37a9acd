//! Requests on some connections at once, driven by epoll.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::{Answer, HttpError};

/// All requests of one call take at most this long; then the run has failed.
const TAKES_AT_MOST: Duration = Duration::from_secs(300);

/// Sends what `next` gives, on `at_once` connections, until it gives nothing more and all is answered. Returns how many
/// requests were answered.
///
/// # Errors
/// The first request that wasn't answered with 2xx.
pub fn requests(
    address: SocketAddr,
    at_once: usize,
    silence: Duration,
    mut next: impl FnMut() -> Option<Vec<u8>>,
) -> Result<u64, HttpError> {
    let end = Instant::now() + TAKES_AT_MOST;
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    let mut clients: Vec<Option<Client>> = Vec::new();
    for index in 0..at_once {
        let Some(request) = next() else { break };
        let mut stream = TcpStream::connect(address).map_err(|error| HttpError::Connect(address, error))?;
        poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        clients.push(Some(Client { stream, request, written: 0, answer: Vec::new() }));
    }
    let (mut busy, mut answered) = (clients.len(), 0);
    while busy > 0 {
        match poll.poll(&mut events, Some(silence)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        }
        if events.is_empty() {
            return Err(HttpError::Slow(silence));
        }
        if Instant::now() > end {
            return Err(HttpError::Slow(TAKES_AT_MOST));
        }
        for event in &events {
            let slot = &mut clients[event.token().0];
            while let Some(client) = slot
                && client.step()?
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

struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    /// Bytes of the request that are written.
    written: usize,
    answer: Vec<u8>,
}

impl Client {
    fn begin(&mut self, request: Vec<u8>) {
        (self.request, self.written) = (request, 0);
        self.answer.clear();
    }

    /// Goes as far as the socket lets it; true when the answer is there.
    fn step(&mut self) -> Result<bool, HttpError> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error.into());
        }
        let again = |kind| matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected);
        while self.written < self.request.len() {
            match self.stream.write(&self.request[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) if again(error.kind()) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        let mut bytes = [0; 16 * 1024];
        loop {
            if let Some((answer, _)) = Answer::read(&self.answer)? {
                return answer.accepted().map(|_| true);
            }
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(read) => self.answer.extend_from_slice(&bytes[..read]),
                Err(error) if again(error.kind()) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::super::Request;
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
        let ask = |method, path, body: &str| {
            let request = Request { method, path, bearer: Some("key"), body: body.as_bytes() };
            request.bytes(&address.to_string())
        };
        let mut left = vec![ask("PUT", "/a", ""), ask("POST", "/b", "{}")];
        assert_eq!(requests(address, 1, Duration::from_secs(10), || left.pop()).unwrap(), 2);
    }

    #[test]
    fn the_first_refusal_ends_it_and_is_quoted() {
        let address = server(vec!["HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nwho?"]);
        let mut left = Some(Request { method: "GET", path: "/", bearer: None, body: b"" }.bytes("host"));
        let error = requests(address, 1, Duration::from_secs(10), || left.take()).unwrap_err();
        assert_eq!(error.to_string(), "the server answers 403: who?");
    }
}
