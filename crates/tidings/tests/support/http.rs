//! One HTTP request, one answer.

use std::{
    fmt::Write as _,
    io::{self, Read, Write as _},
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
    try_ask(server, method, path, fields, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
}

/// The same of a server that may end at any time.
pub(crate) fn try_ask(
    server: SocketAddr,
    method: &str,
    path: &str,
    fields: &[(&str, String)],
    body: &str,
) -> io::Result<(String, String)> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n");
    for (name, value) in fields {
        write!(text, "{name}: {value}\r\n").unwrap();
    }
    write!(text, "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    stream.write_all(text.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8(answer).unwrap();
    let broken = || io::Error::other(format!("half an answer: {answer:?}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
    Ok((head.to_owned(), body.to_owned()))
}
