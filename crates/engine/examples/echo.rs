//! An echo server on the engine's WebSocket codec, and on nothing else of it: what `cargo xtask autobahn` tests.
//!
//! It prints its address, `ws://127.0.0.1:<port>`, as its first line, and ends when its standard input does. Text comes back
//! as text, binary as binary; pings and close frames are answered as RFC 6455 §5.5 says. Threads and blocking sockets are
//! enough here: the engine's own driver is tested elsewhere.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tidings_engine::websocket::{Decoder, Event, FrameLimits, encoder};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Autobahn's largest message has 16 MiB, and its most fragmented one 65,536 frames. Beyond: close code 1009.
const LIMITS: FrameLimits = FrameLimits { message_bytes: 16 << 20, fragments: 1 << 17 };

/// Bytes read at once: an odd number, so that frames are cut where no power of two would cut them.
const READ_BYTES: usize = 65_537;

/// Bytes of a request for an upgrade. A longer one is dropped.
const REQUEST_BYTES: usize = 16 * 1024;

/// Connections at once. One more is dropped.
const CONNECTIONS: usize = 16;

/// A peer that neither sends nor takes anything for so long is dropped.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the peer has to close its end after the closing handshake.
const LINGER: Duration = Duration::from_secs(5);

/// Stands for a close frame without a code (RFC 6455 §7.1.5); the answer to it has none either.
const NO_CODE: u16 = 1005;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("ws://{}", listener.local_addr()?);
    io::stdout().flush()?;
    std::thread::spawn(move || accept(&listener));
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}

fn accept(listener: &TcpListener) {
    let open = Arc::new(AtomicUsize::new(0));
    for socket in listener.incoming() {
        let socket = match socket {
            Ok(socket) if open.load(Ordering::SeqCst) < CONNECTIONS => socket,
            Ok(_) => continue,
            Err(error) => {
                eprintln!("echo: accept: {error}");
                continue;
            }
        };
        open.fetch_add(1, Ordering::SeqCst);
        let open = open.clone();
        std::thread::spawn(move || {
            // Autobahn breaks connections on purpose, so an error is no news: its report says what went wrong.
            let _ = serve(socket);
            open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

fn serve(mut socket: TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let mut early = upgrade(&mut socket)?;
    let mut echo = Echo::default();
    let mut open = echo.take(&mut early, &mut socket)?;
    let mut scratch = vec![0; READ_BYTES];
    while open {
        let length = socket.read(&mut scratch)?;
        if length == 0 {
            return Ok(());
        }
        open = echo.take(&mut scratch[..length], &mut socket)?;
    }
    // The server ends the connection (RFC 6455 §7.1.1). What the peer still sends is read, or the kernel would reset the
    // connection, and with it the close frame that may be on its way.
    socket.shutdown(Shutdown::Write)?;
    socket.set_read_timeout(Some(LINGER))?;
    while socket.read(&mut scratch)? != 0 {}
    Ok(())
}

/// Answers the request for an upgrade (RFC 6455 §4.2.2); gives what came behind it.
fn upgrade(socket: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let end = loop {
        if let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
        let mut scratch = [0; 1024];
        let length = socket.read(&mut scratch)?;
        if length == 0 || request.len() > REQUEST_BYTES {
            return Err(ErrorKind::InvalidData.into());
        }
        request.extend_from_slice(&scratch[..length]);
    };
    let early = request.split_off(end + 4);
    let head = String::from_utf8_lossy(&request);
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then_some(value.trim())
    });
    let accept = derive_accept_key(key.ok_or(ErrorKind::InvalidData)?.as_bytes());
    write!(
        socket,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )?;
    Ok(early)
}

/// One connection's codec.
#[derive(Default)]
struct Echo {
    decoder: Decoder,
}

impl Echo {
    /// Answers what came in; false when the connection is at its end.
    fn take(&mut self, input: &mut [u8], socket: &mut TcpStream) -> io::Result<bool> {
        let mut open = true;
        let mut answers = Vec::new();
        let fed = self.decoder.feed(input, LIMITS, &mut |event| {
            answers.push(match event {
                Event::Text(text) => encoder::text(text.as_bytes()),
                Event::Binary(bytes) => encoder::binary(bytes),
                Event::Ping(payload) => encoder::pong(payload),
                Event::Pong(_) => return ControlFlow::Continue(()),
                Event::Close { code, .. } => {
                    open = false;
                    encoder::close(code.unwrap_or(NO_CODE), "")
                }
            });
            ControlFlow::Continue(())
        });
        if let Err(error) = fed {
            open = false;
            answers.push(encoder::close(error.close_code(), &error.to_string()));
        }
        for answer in answers {
            socket.write_all(&answer)?;
        }
        Ok(open)
    }
}
