//! Rounds that alternate between a server and what it is compared with, each in a fresh process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::dialect::Dialect;
use crate::files;
use crate::identity::Mint;
use crate::message::Answers;
use crate::process::{CommandLine, Server};
use crate::scenario::{Beside, Round, Running, Scenario, Size};
use crate::setup;
use crate::statistics::Summary;
use crate::target::Target;

/// What to compare.
pub struct Plan {
    /// This crate's binary, which runs the floor.
    pub floor: PathBuf,
    /// The server.
    pub server: CommandLine,
    /// Path and query of the upgrade, with `{user}`.
    pub path: String,
    /// What the server's messages carry.
    pub answers: Answers,
    /// In the order of the table.
    pub jobs: Vec<Job>,
    /// A run in which nothing happens for this long fails.
    pub silence: Duration,
}

impl Plan {
    /// Looks whether all that it starts is there, before the first round is run.
    ///
    /// # Errors
    /// What is missing, with the line that builds it.
    pub fn check_built(&self) -> anyhow::Result<()> {
        let mut missing = Vec::new();
        let program = Path::new(self.server.program());
        // A name without a folder is looked for in PATH, by whoever starts it.
        if program.components().count() > 1 && !program.exists() {
            missing.push((program.to_path_buf(), "tidings"));
        }
        if self.jobs.iter().any(|job| !job.scenario.setup(job.size, false).slower_sync.is_zero()) {
            let library = setup::slower_sync_library()?;
            if !library.exists() {
                missing.push((library, "slow-sync"));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let files: Vec<String> = missing.iter().map(|(file, _)| file.display().to_string()).collect();
        let packages: Vec<String> = missing.iter().map(|(_, package)| format!(" -p {package}")).collect();
        bail!("not built: {}; `cargo build --release{}` builds it", files.join(", "), packages.concat())
    }
}

/// One scenario of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// The scenario.
    pub scenario: Scenario,
    /// Its size.
    pub size: Size,
    /// Its rounds.
    pub rounds: usize,
}

/// What the rounds of one scenario found.
#[derive(Debug)]
pub struct Row {
    /// The scenario.
    pub scenario: Scenario,
    /// Its size.
    pub size: Size,
    /// The rounds of what it is compared with: the floor, or what [`Scenario::beside`] says.
    pub floor: Vec<Round>,
    /// The server's rounds, each run right after the other's of the same place.
    pub server: Vec<Round>,
    /// Why there are no more rounds than these, if one failed. They don't count then.
    pub failed: Option<String>,
}

impl Row {
    /// The server's cost by that of what it is compared with, of each round; NaN if a round failed.
    #[must_use]
    pub fn ratio(&self) -> Summary {
        if self.failed.is_some() {
            return Summary::of(&[]);
        }
        Summary::of_ratios(&costs(&self.server), &costs(&self.floor))
    }
}

/// Runs the plan; `progress` gets a line for each round. A server that doesn't start, a run that fails: that is the end of its
/// row, which tells why, and the next scenario follows.
pub fn compare(plan: &Plan, mut progress: impl FnMut(&str)) -> Vec<Row> {
    let mut mint = Mint::default();
    let mut row = |job: &Job| {
        let &Job { scenario, size, .. } = job;
        let mut row = Row { scenario, size, floor: Vec::new(), server: Vec::new(), failed: None };
        if let Err(error) = rounds(plan, job, &mut row, &mut mint, &mut progress) {
            let why = format!("{error:#}");
            progress(&format!("{scenario}@{} FAILED: {why}", size.connections));
            row.failed = Some(why);
        }
        row
    };
    plan.jobs.iter().map(&mut row).collect()
}

fn rounds(
    plan: &Plan,
    &Job { scenario, size, rounds }: &Job,
    row: &mut Row,
    mint: &mut Mint,
    progress: &mut impl FnMut(&str),
) -> anyhow::Result<()> {
    // Before the servers start: they inherit the limit.
    files::allow(size.connections)?;
    let word = scenario.beside().word();
    for number in 1..=rounds {
        let beside = match scenario.beside() {
            Beside::Floor => on_the_floor(plan, scenario, size, mint),
            Beside::Variant(_) => serve(plan, scenario, size, mint, true),
        };
        row.floor.push(beside.with_context(|| word.to_owned())?);
        row.server.push(serve(plan, scenario, size, mint, false).context("the server")?);
        let cost = |rounds: &[Round]| rounds.last().and_then(|round| round.cost).unwrap_or(f64::NAN);
        progress(&format!(
            "{scenario}@{}, round {number} of {rounds}: {word} {:.3}, server {:.3} {}",
            size.connections,
            cost(&row.floor),
            cost(&row.server),
            scenario.unit()
        ));
    }
    Ok(())
}

fn on_the_floor(plan: &Plan, scenario: Scenario, size: Size, mint: &mut Mint) -> anyhow::Result<Round> {
    let setup = scenario.setup(size, true);
    let server = Server::floor(&plan.floor, size.content_bytes, setup.online_in_a_group)?;
    run(plan, scenario, size, mint, &server, Answers::Constant, true)
}

fn serve(plan: &Plan, scenario: Scenario, size: Size, mint: &mut Mint, beside: bool) -> anyhow::Result<Round> {
    let setup = scenario.setup(size, beside);
    let server = Server::start(&plan.server, &setup, mint, scenario.users(size))?;
    run(plan, scenario, size, mint, &server, plan.answers, beside)
}

fn run(
    plan: &Plan,
    scenario: Scenario,
    size: Size,
    mint: &mut Mint,
    server: &Server,
    answers: Answers,
    beside: bool,
) -> anyhow::Result<Round> {
    let credentials = mint.credentials(scenario.setup(size, beside).identity, scenario.users(size))?;
    let target = Target {
        address: server.address(),
        path: plan.path.clone(),
        credentials,
        dialect: Dialect::Guide,
        first_user: 1,
        silence: plan.silence,
    };
    let running = Running {
        target,
        answers,
        pid: Some(server.pid()),
        service_key: server.service_key().map(str::to_owned),
        data: Some(server.data()),
        beside,
    };
    scenario.run(&running, size).with_context(|| format!("its log ends: {:?}", server.log_tail()))
}

fn costs(rounds: &[Round]) -> Vec<f64> {
    rounds.iter().map(|round| round.cost.unwrap_or(f64::NAN)).collect()
}
