//! The social pack, written on the public API and nothing else: posts, comments, likes, shares; who follows, blocks and mutes whom;
//! and all of it live.
//!
//! A like is one act, whichever way it comes: the message `post_action` over the socket, or `PUT /v1/posts/9/like`. It is looked up
//! whose post it is, written together with the post's counters in one commit, and told to the owner and the owner's online
//! accepted followers, never to the actor, nor to whoever blocked the actor, was blocked or has muted them. A second one
//! changes nothing and tells nobody.
//!
//! # Map
//! | file | holds |
//! |---|---|
//! | `social` | [`Social`]: what the pack is made of, and what it adds to a server |
//! | `post_action`, `post_update`, `post_counters` | the message types |
//! | `act` | one act on a post: checked, written, told |
//! | `joiner` | counters joined to one in 250 ms a post |
//! | `shared` | what handlers, routes and ports share, and how they reach the running server |
//! | `blockers` | who has ever blocked somebody, so that a message to others asks no table |
//! | `own` | the pack's tables as the ports [`Posts`](tidings_server::ports::Posts), [`SocialGraph`](tidings_server::ports::SocialGraph), [`Users`](tidings_server::ports::Users) |
//! | `relations`, `standing` | the sets that audiences name, and how they change |
//! | `sight`, `topics` | who sees whose presence, who may watch a post |
//! | `notices` | what its acts say to inboxes |
//! | `keeping`, `exporting` | what is kept of a user: `/v1/me`, its export, its erasure |
//! | `routes` | the HTTP API, one file a subject |
//! | `sql` | the tables and every statement |
//!
//! ```
//! use tidings_server::App;
//! use tidings_social::Social;
//!
//! let server = App::new().pack(Social::new()).build()?;
//! # Ok::<(), tidings_server::BuildError>(())
//! ```
//! An app that has posts and followers of its own brings them as ports; `Acts::Announce` then stores no likes either:
//! ```
//! # use std::sync::Arc;
//! # use tidings_server::ports::{Posts, SocialGraph};
//! use tidings_social::{Acts, Social};
//!
//! fn of_the_app(posts: Arc<dyn Posts>, graph: Arc<dyn SocialGraph>) -> Social {
//!     Social::new().posts(posts).graph(graph).acts(Acts::Announce)
//! }
//! ```
#![forbid(unsafe_code)]

mod act;
mod blockers;
mod exporting;
mod joiner;
mod keeping;
mod notices;
mod own;
mod post_action;
mod post_counters;
mod post_update;
mod relations;
mod routes;
mod shared;
mod sight;
mod social;
mod sql;
mod standing;
mod topics;

pub use post_action::{Action, PostAction};
pub use post_counters::PostCounters;
pub use post_update::{PostUpdate, Subtype};
pub use relations::{APART, FOLLOWING, MUTUAL};
pub use social::{Acts, Social};

/// Every statement of the pack by its name: for a store's tests, which prepare them all.
#[doc(hidden)]
pub fn statements() -> &'static [(&'static str, &'static str)] {
    sql::ALL
}
