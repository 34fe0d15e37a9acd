//! What is to be written, collected while messages are read.

use std::collections::VecDeque;

use crate::frame;

/// Messages to be written, each by one connection and with one write, or several of one connection with one.
#[derive(Default)]
pub struct Outgoing {
    frames: Vec<u8>,
    /// Connection, and where its frame ends.
    ends: VecDeque<(usize, usize)>,
    text: Vec<u8>,
}

impl Outgoing {
    /// Adds a text message that `write` appends to an empty buffer.
    pub fn text(&mut self, sender: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.text.clear();
        write(&mut self.text);
        frame::encode_client(&mut self.frames, frame::TEXT, &self.text);
        self.ends.push_back((sender, self.frames.len()));
    }

    /// The same, but written together with the message before it if that has the same sender.
    pub fn joined_text(&mut self, sender: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if self.ends.back().is_some_and(|&(last, _)| last == sender) {
            self.ends.pop_back();
        }
        self.text(sender, write);
    }

    /// Adds a ping (RFC 6455 section 5.5.2) with a payload of at most 125 bytes.
    pub fn ping(&mut self, sender: usize, payload: &[u8]) {
        frame::encode_client(&mut self.frames, frame::PING, payload);
        self.ends.push_back((sender, self.frames.len()));
    }

    /// Takes what is to be written: each connection with its bytes, in the order in which they were added.
    ///
    /// # Errors
    /// What `write` gives.
    pub(super) fn take<E>(&mut self, mut write: impl FnMut(usize, &[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut start = 0;
        while let Some((sender, end)) = self.ends.pop_front() {
            write(sender, &self.frames[start..end])?;
            start = end;
        }
        self.frames.clear();
        Ok(())
    }
}
