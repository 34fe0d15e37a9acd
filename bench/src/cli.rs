//! The command line.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::compare::{Job, Plan, compare};
use crate::dialect::Dialect;
use crate::floor::Floor;
use crate::identity::{Credentials, Mint};
use crate::message::Answers;
use crate::process::CommandLine;
use crate::report::{Machine, Record};
use crate::scenario::name::Asked;
use crate::scenario::{Running, Size, choice};
use crate::target::Target;
use crate::{files, report, shape};

/// Says what a delivered message costs, beside a bare epoll loop.
#[derive(Parser)]
#[command(name = "bench")]
struct Cli {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Runs the bare epoll loop; its first line on standard output is its address.
    Floor {
        /// Where to listen; port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// Bytes of the content in its frames.
        #[arg(long, default_value_t = 128)]
        content_bytes: usize,
        /// So many users, in the order of their numbers, are one group.
        #[arg(long, default_value_t = 0)]
        online_in_a_group: usize,
    },
    /// Runs one scenario once against a server that runs already.
    Load {
        /// The server's address.
        #[arg(long)]
        address: SocketAddr,
        /// Its process, to charge CPU and memory.
        #[arg(long)]
        pid: Option<u32>,
        /// One of those of `compare`; what needs a server set up for it is for `compare` alone.
        #[arg(long)]
        scenario: Asked,
        /// The file with the secret that the server checks tokens with, such as `secret.key` in its data folder. Without it
        /// nothing but the path says who connects.
        #[arg(long)]
        secret_file: Option<PathBuf>,
        #[command(flatten)]
        how: How,
    },
    /// Compares a server with the floor in alternating rounds and prints the table.
    Compare {
        /// Scenarios, separated by commas, each with `@` and a number of connections if it isn't the usual one.
        #[arg(long, value_delimiter = ',', default_values_t = choice::usual())]
        scenario: Vec<Asked>,
        /// Also writes the table as Markdown into this file.
        #[arg(long)]
        markdown: Option<PathBuf>,
        #[command(flatten)]
        rounds: Rounds,
        #[command(flatten)]
        how: How,
    },
    /// Runs all scenarios, prints the table, and writes results.json, table.md, figures.md and chart.svg into a folder. Exits 1
    /// if a scenario failed.
    Report {
        /// The folder.
        #[arg(long, default_value = "docs/performance")]
        into: PathBuf,
        /// Makes table and drawing of these results again, without measuring.
        #[arg(long, conflicts_with_all = ["quick", "scenario", "rounds", "server"])]
        from: Option<PathBuf>,
        /// Only the nine that say most: some minutes instead of an hour or more.
        #[arg(long, conflicts_with = "scenario")]
        quick: bool,
        /// Scenarios, separated by commas, as for `compare` [default: all].
        #[arg(long, value_delimiter = ',')]
        scenario: Vec<Asked>,
        #[command(flatten)]
        rounds: Rounds,
        #[command(flatten)]
        how: How,
    },
    /// Exits 1 if fan-out costs more than 1.2 (one at a time) or 0.1 (32 under way) of the floor.
    Shape {
        #[command(flatten)]
        rounds: Rounds,
        #[command(flatten)]
        how: How,
    },
}

/// What the comparisons share.
#[derive(Args)]
struct Rounds {
    /// How the server is started, without a shell; {port} and {data} are filled in, settings are in its environment.
    /// [default: target/release/tidings serve --listen 127.0.0.1:{port} --data {data}]
    #[arg(long)]
    server: Option<CommandLine>,
    /// Rounds of each scenario [default: 5; 3 for shape]; `report` runs the longest ones three times at most.
    #[arg(long)]
    rounds: Option<usize>,
}

/// What all runs share.
#[derive(Args)]
struct How {
    /// Client connections, instead of the scenario's usual number.
    #[arg(long)]
    connections: Option<usize>,
    /// Messages, instead of the scenario's usual number.
    #[arg(long)]
    messages: Option<u64>,
    /// Bytes of a message's content.
    #[arg(long)]
    content_bytes: Option<usize>,
    /// Path and query of the upgrade; {user} is 1 to the number of connections.
    #[arg(long, default_value = "/ws?user={user}")]
    path: String,
    /// What the server's messages carry.
    #[arg(long, value_enum, default_value_t = Carried::Counted)]
    answers: Carried,
    /// A run in which nothing happens for so many seconds fails.
    #[arg(long, default_value_t = 10)]
    silence_seconds: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Carried {
    /// The content that was sent.
    Counted,
    /// One frame again and again, as the floor: to compare the floor with itself.
    Constant,
}

impl How {
    fn size(&self, asked: Asked) -> Size {
        let usual = asked.size(self.connections);
        Size {
            connections: usual.connections,
            messages: self.messages.unwrap_or(usual.messages).max(1),
            content_bytes: self.content_bytes.unwrap_or(usual.content_bytes),
        }
    }

    fn answers(&self) -> Answers {
        match self.answers {
            Carried::Counted => Answers::Counted,
            Carried::Constant => Answers::Constant,
        }
    }

