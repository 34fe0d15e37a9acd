//! The suite of [`MessageStore`](tidings_engine::ports::MessageStore), counting: any mix of sends, edits, deletions, reads, joins,
//! leaves, prunings and erasures, against a model that counts everything anew.

mod mixes;
mod model;

pub use mixes::counts_and_pages_are_those_of_a_plain_model;
