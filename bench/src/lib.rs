//! Says what a delivered message costs, and compares it with the least that it could cost.
//!
//! The least is the [floor]: one thread and one epoll that writes one pre-encoded frame a connection and does
//! nothing else. Absolute times depend on the machine; the ratio of a server to the floor, taken in alternating rounds
//! on the same machine, hardly does.
//!
//! Beside that, as seen from outside: whether a server that is killed keeps what it acknowledged.
//!
//! # Map, in the order in which a measurement passes it
//!
//! | file | holds |
//! |---|---|
//! | `cli` | the subcommands: `floor`, `load`, `compare`, `report`, `shape` |
//! | `compare` | rounds that alternate between the floor and a server |
//! | `process`, `usage` | a server as a child process; its CPU and memory |
//! | `scrape`, `log_watch` | its metrics; the size of its database's log |
//! | `setup`, `identity`, `lists`, `follows` | how a server is set up; who its users are; the conversations and followers that they have |
//! | `floor` | the bare epoll loop |
//! | `scenario`, `scenario/*` | what is sent and when a message counts as done |
//! | `target`, `dialect` | where the users of a scenario connect, with what, and what they speak |
//! | `load`, `load/*` | many client connections on one thread |
//! | `stalled` | clients that stop reading |
//! | `connection`, `handshake`, `frame` | one client connection, its upgrade, its frames |
//! | `http`, `http/*`, `backend` | HTTP requests; what a backend does with them |
//! | `message`, `checker` | what is sent; whether it arrived unchanged, once, in order |
//! | `probe`, `probe/*` | the same asked of somebody's running server: what `tidings bench` does |
//! | `app` | a client of `tidings.v1` without a socket: heads, keys, the client's rule |
//! | `prove`, `prove/*` | a server that is killed again and again keeps what it acknowledged: what `tidings prove` does |
//! | `latency`, `statistics`, `report`, `report/*` | histograms; medians and ratios; tables, goals, the drawing |
//! | `shape` | the gate on the ratios of fan-out |
//! | `files` | how many files a process may open |
//!
//! # Use
//!
//! ```text
//! cargo build --release                        # the server that is measured
//! cargo build --release -p slow-sync           # what scenarios with a slower disk preload
//! cargo run --release -p bench -- compare      # the usual scenarios, 5 rounds each, as a table
//! cargo run --release -p bench -- compare --scenario fanout32,idle --rounds 3 --markdown table.md
//! cargo run --release -p bench -- compare --scenario fanout32@19000,durable-group100,connect-es256,stalled,churn
//! cargo run --release -p bench -- compare --scenario durable32,durable32+1ms,durable32+5ms,beside-bulk,fairness
//! cargo run --release -p bench -- compare --scenario followers10,followers10000,followers1000000
//! cargo run --release -p bench -- compare --scenario durable32-v1,idle-v1,restart-v1@2000
//! cargo run --release -p bench -- report       # all scenarios, written to docs/performance and drawn
//! cargo run --release -p bench -- report --quick --rounds 1 --into /tmp/report
//! cargo run --release -p bench -- shape        # exits 1 if fan-out is off its shape
//! cargo run --release -p bench -- load --address 127.0.0.1:8000 --pid 4711 --scenario private32
//! ```
//!
//! Compare figures only from one run, on a machine that does nothing else.
//!
//! # Example
//!
//! ```
//! use bench::statistics::Summary;
//!
//! // Three rounds: what the server cost, and what the floor cost in the round beside it.
//! let ratio = Summary::of_ratios(&[4.4, 4.2, 4.6], &[4.0, 4.2, 4.0]);
//! assert_eq!(ratio.median, 1.1);
//! ```
#![forbid(unsafe_code)]

pub mod app;
pub mod checker;
pub mod connection;
pub mod files;
pub mod frame;
pub mod handshake;
pub mod http;
pub mod latency;
pub mod load;
pub mod message;
pub mod probe;
pub mod prove;
pub mod statistics;
pub mod usage;

// What only the binary `bench` needs; `tidings bench` is built without it.
#[cfg(feature = "compare")]
pub mod backend;
#[cfg(feature = "compare")]
pub mod cli;
#[cfg(feature = "compare")]
pub mod compare;
#[cfg(feature = "compare")]
pub mod dialect;
#[cfg(feature = "compare")]
pub mod floor;
#[cfg(feature = "compare")]
pub mod follows;
#[cfg(feature = "compare")]
pub mod identity;
#[cfg(feature = "compare")]
pub mod lists;
#[cfg(feature = "compare")]
pub mod log_watch;
#[cfg(feature = "compare")]
pub mod process;
#[cfg(feature = "compare")]
pub mod report;
#[cfg(feature = "compare")]
pub mod scenario;
#[cfg(feature = "compare")]
pub mod scrape;
#[cfg(feature = "compare")]
pub mod setup;
#[cfg(feature = "compare")]
pub mod shape;
#[cfg(feature = "compare")]
pub mod stalled;
#[cfg(feature = "compare")]
pub mod target;
