//! One key, sent a hundred times at once: the message is there once, and everybody who sent it is told the same.

use std::{
    path::Path,
    sync::{Arc, Barrier, mpsc::sync_channel},
    thread,
};

use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    on_one_and_two_shards,
    support::process::Server,
    world::{Api, As, Client, Plan, heard},
};

/// Those who send it, whatever of them by HTTP.
const SENDERS: usize = 100;

const KEY: &str = "the one key";

on_one_and_two_shards! {
    fn a_hundred_connections_send_one_key_at_once_and_it_is_stored_once(shards: u16) {
        let plan = Plan::dev().unlimited().shards(shards);
        race(&plan, SENDERS);
    }

    fn so_it_is_where_every_second_one_sends_by_http(shards: u16) {
        let plan = Plan::dev().unlimited().shards(shards);
        race(&plan, SENDERS / 2);
    }
}

/// Lets so many connections of user 7, and for the rest of them HTTP requests, send the same at once.
fn race(plan: &Plan, connections: usize) {
    let server = plan.start();
    let mut receivers = [greeted(&server, "2"), greeted(&server, "2"), Client::dev(&server, "2")];
    let start = Arc::new(Barrier::new(SENDERS));
    let (address, (told, answers)) = (server.address, sync_channel(SENDERS - connections));
    for _ in connections..SENDERS {
        let (start, told) = (start.clone(), told.clone());
        thread::spawn(move || {
            start.wait();
            let answer = Api::at(address, As::Dev("7")).send_once(KEY, &message());
            told.send((answer.status, answer.body)).unwrap();
        });
    }
    let clients = (0..connections).map(|_| greeted(&server, "7")).collect::<Vec<_>>().into_iter().map(|mut client| {
        let start = start.clone();
        thread::spawn(move || {
            start.wait();
            let mut frame = message();
            (frame["key"], frame["ref"]) = (KEY.into(), 1.into());
            client.say(&frame);
            client
        })
    });
    let clients: Vec<_> = clients.collect();
    let mut clients: Vec<Client> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    drop(told);
    let mut acknowledged: Vec<Value> = Vec::new();
    for (status, body) in answers {
        assert_eq!(status, 201, "{body}");
        acknowledged.push(body);
    }
    let mut early: Vec<Vec<Value>> = Vec::new();
    for client in &mut clients {
        let (before, ack) = acknowledgement(client);
        acknowledged.push(ack);
        early.push(before);
    }
    assert_eq!(acknowledged.len(), SENDERS);
    let first = acknowledged.iter().filter(|answer| answer.get("duplicate").is_none()).count();
    let repeats = acknowledged.iter().filter(|answer| answer["duplicate"] == true).count();
    assert_eq!((first, repeats), (1, SENDERS - 1), "{acknowledged:?}");
    let id = acknowledged[0]["id"].clone();
    for answer in &acknowledged {
        let told = (&answer["id"], &answer["conversation"], &answer["seq"]);
        assert_eq!(told, (&id, &json!("dm:2:7"), &json!(1)), "{answer}");
    }

    let all = heard(&server, &mut receivers.each_mut());
    for heard in all {
        assert_eq!(heard.len(), 1, "a receiver hears it once: {heard:?}");
        assert_eq!((&heard[0]["id"], heard[0].get("key")), (&id, None));
    }
    // The connection that was first hears its acknowledgement in the message's place; the others of the user hear it.
    let mut without = 0;
    let later = heard(&server, &mut clients.iter_mut().collect::<Vec<_>>());
    for (mut heard, later) in early.into_iter().zip(later) {
        heard.extend(later);
        heard.retain(|frame| frame["type"] != "read");
        assert!(heard.len() <= 1, "{heard:?}");
        without += usize::from(heard.is_empty());
        assert!(heard.iter().all(|frame| frame["id"] == id && frame["key"] == KEY), "{heard:?}");
    }
    let by_frame = acknowledged[SENDERS - connections..].iter().any(|answer| answer.get("duplicate").is_none());
    assert_eq!(without, usize::from(by_frame));

    drop((clients, receivers));
    server.signal(Signal::TERM);
    assert_eq!(server.wait().0, Some(0));
    is_stored_once(&plan.folder().join("data/tidings.db"));
}

/// A connection's acknowledgement, and what it heard before.
fn acknowledgement(client: &mut Client) -> (Vec<Value>, Value) {
    let mut before = Vec::new();
    loop {
        let frame = client.hear();
        if frame["type"] == "ack" {
            assert_eq!(frame["ref"], 1, "{frame}");
            return (before, frame);
        }
        before.push(frame);
    }
}

fn is_stored_once(database: &Path) {
    let database = Connection::open(database).unwrap();
    let count = "SELECT count(*), max(key IS NOT NULL) FROM messages WHERE sender = 7";
    let rows: (u64, bool) = database.query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(rows, (1, true));
}

fn message() -> Value {
    json!({"type": "private", "to": 2, "content": "once"})
}

/// A connection of `tidings.v1` that has been greeted.
fn greeted(server: &Server, user: &str) -> Client {
    let mut client = Client::v1(server, user);
    client.say(&json!({"type": "hello"}));
    for expected in ["welcome", "resumed"] {
        assert_eq!(client.hear()["type"], expected);
    }
    client
}
