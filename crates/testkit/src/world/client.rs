//! A client of the world: one connection with typed messages.

use serde_json::Value;
use tidings_wire::{CloseCode, Code, Message, Topic, UserId};

use super::{
    machine::{State, World},
    peer::Peer,
};
use crate::{
    frames::{self, Frame},
    received::{self, Received, Refusal},
};

/// One connection, in the hand of a test. Cheap to clone; all clones are the same connection.
///
/// Its methods panic where what they say is not so: that is what makes a test. Pings and close frames are answered as any
/// client answers them, unless it is [`silent`](Client::silent).
#[derive(Clone)]
pub struct Client {
    world: World,
    number: usize,
    user: UserId,
}

impl Client {
    pub(super) fn new(world: World, number: usize, user: UserId) -> Self {
        Self { world, number, user }
    }

    /// Whose connection it is.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Sends a message.
    pub fn send<M: Message>(&self, message: &M) {
        self.writes(|peer| peer.write_frame(frames::TEXT, &received::to_json(message)));
    }

    /// Sends messages in one packet.
    pub fn sends_all<M: Message>(&self, messages: impl IntoIterator<Item = M>) {
        self.writes(|peer| {
            for message in messages {
                peer.write_frame(frames::TEXT, &received::to_json(&message));
            }
        });
    }

    /// Sends a text frame, whatever it says.
    pub fn sends_text(&self, text: &str) {
        self.writes(|peer| peer.write_frame(frames::TEXT, text.as_bytes()));
    }

    /// Sends a whole frame of any opcode (RFC 6455 §5.2).
    pub fn sends_frame(&self, opcode: u8, payload: &[u8]) {
        self.writes(|peer| peer.write_frame(opcode, payload));
    }

    /// Sends bytes as they are.
    pub fn sends_raw(&self, bytes: &[u8]) {
        self.writes(|peer| peer.write(bytes));
    }

    /// Closes as RFC 6455 §7 says: sends a close frame and waits for the answer.
    pub fn closes(&self, code: u16) {
        self.writes(|peer| {
            peer.said_goodbye = true;
            peer.write_frame(frames::CLOSE, &code.to_be_bytes());
        });
    }

    /// Goes without a word, as with a pulled cable that the kernel noticed.
    pub fn disconnects(&self) {
        self.writes(|peer| peer.hung_up = true);
    }

    /// The network is cut: what is on its way in either direction is lost, and the server notices.
    pub fn is_cut(&self) {
        self.writes(Peer::cut);
    }

    /// Takes nothing more from its socket, which fills up.
    pub fn stops_reading(&self) {
        self.change(|peer| peer.reads = false);
    }

    /// Reads again.
    pub fn reads_on(&self) {
        self.writes(|peer| peer.reads = true);
    }

    /// Answers neither pings nor close frames from now on, and keeps its end of the socket open though the server ends.
    pub fn silent(&self) {
        self.change(|peer| peer.answers = false);
    }

    /// Watches a topic, or no longer.
    pub fn watches(&self, topic: &Topic, on: bool) {
        let state = &mut *self.world.state();
        let peer = &state.peers[self.number];
        state.simulation.shard(peer.shard).watch(peer.slot, topic.clone(), on);
    }

    /// The next message, which must be of this type.
    ///
    /// # Panics
    /// Where nothing, or something else, is next.
    #[track_caller]
    pub fn expects<M: Message>(&self) -> Received<M> {
        received::message(&self.expects_text())
    }

    /// The next text frame, as it is.
    ///
    /// # Panics
    /// Where nothing, or something else, is next.
    #[track_caller]
    pub fn expects_text(&self) -> String {
        match self.next() {
            Some(Frame::Text(text)) => text,
            other => panic!("user {} expected a text frame, got {other:?}", self.user),
        }
    }

    /// The next text frame as JSON.
    ///
    /// # Panics
    /// Where nothing, or something else, is next.
    #[track_caller]
    pub fn expects_json(&self) -> Value {
        serde_json::from_str(&self.expects_text()).expect("a text frame is JSON")
    }

