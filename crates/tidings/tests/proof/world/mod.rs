//! What the proofs are made with: servers on fresh folders, clients that know only the guide, crowds of them, and raw bytes.

mod api;
mod client;
mod crowd;
mod fence;
mod id;
mod load;
mod plan;
mod raw;

pub(crate) use api::{Api, As};
pub(crate) use client::{Client, Refusal};
pub(crate) use crowd::{Crowd, Heard};
pub(crate) use fence::{heard, hears_nothing};
pub(crate) use id::id;
pub(crate) use load::{Load, Streams};
pub(crate) use plan::Plan;
pub(crate) use raw::Raw;
