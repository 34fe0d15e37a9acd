//! Users with many conversations come back all at once, with what they hold, after the server was killed and started again: each
//! is welcomed with the list of its conversations, and sent what it missed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use super::super::{Figure, NOT_READ, Round, Running, Size};
use crate::dialect::{Dialect, HELLO, Told};
use crate::latency::Latency;
use crate::lists::{CONTENT_BYTES, Lists};
use crate::load::{Introduction, Load, LoadError};
use crate::message::Incoming;
use crate::usage::Meter;

/// Users beside those who come back: one asks the server for its epoch.
pub(super) const OTHERS: usize = 1;

/// Conversations of which each says what it holds.
const HELD: usize = 20;

/// So many of them have gone on …
const BEHIND: usize = 5;

/// … by so many messages.
const MISSED: u64 = 2;

/// On their way at once: a part of those whom the server's listener keeps waiting.
const AT_ONCE: usize = 1_000;

pub(super) fn run(server: &Running, size: Size, lists: Lists) -> anyhow::Result<Round> {
    ensure!(server.pid.is_some(), "the server is set up and started again for it: it is for `compare` alone");
    let epoch = epoch(server, size)?;
    let mut coming = Coming::new(server.target.first_user, lists, epoch);
    let introduction = (server.target.dialect == Dialect::V1).then_some(&mut coming as &mut dyn Introduction);
    let meter = Meter::start(server.pid).context(NOT_READ)?;
    let start = Instant::now();
    let load = Load::open_at_once(&server.target, size.connections, AT_ONCE, introduction)?;
    let seconds = start.elapsed().as_secs_f64();
    let charge = meter.charge(size.connections as u64).context(NOT_READ)?;
    drop(load);
    let mut extra = vec![Figure::new("from the first connect to the last that is back", seconds, "s")];
    extra.extend(coming.figures());
    Ok(Round {
        cost: charge.micros_each,
        resident_kib: charge.resident_kib,
        per_second: Some(size.connections as f64 / seconds),
        extra,
        ..Round::default()
    })
}

/// The epoch, as the server tells it to somebody who has no conversations.
fn epoch(server: &Running, size: Size) -> anyhow::Result<String> {
    struct Asking(Option<String>);

    impl Introduction for Asking {
        fn first(&mut self, _: usize, text: &mut Vec<u8>) {
            text.extend_from_slice(format!(r#"{{"type":"hello","ref":{HELLO}}}"#).as_bytes());
        }

        fn heard(&mut self, index: usize, payload: &[u8], _: Duration) -> Result<bool, LoadError> {
            if let Ok(welcome) = serde_json::from_slice::<Welcome<'_>>(payload) {
                self.0 = Some(welcome.epoch.to_owned());
                return Ok(false);
            }
            let resumed = Told::read(payload).is_some_and(|told| told.is_resumed(HELLO));
            if resumed { Ok(true) } else { Err(LoadError::unexpected(index, payload)) }
        }
    }

    let other = server.target.from_user(server.target.first_user + size.connections).speaking(Dialect::V1);
    let mut asking = Asking(None);
    drop(Load::open_at_once(&other, OTHERS, OTHERS, Some(&mut asking))?);
    let Some(epoch) = asking.0 else { bail!("the server resumed a connection that it didn't welcome") };
    Ok(epoch)
}

#[derive(Deserialize)]
struct Welcome<'a> {
    user: u64,
    epoch: &'a str,
    #[serde(borrow)]
    conversations: Vec<Listed<'a>>,
}

#[derive(Deserialize)]
struct Listed<'a> {
    conversation: &'a str,
    head: u64,
    read: u64,
    unread: u64,
    #[serde(borrow)]
    last: Incoming<'a>,
}

#[derive(Deserialize)]
struct Replayed<'a> {
    conversation: &'a str,
    seq: u64,
    replayed: bool,
    #[serde(borrow, flatten)]
    message: Message<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    from: u64,
    content: &'a str,
}

