//! The scenarios, one after another, over the same connections.

use bench::probe::{Finding, Plan, Probe, ProbeError, Speaker};

use super::{
    super::{
        output::explain,
        progress::{Bar, Stop},
    },
    advice::Advice,
    agenda::Agenda,
    deployment::Deployment,
    identity::Users,
    scenario::Scenario,
};

/// What was found before the end, and why it was one if not all was asked.
pub(super) struct Outcome {
    pub(super) findings: Vec<Finding>,
    pub(super) ended: Option<String>,
}

/// All that a measurement needs.
pub(super) struct Measure<'a> {
    pub(super) plan: &'a Plan,
    pub(super) users: &'a Users,
    pub(super) agenda: &'a Agenda,
    pub(super) deployment: &'a mut Deployment,
    pub(super) group: u64,
    pub(super) advice: &'a Advice,
    pub(super) stop: &'a Stop,
}

impl Measure<'_> {
    /// Asks all of it, and ends with the first that fails.
    pub(super) fn run(mut self) -> Outcome {
        let mut findings = Vec::new();
        let ended = self.ask_all(&mut findings).err();
        Outcome { findings, ended }
    }

    fn ask_all(&mut self, findings: &mut Vec<Finding>) -> Result<(), String> {
        let connected = Probe::connect(self.plan, &mut Bar::start(Scenario::Connect, self.stop));
        let (mut probe, finding) = connected.map_err(|error| self.explained(Scenario::Connect, &error))?;
        findings.push(finding);
        for scenario in self.agenda.asked.iter().copied().filter(|&scenario| scenario != Scenario::Connect) {
            if self.stop.is_asked() {
                return Err(format!("stopped before {scenario}"));
            }
            let finding = self.ask(scenario, &mut probe)?;
            let clean = finding.is_clean();
            findings.push(finding);
            if self.stop.is_asked() {
                return Err(format!("stopped during {scenario}"));
            }
            if !clean {
                return Err(format!("{scenario}: messages were lost, doubled or out of order"));
            }
        }
        Ok(())
    }

    fn ask(&mut self, scenario: Scenario, probe: &mut Probe<'_>) -> Result<Finding, String> {
        let mut bar = Bar::start(scenario, self.stop);
        let found = match scenario {
            Scenario::Connect => unreachable!("it is asked before all others"),
            Scenario::Idle => probe.idle(&mut bar),
            Scenario::Ping => probe.ping(&mut bar),
            Scenario::Private1 => probe.private(1, &mut bar),
            Scenario::Private32 => probe.private(32, &mut bar),
            Scenario::Push => {
                let key = self.deployment.key.clone().unwrap_or_default();
                let path = self.deployment.path("/v1/messages");
                let client = &mut self.deployment.client;
                probe.crowd(Speaker::Backend { client, path: &path, key: &key }, &mut bar)
            }
            Scenario::Group => return self.ask_group(probe, &mut bar),
        };
        found.map_err(|error| self.explained(scenario, &error))
    }

    /// Makes everybody a member, asks, and takes them out again, whatever came of it.
    fn ask_group(&mut self, probe: &mut Probe<'_>, bar: &mut Bar) -> Result<Finding, String> {
        let refused = |error: anyhow::Error| format!("group: {error:#}");
        // Whoever is in it already must not be taken out below.
        self.deployment.check_empty(self.group).map_err(refused)?;
        let mut everybody = self.users.all.iter();
        let joined = everybody.try_for_each(|user| self.deployment.set_member(self.group, user, true));
        let group = self.group.to_string();
        let found = joined.map_err(refused).and_then(|()| {
            let found = probe.crowd(Speaker::Member { group: &group }, bar);
            found.map_err(|error| self.explained(Scenario::Group, &error))
        });
        let left = self.users.all.iter().try_for_each(|user| self.deployment.set_member(self.group, user, false));
        if let Err(error) = left {
            explain(&format!("the group {group} could not be emptied again: {error:#}"));
        }
        found
    }

    fn explained(&self, scenario: Scenario, error: &ProbeError) -> String {
        format!("{scenario}: {}", self.advice.ended(scenario, error, &self.plan.people))
    }
}
