//! One connection's bytes in memory, in place of a socket.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    io,
    rc::Rc,
};

use tidings_engine::shard::{Slot, Sockets};

/// Both directions of a connection. What the server writes is bounded, as a socket's buffers are.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) to_server: VecDeque<u8>,
    pub(super) to_client: Vec<u8>,
    /// The most bytes that wait in `to_client`.
    capacity: usize,
    /// The server wrote less than it wanted: it is to hear when there is room.
    pub(super) starved: bool,
    /// The server writes no more.
    pub(super) finished: bool,
    /// The server has closed the socket.
    pub(super) shut: bool,
}

/// A pipe that its client and its shard share.
pub(super) type SharedPipe = Rc<RefCell<Pipe>>;

impl Pipe {
    pub(super) fn shared(capacity: usize) -> SharedPipe {
        Rc::new(RefCell::new(Self {
            to_server: VecDeque::new(),
            to_client: Vec::new(),
            capacity,
            starved: false,
            finished: false,
            shut: false,
        }))
    }

    fn write(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        if self.finished || self.shut {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut written = 0;
        for part in parts {
            let room = self.capacity - self.to_client.len();
            let taken = part.len().min(room);
            self.to_client.extend_from_slice(&part[..taken]);
            written += taken;
            if taken < part.len() {
                self.starved = true;
                break;
            }
        }
        if written == 0 && self.starved { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(written) }
    }
}

/// The sockets of one shard.
#[derive(Debug, Default)]
pub(super) struct Pipes(HashMap<Slot, SharedPipe>);

impl Pipes {
    pub(super) fn insert(&mut self, slot: Slot, pipe: SharedPipe) {
        self.0.insert(slot, pipe);
    }
}

impl Sockets for Pipes {
    fn send(&mut self, slot: Slot, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let pipe = self.0.get(&slot).ok_or(io::ErrorKind::NotConnected)?;
        pipe.borrow_mut().write(parts)
    }

    fn finish(&mut self, slot: Slot) {
        if let Some(pipe) = self.0.get(&slot) {
            pipe.borrow_mut().finished = true;
        }
    }

    fn shut(&mut self, slot: Slot) {
        if let Some(pipe) = self.0.remove(&slot) {
            pipe.borrow_mut().shut = true;
        }
    }
}