/// Each comes with its heads, and is checked to be told all that it should be.
struct Coming {
    first_user: usize,
    lists: Lists,
    epoch: String,
    users: Vec<State>,
    welcomed: Latency,
    resumed: Latency,
    replayed: u64,
}

#[derive(Default)]
struct State {
    welcomed: bool,
    /// What each group that goes on has still to come: the group's number with the next seq.
    missing: HashMap<usize, u64>,
}

impl Coming {
    fn new(first_user: usize, lists: Lists, epoch: String) -> Self {
        Self {
            first_user,
            lists,
            epoch,
            users: std::iter::repeat_with(State::default).take(lists.users).collect(),
            welcomed: Latency::default(),
            resumed: Latency::default(),
            replayed: 0,
        }
    }

    fn figures(&self) -> Vec<Figure> {
        let mut figures = Vec::new();
        for (what, latency) in [("welcomed", &self.welcomed), ("resumed", &self.resumed)] {
            let Some(of) = latency.quantiles() else { continue };
            for (name, value) in [("p50", of.p50), ("p99", of.p99), ("longest", of.max)] {
                figures.push(Figure::new(format!("{what} after, {name}"), value / 1e3, "ms"));
            }
        }
        if self.replayed > 0 {
            figures.push(Figure::new("messages replayed", self.replayed as f64, "messages"));
        }
        figures
    }

    /// Whether the list is the user's: each of its groups once, with its head, its mark and its last message.
    fn is_right(&self, user: usize, welcome: &Welcome<'_>) -> bool {
        let right = |listed: &Listed<'_>, group: usize| {
            let read = self.lists.read(user, group);
            listed.head == self.lists.messages
                && (listed.read, listed.unread) == (read, self.lists.messages - read)
                && listed.last.from == Some(group as u64)
                && listed.last.counter(CONTENT_BYTES) == Some(self.lists.counter(group, self.lists.messages))
        };
        let listed: HashMap<usize, &Listed<'_>> = welcome
            .conversations
            .iter()
            .filter_map(|listed| Some((listed.conversation.strip_prefix("group:")?.parse().ok()?, listed)))
            .collect();
        welcome.user == user as u64
            && welcome.epoch == self.epoch
            && welcome.conversations.len() == self.lists.conversations
            && (0..self.lists.conversations).all(|which| {
                let group = self.lists.group(user, which);
                listed.get(&group).is_some_and(|listed| right(listed, group))
            })
    }

    /// Takes a replayed message; false where another one was due.
    fn replay(&mut self, index: usize, payload: &[u8]) -> bool {
        let Ok(replayed) = serde_json::from_slice::<Replayed<'_>>(payload) else { return false };
        let Replayed { conversation, seq, replayed: true, message } = replayed else { return false };
        let Some(group) = conversation.strip_prefix("group:").and_then(|group| group.parse().ok()) else {
            return false;
        };
        let incoming = Incoming { r#type: "group", from: Some(message.from), content: Some(message.content) };
        let right =
            message.from == group as u64 && incoming.counter(CONTENT_BYTES) == Some(self.lists.counter(group, seq));
        let missing = &mut self.users[index].missing;
        if !right || missing.get(&group) != Some(&seq) {
            return false;
        }
        if seq == self.lists.messages {
            missing.remove(&group);
        } else {
            missing.insert(group, seq + 1);
        }
        self.replayed += 1;
        true
    }
}

