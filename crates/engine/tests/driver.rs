//! What only real sockets show: the driver between a shard and the kernel.

use std::{
    io::{ErrorKind, Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_engine::{
    Admission, Context, Dialect, Engine, Guest, Notifications, Parts, Settings,
    clock::SystemClock,
    ports::{Everybody, NoCredentials, OpenTopics},
    registry::Registry,
};
use tidings_testkit::memory::MemoryStore;
use tidings_wire::{Audience, Limit, Me, Message, Reject, Sender, UserId};

/// How long a frame is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the kernel must refuse bytes before the reader counts as paused.
const REFUSED: Duration = Duration::from_secs(1);

#[derive(Serialize, Deserialize, JsonSchema)]
struct Echo {
    text: String,
}

impl Message for Echo {
    const TYPE: &'static str = "echo";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::nobody().me(Me::EveryConnection)
    }
}

/// A text frame masked with zeros (RFC 6455 §5.2).
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 0x80 | 126];
    let json = format!(r#"{{"type":"echo","text":"{text:>200}"}}"#);
    frame.extend_from_slice(&(json.len() as u16).to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(json.as_bytes());
    frame
}

/// An engine whose echoes pass once the gate is open.
fn engine(gate: &Arc<tokio::sync::Semaphore>, settings: Settings) -> Engine {
    let clock = Arc::new(SystemClock::new());
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let mut types = Registry::builder();
    let gate = gate.clone();
    types.message_with::<Echo>(move |echo: Echo, _: Context| {
        let gate = gate.clone();
        async move {
            let _passed = gate.acquire().await.map_err(|_| Reject::not_allowed("the gate is gone"))?;
            Ok(echo)
        }
    });
    let registry = types.build().expect("one type fits");
    Engine::start(Parts {
        registry,
        store: store.clone(),
        groups: store,
        relations: Vec::new(),
        clock,
        credentials: Arc::new(NoCredentials),
        visibility: Arc::new(Everybody),
        topics: Arc::new(OpenTopics::all()),
        notifications: Notifications::default(),
        settings,
    })
    .expect("it starts")
}

/// A user's end of a connection whose upgrade was granted.
fn connect(engine: &Engine, user: u32, already_read: &[u8]) -> UnixStream {
    let (client, server) = UnixStream::pair().expect("a pair");
    server.set_nonblocking(true).expect("non-blocking");
    client.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let admission = Admission {
        guest: Guest::new(UserId::new(user), ([127, 0, 0, 1], 9).into()),
        dialect: Dialect::Guide,
        expires_at_ms: None,
        hello: None,
        greeting: Bytes::from_static(b"hello"),
    };
    assert!(engine.admit(OwnedFd::from(server), Bytes::copy_from_slice(already_read), admission));
    let mut greeting = [0; 5];
    (&client).read_exact(&mut greeting).expect("the greeting comes first");
    assert_eq!(&greeting, b"hello");
    client
}

/// Reads a text frame of 126 to 65,535 bytes.
fn read_frame(mut client: &UnixStream) -> String {
    let mut head = [0; 4];
    client.read_exact(&mut head).expect("a frame");
    assert_eq!(head[..2], [0x81, 126]);
    let mut payload = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
    client.read_exact(&mut payload).expect("a whole frame");
    String::from_utf8(payload).expect("UTF-8")
}

#[test]
fn what_was_read_behind_the_request_is_the_first_message() {
    let gate = Arc::new(tokio::sync::Semaphore::new(1));
    let engine = engine(&gate, Settings::default());
    let (first, rest) = (frame("first"), frame("second"));
    let (early, late) = first.split_at(100);
    let client = connect(&engine, 1, early);
    (&client).write_all(&[late, &rest].concat()).expect("the server reads");
    assert!(read_frame(&client).contains("first"));
    assert!(read_frame(&client).contains("second"));
    engine.stop();
}

#[test]
fn a_connection_that_is_paused_is_not_read_from_and_goes_on_where_it_stopped() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let settings = Settings { accept_within: Duration::from_secs(600), ..Settings::default() };
    let engine = engine(&gate, settings);
    let client = connect(&engine, 1, b"");
    client.set_write_timeout(Some(REFUSED)).expect("a time limit");
    // Packet by packet, each of which wakes the driver.
    let mut number = 0;
    loop {
        let packet = frame(&number.to_string());
        match (&client).write(&packet) {
            Ok(bytes) if bytes == packet.len() => number += 1,
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
        assert!(number * packet.len() < 8 << 20, "the server reads on, though the first message is not accepted");
    }
    gate.add_permits(1);
    for expected in 0..number {
        assert!(read_frame(&client).contains(&format!(" {expected}\"")), "message {expected}");
    }
    engine.stop();
}

#[test]
fn who_is_gone_is_offline_though_the_handler_still_waits() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let engine = engine(&gate, Settings::default());
    let client = connect(&engine, 7, &frame("never"));
    assert!(engine.is_online(UserId::new(7)));
    let other = connect(&engine, 8, b"");
    drop(client);
    let until = Instant::now() + PATIENCE;
    while engine.is_online(UserId::new(7)) {
        assert!(Instant::now() < until, "the end of a connection is never noticed");
        std::thread::yield_now();
    }
    gate.add_permits(1);
    (&other).write_all(&frame("mine")).expect("the server reads");
    assert!(read_frame(&other).contains("mine"));
    engine.stop();
}

#[test]
fn a_shard_that_sleeps_wakes_for_each_of_its_timers() {
    let gate = Arc::new(tokio::sync::Semaphore::new(1));
    let soon = Duration::from_millis(300);
    let settings = Settings { ping_after: soon, pong_within: soon, ..Settings::default() };
    let engine = engine(&gate, settings);
    let client = connect(&engine, 1, b"");
    let mut frames = [0; 6];
    (&client).read_exact(&mut frames).expect("a ping, and then the end of a connection that does not answer");
    let [ping @ .., close, _, high, low] = frames;
    assert_eq!((ping, close, u16::from_be_bytes([high, low])), ([0x89, 0], 0x88, 1001));
    engine.stop();
}

#[test]
fn a_shard_that_waits_for_a_handler_wakes_for_its_timers_too() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let settings = Settings { accept_within: Duration::from_millis(300), ..Settings::default() };
    let engine = engine(&gate, settings);
    let client = connect(&engine, 1, &frame("too long"));
    let mut head = [0; 2];
    (&client).read_exact(&mut head).expect("a refusal");
    let mut refusal = vec![0; usize::from(head[1])];
    (&client).read_exact(&mut refusal).expect("a short frame");
    let refusal = String::from_utf8(refusal).expect("UTF-8");
    assert!(refusal.contains("unavailable"), "{refusal}");
    engine.stop();
}
