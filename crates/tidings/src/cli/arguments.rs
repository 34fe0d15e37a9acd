//! The grammar of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tidings_wire::{MessageId, PostId, UserId};

#[cfg(feature = "bench")]
use super::{bench::Bench, prove::Prove};
use crate::configuration::{Flag, Sources, TimeSpan};

/// Real-time messages, live activity and notifications for social apps.
#[derive(Debug, Parser)]
#[command(name = "tidings", version, arg_required_else_help = true, after_help = AFTER_HELP)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
    /// The configuration [without it: tidings.toml in the working folder, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

const AFTER_HELP: &str = "See it: `tidings demo`. Use it: `tidings serve --dev`.
Exit codes: 0 done, 1 failed, 2 usage or configuration.";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve WebSocket and HTTP until SIGTERM
    Serve(Serve),
    /// Show a small cast exchanging messages over real WebSockets, then stay up to be joined
    Demo(Demo),
    /// Make and check users' tokens
    #[command(subcommand)]
    Token(Token),
    /// Make, list and revoke the keys by which backends call
    #[command(subcommand)]
    Keys(Keys),
    /// Bring the database to this version's form; a copy is made first
    Migrate(Data),
    /// Copy the database to a file, also while a server runs
    Backup(Backup),
    /// Put a backup in place of the database, or where there is none; stop the server first
    Restore(Restore),
    /// Check, show and explain the configuration
    #[command(subcommand)]
    Config(Config),
    /// Ask a running server whether it is ready; exit code 0 or 1
    Healthcheck(Healthcheck),
    /// Measure a running server from outside, with test users that write to one another
    #[cfg(feature = "bench")]
    Bench(Bench),
    /// Kill a server of its own again and again, and look whether it keeps what it acknowledged
    #[cfg(feature = "bench")]
    Prove(Prove),
    /// Say why somebody was notified, or not, or not yet: of a notification's id, or the id that `POST /v1/notifications` answered
    Why(Why),
    /// Follow what is decided about a user's notifications, and what changes in their inbox: one line each
    Tail(Tail),
    /// Look at notifications before anybody gets them
    #[command(subcommand)]
    Notify(Notify),
    /// Print the protocol as the program has it, for other tools to read
    Spec(Spec),
    /// Write the beginnings of something of your own
    #[command(subcommand)]
    New(New),
}

/// Where the data is.
#[derive(Debug, Default, Args)]
pub(super) struct Data {
    /// The data folder [default: ./data]
    #[arg(long, value_name = "FOLDER")]
    pub(super) data: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// Where to; there must be nothing yet
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) data: Data,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup
    pub(super) file: PathBuf,
    /// Replace the database that is there; it is kept beside the new one under another name
    #[arg(long)]
    pub(super) replace: bool,
    #[command(flatten)]
    pub(super) data: Data,
}

