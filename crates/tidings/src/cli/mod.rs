//! The command line, also for programs that add message types of their own:
//!
//! ```no_run
//! # use tidings::{Audience, Message, Sender, UserId};
//! # #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # struct Poke { to: UserId }
//! # impl Message for Poke {
//! #     const TYPE: &'static str = "poke";
//! #     fn audience(&self, _: &Sender) -> Audience { Audience::user(self.to) }
//! # }
//! fn main() -> std::process::ExitCode {
//!     tidings::cli::main(|app| app.message::<Poke>())
//! }
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `arguments` | the grammar |
//! | `run` | which command does what; exit codes |
//! | `serve`, `demo/`, `token`, `keys`, `migrate`, `backup`, `config`, `healthcheck`, `bench/`, `prove`, `why`, `tail`, `notify`, `spec/`, `new/` | one command each |
//! | `assemble` | configuration and stores in, an app ready to start out |
//! | `channels` | where notifications go out |
//! | `app_ports`, `app_check` | the app's own tables and endpoints as ports; what `config check --user` finds there |
//! | `folder`, `lock`, `secret_file`, `token_key`, `stores` | the data folder: who uses it, what the first start writes into it, what is opened there |
//! | `banner`, `logs`, `output`, `program`, `progress` | what a person reads |
//! | `listener`, `signals`, `file_limit`, `allocator`, `http`, `asking` | what the process asks of the system and of other servers |

mod allocator;
mod app_check;
mod app_ports;
mod arguments;
mod asking;
mod assemble;
mod backup;
mod banner;
#[cfg(feature = "bench")]
mod bench;
mod channels;
mod config;
mod demo;
mod failure;
mod file_limit;
mod folder;
mod healthcheck;
mod http;
mod keys;
mod listener;
mod lock;
mod logs;
mod migrate;
mod new;
mod notify;
mod output;
mod program;
#[cfg(feature = "bench")]
mod progress;
#[cfg(feature = "bench")]
mod prove;
mod run;
mod secret_file;
mod serve;
mod signals;
mod spec;
mod stores;
mod tail;
mod token;
mod token_key;
mod why;

pub use run::main;
