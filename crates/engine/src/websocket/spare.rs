//! Buffers of frames that have gone out, for the next ones.
//!
//! Between reading a batch and writing it, more frames are alive than the allocator keeps at hand for a thread (glibc: seven of
//! a size), so each would take its slow path, there and back: a tenth of what a private message costs.

use std::cell::RefCell;

use bytes::Bytes;

/// Buffers that a thread keeps. Any more go back to the allocator.
const BUFFERS: usize = 64;

/// The largest that is kept: a shorter message in it wastes no more than a frame may.
const BUFFER_BYTES: usize = 640;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer with room for so many bytes.
pub(super) fn take(capacity: usize) -> Vec<u8> {
    let spare = if capacity <= BUFFER_BYTES { SPARE.with_borrow_mut(Vec::pop) } else { None };
    match spare {
        Some(mut buffer) => {
            buffer.clear();
            buffer.reserve(capacity);
            buffer
        }
        None => Vec::with_capacity(capacity),
    }
}

/// Keeps the buffer of a frame that has gone out, if nobody else is to get the frame.
pub(crate) fn give_back(frame: Bytes) {
    // What somebody else has too would be copied.
    if !frame.is_unique() {
        return;
    }
    let buffer = Vec::from(frame);
    if buffer.capacity() > BUFFER_BYTES || buffer.capacity() < BUFFER_BYTES / 4 {
        return;
    }
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < BUFFERS {
            spare.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spare() -> usize {
        SPARE.with_borrow(Vec::len)
    }

    #[test]
    fn a_buffer_serves_again_once_its_last_reader_has_it() {
        let frame = Bytes::from({
            let mut buffer = take(400);
            buffer.extend_from_slice(b"a frame");
            buffer
        });
        let other = frame.clone();
        give_back(frame);
        assert_eq!(spare(), 0, "somebody else reads it still");
        let at = other.as_ptr();
        give_back(other);
        let again = take(400);
        assert_eq!((again.as_ptr(), again.len(), spare()), (at, 0, 0));
    }

    #[test]
    fn no_more_is_kept_than_the_bounds_say() {
        for _ in 0..BUFFERS + 5 {
            give_back(Bytes::from(Vec::with_capacity(500)));
        }
        assert_eq!(spare(), BUFFERS);
        SPARE.with_borrow_mut(Vec::clear);
        give_back(Bytes::from(Vec::with_capacity(100_000)));
        give_back(Bytes::from_static(b"pong"));
        assert_eq!(spare(), 0);
    }
}
