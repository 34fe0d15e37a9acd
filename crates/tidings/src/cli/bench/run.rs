//! The order of things: look, say what will be done, do it, say what was found.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, anyhow};
use bench::{files, probe::Plan};

use super::{
    super::{
        failure::Failure,
        output::{answer, explain},
        progress::Stop,
    },
    advice::Advice,
    agenda::Agenda,
    arguments::Bench,
    deployment::Deployment,
    identity::{User, Users},
    measure::{Measure, Outcome},
    scenario::Scenario,
    table::{json, text},
    target::Target,
};

/// What is awaited and doesn't come within this time is lost.
const SILENCE: Duration = Duration::from_secs(10);

/// Where a service key may stand that should not be seen in the list of processes.
const KEY_VARIABLE: &str = "TIDINGS_BENCH_KEY";

/// Measures a running server.
pub(in super::super) fn run(flags: &Bench, file: Option<PathBuf>) -> Result<(), Failure> {
    let target = Target::read(&flags.url).map_err(|error| Failure::Usage(format!("--url {}: {error}", flags.url)))?;
    let time = Duration::from_secs(flags.seconds);
    let users = Users::read(flags, file, (time + SILENCE) * Scenario::ALL.len() as u32)?;
    files::allow(users.all.len())?;
    let address = target.reach()?;
    let advice = Advice { way: users.way.clone() };
    let key = flags.key.clone().or_else(|| std::env::var(KEY_VARIABLE).ok().filter(|key| !key.is_empty()));
    if let Some(key) = &key
        && !key.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(Failure::Usage("--key: a service key has letters, digits, - and _".to_owned()));
    }
    let mut deployment = Deployment::new(&target, address, key, advice.clone());
    let group = flags.group.unwrap_or(flags.users_from);
    let agenda = decide(flags, &users.all, group, &mut deployment)?;
    let server = format!("{} ({address})", flags.url);
    explain(&agenda.announcement(&server, &users.span(), group));
    let stop = Stop::on_signal(|| {}).context("follow signals")?;
    let plan = Plan {
        address,
        people: users.people(&target),
        time,
        rate: agenda.rate(),
        content_bytes: flags.content_bytes as usize,
        mark: rand::random(),
        silence: SILENCE,
        pid: flags.pid,
    };
    let measure = Measure {
        plan: &plan,
        users: &users,
        agenda: &agenda,
        deployment: &mut deployment,
        group,
        advice: &advice,
        stop: &stop,
    };
    report(flags, &measure.run())
}

/// Asks the server what it does with the types, and whether the key and the group are good, before anything is announced.
fn decide(flags: &Bench, users: &[User], group: u64, deployment: &mut Deployment) -> Result<Agenda, Failure> {
    let types = deployment.types(&users[0])?;
    let agenda = Agenda::decide(flags, users.len() as u32, types, deployment.key.is_some())?;
    // Whoever gives tokens knows whose they are; numbers may by chance be those of somebody.
    if flags.who.token_file.is_none() {
        deployment.check_strangers(users, group)?;
    }
    let mut scopes = Vec::new();
    if agenda.asked.contains(&Scenario::Push) {
        scopes.push("send");
    }
    if agenda.asked.contains(&Scenario::Group) {
        scopes.extend(["read", "admin"]);
    }
    if !scopes.is_empty() {
        deployment.check_key(&scopes)?;
    }
    if agenda.asked.contains(&Scenario::Group) {
        deployment.check_empty(group)?;
    }
    Ok(agenda)
}

fn report(flags: &Bench, Outcome { findings, ended }: &Outcome) -> Result<(), Failure> {
    if !findings.is_empty() {
        answer(&text(findings))?;
    }
    if let Some(path) = &flags.json {
        std::fs::write(path, json(findings, ended.as_deref())).with_context(|| format!("write {}", path.display()))?;
    }
    match ended {
        Some(why) => Err(Failure::from(anyhow!("{why}"))),
        None => Ok(()),
    }
}
