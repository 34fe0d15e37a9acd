//! The connections of a probe, and one function for each thing asked of the server.

use std::time::{Duration, Instant};

use super::crowd::{Crowd, Speaker};
use super::finding::Finding;
use super::idle::Idle;
use super::letter::Letters;
use super::pairs::Pairs;
use super::ping::Pings;
use super::plan::Plan;
use crate::latency::Latency;
use crate::load::{Door, Load, LoadError, Outgoing, Scene, TICK};
use crate::usage::{self, Meter};

/// Upgrades under way at once: enough to measure, and little beside what a server's users ask of it.
const OPENING_AT_ONCE: usize = 16;

/// The watch looks on this often at most: whatever it shows must not cost what is measured.
const LOOKS: Duration = Duration::from_millis(10);

/// How far one thing is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Of what is counted there.
    pub done: u64,
    /// The share of its time that has passed, 0 to 1; of connecting, the share of connections that are open.
    pub share: f64,
}

/// Looks on while something is asked, and may end it.
pub trait Watch {
    /// Called some ten to a hundred times a second. False ends what is going on: nothing more is sent, and what is under way
    /// is still waited for.
    fn goes_on(&mut self, progress: Progress) -> bool;
}

/// Why a probe ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// A connection, a refusal, silence.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Not all connections were open in time.
    #[error("{open} of {wanted} connections were open after {time:?}")]
    TooSlow {
        /// Connections that were open.
        open: usize,
        /// Connections that were asked for.
        wanted: usize,
        /// The time that was given.
        time: Duration,
    },
    /// The process that should be charged.
    #[error("the process {pid} can't be charged")]
    Process {
        /// Its id.
        pid: u32,
        /// Why.
        source: std::io::Error,
    },
    /// The push over HTTP.
    #[error("the push failed")]
    Push(#[from] crate::http::HttpError),
}

/// Open connections, and what they keep to.
pub struct Probe<'a> {
    pub(super) plan: &'a Plan,
    pub(super) load: Load,
    /// Resident KiB before the first connection.
    resident_before: Option<u64>,
    /// Tells the contents of one scenario from those of the next.
    scenarios: u8,
}

impl<'a> Probe<'a> {
    /// Connects everybody, at most [`Plan::time`] long.
    ///
    /// # Errors
    /// Whatever hinders it; the watch's no.
    pub fn connect(plan: &'a Plan, watch: &mut dyn Watch) -> Result<(Self, Finding), ProbeError> {
        let wanted = plan.people.len();
        let resident_before = plan.pid.map(resident_kib).transpose()?;
        let meter = start(plan.pid)?;
        let request = |index: usize| plan.people[index].request.clone();
        let door = Door {
            address: plan.address,
            at_once: OPENING_AT_ONCE,
            first_user: 1,
            silence: plan.silence,
            request: &request,
        };
        let began = Instant::now();
        let mut late = None;
        let opened = Load::open_with(&door, wanted, &mut |open| {
            late = (began.elapsed() >= plan.time).then_some(open);
            late.is_none() && watch.goes_on(Progress { done: open as u64, share: open as f64 / wanted.max(1) as f64 })
        });
        if let Some(open) = late {
            return Err(ProbeError::TooSlow { open, wanted, time: plan.time });
        }
        let (load, took) = opened?;
        let mut finding = Finding::new("connect", "upgrades");
        finish(&mut finding, wanted as u64, began.elapsed(), &took);
        charge(&meter, &mut finding)?;
        Ok((Self { plan, load, resident_before, scenarios: 0 }, finding))
    }

    /// Does nothing for a while; the server's pings are answered.
    ///
    /// # Errors
    /// A connection's end.
    pub fn idle(&mut self, watch: &mut dyn Watch) -> Result<Finding, ProbeError> {
        let connections = self.plan.people.len() as u64;
        let mut scene = Idle::default();
        let began = self.drive(&mut scene, watch)?;
        let mut finding = Finding::new("idle", "connections");
        finding.count = connections;
        finding.seconds = began.elapsed().as_secs_f64();
        finding.of_others = scene.of_others();
        finding.resident_kib = self.plan.pid.map(resident_kib).transpose()?;
        let grown = self.resident_before.zip(finding.resident_kib).map(|(before, after)| after as f64 - before as f64);
        finding.kib_each = grown.map(|kib| kib / connections as f64);
        Ok(finding)
    }

    /// One connection after the other pings, one ping under way (RFC 6455 section 5.5.2).
    ///
    /// # Errors
    /// A connection's end; silence.
    pub fn ping(&mut self, watch: &mut dyn Watch) -> Result<Finding, ProbeError> {
        let meter = start(self.plan.pid)?;
        let mut scene = Pings::new(self.plan);
        let began = self.drive(&mut scene, watch)?;
        let mut finding = Finding::new("ping", "pongs");
        finding.sent = scene.sent();
        finding.of_others = scene.of_others();
        finish(&mut finding, scene.answered(), began.elapsed(), scene.latency());
        charge(&meter, &mut finding)?;
        Ok(finding)
    }

