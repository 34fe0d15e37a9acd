//! The log, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::configuration::{Log, LogFormat};

/// Sends what the program tells to standard error from now on. Called once a process.
pub(super) fn start(log: &Log) {
    let filter = EnvFilter::builder().parse(&log.level).expect("the level was checked with the configuration");
    let json = match log.format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call within one process (only tests do that) leaves the first one's log in force.
    let _ = match json {
        true => builder.json().flatten_event(true).try_init(),
        false => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
    };
}
