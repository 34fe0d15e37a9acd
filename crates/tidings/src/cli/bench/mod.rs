//! `tidings bench`: asks of a running server, from outside, what it costs and how fast it is.
//!
//! | file | holds |
//! |---|---|
//! | `arguments` | the grammar |
//! | `run` | the order of things |
//! | `target` | the URL, and the address behind it |
//! | `identity` | who connects, and with what |
//! | `deployment` | what is asked and changed over HTTP |
//! | `scenario`, `agenda` | what can be asked; what will be, and what not and why |
//! | `measure` | the scenarios one after another |
//! | `advice` | what to change when something fails |
//! | `table` | what was found, as text and JSON |

mod advice;
mod agenda;
mod arguments;
mod deployment;
mod identity;
mod measure;
mod run;
mod scenario;
mod table;
mod target;

pub(super) use arguments::Bench;
pub(super) use run::run;
