//! What is done.

use std::path::PathBuf;
use std::time::Duration;

/// How one round ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blow {
    /// The process is killed when so many sends were acknowledged in this round, and so much time later.
    Kill {
        /// Acknowledgements that are awaited.
        after: u64,
        /// How long the load goes on behind them.
        then: Duration,
    },
    /// The process is started with this variable, which makes it kill itself.
    ByItself {
        /// The variable's name.
        variable: &'static str,
        /// Its value.
        value: String,
    },
}

/// A whole run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program `tidings`.
    pub program: PathBuf,
    /// The run's own folder, which must exist and be empty: the server's working folder, with its data and its log.
    pub folder: PathBuf,
    /// More of the server's environment.
    pub environment: Vec<(String, String)>,
    /// How the rounds end, in their order.
    pub blows: Vec<Blow>,
}

/// Who looks on.
pub trait Watch {
    /// So many rounds are done, with so many acknowledgements. False ends the run early; what was done is then judged.
    fn goes_on(&mut self, rounds: usize, acknowledged: u64) -> bool;
}

impl Watch for () {
    fn goes_on(&mut self, _: usize, _: u64) -> bool {
        true
    }
}
