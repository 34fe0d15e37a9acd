//! What was acknowledged, against what is stored, against what was received.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::Deserialize;

use super::client::Client;
use crate::app::{Log, Taken};

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How often the server was killed.
    pub kills: usize,
    /// Sends that were acknowledged.
    pub acknowledged: u64,
    /// Of these, those that were repeated after a kill and had been stored before it.
    pub duplicates: u64,
    /// Acknowledged and not stored as acknowledged; seqs that are missing; stored and not received.
    pub lost: u64,
    /// Keys and seqs that are stored twice; received and not stored.
    pub doubled: u64,
    /// One sender's messages stored in another order than sent; received as another message than is stored; what the protocol
    /// forbids.
    pub disordered: u64,
    /// Live messages before which one was missing, so that a client had to ask. No fault, but none is expected.
    pub holes: u64,
    /// The first that is wrong.
    pub first_problem: Option<String>,
}

/// A message as the store tells it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Stored {
    pub(super) seq: u64,
    id: String,
    /// The key under which it was sent.
    content: String,
}

impl Verdict {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.first_problem.is_none()
    }

    fn notes(&mut self, count: fn(&mut Self) -> &mut u64, problem: impl FnOnce() -> String) {
        *count(self) += 1;
        self.first_problem.get_or_insert_with(problem);
    }
}

impl fmt::Display for Verdict {
    /// `50 kills, acknowledged 41,233, lost 0, doubled 0, out of order 0`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, lost, doubled, disordered, .. } = self;
        let acknowledged = in_groups(self.acknowledged);
        write!(
            f,
            "{kills} kills, acknowledged {acknowledged}, lost {lost}, doubled {doubled}, out of order {disordered}"
        )
    }
}

fn in_groups(number: u64) -> String {
    let digits = number.to_string();
    let comma = |at: usize| at > 0 && (digits.len() - at).is_multiple_of(3);
    digits.char_indices().flat_map(|(at, digit)| comma(at).then_some(',').into_iter().chain([digit])).collect()
}

pub(super) fn judge(stored: &BTreeMap<String, Vec<Stored>>, clients: &[Client]) -> Verdict {
    let mut verdict = Verdict::default();
    stored.iter().for_each(|(name, messages)| stream(name, messages, &mut verdict));
    once(stored, &mut verdict);
    for client in clients {
        acknowledgements(&client.app.taken, stored, &mut verdict);
        for (name, log) in &client.app.logs {
            received(client.user, name, log, &stored[name], &mut verdict);
        }
        for pending in &client.app.pending {
            verdict.notes(|all| &mut all.lost, || format!("{} was never acknowledged", pending.key));
        }
        if client.app.resets > 0 {
            verdict.notes(|all| &mut all.lost, || format!("user {} was told to begin a stream anew", client.user));
        }
    }
    verdict
}

/// A stream has the seqs 1, 2, 3 …, and each sender's messages in the order of sending.
fn stream(name: &str, messages: &[Stored], verdict: &mut Verdict) {
    let (mut head, mut sent) = (0, HashMap::new());
    for message in messages {
        let Stored { seq, content, .. } = message;
        if *seq <= head {
            verdict.notes(|all| &mut all.doubled, || format!("{name}: seq {seq} is stored twice"));
        }
        if *seq > head + 1 {
            verdict.notes(|all| &mut all.lost, || format!("{name}: after seq {head} comes {seq}"));
        }
        head = head.max(*seq);
        let Some((sender, number)) = numbered(content) else {
            verdict.notes(|all| &mut all.disordered, || format!("{name}: seq {seq} was never sent: {content}"));
            continue;
        };
        if let Some(before) = sent.insert(sender, number)
            && number < before
        {
            verdict.notes(
                |all| &mut all.disordered,
                || format!("{name}: {sender}-{number} is stored behind {sender}-{before}, as seq {seq}"),
            );
        }
    }
}

/// The sender and its number of a key.
fn numbered(key: &str) -> Option<(u64, u64)> {
    let (sender, number) = key.split_once('-')?;
    Some((sender.parse().ok()?, number.parse().ok()?))
}