    /// The users write to each other in pairs, in turns, with at most so many messages under way. Of an odd number the last
    /// user is left out.
    ///
    /// # Errors
    /// A connection's end; a refusal.
    pub fn private(&mut self, under_way: usize, watch: &mut dyn Watch) -> Result<Finding, ProbeError> {
        let meter = start(self.plan.pid)?;
        let letters = self.letters();
        let mut scene = Pairs::new(self.plan, letters, under_way);
        let start = self.drive_until_silent(&mut scene, watch)?;
        let mut finding = Finding::new(format!("private{under_way}"), "deliveries");
        finding.sent = scene.sent();
        finding.of_others = scene.of_others();
        finish(&mut finding, scene.delivered(), start, scene.latency());
        finding.blame(&scene.faults());
        charge(&meter, &mut finding)?;
        Ok(finding)
    }

    /// One speaks to all, with one message under way.
    ///
    /// # Errors
    /// A connection's end; a refusal.
    pub fn crowd(&mut self, speaker: Speaker<'_>, watch: &mut dyn Watch) -> Result<Finding, ProbeError> {
        let meter = start(self.plan.pid)?;
        let letters = self.letters();
        let mut finding = Finding::new(speaker.scenario(), "deliveries");
        let mut scene = Crowd::new(self.plan, letters, speaker);
        let took = self.drive_until_silent(&mut scene, watch)?;
        finding.sent = scene.sent();
        finding.of_others = scene.of_others();
        finish(&mut finding, scene.delivered(), took, scene.last());
        finding.first = scene.first().quantiles();
        finding.blame(&scene.faults());
        charge(&meter, &mut finding)?;
        Ok(finding)
    }

    fn letters(&mut self) -> Letters {
        self.scenarios = self.scenarios.wrapping_add(1);
        Letters::new(self.plan.mark, self.scenarios, self.plan.content_bytes)
    }

    /// Lets a scene go on for the plan's time and until nothing is under way, which is waited for at most the plan's silence.
    fn drive(&mut self, scene: &mut impl Timed, watch: &mut dyn Watch) -> Result<Instant, ProbeError> {
        let start = Instant::now();
        let end = start + self.plan.time;
        // When something was last heard of; once sending has ended, others' messages don't count any more.
        let mut heard_at = start;
        let mut sending = true;
        let mut look_at = start;
        let mut outgoing = Outgoing::default();
        loop {
            let now = Instant::now();
            let share = (now - start).as_secs_f64() / self.plan.time.as_secs_f64();
            if now >= look_at {
                look_at = now + LOOKS;
                sending &= watch.goes_on(Progress { done: scene.counted(), share: share.min(1.0) });
            }
            sending &= now < end;
            if !sending && scene.done() {
                return Ok(start);
            }
            if now - heard_at >= self.plan.silence {
                return Err(LoadError::Silent(self.plan.silence).into());
            }
            let wake = scene.due(now, sending, &mut outgoing)?.min(if sending { end } else { now + TICK });
            self.load.send(&mut outgoing)?;
            let wait = wake.saturating_duration_since(Instant::now()).min(TICK);
            let heard = self.load.turn(wait, scene)?;
            if sending && (heard || scene.done()) {
                heard_at = Instant::now();
            }
        }
    }

    /// The same of a scene that counts what it awaits: silence is then no error, but messages that are lost. Gives the time.
    fn drive_until_silent(&mut self, scene: &mut impl Timed, watch: &mut dyn Watch) -> Result<Duration, ProbeError> {
        let start = Instant::now();
        match self.drive(scene, watch) {
            Err(ProbeError::Load(LoadError::Silent(_))) => {}
            other => _ = other?,
        }
        Ok(start.elapsed())
    }
}

/// A scene that sends for a given time.
pub(super) trait Timed: Scene {
    /// Sends what is due, if sending goes on, and says when to be asked again at the latest.
    ///
    /// # Errors
    /// What can't be sent.
    fn due(&mut self, now: Instant, sending: bool, outgoing: &mut Outgoing) -> Result<Instant, ProbeError>;

    /// What is counted, so far.
    fn counted(&self) -> u64;
}

fn finish(finding: &mut Finding, count: u64, took: Duration, latency: &Latency) {
    finding.count = count;
    finding.seconds = took.as_secs_f64();
    finding.per_second = Some(count as f64 / finding.seconds);
    finding.last = latency.quantiles();
}

fn start(pid: Option<u32>) -> Result<Meter, ProbeError> {
    Meter::start(pid).map_err(|source| ProbeError::Process { pid: pid.unwrap_or(0), source })
}

fn charge(meter: &Meter, finding: &mut Finding) -> Result<(), ProbeError> {
    let pid = meter.pid().unwrap_or(0);
    let charge = meter.charge(finding.count).map_err(|source| ProbeError::Process { pid, source })?;
    (finding.cpu_micros_each, finding.resident_kib) = (charge.micros_each, charge.resident_kib);
    Ok(())
}

fn resident_kib(pid: u32) -> Result<u64, ProbeError> {
    usage::resident_kib(pid).map_err(|source| ProbeError::Process { pid, source })
}
