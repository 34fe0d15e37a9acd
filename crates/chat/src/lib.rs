//! The messages that every social app starts with, written on the public API and nothing else.
//!
//! | file | type | who hears it | kept |
//! |---|---|---|---|
//! | `private.rs` | [`Private`] | one user, and the sender's other connections | for ever |
//! | `group.rs` | [`Group`] | a group's members, and the sender's other connections | for ever |
//! | `broadcast.rs` | [`Broadcast`] | every connection | no |
//! | `event.rs` | [`Event`] | the watchers of a topic | no |
//!
//! ```
//! use tidings_chat::Chat;
//! use tidings_server::App;
//!
//! let server = App::new().pack(Chat).build()?;
//! # Ok::<(), tidings_server::BuildError>(())
//! ```
#![forbid(unsafe_code)]

mod broadcast;
mod event;
mod group;
mod private;

pub use broadcast::Broadcast;
pub use event::Event;
pub use group::Group;
pub use private::Private;

use tidings_server::{Pack, Setup};

/// The pack of the four types.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chat;

impl Pack for Chat {
    const NAME: &'static str = "chat";

    fn add(self, to: &mut Setup) {
        to.message::<Private>().message::<Group>().message::<Broadcast>().message::<Event>();
    }
}
