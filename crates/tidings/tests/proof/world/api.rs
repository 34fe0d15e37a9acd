//! The HTTP API of a server.

use std::net::SocketAddr;

use serde_json::Value;

use crate::support::{http::ask, process::Server};

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) enum As<'a> {
    Nobody,
    /// A user of a `--dev` server.
    Dev(&'a str),
    /// By a token or service key.
    Bearer(&'a str),
}

/// What the server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The status line and the fields, in lower case.
    pub(crate) head: String,
    /// Null where the body is no JSON.
    pub(crate) body: Value,
}

/// A server and somebody who asks it.
#[derive(Clone, Copy)]
pub(crate) struct Api<'a> {
    server: SocketAddr,
    caller: As<'a>,
}

impl<'a> Api<'a> {
    pub(crate) fn of(server: &Server, caller: As<'a>) -> Self {
        Self::at(server.address, caller)
    }

    /// The same from a thread that has the address alone.
    pub(crate) fn at(server: SocketAddr, caller: As<'a>) -> Self {
        Self { server, caller }
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.ask(method, path, &[], &body.map(Value::to_string).unwrap_or_default())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None)
    }

    /// `POST /v1/messages`
    pub(crate) fn send(&self, message: &Value) -> Answer {
        self.call("POST", "/v1/messages", Some(message))
    }

    /// `POST /v1/messages` with an `Idempotency-Key`.
    pub(crate) fn send_once(&self, key: &str, message: &Value) -> Answer {
        self.ask("POST", "/v1/messages", &[("Idempotency-Key", format!("\"{key}\""))], &message.to_string())
    }

    /// Makes users members of a group.
    pub(crate) fn join(&self, group: &str, users: &[&str]) {
        for user in users {
            let joined = self.call("PUT", &format!("/v1/groups/{group}/members/{user}"), None);
            assert_eq!(joined.status, 204, "{user}: {}", joined.body);
        }
    }

    /// A conversation from its first message to its last, in pages; the status where it is refused.
    pub(crate) fn history(&self, conversation: &str) -> Result<Vec<Value>, u16> {
        let mut all = Vec::new();
        loop {
            let after = all.last().map_or(0, |last: &Value| last["seq"].as_u64().unwrap());
            let path = format!("/v1/conversations/{conversation}/messages?after={after}&limit=100");
            let page = self.get(&path);
            if page.status != 200 {
                return Err(page.status);
            }
            let messages = page.body["messages"].as_array().unwrap();
            all.extend(messages.iter().cloned());
            if !page.body["more"].as_bool().unwrap() {
                assert_eq!(
                    page.body["head"].as_u64(),
                    Some(all.len() as u64),
                    "{conversation}: the head is the last seq"
                );
                return Ok(all);
            }
            assert!(!messages.is_empty(), "{conversation}: a page with more to come holds something");
        }
    }

    /// Asks with fields and a body of the caller's choice.
    pub(crate) fn ask(&self, method: &str, path: &str, fields: &[(&str, String)], body: &str) -> Answer {
        let (mut path, mut fields) = (path.to_owned(), fields.to_vec());
        match self.caller {
            As::Nobody => {}
            As::Bearer(bearer) => fields.push(("Authorization", format!("Bearer {bearer}"))),
            As::Dev(user) => {
                path.push(if path.contains('?') { '&' } else { '?' });
                path.push_str(&format!("user={user}"));
            }
        }
        let (head, body) = ask(self.server, method, &path, &fields, body);
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: serde_json::from_str(&body).unwrap_or_default() }
    }
}