    /// The next frame, which must be a refusal with this code; and the connection is open.
    ///
    /// # Panics
    /// Where nothing, or something else, is next.
    #[track_caller]
    pub fn expects_error(&self, code: Code) -> Refusal {
        let text = self.expects_text();
        let refusal = received::refusal(&text);
        assert_eq!(refusal.code, code, "{text}");
        assert!(self.is_open(), "a refusal leaves the connection open");
        refusal
    }

    /// The next frame, which must be a close frame with this code.
    ///
    /// # Panics
    /// Where nothing, or something else, is next.
    #[track_caller]
    pub fn expects_close(&self, code: CloseCode) {
        self.expects_close_frame(Some(code.code()));
    }

    /// The next frame, which must be a close frame with this code, or without one.
    ///
    /// # Panics
    /// Where nothing, or something else, is next.
    #[track_caller]
    pub fn expects_close_frame(&self, code: Option<u16>) {
        let next = self.next();
        assert_eq!(next, Some(Frame::Close(code)), "user {}", self.user);
    }

    /// The next frame, which must be a pong with this payload.
    ///
    /// # Panics
    /// Where nothing, or something else, is next.
    #[track_caller]
    pub fn expects_pong(&self, payload: &[u8]) {
        let next = self.next();
        assert_eq!(next, Some(Frame::Pong(payload.to_vec())), "user {}", self.user);
    }

    /// Nothing has come that was not expected yet, and the connection is open.
    ///
    /// # Panics
    /// Where it is not so.
    #[track_caller]
    pub fn expects_nothing(&self) {
        self.world.run();
        let state = self.world.state();
        let peer = &state.peers[self.number];
        let frames: Vec<_> = peer.inbox.frames().collect();
        assert!(frames.is_empty(), "user {} expected nothing, got {frames:?}", self.user);
        assert!(peer.is_open(), "the connection of user {} is closed", self.user);
    }

    /// All messages that have come, which must be of this type.
    ///
    /// # Panics
    /// Where something else came.
    #[track_caller]
    pub fn expects_some<M: Message>(&self) -> Vec<Received<M>> {
        self.texts().iter().map(|text| received::message(text)).collect()
    }

    /// All text frames that have come, as they are.
    pub fn texts(&self) -> Vec<String> {
        self.world.run();
        let taken = self.peer(|peer| peer.inbox.extract(|frame| matches!(frame, Frame::Text(_))));
        let text = |frame| if let Frame::Text(text) = frame { Some(text) } else { None };
        taken.into_iter().filter_map(text).collect()
    }

    /// Pings that came since the last call.
    pub fn pings(&self) -> usize {
        self.world.run();
        self.peer(|peer| std::mem::take(&mut peer.pings))
    }

    /// Whether neither side has closed.
    pub fn is_open(&self) -> bool {
        self.world.run();
        self.peer(|peer| peer.is_open())
    }

    /// Whether the server has closed the socket.
    pub fn is_gone(&self) -> bool {
        self.world.run();
        self.peer(|peer| peer.pipe.borrow().shut)
    }

    /// Bytes that it has sent and the server has not read.
    pub fn unread_bytes(&self) -> usize {
        self.world.run();
        self.peer(|peer| peer.pipe.borrow().to_server.len())
    }

    /// Whether the server reads nothing from it for now.
    pub fn is_paused(&self) -> bool {
        self.world.run();
        let state = &mut *self.world.state();
        let peer = &state.peers[self.number];
        state.simulation.shard(peer.shard).is_paused(peer.slot)
    }

    /// Writes to the server, and lets the world run.
    fn writes(&self, write: impl FnOnce(&mut Peer)) {
        self.change(write);
        self.world.run();
    }

    fn change(&self, change: impl FnOnce(&mut Peer)) {
        change(&mut self.world.state().peers[self.number]);
    }

    fn peer<T>(&self, ask: impl FnOnce(&mut Peer) -> T) -> T {
        ask(&mut self.world.state().peers[self.number])
    }

    fn next(&self) -> Option<Frame> {
        let number = self.number;
        self.world.until(|state: &mut State| state.peers[number].inbox.next())
    }
}
