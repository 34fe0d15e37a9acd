//! What a connection of `tidings.v1` sends beside messages.

use std::time::Duration;

use futures_util::FutureExt;
use serde::de::DeserializeOwned;
use tidings_wire::{
    Audience, CloseCode, ConversationKey, Me, Reject, Sender, UserId,
    client_frames::{Attention, Delete, Edit, History, Inbox, InboxMark, Ping, Read, Token, Typing, Watch},
    first_type,
    server_frames::{Frame, Pong, TypingNow},
};

use super::{Shard, connection::Speech, mail::Finished};
use crate::{
    act::{Act, Op},
    audience::{From, resolve},
    clock::Now,
    control::{self, Asked},
    delivery::Publication,
    head::{parse, read_head},
    inbox,
    members::Pinned,
};

/// How often it is told that somebody goes on typing in one place.
const TYPING: Duration = Duration::from_secs(2);

impl Shard {
    /// Takes a frame of the protocol's own; false where it is none.
    pub(super) fn control(&mut self, index: u32, json: &str, now: Now) -> bool {
        let head;
        let kind = match first_type(json) {
            Some(kind) => kind,
            None => {
                let Ok(read) = read_head(json) else { return false };
                head = read.kind;
                &*head
            }
        };
        match kind {
            "ping" => self.with(index, json, now, |shard, Ping { reference }| {
                shard.push_frame(index, &Pong { reference }, now);
                Ok(())
            }),
            "history" => self.with(index, json, now, |shard, asked: History| {
                let (services, user) = (shard.node.services().clone(), shard.connections[index as usize].user);
                shard.ask(index, asked.reference, control::history(services, user, asked), now)
            }),
            "edit" => self.with(index, json, now, |shard, asked: Edit| {
                let (reference, origin) = (asked.reference, shard.origin(index, asked.reference));
                let (services, sender) = (shard.node.services().clone(), shard.sender(index));
                shard.ask(index, reference, control::edit(services, sender, asked, origin, now), now)
            }),
            "delete" => self.with(index, json, now, |shard, asked: Delete| {
                let (reference, origin) = (asked.reference, shard.origin(index, asked.reference));
                let (services, sender) = (shard.node.services().clone(), shard.sender(index));
                shard.ask(index, reference, control::delete(services, sender, asked, origin, now), now)
            }),
            "read" => self.with(index, json, now, |shard, asked: Read| shard.read_up_to(index, asked, now)),
            "typing" => self.with(index, json, now, |shard, asked: Typing| shard.typing(index, asked, now)),
            "attention" => self.with(index, json, now, |shard, Attention { reference, active }| {
                shard.connections[index as usize].attentive = active;
                shard.acknowledge(index, reference, None, &super::Answer::Stored(None), now);
                Ok(())
            }),
            "token" => self.with(index, json, now, |shard, asked: Token| {
                let renewed = shard.node.services().credentials.renew(asked.token);
                let renewed = renewed.map(|renewed| renewed.map(|(user, ends)| Asked::Renewed(user, ends)));
                shard.ask(index, asked.reference, renewed, now)
            }),
            "inbox" => self.with(index, json, now, |shard, asked: Inbox| {
                let (services, user) = (shard.node.services().clone(), shard.connections[index as usize].user);
                shard.ask(index, asked.reference, inbox::page(services, user, asked), now)
            }),
            "inbox_mark" => self.with(index, json, now, |shard, asked: InboxMark| {
                let (services, user) = (shard.node.services().clone(), shard.connections[index as usize].user);
                shard.ask(index, asked.reference, inbox::mark(services, user, asked), now)
            }),
            "watch" => self.with(index, json, now, |shard, asked: Watch| shard.watch_more(index, asked, now)),
            "unwatch" => self.with(index, json, now, |shard, asked: Watch| shard.watch_less(index, asked, now)),
            "hello" => {
                let again = Reject::not_allowed("the connection is welcomed already: a hello comes once");
                self.refuse_head(index, json, again, now);
            }
            _ => return false,
        }
        true
    }

    /// Reads the frame, counts it against the user's allowance, and does it.
    fn with<T: DeserializeOwned>(
        &mut self,
        index: u32,
        json: &str,
        now: Now,
        what: impl FnOnce(&mut Self, T) -> Result<(), Reject>,
    ) {
        let services = self.node.services();
        let user = self.connections[index as usize].user;
        let allowed = services.may_ask(user, now);
        let done = allowed.and_then(|()| parse(json)).and_then(|frame| what(self, frame));
        if let Err(reject) = done {
            self.refuse_head(index, json, reject, now);
        }
    }

    fn refuse_head(&mut self, index: u32, json: &str, reject: Reject, now: Now) {
        crate::metrics::refused_untyped(reject.code);
        let reference = read_head(json).ok().and_then(|head| head.reference);
        self.refuse(index, reference, &reject, now);
    }

    /// Asks the store, while what the connection sends next waits.
    pub(super) fn ask(
        &mut self,
        index: u32,
        reference: Option<i64>,
        asked: impl Future<Output = Result<Asked, Reject>> + Send + 'static,
        now: Now,
    ) -> Result<(), Reject> {
        let finished = control::caught(asked).map(move |asked| Finished::Asked(reference, asked));
        self.run(index, reference, None, finished, now);
        Ok(())
    }

