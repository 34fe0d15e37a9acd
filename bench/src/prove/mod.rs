//! Kills a server again and again under load, and looks whether it kept what it acknowledged: `tidings prove`, and the
//! project's own tests.
//!
//! Clients of `tidings.v1` write to one another with keys on all they send; after each kill the server is started again on
//! its folder, they resume from their heads and repeat what was not acknowledged. At the end the store's histories are
//! compared with what was acknowledged, and with what each client has.
//!
//! A kill ends the process and not the kernel, which still writes what it was given: so nothing here shows that a sync
//! matters.
//!
//! | file | holds |
//! |---|---|
//! | `plan` | what is done: the program, its folder, the blows |
//! | `run` | the rounds, the end |
//! | `server` | the server as a child process |
//! | `crowd`, `client` | the clients on one thread; one of them |
//! | `verdict` | what was acknowledged, against what is stored, against what was received |
//! | `error` | why there is no verdict |

mod client;
mod crowd;
mod error;
mod plan;
mod run;
mod server;
mod verdict;

pub use error::ProveError;
pub use plan::{Blow, Plan, Watch};
pub use run::run;
pub use server::end_server;
pub use verdict::Verdict;
