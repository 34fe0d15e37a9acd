//! The pages of the book in `docs`, so that `cargo test` compiles and runs each block of Rust in them. A page that has such a block
//! stands here; a test finds the ones that don't.
#![forbid(unsafe_code)]

#[doc = include_str!("../../../docs/guide.md")]
pub mod guide {}

#[doc = include_str!("../../../docs/notifications/inbox.md")]
pub mod inbox {}

#[doc = include_str!("../../../docs/notifications/preferences.md")]
pub mod preferences {}

#[doc = include_str!("../../../docs/notifications/aggregation.md")]
pub mod aggregation {}

#[doc = include_str!("../../../docs/channels.md")]
pub mod channels {}
