//! `tidings prove`: kills a server of its own again and again, and looks whether it keeps what it acknowledged.

use std::{
    fs::{self, DirBuilder},
    io::ErrorKind,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, anyhow};
use bench::prove::{self, Blow, Plan, Verdict};
use clap::Args;
use rand::RngExt;
use tidings_engine::clock::{Clock, SystemClock};

use super::{
    failure::Failure,
    output::{answer, explain},
    progress::{Bar, Stop},
};

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Prove {
    /// How often the server is killed
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    kills: u32,
    /// Where; a new folder is made in it, on the disk that is to be tried
    #[arg(long, value_name = "FOLDER")]
    data: PathBuf,
}

const AFTER_HELP: &str = "\
It starts `tidings serve` of its own in a new folder, has test users write to one another over `tidings.v1`, kills the server
(SIGKILL) while they do, and starts it again. The users repeat what was not acknowledged under the same key. At the end the
histories are compared with what was acknowledged and with what each user has. A database that is there is never touched.
What it can't show: a killed process is no power cut. The system still writes what it was given, so neither that a sync
matters nor that this disk keeps what it says it keeps is proven here.
Exit codes: 0 nothing lost, doubled or out of order; 1 something is (then the folder is kept), or stopped; 2 usage.";

/// Acknowledgements in a round before the kill, at most. With more under way nothing else would be tried.
const ACKNOWLEDGED: u64 = 1_000;

/// How long the load goes on behind them, at most, so that kills don't always follow an acknowledgement.
const THEN: Duration = Duration::from_millis(20);

/// Proves it, and says so on one line.
pub(super) fn run(flags: &Prove) -> Result<(), Failure> {
    let program = std::env::current_exe().context("find this program's own file")?;
    let folder = new_folder(&flags.data)?;
    let stop = Stop::on_signal(prove::end_server).context("follow signals")?;
    explain(&format!("the server runs in {}, and is killed {} times", folder.display(), flags.kills));
    let mut random = rand::rng();
    let blows: Vec<_> = (0..flags.kills)
        .map(|_| Blow::Kill {
            after: random.random_range(1..=ACKNOWLEDGED),
            then: random.random_range(Duration::ZERO..THEN),
        })
        .collect();
    let clock = SystemClock::new();
    let began = clock.now().mono;
    let plan = Plan { program, folder: folder.clone(), environment: Vec::new(), blows };
    let mut watch = Rounds { bar: Bar::start("kills", &stop), of: plan.blows.len(), stop: &stop };
    let verdict = prove::run(&plan, &mut watch);
    drop(watch);
    let seconds = clock.now().mono.saturating_sub(began).as_secs();
    let verdict = verdict.map_err(|error| kept(&folder, anyhow!(error)))?;
    answer(&format!("{verdict} (in {seconds} s)"))?;
    if let Verdict { first_problem: Some(problem), .. } = verdict {
        return Err(kept(&folder, anyhow!("the first problem: {problem}")));
    }
    fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
    match stop.is_asked() {
        true => Err(anyhow!("stopped before the {} kills were done", flags.kills).into()),
        false => Ok(()),
    }
}

fn kept(folder: &Path, error: anyhow::Error) -> Failure {
    explain(&format!("the database and the server's log are kept in {}", folder.display()));
    error.into()
}

/// A folder that was not there, readable by its owner alone.
fn new_folder(within: &Path) -> Result<PathBuf, Failure> {
    fs::create_dir_all(within).with_context(|| format!("make {}", within.display()))?;
    let within = within.canonicalize().with_context(|| format!("find {}", within.display()))?;
    loop {
        let folder = within.join(format!("tidings-prove-{:08x}", rand::random::<u32>()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(anyhow!(error).context(format!("make {}", folder.display())).into()),
        }
    }
}

/// The bar, over all rounds.
struct Rounds<'a> {
    bar: Bar,
    of: usize,
    stop: &'a Stop,
}

impl prove::Watch for Rounds<'_> {
    fn goes_on(&mut self, rounds: usize, _: u64) -> bool {
        self.bar.show(rounds as f64 / self.of as f64, rounds as u64);
        !self.stop.is_asked()
    }
}
