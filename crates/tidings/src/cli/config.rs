//! `tidings config check|show|doc`

use std::path::PathBuf;

use super::{
    arguments::Config,
    assemble::{self, Extend},
    failure::Failure,
    output::answer,
};
use crate::configuration::{Loaded, Problems, Sources, load, markdown, show};

/// Runs one of them.
pub(super) fn run(command: &Config, file: Option<PathBuf>, extend: Extend<'_>) -> Result<(), Failure> {
    match command {
        Config::Check(flags) => {
            assemble::check(&read(&flags.sources(file))?.configuration, extend)?;
            answer("OK")
        }
        Config::Show(flags) => answer(&show(&read(&flags.sources(file))?)),
        Config::Doc => answer(&markdown()),
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
