//! What the suite found: its `index.json`, counted by section.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result};
use serde_json::Value;

/// The cases of the suite's version that [`super::python`] installs, by section. A case that did not run is no pass.
const EXPECTED: [Expected; 11] = [
    expected("1", "framing", 16),
    expected("2", "pings and pongs", 11),
    expected("3", "reserved bits", 7),
    expected("4", "opcodes", 10),
    expected("5", "fragmentation", 20),
    expected("6", "UTF-8", 145),
    expected("7", "closing", 37),
    expected("9", "limits", 54),
    expected("10", "cutting by the sender", 1),
    Expected { may_lack: true, ..expected("12", "compression", 90) },
    Expected { may_lack: true, ..expected("13", "compression's parameters", 126) },
];

struct Expected {
    section: &'static str,
    about: &'static str,
    cases: usize,
    /// We offer no compression (RFC 7692), so its cases may say that it is not implemented.
    may_lack: bool,
}

const fn expected(section: &'static str, about: &'static str, cases: usize) -> Expected {
    Expected { section, about, cases, may_lack: false }
}

/// Reads `index.json`: agents, their cases, what came of each.
///
/// # Errors
/// It is no JSON of that shape.
pub(super) fn read(text: &str, agent: &str) -> Result<Summary> {
    let report: Value = serde_json::from_str(text).context("read it as JSON")?;
    let cases = report[agent].as_object().with_context(|| format!("find the agent `{agent}`"))?;
    let mut summary = Summary::default();
    for (case, found) in cases {
        let of = |name: &str| found[name].as_str().with_context(|| format!("find the `{name}` of case {case}"));
        let verdict = Verdict::read(case, of("behavior")?, of("behaviorClose")?);
        if verdict == Verdict::Failed {
            let said = format!("{case}: {}, closing {}", of("behavior")?, of("behaviorClose")?);
            summary.failures.push(said);
        }
        *summary.sections.entry(section(case).to_owned()).or_default().entry(verdict).or_default() += 1;
    }
    Ok(summary)
}

/// What came of all cases.
#[derive(Debug, Default)]
pub(super) struct Summary {
    sections: BTreeMap<String, BTreeMap<Verdict, usize>>,
    /// One line for each case that failed.
    failures: Vec<String>,
}

/// What came of a case. The suite's own words, but for `Failed`, which is everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Ok,
    NonStrict,
    Informational,
    Unimplemented,
    Failed,
}

impl Verdict {
    fn read(case: &str, behavior: &str, closing: &str) -> Self {
        let may_lack = EXPECTED.iter().any(|expected| expected.section == section(case) && expected.may_lack);
        match (behavior, closing) {
            ("OK", "OK" | "INFORMATIONAL") => Self::Ok,
            ("NON-STRICT", "OK" | "INFORMATIONAL") => Self::NonStrict,
            ("INFORMATIONAL", "OK" | "INFORMATIONAL") => Self::Informational,
            ("UNIMPLEMENTED", "OK" | "UNIMPLEMENTED" | "INFORMATIONAL") if may_lack => Self::Unimplemented,
            _ => Self::Failed,
        }
    }
}

impl Summary {
    /// Whether every expected case ran and none failed.
    pub(super) fn is_good(&self) -> bool {
        self.failures.is_empty() && self.missing() == 0
    }

    /// Expected cases that did not run.
    fn missing(&self) -> usize {
        EXPECTED.iter().map(|expected| expected.cases.saturating_sub(self.ran(expected.section))).sum()
    }

    fn ran(&self, section: &str) -> usize {
        self.sections.get(section).map_or(0, |verdicts| verdicts.values().sum())
    }

    fn count(&self, section: &str, verdict: Verdict) -> usize {
        self.sections.get(section).and_then(|verdicts| verdicts.get(&verdict)).copied().unwrap_or(0)
    }

    fn total(&self, verdict: Verdict) -> usize {
        self.sections.values().filter_map(|verdicts| verdicts.get(&verdict)).sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Verdict::{Failed, Informational, NonStrict, Ok, Unimplemented};
        const VERDICTS: [Verdict; 5] = [Ok, NonStrict, Informational, Unimplemented, Failed];
        let names = ["OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED", "failed"];
        write!(f, "{:<30}{:>7}", "section", "cases")?;
        names.iter().try_for_each(|name| write!(f, "{name:>15}"))?;
        writeln!(f)?;
        let known: Vec<&str> = EXPECTED.iter().map(|expected| expected.section).collect();
        let new = self.sections.keys().map(String::as_str).filter(|section| !known.contains(section));
        for section in known.iter().copied().chain(new) {
            let about = EXPECTED.iter().find(|expected| expected.section == section).map_or("", |known| known.about);
            write!(f, "{:<30}{:>7}", format!("{section} {about}"), self.ran(section))?;
            VERDICTS.iter().try_for_each(|verdict| write!(f, "{:>15}", self.count(section, *verdict)))?;
            writeln!(f)?;
        }
        let ran: usize = self.sections.keys().map(|section| self.ran(section)).sum();
        write!(f, "{:<30}{ran:>7}", "all")?;
        VERDICTS.iter().try_for_each(|verdict| write!(f, "{:>15}", self.total(*verdict)))?;
        writeln!(f)?;
        self.failures.iter().try_for_each(|failure| writeln!(f, "failed: {failure}"))?;
        if self.missing() > 0 {
            writeln!(f, "{} expected cases did not run: that is no pass", self.missing())?;
        }
        fmt::Result::Ok(())
    }
}

