//! What a person sees while it goes on, and how they end it.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bench::probe::{Progress, Watch};
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    super::{output::explain, run::block_on, signals::Signals},
    scenario::Scenario,
};

/// Set by the first Ctrl-C (SIGINT), SIGTERM or SIGHUP.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on the first signal asks for an end, and the second ends the process.
    ///
    /// # Errors
    /// Where the system gives no thread or no handler.
    pub(super) fn on_signal() -> std::io::Result<Self> {
        let stop = Self::default();
        let asked = stop.clone();
        let (tell, taken) = std::sync::mpsc::sync_channel(1);
        // It lives until the process ends, which doesn't wait for it.
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let followed = block_on(async {
                let mut signals = match Signals::take() {
                    Ok(signals) => signals,
                    Err(error) => return tell.send(Err(error)).unwrap_or(()),
                };
                let _ = tell.send(Ok(()));
                let signal = signals.next().await;
                asked.0.store(true, Ordering::Relaxed);
                explain(&format!("{signal}: it ends, and says what was measured; a second one ends it at once"));
                signals.next().await;
                std::process::exit(1);
            });
            if let Err(error) = followed {
                explain(&format!("signals are not followed: {error}"));
            }
        })?;
        taken.recv().unwrap_or(Ok(()))?;
        Ok(stop)
    }

    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A bar for one scenario; nothing where standard error is no terminal.
pub(super) struct Bar {
    bar: ProgressBar,
    stop: Stop,
}

/// The bar's length: shares are shown in steps of a thousandth.
const STEPS: u64 = 1_000;

impl Bar {
    pub(super) fn start(scenario: Scenario, stop: &Stop) -> Self {
        let style = ProgressStyle::with_template("{prefix:>10} [{bar:32}] {msg}")
            .expect("the template is constant and right")
            .progress_chars("=> ");
        let bar = ProgressBar::new(STEPS).with_style(style).with_prefix(Cow::from(scenario.to_string()));
        Self { bar, stop: stop.clone() }
    }
}

impl Watch for Bar {
    fn goes_on(&mut self, progress: Progress) -> bool {
        self.bar.set_position((progress.share * STEPS as f64) as u64);
        if progress.done > 0 {
            self.bar.set_message(progress.done.to_string());
        }
        !self.stop.is_asked()
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