    /// The store has answered.
    pub(super) fn asked(&mut self, index: u32, reference: Option<i64>, asked: Asked, now: Now) {
        match asked {
            Asked::Frame(frame) => self.push(index, frame, super::output::Haste::Prompt, now),
            Asked::Done => self.acknowledge(index, reference, None, &super::Answer::Stored(None), now),
            Asked::Act(act, group) => {
                if let Some(group) = group {
                    group.leave();
                }
                self.append(index, *act, now);
            }
            Asked::Typing(group, members) => {
                self.tell_typing(index, ConversationKey::Group(group), Audience::group(group), Some(members), now);
            }
            Asked::TypingTo(Some(to)) => {
                let at = ConversationKey::dm(self.connections[index as usize].user, to);
                self.tell_typing(index, at, Audience::user(to), None, now);
            }
            Asked::TypingTo(None) => {}
            Asked::Watched(granted) => self.watches(index, reference, granted, now),
            Asked::Renewed(user, ends) => self.renew(index, reference, user, ends, now),
        }
    }

    fn sender(&self, index: u32) -> Sender {
        Sender::user_only(self.connections[index as usize].user)
    }

    fn read_up_to(&mut self, index: u32, asked: Read, now: Now) -> Result<(), Reject> {
        let Read { reference, conversation, seq } = asked;
        let (services, user) = (self.node.services().clone(), self.connections[index as usize].user);
        let origin = self.origin(index, reference);
        let act = Act::of(origin, Some(user), Op::Read(conversation, user, seq));
        let ConversationKey::Group(group) = conversation else {
            self.append(index, act, now);
            return Ok(());
        };
        // The dispatcher tells the others, as far as the group is in memory.
        if services.members.reach(group).is_some() {
            self.append(index, act, now);
            return Ok(());
        }
        let load = async move {
            services.members.load(group).await.map_err(crate::handle::refusal)?;
            Ok(Asked::Act(Box::new(act), None))
        };
        self.ask(index, reference, load, now)
    }

    fn typing(&mut self, index: u32, asked: Typing, now: Now) -> Result<(), Reject> {
        let user = self.connections[index as usize].user;
        let conversation = match (asked.to, asked.group_id) {
            (Some(to), None) => ConversationKey::dm(user, to),
            (None, Some(group)) => ConversationKey::Group(group),
            _ => return Err(Reject::field("to", "either \"to\" or \"group_id\" says where")),
        };
        let session = self.connections[index as usize].session();
        let told = session.typing.filter(|(place, at)| *place == conversation && now.mono < *at + TYPING);
        if told.is_some() {
            return Ok(());
        }
        session.typing = Some((conversation, now.mono));
        match (asked.to, conversation) {
            (Some(to), _) => {
                let blocks = self.node.services().blocks.clone();
                match blocks.as_ref().map_or(Some(false), |blocks| blocks.between(user, to)) {
                    Some(false) => self.tell_typing(index, conversation, Audience::user(to), None, now),
                    Some(true) => {}
                    None => {
                        let blocks = blocks.expect("without it nobody is blocked");
                        return self.ask(index, asked.reference, control::typing_to(blocks, user, to), now);
                    }
                }
            }
            (None, ConversationKey::Group(group)) => {
                let services = self.node.services().clone();
                return self.ask(index, asked.reference, control::typing(services, user, group), now);
            }
            (None, ConversationKey::Dm(..)) => {}
        }
        Ok(())
    }

    fn tell_typing(&mut self, index: u32, at: ConversationKey, to: Audience, members: Option<Pinned>, now: Now) {
        let connection = &self.connections[index as usize];
        let (user, own) = (connection.user, connection.index);
        let json = TypingNow { conversation: at, user }.to_json();
        let from = From { user: Some(user), index: Some(own), connection: None };
        let node = self.node.clone();
        let directory = &node.services().directory;
        let to =
            resolve(&to.me(Me::Nothing), from, directory, |_| members.as_ref().map(Pinned::again), node.all_shards());
        self.publish(index, Publication::notice(&json, None, None, to, now.mono), now);
    }

    fn renew(&mut self, index: u32, reference: Option<i64>, user: UserId, ends: Option<i64>, now: Now) {
        let connection = &mut self.connections[index as usize];
        if connection.user != user {
            self.close(index, CloseCode::Unauthorized, now);
            return;
        }
        connection.details.expires_at_ms = ends.unwrap_or(super::connection::NEVER);
        self.check(index, now);
        self.acknowledge(index, reference, None, &super::Answer::Stored(None), now);
    }

    /// What a connection watched and waited for ends with it.
    pub(super) fn end_session(&mut self, index: u32) {
        let connection = &mut self.connections[index as usize];
        if connection.is_hushed() {
            // Before the welcome nothing is sent but why there is none.
            connection.outbox.begin(&self.log);
        }
        connection.behind = false;
        if connection.is_resuming() {
            connection.speech = Speech::V1;
        }
        let Some(session) = connection.details.session.take() else { return };
        for topic in &session.topics {
            self.forget_watcher(topic, index);
        }
        if let Some(watching) = &session.watching {
            self.end_watching(index, watching);
        }
        if let Some(number) = session.resume.and_then(|resume| resume.reading).filter(|&number| number != 0) {
            let slot = self.slot_of(index);
            self.effects.push(super::Effect::Cancel(super::Ticket { slot, number }));
            self.readings.under_way.remove(&number);
            // Another one's turn comes with the next tick.
            self.readings.not_before.get_or_insert(Duration::ZERO);
        }
    }
}
