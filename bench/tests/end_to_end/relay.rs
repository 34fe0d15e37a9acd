//! A small server that sends messages on, or does one thing wrong.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bench::message::Answers;
use bench::scenario::{Round, Scenario};
use bench::target::Target;
use bench::{frame, handshake};

use crate::{SMALL, running, target};

/// What a probe's contents begin with: its mark in hexadecimal and its first scenario.
const MARK: &str = "ffffffff01";

/// What a relay does wrong, to user 3 with user 1's message 7; or what else it does then.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mischief {
    None,
    Loses,
    Doubles,
    Reorders,
    Changes,
    /// Closes user 10 as a slow reader.
    GivesUp,
}

/// A server that sends messages on as Tidings does, with a thread a connection; or does one thing wrong.
pub(super) struct Relay {
    pub(super) address: SocketAddr,
}

#[derive(Default)]
struct Room {
    writers: BTreeMap<u64, TcpStream>,
    held_back: Option<Vec<u8>>,
}

impl Relay {
    pub(super) fn start(mischief: Mischief) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        // The threads end with the test's process: the accepting one waits for ever, the others until their client goes.
        thread::spawn(move || {
            let room = Arc::new(Mutex::new(Room::default()));
            for stream in listener.incoming() {
                let room = Arc::clone(&room);
                let stream = stream.expect("a connection");
                thread::spawn(move || serve(stream, &room, mischief));
            }
        });
        Self { address }
    }

    /// Runs a small scenario; the error is told with its causes.
    pub(super) fn measure(&self, scenario: &str) -> Result<Round, String> {
        let target = Target { silence: Duration::from_secs(2), ..target(self.address) };
        let running = running(target, Answers::Counted, None);
        let scenario: Scenario = scenario.parse().expect("a known scenario");
        scenario.run(&running, SMALL).map_err(|error| format!("{error:#}"))
    }
}

fn serve(mut stream: TcpStream, room: &Mutex<Room>, mischief: Mischief) {
    stream.set_nodelay(true).expect("a TCP socket");
    let mut bytes = Vec::new();
    let mut scratch = [0; 4096];
    let mut user = None;
    while let Ok(read @ 1..) = stream.read(&mut scratch) {
        bytes.extend_from_slice(&scratch[..read]);
        if user.is_none()
            && let Some(end) = handshake::head_end(&bytes)
        {
            let head = String::from_utf8(bytes.drain(..end).collect()).expect("our client's head");
            let digits = head.split(['=', ' ']).nth(2).unwrap_or_default();
            // Whoever asks for something else, such as metrics, is cut.
            let Ok(number) = digits.parse() else { return };
            user = Some(number);
            let key = handshake::header(&head, "Sec-WebSocket-Key").expect("our client's key");
            let mut room = room.lock().expect("no thread panicked");
            room.writers.insert(number, stream.try_clone().expect("a socket"));
            stream.write_all(handshake::response(key).as_bytes()).expect("the client reads");
        }
        let Some(from) = user else { continue };
        while let Some((found, used)) = frame::split(&bytes).expect("our client's frames") {
            let mut text = vec![0; found.payload.len()];
            found.unmask_into(&mut text);
            bytes.drain(..used);
            room.lock().expect("no thread panicked").relay(from, &text, mischief);
        }
    }
}

impl Room {
    fn relay(&mut self, from: u64, text: &[u8], mischief: Mischief) {
        let message: serde_json::Value = serde_json::from_slice(text).expect("our client's JSON");
        // A `hello` is not for others.
        let Some(content) = message["content"].as_str() else { return };
        let out = serde_json::json!({"type": message["type"], "content": content, "from": from, "user_id": from});
        let mut frame = Vec::new();
        frame::encode_server(&mut frame, frame::TEXT, out.to_string().as_bytes());
        let seventh = from == 1 && content.trim_start_matches(MARK).starts_with("00000000000000000007");
        let to = message["to"].as_u64();
        for (&user, mut writer) in &self.writers {
            let own_group = message["type"] == "group" && user == from;
            if own_group || to.is_some_and(|to| to != user) {
                continue;
            }
            let mut bytes = frame.clone();
            if user == 10 && seventh && mischief == Mischief::GivesUp {
                frame::encode_server(&mut bytes, frame::CLOSE, &4409_u16.to_be_bytes());
            }
            if user == 3 && seventh {
                match mischief {
                    Mischief::None | Mischief::GivesUp => {}
                    Mischief::Loses => continue,
                    Mischief::Doubles => bytes.extend_from_slice(&frame),
                    Mischief::Reorders => {
                        self.held_back = Some(bytes);
                        continue;
                    }
                    Mischief::Changes => *bytes.iter_mut().rfind(|byte| **byte == b'x').expect("filler") = b'y',
                }
            } else if user == 3 {
                bytes.extend(self.held_back.take().unwrap_or_default());
            }
            // A client that has gone needs nothing more.
            let _ = writer.write_all(&bytes);
        }
    }
}
