//! The binary around [`bench::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    match bench::cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
