//! One connection that waits for each answer.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::{Answer, HttpError, Request};

/// One connection; opened by the first request, and again where the server has closed it meanwhile.
pub struct Client {
    address: SocketAddr,
    host: String,
    timeout: Duration,
    stream: Option<TcpStream>,
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
        stream.write_all(&request.bytes(&self.host))?;
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

/// Reads one answer; also whether the connection stays.
fn read(stream: &mut TcpStream) -> Result<(Answer, bool), HttpError> {
    let mut bytes = Vec::new();
    loop {
        if let Some(whole) = Answer::read(&bytes)? {
            return Ok(whole);
        }
        more(stream, &mut bytes)?;
    }
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
        return Ok(());
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::handshake;

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
