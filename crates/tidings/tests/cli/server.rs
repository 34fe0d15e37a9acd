//! What only these tests ask of a server.

use std::{
    io::{BufRead, BufReader},
    path::Path,
};

use crate::support::process::{Server, command};

impl Server {
    /// Starts `tidings serve` on a free port of loopback, and waits until its banner is complete.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut all = vec!["serve", "--listen", "127.0.0.1:0"];
        all.extend(arguments);
        Self::spawn(&mut command(folder, &all))
    }

    /// What it prints on standard output.
    pub(crate) fn stdout(&mut self) -> impl BufRead + use<> {
        BufReader::new(self.child.stdout.take().unwrap())
    }
}