/// The section of a case: `6.4.2` stands in section `6`.
fn section(case: &str) -> &str {
    case.split('.').next().unwrap_or(case)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A report in which each expected case says this.
    fn report(change: impl Fn(&str) -> Option<(&'static str, &'static str)>) -> Summary {
        let mut cases = serde_json::Map::new();
        for expected in &EXPECTED {
            for number in 1..=expected.cases {
                let case = format!("{}.1.{number}", expected.section);
                if let Some((behavior, closing)) = change(&case) {
                    let found = json!({"behavior": behavior, "behaviorClose": closing, "remoteCloseCode": 1000});
                    cases.insert(case, found);
                }
            }
        }
        read(&json!({"tidings": cases}).to_string(), "tidings").unwrap()
    }

    #[test]
    fn a_report_of_517_passes_is_good() {
        let summary = report(|_| Some(("OK", "OK")));
        assert!(summary.is_good());
        assert_eq!(summary.total(Verdict::Ok), 517);
        let shown = summary.to_string();
        assert!(shown.contains("\nall                               517            517              0"), "{shown}");
    }

    #[test]
    fn only_compression_may_be_unimplemented() {
        let lacks = |lacking: &'static str| {
            report(move |case| Some((if section(case) == lacking { "UNIMPLEMENTED" } else { "OK" }, "OK")))
        };
        assert!(lacks("12").is_good() && lacks("13").is_good());
        assert_eq!(lacks("12").total(Verdict::Unimplemented), 90);
        let framing = lacks("1");
        assert!(!framing.is_good());
        assert_eq!(framing.total(Verdict::Failed), 16);
    }

    #[test]
    fn every_way_to_fail_is_counted_and_named() {
        for (behavior, closing) in [
            ("FAILED", "OK"),
            ("WRONG CODE", "OK"),
            ("SOMETHING NEW", "OK"),
            ("OK", "FAILED"),
            ("OK", "UNCLEAN"),
            ("OK", "WRONG CODE"),
            ("OK", "FAILED BY CLIENT"),
            ("NON-STRICT", "FAILED"),
            ("INFORMATIONAL", "UNCLEAN"),
        ] {
            let summary = report(|case| Some(if case == "7.1.3" { (behavior, closing) } else { ("OK", "OK") }));
            assert!(!summary.is_good(), "{behavior}, {closing}");
            let line = format!("failed: 7.1.3: {behavior}, closing {closing}\n");
            assert!(summary.to_string().ends_with(&line), "{summary}");
        }
    }

    #[test]
    fn what_is_not_strict_or_only_informs_is_no_failure() {
        let summary = report(|case| {
            Some(match case {
                "6.1.4" => ("NON-STRICT", "OK"),
                "7.1.13" => ("INFORMATIONAL", "INFORMATIONAL"),
                _ => ("OK", "OK"),
            })
        });
        assert!(summary.is_good());
        assert_eq!((summary.total(Verdict::NonStrict), summary.total(Verdict::Informational)), (1, 1));
    }

    #[test]
    fn a_case_that_did_not_run_is_no_pass() {
        let summary = report(|case| (case != "9.1.54").then_some(("OK", "OK")));
        assert!(!summary.is_good());
        assert!(summary.to_string().ends_with("1 expected cases did not run: that is no pass\n"), "{summary}");
    }

    #[test]
    fn more_cases_of_one_section_do_not_stand_for_those_of_another() {
        let mut summary = report(|case| (case != "9.1.54").then_some(("OK", "OK")));
        *summary.sections.get_mut("1").unwrap().get_mut(&Verdict::Ok).unwrap() += 1;
        assert_eq!(summary.missing(), 1);
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for text in ["", "[]", "{}", r#"{"other":{}}"#, r#"{"tidings":{"1.1.1":{"behavior":"OK"}}}"#] {
            assert!(read(text, "tidings").is_err(), "{text}");
        }
    }
}
