//! What ends while a message for many is under way: connections, a node.

use std::{
    io::Read,
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::Arc,
    time::Duration,
};

use tidings_engine::{
    Admission, Dialect, Engine, Guest, Notifications, Parts, SendRequest, Settings,
    clock::SystemClock,
    ports::{Everybody, NoCredentials, OpenTopics},
};
use tidings_testkit::memory::MemoryStore;
use tidings_wire::{CloseCode, GroupId, Sender, UserId};

use crate::{
    harness::{At, Node, notes, seqs, to_group},
    types::registry,
};

/// More than one turn puts into outboxes.
const MEMBERS: u32 = 5_000;

/// Kept ones that a node has to deliver when it stops.
const MESSAGES: u32 = 200;

/// How long a frame is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A fan-out of three messages to a group, of which some have heard the first.
fn under_way() -> (Node, Vec<At>) {
    let mut node = Node::start();
    let members = node.open_group(5, 0..MEMBERS);
    let shouts = to_group("shout", 5, 3);
    node.reads(members[0], shouts.iter().map(String::as_str));
    while !node.is_fanning_out(0) {
        assert!(node.round(), "it never began");
    }
    node.round();
    assert!(node.is_fanning_out(0) && !node.wrote_to(members[MEMBERS as usize - 1]), "it is over");
    (node, members)
}

#[test]
fn a_drain_closes_everyone_and_ends_the_fan_out() {
    let (mut node, members) = under_way();
    node.simulation.drain(Duration::ZERO);
    node.settle();
    assert!(!node.is_fanning_out(0));
    for &at in &members {
        let heard = node.take(at).unwrap_or_default();
        assert!(heard.ends_with("restart"), "nothing comes behind the close frame: {heard}");
        assert!([0, 1, 2].starts_with(&notes(&heard)), "{heard}");
    }
    let late = node.open(9_001);
    node.settle();
    assert!(node.wrote_to(late), "who comes now is closed too");
}

#[test]
fn a_recipient_who_is_disconnected_hears_nothing_more_and_the_others_hear_all() {
    let (mut node, members) = under_way();
    let gone = members.len() - 1;
    let mut disconnects = node.simulation.disconnect(UserId::new(gone as u32), CloseCode::Revoked);
    node.round();
    assert_eq!(node.poll(&mut disconnects), Some(1));
    node.settle();
    let heard = node.take(members[gone]).unwrap_or_default();
    assert!(notes(&heard).is_empty() && !heard.is_empty(), "a close frame alone: {heard}");
    for &at in &members[1..gone] {
        assert_eq!(notes(&node.take(at).unwrap_or_default()), [0, 1, 2]);
    }
}

#[test]
fn a_node_that_stops_delivers_what_it_was_handed() {
    let clock = Arc::new(SystemClock::new());
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let parts = Parts {
        registry: registry(),
        store: store.clone(),
        groups: store,
        relations: Vec::new(),
        clock,
        credentials: Arc::new(NoCredentials),
        visibility: Arc::new(Everybody),
        topics: Arc::new(OpenTopics::all()),
        notifications: Notifications::default(),
        settings: Settings::default(),
    };
    let engine = Engine::start(parts).expect("it starts");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let clients: Vec<UnixStream> = (0..400).map(|user| connect(&engine, user)).collect();
    for user in 0..400 {
        runtime.block_on(engine.set_member(GroupId::new(5), UserId::new(user), true)).expect("there is room");
    }
    // They are committed as one or a few batches, and each is for more than a third of a turn: so nearly all wait in a lane
    // when the node stops.
    let send = |body: String| {
        let sender = Sender::user_only(UserId::new(0));
        engine.send(SendRequest { sender, body: body.into(), key: None, audience: None })
    };
    let sent = futures_util::future::join_all(to_group("chat", 5, MESSAGES).into_iter().map(send));
    for sent in runtime.block_on(sent) {
        sent.expect("it is stored");
    }
    engine.stop();
    for (user, mut client) in clients.into_iter().enumerate() {
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).expect("it reads to the end");
        assert_eq!(seqs(&String::from_utf8_lossy(&heard)), (1..=MESSAGES).collect::<Vec<_>>(), "user {user}");
    }
}

/// A user's end of a connection whose upgrade was granted.
fn connect(engine: &Engine, user: u32) -> UnixStream {
    let (mut client, server) = UnixStream::pair().expect("a pair");
    server.set_nonblocking(true).expect("non-blocking");
    client.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let admission = Admission {
        guest: Guest::new(UserId::new(user), ([127, 0, 0, 1], 9).into()),
        dialect: Dialect::Guide,
        expires_at_ms: None,
        hello: None,
        greeting: bytes::Bytes::from_static(b"hello"),
    };
    assert!(engine.admit(OwnedFd::from(server), bytes::Bytes::new(), admission));
    let mut greeting = [0; 5];
    client.read_exact(&mut greeting).expect("the greeting comes first");
    client
}