    fn silence(&self) -> Duration {
        Duration::from_secs(self.silence_seconds.max(1))
    }

    fn plan(&self, scenarios: &[Asked], rounds: Rounds, usual_rounds: usize) -> anyhow::Result<Plan> {
        let count = rounds.rounds.unwrap_or(usual_rounds).max(1);
        let job = |&asked: &Asked| Job { scenario: asked.scenario, size: self.size(asked), rounds: count };
        Ok(Plan {
            floor: std::env::current_exe().context("this program doesn't know where it lies")?,
            server: rounds.server.unwrap_or_default(),
            path: self.path.clone(),
            answers: self.answers(),
            jobs: scenarios.iter().map(job).collect(),
            silence: self.silence(),
        })
    }
}

/// The command that a report's page names.
const REPORT: &str = "cargo run --release -p bench -- report";

/// Reads the command line and does what it says.
///
/// # Errors
/// Whatever failed, with its causes.
pub fn run() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Subcommands::Floor { listen, content_bytes, online_in_a_group } => {
            let floor = Floor::bind(listen, content_bytes, online_in_a_group);
            serve(floor.with_context(|| format!("can't listen on {listen}"))?)?;
        }
        Subcommands::Load { address, pid, scenario, secret_file, how } => {
            let running = running(address, pid, scenario, secret_file, &how)?;
            let round = scenario.scenario.run(&running, how.size(scenario))?;
            print!("{}", report::round(scenario.scenario, &round));
        }
        Subcommands::Compare { scenario, markdown, rounds, how } => {
            let record = Record::new(Machine::default(), &compare(&how.plan(&scenario, rounds, 5)?, tell));
            print!("{}\n{}", record.text(), record.figures());
            if let Some(file) = markdown {
                std::fs::write(&file, record.markdown()).with_context(|| format!("can't write {}", file.display()))?;
            }
            return Ok(verdict(&record));
        }
        Subcommands::Report { into, from, quick, scenario, rounds, how } => {
            let record = match from {
                Some(file) => Record::read(&file)?,
                None => measure(quick, scenario, rounds, &how)?,
            };
            print!("{}", record.text());
            record.write(&into, REPORT)?;
            return Ok(verdict(&record));
        }
        Subcommands::Shape { rounds, how } => {
            let plan = how.plan(&shape::LIMITS.map(|(scenario, _)| scenario.into()), rounds, 3)?;
            let rows = compare(&plan, tell);
            print!("{}", Record::new(Machine::default(), &rows).text());
            let verdicts = shape::judge(&rows);
            verdicts.iter().for_each(|verdict| println!("{verdict}"));
            if !verdicts.iter().all(shape::Verdict::passes) {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(line: &str) {
    eprintln!("{line}");
}

/// Whether all scenarios could be measured; says again which could not.
fn verdict(record: &Record) -> ExitCode {
    record.failures().for_each(|(name, why)| eprintln!("{name} FAILED: {why}"));
    if record.failures().next().is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Measures for a report.
fn measure(quick: bool, scenario: Vec<Asked>, rounds: Rounds, how: &How) -> anyhow::Result<Record> {
    let asked = match (quick, scenario.is_empty()) {
        (true, _) => choice::quick(),
        (false, true) => choice::all(),
        (false, false) => scenario,
    };
    let mut plan = how.plan(&asked, rounds, 5)?;
    plan.jobs.iter_mut().for_each(|job| *job = job.with_few_rounds_if_long());
    plan.check_built()?;
    let minutes = plan.jobs.iter().map(Job::estimate).sum::<Duration>().as_secs().div_ceil(60);
    tell(&format!("{} scenarios, about {minutes} min on an idle machine", plan.jobs.len()));
    // Before the rounds: what is measured is the state of the code now.
    let machine = Machine::read();
    Ok(Record::new(machine, &compare(&plan, tell)))
}

fn running(
    address: SocketAddr,
    pid: Option<u32>,
    asked: Asked,
    secret_file: Option<PathBuf>,
    how: &How,
) -> anyhow::Result<Running> {
    let size = how.size(asked);
    files::allow(size.connections)?;
    let credentials = match secret_file {
        Some(file) => {
            let secret = std::fs::read_to_string(&file)
                .with_context(|| format!("can't read the secret in {}", file.display()))?;
            let users = asked.scenario.users(size);
            Mint::with_secret(secret.trim()).credentials(asked.scenario.setup(size, false).identity, users)?
        }
        None => Credentials::default(),
    };
    let target = Target {
        address,
        path: how.path.clone(),
        credentials,
        dialect: Dialect::Guide,
        first_user: 1,
        silence: how.silence(),
    };
    Ok(Running { target, answers: how.answers(), pid, service_key: None, data: None, beside: false })
}

fn serve(floor: Floor) -> anyhow::Result<()> {
    println!("{}", floor.address()?);
    std::io::stdout().flush()?;
    Ok(floor.run()?)
}