impl Introduction for Coming {
    fn first(&mut self, index: usize, text: &mut Vec<u8>) {
        let user = self.first_user + index;
        let mut heads = Vec::new();
        for which in 0..HELD.min(self.lists.conversations) {
            let group = self.lists.group(user, which);
            let mut held = self.lists.messages;
            if which < BEHIND {
                held -= MISSED;
                self.users[index].missing.insert(group, held + 1);
            }
            heads.push(format!(r#""group:{group}":{held}"#));
        }
        let (epoch, heads) = (&self.epoch, heads.join(","));
        let hello = format!(r#"{{"type":"hello","ref":{HELLO},"epoch":"{epoch}","heads":{{{heads}}}}}"#);
        text.extend_from_slice(hello.as_bytes());
    }

    fn heard(&mut self, index: usize, payload: &[u8], took: Duration) -> Result<bool, LoadError> {
        let unexpected = || LoadError::unexpected(index, payload);
        if !self.users[index].welcomed {
            let welcome: Welcome<'_> = serde_json::from_slice(payload).map_err(|_| unexpected())?;
            if !self.is_right(self.first_user + index, &welcome) {
                return Err(unexpected());
            }
            self.users[index].welcomed = true;
            self.welcomed.record(took);
            return Ok(false);
        }
        if self.replay(index, payload) {
            return Ok(false);
        }
        let told = Told::read(payload).ok_or_else(unexpected)?;
        if !told.is_resumed(HELLO) || !self.users[index].missing.is_empty() {
            return Err(unexpected());
        }
        self.resumed.record(took);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message;

    const LISTS: Lists = Lists { users: 2, conversations: 2, messages: 10 };

    fn coming() -> Coming {
        Coming::new(1, LISTS, "e".to_owned())
    }

    fn content(group: u64, seq: u64) -> String {
        let mut text = Vec::new();
        message::content(&mut text, group * 1_000 + seq, CONTENT_BYTES);
        String::from_utf8(text).unwrap()
    }

    fn welcome(unread: u64) -> String {
        let listed = |group: u64, read: u64, unread: u64| {
            let last = content(group, 10);
            format!(
                r#"{{"conversation":"group:{group}","head":10,"read":{read},"unread":{unread},"last":{{"type":"group","from":{group},"content":"{last}"}}}}"#
            )
        };
        let (own, other) = (listed(1, 10, 0), listed(2, 6, unread));
        format!(r#"{{"type":"welcome","ref":1,"user":1,"epoch":"e","conversations":[{other},{own}]}}"#)
    }

    fn message(group: u64, seq: u64) -> String {
        let content = content(group, seq);
        format!(
            r#"{{"type":"group","from":{group},"conversation":"group:{group}","seq":{seq},"replayed":true,"content":"{content}"}}"#
        )
    }

    fn hear(texts: &[String]) -> Vec<bool> {
        let mut coming = coming();
        coming.first(0, &mut Vec::new());
        let hear = |text: &String| coming.heard(0, text.as_bytes(), Duration::ZERO);
        texts.iter().map(hear).take_while(Result::is_ok).map(Result::unwrap).collect()
    }

    const RESUMED: &str = r#"{"type":"resumed","ref":1,"behind":[]}"#;

    #[test]
    fn a_client_holds_some_of_its_conversations_and_lacks_the_last_of_some() {
        let mut text = Vec::new();
        coming().first(0, &mut text);
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text, r#"{"type":"hello","ref":1,"epoch":"e","heads":{"group:1":8,"group:2":8}}"#);
    }

    #[test]
    fn it_is_back_when_it_has_its_list_and_all_that_it_missed() {
        let all = [welcome(4), message(2, 9), message(2, 10), message(1, 9), message(1, 10), RESUMED.to_owned()];
        assert_eq!(hear(&all), [false, false, false, false, false, true]);
    }

    #[test]
    fn a_wrong_list_a_gap_a_message_twice_and_an_early_end_are_found() {
        assert!(hear(&[welcome(3)]).is_empty() && hear(&[message(1, 9)]).is_empty());
        assert_eq!(hear(&[welcome(4), message(2, 10)]).len(), 1);
        assert_eq!(hear(&[welcome(4), message(2, 9), message(2, 9)]).len(), 2);
        assert_eq!(hear(&[welcome(4), message(2, 9), RESUMED.to_owned()]).len(), 2);
        assert_eq!(hear(&[welcome(4), message(2, 9).replace("xx", "yx")]).len(), 1);
    }
}
