//! A client of `tidings.v1` as the protocol wants it, without a socket: it knows the heads of its streams, repeats what was not
//! acknowledged under the same key, drops what it has, and asks for what it lacks.
//!
//! Frames go in by [`App::hears`]; what is to be sent stands in [`App::outbox`].

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// One stream as a client has it.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// All up to here is had, or was before the log began.
    pub head: u64,
    /// The log began above this: before a reset.
    pub base: u64,
    /// What each seq says, in one word: `message 42`, `edited 3`, `skip`; `?` where only its place is known.
    pub entries: BTreeMap<u64, String>,
    /// Seqs that are to be fetched: above the first, up to the second.
    pub lacks: Option<(u64, u64)>,
    /// How often a live seq was above the next one.
    pub holes: u64,
    /// A page was asked for on this connection, and is not here.
    asked: bool,
    /// The highest seq that this connection was sent live.
    sent: u64,
}

/// The `ref`s of pages that are fetched begin here, in the order of the streams.
const FETCHES: i64 = 1_000_000_000;

/// A send that may have to be repeated.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The key under which it is repeated. One that begins with `change` is an edit or a deletion.
    pub key: String,
    /// The frame, without `ref` and `key`.
    pub frame: Value,
}

/// A send that the server took.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Its key.
    pub key: String,
    /// Its place.
    pub conversation: String,
    /// Its place in the conversation.
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// The server had it already.
    pub duplicate: bool,
}

/// One client.
#[derive(Debug, Default)]
pub struct App {
    /// Streams that it follows.
    pub logs: BTreeMap<String, Log>,
    /// What the last `welcome` said.
    pub epoch: Option<String>,
    /// Whether there is a connection.
    pub is_connected: bool,
    /// Whether the connection has resumed.
    pub resumed: bool,
    /// What was sent and not acknowledged, in the order of sending. Bounded by who sends.
    pub pending: Vec<Pending>,
    /// What was acknowledged.
    pub taken: Vec<Taken>,
    /// Frames that are to be sent, in order. Emptied by whoever has the connection.
    pub outbox: Vec<String>,
    /// How often a stream was begun anew.
    pub resets: u64,
    next_ref: i64,
    refs: BTreeMap<i64, String>,
}

impl App {
    /// A client that follows these streams and was never connected.
    #[must_use]
    pub fn new(streams: &[String]) -> Self {
        Self { logs: streams.iter().map(|stream| (stream.clone(), Log::default())).collect(), ..Self::default() }
    }

    /// The first frame of its next connection.
    #[must_use]
    pub fn hello(&self) -> Value {
        let Some(epoch) = &self.epoch else { return json!({"type": "hello"}) };
        let heads: serde_json::Map<_, _> =
            self.logs.iter().map(|(name, log)| (name.clone(), json!(log.head))).collect();
        json!({"type": "hello", "epoch": epoch, "heads": heads})
    }

    /// There is a connection, and `hello` is said: what is not acknowledged is sent again.
    pub fn connected(&mut self) {
        (self.is_connected, self.resumed) = (true, false);
        self.logs.values_mut().for_each(|log| (log.sent, log.asked) = (0, false));
        self.refs.clear();
        self.pending.clone().iter().for_each(|pending| self.send(pending));
    }

    /// The connection is gone, and with it what was to be sent.
    pub fn disconnected(&mut self) {
        (self.is_connected, self.resumed) = (false, false);
        self.outbox.clear();
    }

    /// Sends, and remembers until it is acknowledged.
    pub fn sends(&mut self, pending: Pending) {
        self.send(&pending);
        self.pending.push(pending);
    }

    fn send(&mut self, pending: &Pending) {
        if !self.is_connected {
            return;
        }
        self.next_ref += 1;
        let mut frame = pending.frame.clone();
        frame["ref"] = json!(self.next_ref);
        frame["key"] = json!(pending.key);
        self.refs.insert(self.next_ref, pending.key.clone());
        self.outbox.push(frame.to_string());
    }

    /// Asks for something that is not repeated.
    pub fn says(&mut self, frame: &Value) {
        if self.is_connected {
            self.outbox.push(frame.to_string());
        }
    }

    /// Asks for what is known to lack, once it has resumed.
    pub fn fetches(&mut self) {
        if !self.resumed {
            return;
        }
        for (number, (name, log)) in self.logs.iter_mut().enumerate() {
            let Some((from, to)) = log.lacks.filter(|_| !log.asked) else { continue };
            log.asked = true;
            let reference = FETCHES + number as i64;
            let page = json!({"type": "history", "ref": reference, "conversation": name, "after": from, "before": to + 1, "limit": 100});
            self.outbox.push(page.to_string());
        }
    }