/// No key is stored twice.
fn once(stored: &BTreeMap<String, Vec<Stored>>, verdict: &mut Verdict) {
    let mut places = HashMap::new();
    for (name, message) in stored.iter().flat_map(|(name, messages)| messages.iter().map(move |one| (name, one))) {
        if let Some((other, seq)) = places.insert(&message.content, (name, message.seq)) {
            verdict.notes(
                |all| &mut all.doubled,
                || format!("{} is stored as {other} {seq} and as {name} {}", message.content, message.seq),
            );
        }
    }
}

/// What was acknowledged is stored, with the id and in the place that were told.
fn acknowledgements(taken: &[Taken], stored: &BTreeMap<String, Vec<Stored>>, verdict: &mut Verdict) {
    for Taken { key, conversation, seq, id, duplicate } in taken {
        verdict.acknowledged += 1;
        verdict.duplicates += u64::from(*duplicate);
        let messages = stored.get(conversation).map_or(&[][..], Vec::as_slice);
        let found = messages.binary_search_by_key(seq, |message| message.seq).ok().map(|at| &messages[at]);
        if !found.is_some_and(|found| found.id == *id && found.content == *key) {
            verdict.notes(
                |all| &mut all.lost,
                || format!("{key} was acknowledged as {conversation} {seq} with id {id}; stored there is {found:?}"),
            );
        }
    }
}

