//! One HTTP request, one answer.

use std::{
    fmt::Write as _,
    io::{Read, Write as _},
    net::{SocketAddr, TcpStream},
};

use super::process::PATIENCE;

/// Asks with header fields of the caller's choice, and gives what stands before and after the empty line of the answer. One
/// that does not come in time ends the test.
pub(crate) fn ask(
    server: SocketAddr,
    method: &str,
    path: &str,
    fields: &[(&str, String)],
    body: &str,
) -> (String, String) {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n");
    for (name, value) in fields {
        write!(text, "{name}: {value}\r\n").unwrap();
    }
    write!(text, "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{method} {path}: {read:?} {answer:?}"));
    (head.to_owned(), body.to_owned())
}
