//! Ports of Tidings on HTTP endpoints of the app's own backend: who a cookie belongs to, who belongs to a group, whose a post is, who
//! follows whom, what a user is called.
//!
//! Every question is a `GET` that is answered with JSON. A thread of its own asks them all, so that no connection to the backend
//! belongs to a thread that sleeps. Questions are bounded in number, in time and in the bytes of their answers; what the backend could
//! not answer just now is asked again after a pause, within the same time.
//!
//! # Map, in the order that a question passes
//! | file | holds |
//! |---|---|
//! | `sessions`, `groups`, `posts`, `graph`, `users` | the ports: what each asks, and what it takes as an answer |
//! | `list` | lists of users, paged by the backend or here |
//! | `template` | [`Template`]: a URL with places for what is asked |
//! | `client` | [`Endpoints`]: bounds, time limit, retries |
//! | `connector` | plain or, behind the feature `tls`, encrypted connections, with the roots that the system or `SSL_CERT_FILE` names |
//!
//! # Example
//! ```
//! use tidings_endpoints::{EndpointOptions, EndpointUsers, Endpoints, Template};
//! use tidings_engine::ports::Users;
//!
//! let endpoints = Endpoints::new(EndpointOptions::default())?;
//! let template = Template::parse("app.users.url", "http://127.0.0.1:1/people/{user}", &["user"])?;
//! let users = EndpointUsers::new(&endpoints, template);
//! let asked = users.user(tidings_wire::UserId::new(7)); // nobody listens on port 1: an error, once it is awaited
//! # drop(asked);
//! # Ok::<(), tidings_endpoints::EndpointError>(())
//! ```
#![forbid(unsafe_code)]

mod client;
mod connector;
mod graph;
mod groups;
mod list;
mod posts;
mod sessions;
mod template;
mod users;

pub use client::{CallError, EndpointError, EndpointOptions, Endpoints};
pub use graph::{EndpointGraph, GraphTemplates};
pub use groups::EndpointGroups;
pub use list::EndpointList;
pub use posts::EndpointPosts;
pub use sessions::EndpointSessions;
pub use template::Template;
pub use users::EndpointUsers;
