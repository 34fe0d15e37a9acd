//! The client's end of a connection: what it reads, what it answers by itself, and whether it does.

use tidings_engine::shard::{Shard, Slot};

use super::pipe::SharedPipe;
use crate::frames::{self, Frame, Inbox};

/// As much as a driver reads at once.
const READ_BYTES: usize = 64 * 1024;

/// A client's end.
pub(super) struct Peer {
    pub(super) shard: usize,
    pub(super) slot: Slot,
    pub(super) pipe: SharedPipe,
    pub(super) inbox: Inbox,
    /// Takes what comes; a slow reader does not.
    pub(super) reads: bool,
    /// Answers pings and close frames.
    pub(super) answers: bool,
    pub(super) pings: usize,
    /// Its own close frame is out.
    pub(super) said_goodbye: bool,
    /// Its end is closed: the server is told once it has read what was sent.
    pub(super) hung_up: bool,
    /// The server was told.
    told: bool,
    frames_sent: u32,
}

impl Peer {
    pub(super) fn new(shard: usize, slot: Slot, pipe: SharedPipe) -> Self {
        Self {
            shard,
            slot,
            pipe,
            inbox: Inbox::default(),
            reads: true,
            answers: true,
            pings: 0,
            said_goodbye: false,
            hung_up: false,
            told: false,
            frames_sent: 0,
        }
    }

    /// Whether neither side has closed.
    pub(super) fn is_open(&self) -> bool {
        !self.said_goodbye && !self.hung_up && !self.inbox.is_closed() && !self.pipe.borrow().shut
    }

    /// Whether anything can still happen to it.
    pub(super) fn is_attached(&self) -> bool {
        let pipe = self.pipe.borrow();
        !pipe.shut || !pipe.to_client.is_empty()
    }

    /// Puts bytes on the wire to the server.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.pipe.borrow_mut().to_server.extend(bytes);
    }

    /// Loses what is on the wire, both ways, and hangs up.
    pub(super) fn cut(&mut self) {
        let mut pipe = self.pipe.borrow_mut();
        pipe.to_server.clear();
        pipe.to_client.clear();
        drop(pipe);
        self.reads = false;
        self.hung_up = true;
    }

    /// Puts a frame on the wire. Masks are no secret here, only never the same twice.
    pub(super) fn write_frame(&mut self, opcode: u8, payload: &[u8]) {
        self.frames_sent += 1;
        let mask = self.frames_sent.wrapping_mul(0x9E37_79B9).to_be_bytes();
        self.write(&frames::masked(opcode, payload, mask));
    }

    /// Reads what the server wrote, and answers what any client answers; true where something came.
    pub(super) fn read(&mut self, shard: &mut Shard) -> bool {
        if !self.reads {
            return false;
        }
        let (bytes, starved, ended) = {
            let mut pipe = self.pipe.borrow_mut();
            let ended = pipe.finished || pipe.shut;
            (std::mem::take(&mut pipe.to_client), std::mem::take(&mut pipe.starved), ended)
        };
        if starved {
            shard.writable(self.slot);
        }
        self.hung_up |= ended && self.answers;
        let seen = self.inbox.len();
        self.inbox.take(&bytes);
        let new: Vec<Frame> = self.inbox.frames().skip(seen).cloned().collect();
        new.iter().for_each(|frame| self.answer(frame));
        self.pings += self.inbox.extract(|frame| matches!(frame, Frame::Ping(_))).len();
        starved || !bytes.is_empty()
    }

    /// Hands the server what was written, as far as it reads; true where it took something.
    pub(super) fn feed(&mut self, shard: &mut Shard, now: tidings_engine::clock::Now) -> bool {
        if self.told || self.pipe.borrow().shut || shard.is_paused(self.slot) {
            return false;
        }
        let mut bytes: Vec<u8> = {
            let mut pipe = self.pipe.borrow_mut();
            let length = pipe.to_server.len().min(READ_BYTES);
            pipe.to_server.drain(..length).collect()
        };
        if !bytes.is_empty() {
            shard.input(self.slot, &mut bytes, now);
            return true;
        }
        if self.hung_up {
            self.told = true;
            shard.gone(self.slot);
            return true;
        }
        false
    }

    fn answer(&mut self, frame: &Frame) {
        if !self.answers || self.said_goodbye {
            return;
        }
        match frame {
            Frame::Ping(payload) => self.write_frame(frames::PONG, payload),
            Frame::Close(code) => {
                self.said_goodbye = true;
                let payload = code.map(u16::to_be_bytes);
                self.write_frame(frames::CLOSE, payload.as_ref().map_or(&[], |code| &code[..]));
            }
            Frame::Text(_) | Frame::Pong(_) => {}
        }
    }
}
