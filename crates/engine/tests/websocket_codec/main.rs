//! The WebSocket codec against the rules of RFC 6455, and against tungstenite, a second implementation of them.

mod decoding;
mod frames;
mod mistakes;
mod tungstenite;
