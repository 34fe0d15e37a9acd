//! Rounds that alternate between a server and what it is compared with, each in a fresh process.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use crate::files;
use crate::identity::Mint;
use crate::message::Answers;
use crate::process::{CommandLine, Server};
use crate::scenario::{Beside, Round, Running, Scenario, Size};
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
    /// Scenarios with their sizes, in the order of the table.
    pub scenarios: Vec<(Scenario, Size)>,
    /// Rounds of each.
    pub rounds: usize,
    /// A run in which nothing happens for this long fails.
    pub silence: Duration,
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
}

impl Row {
    /// The floor's cost over the rounds.
    #[must_use]
    pub fn floor_cost(&self) -> Summary {
        Summary::of(&costs(&self.floor))
    }

    /// The server's cost over the rounds.
    #[must_use]
    pub fn server_cost(&self) -> Summary {
        Summary::of(&costs(&self.server))
    }

    /// The server's cost by the floor's, of each round.
    #[must_use]
    pub fn ratio(&self) -> Summary {
        Summary::of_ratios(&costs(&self.server), &costs(&self.floor))
    }
}

/// Runs the plan; `progress` gets a line for each round.
///
/// # Errors
/// A server that doesn't start, a run that fails: the comparison ends there.
pub fn compare(plan: &Plan, mut progress: impl FnMut(&str)) -> anyhow::Result<Vec<Row>> {
    let connections = plan.scenarios.iter().map(|(_, size)| size.connections).max().unwrap_or(0);
    // Before the first server starts: it inherits the limit.
    files::allow(connections)?;
    let mut mint = Mint::default();
    plan.scenarios.iter().map(|&(scenario, size)| rounds(plan, scenario, size, &mut mint, &mut progress)).collect()
}

fn rounds(
    plan: &Plan,
    scenario: Scenario,
    size: Size,
    mint: &mut Mint,
    progress: &mut impl FnMut(&str),
) -> anyhow::Result<Row> {
    let mut row = Row { scenario, size, floor: Vec::new(), server: Vec::new() };
    let (word, floor) = match scenario.beside() {
        Beside::Floor => ("floor", true),
        Beside::Variant(word) => (word, false),
    };
    for number in 1..=plan.rounds {
        let beside =
            if floor { on_the_floor(plan, scenario, size, mint) } else { serve(plan, scenario, size, mint, true) };
        row.floor.push(beside.with_context(|| word.to_owned())?);
        row.server.push(serve(plan, scenario, size, mint, false).context("the server")?);
        let cost = |rounds: &[Round]| rounds.last().and_then(|round| round.cost).unwrap_or(f64::NAN);
        progress(&format!(
            "{scenario}@{}, round {number} of {}: {word} {:.3}, server {:.3} {}",
            size.connections,
            plan.rounds,
            cost(&row.floor),
            cost(&row.server),
            scenario.unit()
        ));
    }
    Ok(row)
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
