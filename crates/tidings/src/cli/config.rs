//! `tidings config check|show|doc`

use std::path::PathBuf;

use super::{
    app_check,
    arguments::{Config, ConfigCheck},
    assemble::{self, Extend},
    failure::Failure,
    output::answer,
    run::block_on,
};
use crate::configuration::{Loaded, Problems, Sources, load, markdown, show};

/// Runs one of them.
pub(super) fn run(command: &Config, file: Option<PathBuf>, extend: Extend<'_>) -> Result<(), Failure> {
    match command {
        Config::Check(flags) => check(flags, file, extend),
        Config::Show(flags) => answer(&show(&read(&flags.sources(file))?)),
        Config::Doc => answer(&markdown()),
    }
}

fn check(flags: &ConfigCheck, file: Option<PathBuf>, extend: Extend<'_>) -> Result<(), Failure> {
    let configuration = read(&flags.serve.sources(file))?.configuration;
    let ports = assemble::check(&configuration, extend)?;
    answer("OK")?;
    let Some(user) = flags.user else { return Ok(()) };
    let lines = block_on(app_check::ask(&ports, user, flags.post))?;
    if lines.is_empty() {
        return answer("the app is asked nothing: there is no `[app]` with statements or endpoints");
    }
    for line in &lines {
        answer(&line.to_string())?;
    }
    match lines.iter().filter(|line| line.failed()).count() {
        0 => Ok(()),
        failed => Err(Failure::Usage(format!("{failed} of {} questions failed", lines.len()))),
    }
}

/// Reads the configuration; what is wrong with it is a matter of usage.
pub(super) fn read(sources: &Sources) -> Result<Loaded, Failure> {
    load(sources).map_err(|problems| {
        let Problems(list) = &problems;
        match list.len() {
            1 => Failure::Usage(problems.to_string()),
            count => Failure::Usage(format!("the configuration has {count} problems:\n{problems}")),
        }
    })
}