    /// Whether nothing is awaited but what others may send.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.resumed && self.pending.is_empty() && self.logs.values().all(|log| log.lacks.is_none())
    }

    /// Takes a frame.
    ///
    /// # Errors
    /// What no server may send: a seq twice on one connection, something of a stream that is not this client's.
    pub fn hears(&mut self, frame: &Value) -> Result<(), String> {
        match frame["type"].as_str().unwrap_or_default() {
            "welcome" => self.welcomed(frame),
            "resumed" => return self.is_resumed(frame),
            "reset" => {
                self.resets += 1;
                let head = frame["head"].as_u64().unwrap_or(0);
                *self.log(frame)? = Log { head, base: head, ..Log::default() };
            }
            "joined" => {
                let head = frame["head"].as_u64().unwrap_or(0);
                let log = self.log(frame)?;
                // What came while one was not there is not one's own.
                if head > log.head {
                    (log.head, log.base) = (head, head);
                }
            }
            "ack" => return self.acknowledged(frame),
            "error" => self.refused(frame),
            "history" => self.log(frame)?.page(frame),
            "skip" => {
                let (from, to) = (frame["from"].as_u64().unwrap_or(0), frame["to"].as_u64().unwrap_or(0));
                let log = self.log(frame)?;
                return (from..=to).try_for_each(|seq| log.take(seq, "skip".to_owned()));
            }
            "left" | "read" | "typing" | "presence" | "drain" | "pong" => {}
            _ => {
                let (seq, said) = (frame["seq"].as_u64(), said(frame));
                if let Some(seq) = seq {
                    self.log(frame)?.take(seq, said)?;
                }
            }
        }
        Ok(())
    }

    fn welcomed(&mut self, frame: &Value) {
        let epoch = frame["epoch"].as_str().map(str::to_owned);
        if self.epoch.is_none() {
            // The first connection: all of what is listed is to be fetched.
            for one in frame["conversations"].as_array().into_iter().flatten() {
                let head = one["head"].as_u64().unwrap_or(0);
                if let Some(log) = one["conversation"].as_str().and_then(|name| self.logs.get_mut(name)) {
                    (log.head, log.lacks) = (head, (head > 0).then_some((0, head)));
                }
            }
        }
        self.epoch = epoch;
    }

    fn is_resumed(&mut self, frame: &Value) -> Result<(), String> {
        self.resumed = true;
        for behind in frame["behind"].as_array().into_iter().flatten() {
            let (name, head) = (behind["conversation"].as_str().unwrap_or_default(), behind["head"].as_u64());
            let log = self.logs.get_mut(name).ok_or("behind of an unknown stream")?;
            let head = head.unwrap_or(0);
            if head > log.head {
                log.lacks(head);
                log.head = head;
            }
        }
        Ok(())
    }

    fn log(&mut self, frame: &Value) -> Result<&mut Log, String> {
        let name = frame["conversation"].as_str().unwrap_or_default();
        self.logs.get_mut(name).ok_or_else(|| format!("of a stream that is not this user's: {name}"))
    }

    fn acknowledged(&mut self, frame: &Value) -> Result<(), String> {
        let Some(seq) = frame["seq"].as_u64() else { return Ok(()) };
        let key = frame["ref"].as_i64().and_then(|reference| self.refs.remove(&reference));
        let id = frame["id"].as_str().unwrap_or_default().to_owned();
        let conversation = frame["conversation"].as_str().unwrap_or_default().to_owned();
        let duplicate = frame["duplicate"] == true;
        let is_message = key.as_ref().is_some_and(|key| !key.starts_with("change"));
        // An edit's own event: what it says is not in the acknowledgement.
        let said = if is_message { format!("message {id}") } else { "?".to_owned() };
        if let Some(key) = key {
            self.pending.retain(|pending| pending.key != key);
            if is_message {
                self.taken.push(Taken { key, conversation, seq, id, duplicate });
            }
        }
        let log = self.log(frame)?;
        if duplicate || seq <= log.head {
            return Ok(());
        }
        log.take(seq, said)
    }

    fn refused(&mut self, frame: &Value) {
        let reference = frame["ref"].as_i64();
        let fetched = reference.and_then(|reference| usize::try_from(reference - FETCHES).ok());
        if let Some(log) = fetched.and_then(|number| self.logs.values_mut().nth(number)) {
            log.asked = false;
            if frame["code"] == "not_found" {
                // There is nothing to fetch any more.
                log.lacks = None;
            }
        }
        let key = reference.and_then(|reference| self.refs.remove(&reference));
        if frame["code"] != "unavailable"
            && let Some(key) = key
        {
            self.pending.retain(|pending| pending.key != key);
        }
    }
}

