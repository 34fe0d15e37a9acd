//! How a proof knows that nothing (more) comes: a kept message that was sent later has come.
//!
//! The server hands out what was committed in the order of the commits, so on each connection the fence stands behind
//! everything that was committed before it was sent. What is not kept was handed out before its sender got an answer.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Api, As, Client, id};
use crate::support::process::Server;

/// The user who sends the fences.
const FENCER: &str = "424242";

/// What each connection of a `--dev` server heard until now.
pub(crate) fn heard(server: &Server, clients: &mut [&mut Client]) -> Vec<Vec<Value>> {
    let api = Api::of(server, As::Dev(FENCER));
    let users: BTreeSet<String> = clients.iter().map(|client| client.user.clone()).collect();
    for user in &users {
        let sent = api.send(&json!({"type": "private", "to": id(user), "content": "fence"}));
        assert!(matches!(sent.status, 201 | 202), "{}", sent.body);
    }
    clients.iter_mut().map(|client| until_fence(client)).collect()
}

/// Checks that no connection hears anything.
pub(crate) fn hears_nothing(server: &Server, clients: &mut [&mut Client]) {
    let all = heard(server, clients);
    for (client, heard) in clients.iter().zip(all) {
        assert_eq!(heard, Vec::<Value>::new(), "user {}", client.user);
    }
}

fn until_fence(client: &mut Client) -> Vec<Value> {
    let next = std::iter::repeat_with(|| client.hear());
    next.take_while(|message| message["from"] != id(FENCER) || message["content"] != "fence").collect()
}
