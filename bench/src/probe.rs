//! Asks of somebody's running server what the scenarios ask of a fresh one: from outside, bounded in time and in rate, and
//! only among users that the asker names.
//!
//! What a probe sends goes to the users of the probe alone. What arrives from others (a broadcast of the app's backend, say)
//! is counted and otherwise left alone; each message of the probe's own is checked as everywhere here.
//!
//! | file | holds |
//! |---|---|
//! | `plan` | who connects, where to, how long, how fast |
//! | `run` | the connections, and one function for each thing asked |
//! | `pace` | when the next message may go out |
//! | `letter` | what is sent, and what an arriving message is |
//! | `ping`, `pairs`, `crowd`, `idle` | one thing asked each |
//! | `finding` | what was found |

mod crowd;
mod finding;
mod idle;
mod letter;
mod pace;
mod pairs;
mod ping;
mod plan;
mod run;

pub use crowd::Speaker;
pub use finding::Finding;
pub use pace::Rate;
pub use plan::{Person, Plan};
pub use run::{Probe, ProbeError, Progress, Watch};
