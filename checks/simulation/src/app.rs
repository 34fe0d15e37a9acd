//! A client as the protocol wants it: it knows the heads of its streams, repeats what was not acknowledged under the same key, drops
//! what it has, and asks for what it lacks.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidings_testkit::Client;
use tidings_wire::UserId;

/// One stream as a client has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// All up to here is had, or was before the log began.
    pub(crate) head: u64,
    /// The log began above this: before a reset.
    pub(crate) base: u64,
    pub(crate) entries: BTreeMap<u64, String>,
    /// Seqs that are to be fetched: above the first, up to the second.
    pub(crate) lacks: Option<(u64, u64)>,
    /// The highest seq that this connection was sent live.
    sent: u64,
}

/// The `ref`s of pages that are fetched begin here, in the order of the streams.
pub(crate) const FETCHES: i64 = 1_000_000_000;

/// A send that may have to be repeated.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) key: String,
    pub(crate) frame: Value,
}

/// A send that the server took.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) conversation: String,
    pub(crate) seq: u64,
    pub(crate) id: String,
}

/// One client.
pub(crate) struct App {
    pub(crate) user: u32,
    /// Streams that it follows.
    pub(crate) logs: BTreeMap<String, Log>,
    pub(crate) epoch: Option<String>,
    pub(crate) connection: Option<Client>,
    pub(crate) resumed: bool,
    pub(crate) reads: bool,
    pub(crate) pending: Vec<Pending>,
    pub(crate) taken: Vec<Taken>,
    /// Whether something was committed since its `hello` and before its `resumed`.
    pub(crate) crossed: bool,
    next_ref: i64,
    refs: BTreeMap<i64, String>,
}

impl App {
    pub(crate) fn new(user: u32, streams: &[String]) -> Self {
        Self {
            user,
            logs: streams.iter().map(|stream| (stream.clone(), Log::default())).collect(),
            epoch: None,
            connection: None,
            resumed: false,
            reads: true,
            pending: Vec::new(),
            taken: Vec::new(),
            crossed: false,
            next_ref: 0,
            refs: BTreeMap::new(),
        }
    }

    pub(crate) fn id(&self) -> UserId {
        UserId::new(self.user)
    }

    /// The first frame of its next connection.
    pub(crate) fn hello(&self) -> Value {
        let Some(epoch) = &self.epoch else { return json!({"type": "hello"}) };
        let heads: serde_json::Map<_, _> =
            self.logs.iter().map(|(name, log)| (name.clone(), json!(log.head))).collect();
        json!({"type": "hello", "epoch": epoch, "heads": heads})
    }

    pub(crate) fn connected(&mut self, client: Client) {
        self.connection = Some(client);
        (self.resumed, self.reads, self.crossed) = (false, true, false);
        self.logs.values_mut().for_each(|log| log.sent = 0);
        self.refs.clear();
        self.pending.clone().iter().for_each(|pending| self.send(pending));
    }

    pub(crate) fn disconnected(&mut self) {
        self.connection = None;
        self.resumed = false;
    }

    /// Sends, and remembers until it is acknowledged.
    pub(crate) fn sends(&mut self, pending: Pending) {
        self.send(&pending);
        self.pending.push(pending);
    }

    fn send(&mut self, pending: &Pending) {
        let Some(client) = &self.connection else { return };
        self.next_ref += 1;
        let mut frame = pending.frame.clone();
        frame["ref"] = json!(self.next_ref);
        frame["key"] = json!(pending.key);
        self.refs.insert(self.next_ref, pending.key.clone());
        client.sends_text(&frame.to_string());
    }

    /// Asks for something that is not repeated.
    pub(crate) fn says(&self, frame: &Value) {
        if let Some(client) = &self.connection {
            client.sends_text(&frame.to_string());
        }
    }

    /// Takes what has come.
    pub(crate) fn listens(&mut self, trace: &mut Vec<String>) -> Result<(), String> {
        let Some(client) = self.connection.clone().filter(|_| self.reads) else { return Ok(()) };
        for text in client.texts() {
            trace.push(format!("{} {text}", self.user));
            let frame: Value = serde_json::from_str(&text).map_err(|error| format!("no JSON: {error}"))?;
            self.hears(&frame).map_err(|problem| format!("user {}: {problem}: {frame}", self.user))?;
        }
        if !client.is_open() {
            self.disconnected();
        }
        Ok(())
    }

