//! Which command does what.

use std::process::ExitCode;

use clap::Parser;

use super::{
    arguments::{Arguments, Command, New, Notify},
    assemble::Extend,
    backup, config, demo,
    failure::Failure,
    healthcheck, keys, migrate, new, notify,
    output::explain,
    serve, spec, tail, token, why,
};
use crate::App;

/// Reads the command line of this process, does what it asks, and says what to end with: 0 done, 1 failed, 2 usage or
/// configuration.
///
/// `extend` adds message types and packs to those that come with Tidings; it may be called more than once. Answers are
/// printed on standard output, all else on standard error.
pub fn main(extend: impl Fn(App) -> App) -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Where nobody can read the help, there is nobody to tell so.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    match run(arguments, &extend) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !matches!(failure, Failure::No) {
                explain(&format!("error: {failure}"));
            }
            failure.exit_code()
        }
    }
}

fn run(arguments: Arguments, extend: Extend<'_>) -> Result<(), Failure> {
    let file = arguments.config;
    match arguments.command {
        Command::Serve(flags) => serve::run(&flags, file, extend),
        Command::Demo(flags) => demo::run(&flags, file, extend),
        Command::Token(command) => token::run(&command, file),
        Command::Keys(command) => keys::run(&command, file),
        Command::Migrate(data) => migrate::run(&data, file, extend),
        Command::Backup(command) => backup::backup(&command, file),
        Command::Restore(command) => backup::restore(&command, file),
        Command::Config(command) => config::run(&command, file, extend),
        Command::Healthcheck(flags) => healthcheck::run(&flags, file),
        #[cfg(feature = "bench")]
        Command::Bench(flags) => super::bench::run(&flags, file),
        #[cfg(feature = "bench")]
        Command::Prove(flags) => super::prove::run(&flags),
        Command::Why(command) => why::run(&command, file),
        Command::Tail(command) => tail::run(&command, file),
        Command::Notify(Notify::Preview(command)) => notify::preview(&command, file),
        Command::Spec(spec) => spec::run(spec.what, extend),
        Command::New(New::Message(command)) => new::run(&command, extend),
    }
}

/// Runs a command's asynchronous part on this thread.
///
/// # Errors
/// Where the system gives no poll.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> std::io::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future))
}