impl Log {
    /// The client's rule: at most what is had, drop; the next, apply; more: hold it, and ask for what is between.
    fn take(&mut self, seq: u64, said: String) -> Result<(), String> {
        if seq <= self.sent {
            return Err(format!("seq {seq} came twice on one connection"));
        }
        self.sent = seq;
        if seq <= self.head {
            return Ok(());
        }
        if seq > self.head + 1 {
            self.holes += 1;
            self.lacks(seq - 1);
        }
        self.head = seq;
        self.entries.insert(seq, said);
        Ok(())
    }

    /// What lies above the head, up to here, is to be fetched too.
    fn lacks(&mut self, to: u64) {
        self.lacks = Some((self.lacks.map_or(self.head, |(from, _)| from), to));
    }

    /// A page that was asked for.
    fn page(&mut self, page: &Value) {
        self.asked = false;
        let messages = page["messages"].as_array().map_or(&[][..], Vec::as_slice);
        messages.iter().for_each(|message| self.fill(message));
        let last = messages.last().and_then(|last| last["seq"].as_u64().or_else(|| last["to"].as_u64()));
        self.lacks = match (self.lacks, last) {
            (Some((_, to)), Some(last)) if page["more"] == true && last < to => Some((last, to)),
            _ => None,
        };
    }

    fn fill(&mut self, message: &Value) {
        if message["type"] == "skip" {
            let (from, to) = (message["from"].as_u64().unwrap_or(0), message["to"].as_u64().unwrap_or(0));
            (from..=to).for_each(|seq| drop(self.entries.insert(seq, "skip".to_owned())));
        } else if let Some(seq) = message["seq"].as_u64() {
            self.entries.insert(seq, said(message));
        }
    }
}

/// What a frame says, in one word.
fn said(frame: &Value) -> String {
    match (frame["type"].as_str().unwrap_or_default(), frame["of"].as_u64()) {
        (kind @ ("edited" | "deleted"), Some(of)) => format!("{kind} {of}"),
        _ => format!("message {}", frame["id"].as_str().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> App {
        let mut app = App::new(&["dm:1:2".to_owned()]);
        app.connected();
        app
    }

    fn message(seq: u64) -> Value {
        json!({"type": "private", "id": (seq * 10).to_string(), "conversation": "dm:1:2", "seq": seq})
    }

    #[test]
    fn what_is_missing_is_asked_for_and_what_is_had_is_dropped() {
        let mut app = app();
        app.hears(&json!({"type": "welcome", "epoch": "e", "conversations": []})).unwrap();
        app.hears(&json!({"type": "resumed", "behind": []})).unwrap();
        app.hears(&message(1)).unwrap();
        app.hears(&message(4)).unwrap();
        app.fetches();
        app.fetches();
        let asked: Vec<Value> = app.outbox.iter().map(|frame| serde_json::from_str(frame).unwrap()).collect();
        assert_eq!((asked.len(), &asked[0]["after"], &asked[0]["before"]), (1, &json!(1), &json!(4)));
        assert!(!app.is_at_rest());
        let page =
            json!({"type": "history", "conversation": "dm:1:2", "messages": [message(2), message(3)], "more": false});
        app.hears(&page).unwrap();
        assert!(app.is_at_rest());
        let log = &app.logs["dm:1:2"];
        assert_eq!((log.head, log.holes, log.entries.len()), (4, 1, 4));
        assert!(app.hears(&message(4)).unwrap_err().contains("twice on one connection"));
    }

    #[test]
    fn what_was_not_acknowledged_is_sent_again_under_its_key_and_once_it_is_no_more() {
        let mut app = app();
        app.sends(Pending { key: "1-0".to_owned(), frame: json!({"type": "private", "to": 2}) });
        app.disconnected();
        assert_eq!(app.outbox.len(), 0);
        app.connected();
        let again: Value = serde_json::from_str(&app.outbox[0]).unwrap();
        assert_eq!(again["key"], "1-0");
        let ack = json!({"type": "ack", "ref": again["ref"], "id": "7", "conversation": "dm:1:2", "seq": 1, "duplicate": true});
        app.hears(&ack).unwrap();
        assert!(app.pending.is_empty() && app.taken[0].duplicate);
    }
}
