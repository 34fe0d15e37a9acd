//! The grammar of `tidings bench`.

use std::path::PathBuf;

use bench::probe::Rate;
use clap::Args;

use super::scenario::Scenario;
use crate::configuration::{Flag, Sources};

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(in super::super) struct Bench {
    /// The server, such as http://127.0.0.1:8000
    #[arg(long)]
    pub(super) url: String,
    #[command(flatten)]
    pub(super) who: Who,
    /// Test users, with one connection each [default: 100, or as many as --token-file has]
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub(super) connections: Option<u32>,
    /// The first test user's id; the others follow it
    #[arg(long, value_name = "ID", default_value_t = 9_000_000_000, value_parser = clap::value_parser!(u64).range(1..=LARGEST_ID))]
    pub(super) users_from: u64,
    /// How long each thing is asked
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(super) seconds: u64,
    /// Deliveries a second at most, or `none` [default: two for each connection]
    #[arg(long, value_name = "N")]
    pub(super) rate: Option<Rate>,
    /// Allow messages that the server keeps for ever
    #[arg(long)]
    pub(super) kept: bool,
    /// A service key, for `push` and `group` [or in the environment: TIDINGS_BENCH_KEY]
    #[arg(long)]
    pub(super) key: Option<String>,
    /// The test group, which must be empty [default: the first test user's id]
    #[arg(long, value_name = "ID")]
    pub(super) group: Option<u64>,
    /// What is asked, with commas between [default: all that is allowed]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(super) scenario: Vec<Scenario>,
    /// Bytes of a message's content
    #[arg(long, value_name = "BYTES", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub(super) content_bytes: u32,
    /// The server's process on this machine, to be charged with CPU and memory
    #[arg(long)]
    pub(super) pid: Option<u32>,
    /// Also write what was found into this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
}

/// Who the test users are to the server.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Who {
    /// Connect with ?user=, which a server takes that was started with --dev
    #[arg(long, conflicts_with_all = ["token_file", "data", "secret_file"])]
    pub(super) dev: bool,
    /// Tokens of test users, one a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "secret_file"])]
    pub(super) token_file: Option<PathBuf>,
    /// Sign tokens with the secret of this data folder, as `token new` does
    #[arg(long, value_name = "FOLDER")]
    pub(super) data: Option<String>,
    /// Sign tokens with the secret in this file (HS256)
    #[arg(long, value_name = "FILE")]
    pub(super) secret_file: Option<String>,
}

/// The largest integer that JSON numbers carry exactly.
pub(super) const LARGEST_ID: u64 = (1 << 53) - 1;

const AFTER_HELP: &str = "\
It connects test users, says beforehand what it will do, and ends by itself. Their messages go to one another alone.
  connect    the upgrades                          ping     there and back, without a message
  idle       connections that do nothing           push     a backend to all test users, not kept; needs --key
  private1   one to one, one message under way     group    one to a group of all; needs --key with the scope admin
  private32  the same with 32 under way
Where the server keeps private and group messages, these need --kept, because they stay in its database.
TLS (https, wss) is not spoken: ask the server itself, not the proxy before it.
Exit codes: 0 all asked and no message lost, doubled or out of order; 1 failed or stopped; 2 usage.";

impl Who {
    /// What to read the configuration from: its section [auth] says how tokens are signed.
    pub(super) fn sources(&self, file: Option<PathBuf>) -> Sources {
        let flag = |name, key, value: &Option<String>| value.clone().map(|value| Flag { name, key, value });
        let flags =
            [flag("--data", "server.data", &self.data), flag("--secret-file", "auth.secret_file", &self.secret_file)];
        Sources::of_process(file, flags.into_iter().flatten().collect())
    }
}
