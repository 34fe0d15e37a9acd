//! The server's side of the WebSocket frame format, RFC 6455: bytes in, events out, and whole frames made once for many.
//!
//! Nothing here does I/O, keeps time or knows a connection, so all of it can be tested on bytes alone. In the order that
//! data passes them:
//!
//! - [`decoder`] — turns what a socket read into [`Event`]s; the only state of a connection in here.
//! - `header` — reads one frame header (§5.2) and refuses what it must; [`frame_bytes`] tells where a frame ends.
//! - `mask` — takes the mask off (§5.3).
//! - `message` — a message that is not whole yet, its text checked as it arrives (§8.1).
//! - `close` — which close codes may be on the wire (§7.4).
//! - [`error`] — what a peer did wrong, and the close code that says so.
//! - [`encoder`] — makes the frames that the server sends.
//! - `spare` — keeps the buffers of frames that went out, for the next ones.
//!
//! There are no extensions: a frame with a reserved bit set is an error (§5.2).
//!
//! ```
//! use std::ops::ControlFlow;
//! use tidings_engine::websocket::{Decoder, Event, FrameLimits, encoder};
//!
//! // "Hello", masked: the example of RFC 6455 §5.7.
//! let mut input = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
//! let mut replies = Vec::new();
//! Decoder::default().feed(&mut input, FrameLimits::default(), &mut |event| {
//!     if let Event::Text(text) = event {
//!         replies.push(encoder::text(text.as_bytes()));
//!     }
//!     ControlFlow::Continue(())
//! })?;
//! assert_eq!(replies, [&b"\x81\x05Hello"[..]]);
//! # Ok::<(), tidings_engine::websocket::ProtocolError>(())
//! ```

#![forbid(unsafe_code)]

mod close;
pub mod decoder;
pub mod encoder;
pub mod error;
mod header;
mod mask;
mod message;
pub(crate) mod spare;

pub use decoder::{Decoder, Event, FrameLimits};
pub use encoder::FrameBuilder;
pub use error::ProtocolError;
pub use header::frame_bytes;