#[derive(Debug, Default, Args)]
pub(super) struct Serve {
    /// For trying things out: believe `?user=7`, listen on loopback only
    #[arg(long)]
    pub(super) dev: bool,
    /// The address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Option<String>,
    #[command(flatten)]
    pub(super) data: Data,
    /// Where messages are kept: sqlite or none [default: sqlite]
    #[arg(long, value_name = "KIND")]
    pub(super) store: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The address and port to listen on, loopback only [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Option<String>,
    /// The demo's own data folder [default: a temporary one, deleted at the end]
    #[arg(long, value_name = "FOLDER")]
    pub(super) data: Option<PathBuf>,
    /// End after the transcript
    #[arg(long)]
    pub(super) once: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Print a token for a user, signed with the server's secret
    New {
        /// Whose: an integer or a UUID
        #[arg(long)]
        user: UserId,
        /// How long it holds, such as 10m or 30d
        #[arg(long, default_value = "1h")]
        ttl: TimeSpan,
        #[command(flatten)]
        data: Data,
    },
    /// Check a token as the server would, and say which check failed
    Check {
        /// The token; `-` reads it from standard input
        token: String,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Print a new key; it is stored as a hash and can't be shown again
    New {
        /// What it is called in logs and traces, and by `revoke`
        #[arg(long)]
        name: String,
        /// What it may do: send, read, notify, admin, with commas between them [default: everything]
        #[arg(long, value_name = "SCOPES")]
        scope: Option<tidings_engine::ports::Scopes>,
        #[command(flatten)]
        data: Data,
    },
    /// List the keys that are not revoked
    List(Data),
    /// Refuse a key from now on
    Revoke {
        /// Its name
        name: String,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Say OK, or everything that is wrong
    Check(ConfigCheck),
    /// Print what is in force and where each value comes from; secrets are masked
    Show(Serve),
    /// Print the page about every setting, in Markdown
    Doc,
}

#[derive(Debug, Args)]
pub(super) struct ConfigCheck {
    #[command(flatten)]
    pub(super) serve: Serve,
    /// Ask the app's tables and endpoints about this user, and say what was found
    #[arg(long)]
    pub(super) user: Option<UserId>,
    /// Ask them about this post too
    #[arg(long, requires = "user")]
    pub(super) post: Option<PostId>,
}

#[derive(Debug, Args)]
pub(super) struct Healthcheck {
    /// The server, such as http://127.0.0.1:8000 [default: as configured]
    #[arg(long)]
    pub(super) url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Notify {
    /// Print the sentence of a kind of notification, for different numbers of users who did it
    Preview(Preview),
}

#[derive(Debug, Args)]
pub(super) struct Preview {
    /// The kind: a built-in one, such as post_like, or one of the configuration
    pub(super) subtype: String,
    /// How many users did it; several numbers with commas between them
    #[arg(long, value_delimiter = ',', default_value = "1,2,13", value_name = "NUMBERS")]
    pub(super) actors: Vec<u64>,
    /// The reader's language (BCP 47), such as de or pt-BR
    #[arg(long, default_value = "en")]
    pub(super) lang: String,
    /// What the notification carries: a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(super) fields: String,
    #[command(flatten)]
    pub(super) data: Data,
}

/// Which server is asked, and by whom.
#[derive(Debug, Args)]
pub(super) struct Asking {
    /// The server, such as http://127.0.0.1:8000 [default: as configured]
    #[arg(long)]
    pub(super) url: Option<String>,
    /// A service key with the scope read or admin [or in the environment: TIDINGS_KEY; a server with --dev needs none]
    #[arg(long)]
    pub(super) key: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Why {
    /// The id
    pub(super) id: MessageId,
    #[command(flatten)]
    pub(super) asking: Asking,
}

#[derive(Debug, Args)]
pub(super) struct Tail {
    /// Whose
    #[arg(long)]
    pub(super) user: UserId,
    /// End after the latest lines, without following
    #[arg(long)]
    pub(super) once: bool,
    #[command(flatten)]
    pub(super) asking: Asking,
}

#[derive(Debug, Args)]
pub(super) struct Spec {
    /// What to print
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum What {
    /// Error and close codes with their meanings
    Codes,
    /// The HTTP API as an OpenAPI 3.1 document
    Openapi,
    /// The WebSocket as an AsyncAPI 3.0 document: both dialects, each frame and message type, in both directions
    Asyncapi,
    /// Every schema in one JSON Schema document (draft 2020-12)
    Jsonschema,
    /// Every frame and message type as types of TypeScript
    Typescript,
    /// The golden schema of every registered message type, with its version
    #[value(hide = true)]
    Types,
    /// The schema of every frame of tidings.v1 that is no message
    #[value(hide = true)]
    Frames,
    /// A page of documentation for every registered message type
    Pages,
}

#[derive(Debug, Subcommand)]
pub(super) enum New {
    /// Write a message type with its test, and say how to register it
    Message(NewMessage),
}

#[derive(Debug, Args)]
pub(super) struct NewMessage {
    /// The type's name on the wire, such as `poke`
    pub(super) name: String,
    /// Kept in the conversation with the user whom it addresses
    #[arg(long)]
    pub(super) kept: bool,
    /// With a handler, which decides about each message
    #[arg(long)]
    pub(super) handler: bool,
    /// The crate to write it into: the folder of its Cargo.toml [default: the working folder]
    #[arg(long = "in", value_name = "FOLDER", default_value = ".")]
    pub(super) folder: PathBuf,
    /// Templates that go before Tidings' own [default: tidings/templates in the crate, if it is there]
    #[arg(long, value_name = "FOLDER")]
    pub(super) templates: Option<PathBuf>,
    /// Also insert the lines that register it
    #[arg(long)]
    pub(super) write: bool,
}

impl Data {
    /// What to read the configuration from.
    pub(super) fn sources(&self, file: Option<PathBuf>) -> Sources {
        Sources::of_process(file, self.flag().into_iter().collect())
    }

    fn flag(&self) -> Option<Flag> {
        self.data.clone().map(|value| Flag { name: "--data", key: "server.data", value })
    }
}

impl Serve {
    /// What to read the configuration from.
    pub(super) fn sources(&self, file: Option<PathBuf>) -> Sources {
        let flag = |name, key, value: &Option<String>| value.clone().map(|value| Flag { name, key, value });
        let dev = self.dev.then(|| "true".to_owned());
        let flags = [
            flag("--dev", "server.dev", &dev),
            flag("--listen", "server.listen", &self.listen),
            self.data.flag(),
            flag("--store", "server.store", &self.store),
        ];
        Sources::of_process(file, flags.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_grammar_holds_together() {
        Arguments::command().debug_assert();
    }
}
