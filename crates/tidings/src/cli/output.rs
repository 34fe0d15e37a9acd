//! Standard output is for answers alone; whatever explains them goes to standard error.

use std::io::{ErrorKind, Write};

use super::failure::Failure;

/// Prints an answer and a line end.
///
/// # Errors
/// Where standard output can't be written. A reader that has gone (`tidings config doc | head`) is none.
pub(super) fn answer(text: &str) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    let written = output.write_all(text.trim_end_matches('\n').as_bytes()).and_then(|()| output.write_all(b"\n"));
    match written.and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::from(error)),
        _ => Ok(()),
    }
}

/// Prints an explanation and a line end. Where nobody can read it, it is lost.
pub(super) fn explain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
