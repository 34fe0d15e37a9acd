//! A shard's sockets, as its driver has them.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use mio::Token;
use rustix::net::{SendFlags, Shutdown};

use crate::shard::{Slot, Sockets};

/// Frames that are written together are joined up to this size; larger ones go out by reference.
const JOIN_BYTES: usize = 16 * 1024;

/// The shard's sockets, by slot.
pub(crate) struct Descriptors {
    sockets: Vec<Option<(u32, OwnedFd)>>,
    joined: Vec<u8>,
    /// Connections that were handed to this shard and have not gone.
    handed: Arc<AtomicUsize>,
}

impl Descriptors {
    /// None yet; each that goes is taken off `handed`.
    pub(crate) fn new(handed: Arc<AtomicUsize>) -> Self {
        Self { sockets: Vec::new(), joined: Vec::new(), handed }
    }

    /// The name under which a slot's events come in.
    pub(crate) fn token(slot: Slot) -> Token {
        Token((slot.generation as usize) << 32 | slot.index as usize)
    }

    pub(crate) fn insert(&mut self, slot: Slot, socket: OwnedFd) {
        let at = slot.index as usize;
        if self.sockets.len() <= at {
            self.sockets.resize_with(at + 1, || None);
        }
        self.sockets[at] = Some((slot.generation, socket));
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&OwnedFd> {
        let (generation, socket) = self.sockets.get(slot.index as usize)?.as_ref()?;
        (*generation == slot.generation).then_some(socket)
    }

    /// The slot of an event, if it isn't an earlier tenant's.
    pub(crate) fn slot(&self, token: Token) -> Option<Slot> {
        let slot = Slot { index: token.0 as u32, generation: (token.0 >> 32) as u32 };
        self.get(slot).map(|_| slot)
    }
}

impl Sockets for Descriptors {
    fn send(&mut self, slot: Slot, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        let (generation, socket) = self.sockets.get(slot.index as usize).and_then(Option::as_ref).ok_or_else(gone)?;
        if *generation != slot.generation {
            return Err(gone());
        }
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let sent = match parts {
            [one] => rustix::net::send(socket, one, SendFlags::NOSIGNAL),
            several if bytes <= JOIN_BYTES => {
                self.joined.clear();
                several.iter().for_each(|part| self.joined.extend_from_slice(part));
                rustix::net::send(socket, &self.joined, SendFlags::NOSIGNAL)
            }
            several => rustix::io::writev(socket.as_fd(), several),
        };
        #[cfg(feature = "failpoints")]
        crate::failpoint::Failpoint::Written.pass();
        sent.map_err(io::Error::from)
    }

    fn finish(&mut self, slot: Slot) {
        if let Some(socket) = self.get(slot) {
            // A peer that has gone meanwhile is noticed by the next read.
            let _ = rustix::net::shutdown(socket, Shutdown::Write);
        }
    }

    fn shut(&mut self, slot: Slot) {
        if self.get(slot).is_some() {
            // Closing the descriptor takes it out of the poll.
            self.sockets[slot.index as usize] = None;
            self.handed.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
