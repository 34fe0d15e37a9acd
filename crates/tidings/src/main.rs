//! The program `tidings`: the message types of the packs that come with it, and the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    tidings::cli::main(|app| app)
}