    fn hears(&mut self, frame: &Value) -> Result<(), String> {
        let kind = frame["type"].as_str().unwrap_or_default();
        match kind {
            "welcome" => {
                let epoch = frame["epoch"].as_str().map(str::to_owned);
                if self.epoch.is_none() {
                    // The first connection: all of what is listed is to be fetched.
                    for one in frame["conversations"].as_array().into_iter().flatten() {
                        let head = one["head"].as_u64().unwrap_or(0);
                        if let Some(log) = one["conversation"].as_str().and_then(|name| self.logs.get_mut(name)) {
                            (log.head, log.lacks) = (head, Some((0, head)));
                        }
                    }
                }
                self.epoch = epoch;
            }
            "resumed" => {
                self.resumed = true;
                for behind in frame["behind"].as_array().into_iter().flatten() {
                    let (name, head) = (behind["conversation"].as_str().unwrap_or_default(), behind["head"].as_u64());
                    let log = self.logs.get_mut(name).ok_or("behind of an unknown stream")?;
                    let head = head.unwrap_or(0);
                    if head > log.head {
                        log.lacks = Some((log.lacks.map_or(log.head, |(from, _)| from), head));
                        log.head = head;
                    }
                }
            }
            "reset" => {
                let log = self.log(frame)?;
                let head = frame["head"].as_u64().unwrap_or(0);
                *log = Log { head, base: head, ..Log::default() };
            }
            "joined" => {
                let head = frame["head"].as_u64().unwrap_or(0);
                let log = self.log(frame)?;
                // What came while one was not there is not one's own.
                if head > log.head {
                    (log.head, log.base) = (head, head);
                }
            }
            "ack" => self.acknowledged(frame)?,
            "error" => self.refused(frame),
            "history" => {
                let messages = frame["messages"].as_array().cloned().unwrap_or_default();
                let more = frame["more"] == true;
                let log = self.log(frame)?;
                for message in &messages {
                    log.fill(message);
                }
                let last = messages.last().and_then(last_seq);
                log.lacks = match (log.lacks, last) {
                    (Some((_, to)), Some(last)) if more && last < to => Some((last, to)),
                    _ => None,
                };
            }
            "skip" => {
                let (from, to) = (frame["from"].as_u64().unwrap_or(0), frame["to"].as_u64().unwrap_or(0));
                let log = self.log(frame)?;
                (from..=to).try_for_each(|seq| log.take(seq, "skip".to_owned()))?;
            }
            "joined_no_more" | "left" | "read" | "typing" | "presence" | "drain" | "pong" => {}
            _ => {
                let (seq, said) = (frame["seq"].as_u64(), said(frame));
                if let Some(seq) = seq {
                    self.log(frame)?.take(seq, said)?;
                }
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
        let message = key.clone().filter(|key| !key.starts_with("change"));
        if let Some(key) = key {
            self.pending.retain(|pending| pending.key != key);
            if message.is_some() {
                self.taken.push(Taken { conversation, seq, id: id.clone() });
            }
        }
        // An edit's own event: what it says is not in the acknowledgement.
        let said = message.map_or_else(|| "?".to_owned(), |_| format!("message {id}"));
        let log = self.log(frame)?;
        if duplicate || seq <= log.head {
            return Ok(());
        }
        log.take(seq, said)
    }

    fn refused(&mut self, frame: &Value) {
        let reference = frame["ref"].as_i64();
        let fetched = reference.and_then(|reference| usize::try_from(reference - FETCHES).ok());
        let fetched = fetched.filter(|_| frame["code"] == "not_found");
        if let Some(log) = fetched.and_then(|number| self.logs.values_mut().nth(number)) {
            // There is nothing to fetch any more.
            log.lacks = None;
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
    /// The client's rule: at most what is had, drop; the next, apply; more is a hole.
    fn take(&mut self, seq: u64, said: String) -> Result<(), String> {
        if seq <= self.sent {
            return Err(format!("seq {seq} came twice on one connection"));
        }
        self.sent = seq;
        if seq <= self.head {
            return Ok(());
        }
        if seq > self.head + 1 {
            return Err(format!("seq {seq} came after {}: a hole", self.head));
        }
        self.head = seq;
        self.entries.insert(seq, said);
        Ok(())
    }

    /// A line of a page that was asked for.
    fn fill(&mut self, message: &Value) {
        if message["type"] == "skip" {
            let (from, to) = (message["from"].as_u64().unwrap_or(0), message["to"].as_u64().unwrap_or(0));
            (from..=to).for_each(|seq| drop(self.entries.insert(seq, "skip".to_owned())));
        } else if let Some(seq) = message["seq"].as_u64() {
            self.entries.insert(seq, said(message));
        }
    }
}

fn last_seq(message: &Value) -> Option<u64> {
    message["seq"].as_u64().or_else(|| message["to"].as_u64())
}

/// What a frame says, in one word.
fn said(frame: &Value) -> String {
    match (frame["type"].as_str().unwrap_or_default(), frame["of"].as_u64()) {
        (kind @ ("edited" | "deleted"), Some(of)) => format!("{kind} {of}"),
        _ => format!("message {}", frame["id"].as_str().unwrap_or_default()),
    }
}
