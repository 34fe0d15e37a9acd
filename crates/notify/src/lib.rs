//! The notifications pack, written on the public API and nothing else: a durable inbox for every user, live on all their
//! connections, aggregated ("Ann and 12 others liked your post"), and holding what its reader wants.
//!
//! Something happens: a message type declares a [`Notice`](tidings_wire::Notice), a handler adds one to what it accepts, a route to
//! its deed, the app's backend posts one. The notice is decided about and written in the transaction of the act that it goes with:
//! so an act and its notification are one commit. What is for many is a job of a durable queue.
//!
//! # Map, in the order that a notice passes
//! | file | holds |
//! |---|---|
//! | `notify` | [`Notify`]: what the pack is made of, and what it adds to a server |
//! | `kind`, `texts` | [`Kind`], [`Notification`]: what a subtype is; its sentences by language and plural |
//! | `overlay` | what a configuration says of a subtype, over what the code says; a sentence to look at beforehand |
//! | `standard` | the subtypes of Tidings' own packs |
//! | `notices` | a notice, checked; what it writes for each recipient |
//! | `deciding`, `wants`, `quiet`, `limits` | who gets it: blocks, preferences, policy, quiet hours, not too many |
//! | `writing` | the statements by which a row comes, grows, shrinks, goes |
//! | `queue` | notifications to many, and what waits for the end of quiet hours |
//! | `inbox`, `rows` | changes, pages, marks, read and said in the reader's language |
//! | `channels` | what goes out where nobody looks: the port [`Channel`], deliveries, subscriptions, dead letters |
//! | `pruner`, `keeping` | what goes with time; what goes with a user |
//! | `metrics` | the queue's length, age and rate |
//! | `teller` | what changed goes to those who are connected |
//! | `trace` | why somebody got something, or not, or not yet |
//! | `routes` | the HTTP API, one file a subject |
//! | `shared` | what all of them share, and how they reach the running server |
//! | `sql` | the tables and every statement |
//!
//! ```
//! use tidings_notify::{Kind, Notify};
//! use tidings_server::App;
//!
//! let likes = Kind::new("post_like", "Likes of your posts")
//!     .text("en", "single", "{{ actor }} liked your post")?
//!     .text("en", "other", "{{ actor }} and {{ others }} others liked your post")?;
//! let server = App::new().pack(Notify::new().kind(likes)).build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

#[macro_use]
mod sql;

mod channels;
mod deciding;
mod inbox;
mod keeping;
mod kind;
mod limits;
mod metrics;
mod notices;
mod notify;
mod overlay;
mod pruner;
mod queue;
mod quiet;
mod routes;
mod rows;
mod shared;
mod standard;
mod teller;
mod texts;
mod trace;
mod wants;
mod writing;

pub use channels::{
    Addressed, Channel, ChannelError, Delivery, DeliverySettings, Sent, Subscription, SubscriptionKeys,
    SubscriptionKind,
};
pub use kind::{IN_APP, Kind, Notification, notice_of};
pub use notify::Notify;
pub use overlay::{Overlay, Sentences};
pub use standard::standard;
pub use texts::{FORMS, TextError};
pub use tidings_server::ports::BoxFuture;

/// Every statement about channels by its name: for a store's tests, as [`statements`].
#[doc(hidden)]
pub fn channel_statements() -> &'static [(&'static str, &'static str)] {
    channels::sql::ALL
}

/// Every statement of the pack by its name: for a store's tests, which prepare them all.
#[doc(hidden)]
pub fn statements() -> &'static [(&'static str, &'static str)] {
    sql::ALL
}
