//! What must hold at the end: each log is the store's, and whatever was acknowledged is there once.

use std::collections::{BTreeMap, HashSet};

use tidings_engine::{
    act::CommitNumber,
    ports::{MessageStore, Page, Reader, StoreError},
};
use tidings_wire::ConversationKey;

use crate::{
    app::{App, Log},
    disk::{Disk, lines},
};

/// Compares what the clients have with what is stored.
///
/// # Errors
/// What does not hold.
pub(crate) fn compare(disk: &Disk, apps: &[App]) -> Result<(), String> {
    for app in apps {
        for (name, log) in &app.logs {
            compare_log(disk, app, name, log).map_err(|problem| format!("user {} {name}: {problem}", app.user))?;
        }
    }
    compare_taken(disk, apps)
}

fn compare_log(disk: &Disk, app: &App, name: &str, log: &Log) -> Result<(), String> {
    let conversation: ConversationKey = name.parse().map_err(|_| "no stream".to_owned())?;
    let mut stored = BTreeMap::new();
    let mut after = log.base;
    let mut head = 0;
    while let Some(page) = ready(disk.history(conversation, Reader::User(app.id()), Page::after(after, 100))) {
        head = page.head;
        stored.extend(lines(&page));
        match stored.last_key_value() {
            Some((&last, _)) if page.more && last > after => after = last,
            _ => break,
        }
    }
    if log.head != head.max(log.base) {
        return Err(format!("the client stands at {}, the store at {head}", log.head));
    }
    for (seq, said) in stored.range(log.base + 1..) {
        match log.entries.get(seq) {
            None => return Err(format!("seq {seq} ({said}) never came")),
            // The client's own change, or what is skipped by now because its message was deleted since.
            Some(heard) if heard == said || heard == "?" || said == "skip" => {}
            Some(heard) => return Err(format!("seq {seq} is {said:?}, the client heard {heard:?}")),
        }
    }
    let beyond = log.entries.keys().find(|seq| **seq > log.base && !stored.contains_key(seq));
    beyond.map_or(Ok(()), |seq| Err(format!("the client has seq {seq}, which is not stored")))
}

/// Whatever was acknowledged is stored where that said, and nothing twice.
fn compare_taken(disk: &Disk, apps: &[App]) -> Result<(), String> {
    let all = ready(disk.since(CommitNumber(0), u32::MAX));
    let mut keys = HashSet::new();
    let mut texts = HashSet::new();
    for (_, message) in &all {
        if let Some(key) = &message.key
            && !keys.insert((message.sender, key.clone()))
        {
            return Err(format!("the key {key} is stored twice"));
        }
        let body: serde_json::Value = serde_json::from_slice(&message.body).unwrap_or_default();
        let text = body["text"].as_str().filter(|text| message.event.is_none() && *text != "edited");
        if let Some(text) = text
            && !texts.insert(text.to_owned())
        {
            return Err(format!("the message {text:?} is stored twice"));
        }
    }
    for app in apps {
        for taken in &app.taken {
            let found = all.iter().find(|(_, message)| message.id.to_string() == taken.id);
            let place = found.map(|(_, message)| (message.conversation.to_string(), message.seq));
            if place != Some((taken.conversation.clone(), taken.seq)) {
                return Err(format!("{taken:?} was acknowledged; the store has it at {place:?}"));
            }
        }
    }
    Ok(())
}

/// What a store in memory answers at once.
pub(crate) fn ready<T>(answer: impl Future<Output = Result<T, StoreError>>) -> T {
    let mut answer = std::pin::pin!(answer);
    match answer.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(Ok(value)) => value,
        _ => panic!("a store in memory answers at once"),
    }
}