/// What a client has is what is stored.
fn received(user: u64, name: &str, log: &Log, stored: &[Stored], verdict: &mut Verdict) {
    verdict.holes += log.holes;
    for message in stored.iter().filter(|message| message.seq > log.base) {
        let Stored { seq, id, .. } = message;
        match log.entries.get(seq) {
            Some(said) if said.strip_prefix("message ") == Some(id) => {}
            Some(said) => verdict.notes(
                |all| &mut all.disordered,
                || format!("user {user}, {name}: seq {seq} is stored as message {id}, and was received as {said}"),
            ),
            None => verdict.notes(
                |all| &mut all.lost,
                || format!("user {user}, {name}: seq {seq} is stored as message {id}, and was not received"),
            ),
        }
    }
    let head = stored.last().map_or(0, |last| last.seq);
    for (seq, said) in log.entries.range(head + 1..) {
        verdict.notes(
            |all| &mut all.doubled,
            || format!("user {user}, {name}: seq {seq} was received as {said}, and is not stored"),
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Users 7 and 8 have written three times each to one another.
    struct World {
        stored: BTreeMap<String, Vec<Stored>>,
        clients: Vec<Client>,
    }

    const STREAM: &str = "dm:7:8";

    fn world() -> World {
        let message = |seq: u64| Stored { seq, id: (seq * 10).to_string(), content: format!("{}-{seq}", 6 + seq % 2) };
        let mut stored: BTreeMap<_, _> =
            super::super::client::conversations().into_iter().map(|(name, _)| (name, Vec::new())).collect();
        stored.insert(STREAM.to_owned(), (1..=6).map(message).collect());
        let mut clients = Client::all();
        for client in clients.iter_mut().filter(|client| client.app.logs.contains_key(STREAM)) {
            client.app.connected();
            for seq in 1..=6 {
                let frame =
                    json!({"type": "private", "id": (seq * 10).to_string(), "conversation": STREAM, "seq": seq});
                client.app.hears(&frame).unwrap();
            }
            let of = |seq: &u64| 6 + seq % 2 == client.number as u64;
            client.app.taken.extend((1..=6).filter(of).map(|seq| Taken {
                key: format!("{}-{seq}", client.number),
                conversation: STREAM.to_owned(),
                seq,
                id: (seq * 10).to_string(),
                duplicate: false,
            }));
        }
        World { stored, clients }
    }

    /// The counts of lost, doubled and disordered, and the first problem.
    fn found(doctor: impl FnOnce(&mut Vec<Stored>, &mut Vec<Client>)) -> (u64, u64, u64, String) {
        let World { mut stored, mut clients } = world();
        doctor(stored.get_mut(STREAM).unwrap(), &mut clients);
        let Verdict { lost, doubled, disordered, first_problem, .. } = judge(&stored, &clients);
        (lost, doubled, disordered, first_problem.unwrap_or_default())
    }

    #[test]
    fn nothing_is_found_where_nothing_is_wrong() {
        let World { stored, clients } = world();
        let verdict = Verdict { kills: 3, ..judge(&stored, &clients) };
        assert!(verdict.is_good(), "{verdict:?}");
        assert_eq!(verdict.to_string(), "3 kills, acknowledged 6, lost 0, doubled 0, out of order 0");
        assert_eq!([0, 999, 1_000, 41_233, 1_234_567].map(in_groups), ["0", "999", "1,000", "41,233", "1,234,567"]);
    }

    #[test]
    fn an_acknowledged_message_that_is_not_stored_is_lost() {
        // Its sender has its acknowledgement, and both have it.
        let (lost, doubled, _, problem) = found(|stored, _| drop(stored.pop()));
        assert_eq!((lost, doubled), (1, 2));
        assert!(problem.contains("6-6 was acknowledged as dm:7:8 6 with id 60; stored there is None"), "{problem}");
    }

    #[test]
    fn another_id_or_place_than_acknowledged_is_lost() {
        assert_eq!(found(|stored, _| stored[2].id = "31".to_owned()).0, 1);
        assert_eq!(found(|_, clients| clients[7].app.taken[0].seq = 2).0, 1);
    }

    #[test]
    fn a_seq_that_is_missing_and_one_that_is_there_twice_are_found() {
        let (lost, _, _, problem) = found(|stored, _| drop(stored.remove(2)));
        assert!(lost >= 1 && problem == "dm:7:8: after seq 2 comes 4", "{problem}");
        let (_, doubled, _, problem) = found(|stored, _| stored.insert(2, stored[1].clone()));
        assert!(doubled >= 1 && problem == "dm:7:8: seq 2 is stored twice", "{problem}");
    }

    #[test]
    fn a_key_that_is_stored_twice_is_doubled() {
        let twice = |stored: &mut Vec<Stored>| {
            let again = Stored { seq: 7, id: "70".to_owned(), content: stored[5].content.clone() };
            stored.push(again);
        };
        let (lost, doubled, _, problem) = found(|stored, _| twice(stored));
        assert_eq!((lost, doubled), (2, 1), "nobody has received the second");
        assert!(problem.contains("6-6 is stored as dm:7:8 6 and as dm:7:8 7"), "{problem}");
    }

    #[test]
    fn an_order_that_is_not_the_senders_is_found() {
        let (_, _, disordered, problem) = found(|stored, _| stored[5].content = "6-1".to_owned());
        assert!(disordered == 1 && problem.contains("6-1 is stored behind 6-4"), "{problem}");
    }

    #[test]
    fn what_a_receiver_lacks_or_has_otherwise_is_found() {
        let hears = |clients: &mut Vec<Client>, frame: Value| clients[6].app.hears(&frame).unwrap();
        let lacks = found(|_, clients| {
            clients[6].app.logs.get_mut(STREAM).unwrap().entries.remove(&4);
        });
        assert!(lacks.0 == 1 && lacks.3.contains("user 7, dm:7:8: seq 4 is stored"), "{lacks:?}");
        let page =
            json!({"type": "history", "conversation": STREAM, "messages": [{"type": "private", "id": "41", "seq": 4}]});
        let other = found(|_, clients| hears(clients, page));
        assert!(other.2 == 1 && other.3.contains("received as message 41"), "{other:?}");
        let more = json!({"type": "private", "id": "70", "conversation": STREAM, "seq": 7});
        assert_eq!(found(|_, clients| hears(clients, more)).1, 1);
    }

    #[test]
    fn what_was_never_acknowledged_and_a_stream_begun_anew_are_found() {
        let pending = crate::app::Pending { key: "6-8".to_owned(), frame: json!({}) };
        assert_eq!(found(|_, clients| clients[6].app.pending.push(pending)).0, 1);
        let reset = json!({"type": "reset", "conversation": STREAM, "reason": "epoch", "head": 6});
        let (lost, _, _, problem) = found(|_, clients| clients[6].app.hears(&reset).unwrap());
        assert!(lost == 1 && problem.contains("told to begin a stream anew"), "{problem}");
    }
}
