//! When a user wants quiet.

use jiff::{Timestamp, ToSpan, civil::Time, civil::Weekday, tz::TimeZone};
use serde::{Deserialize, Serialize};
use tidings_server::utoipa::{self, ToSchema};
use tidings_wire::Reject;

/// Spans of a day that one user names at most.
const SPANS: usize = 28;

/// A user's quiet hours: what comes then waits until they are over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct QuietHours {
    /// A time zone of the IANA database, such as `Europe/Berlin`; `UTC` if absent.
    #[serde(default = "utc")]
    pub(crate) zone: String,
    /// Never quiet where there are none.
    #[serde(default)]
    pub(crate) hours: Vec<Span>,
}

/// One span, on some days of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Span {
    /// On which days it begins: `mon` to `sun`; every day if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) days: Vec<String>,
    /// Local time, `22:00`.
    pub(crate) from: String,
    /// Local time, `07:00`; on the next day where it is not after `from`.
    pub(crate) to: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Quiet hours that were read.
#[derive(Clone, Debug)]
pub(crate) struct Quiet {
    zone: TimeZone,
    spans: Vec<(Vec<Weekday>, Time, Time)>,
}

impl QuietHours {
    /// Reads them.
    ///
    /// # Errors
    /// `bad_field`, with its path.
    pub(crate) fn read(&self) -> Result<Quiet, Reject> {
        let zone = TimeZone::get(&self.zone).map_err(|_| {
            Reject::field(
                "zone",
                format!("{:?} is no time zone of the IANA database, such as \"Europe/Berlin\"", self.zone),
            )
        })?;
        if self.hours.len() > SPANS {
            return Err(Reject::field("hours", format!("at most {SPANS} spans")));
        }
        let spans = self.hours.iter().enumerate().map(|(at, span)| span.read(at)).collect::<Result<_, _>>()?;
        Ok(Quiet { zone, spans })
    }
}

impl Span {
    fn read(&self, at: usize) -> Result<(Vec<Weekday>, Time, Time), Reject> {
        let time = |name: &str, text: &str| {
            let read = Time::strptime("%H:%M", text);
            read.map_err(|_| Reject::field(format!("hours[{at}].{name}"), "a local time such as \"22:00\""))
        };
        let day = |day: &String| match &**day {
            "mon" => Ok(Weekday::Monday),
            "tue" => Ok(Weekday::Tuesday),
            "wed" => Ok(Weekday::Wednesday),
            "thu" => Ok(Weekday::Thursday),
            "fri" => Ok(Weekday::Friday),
            "sat" => Ok(Weekday::Saturday),
            "sun" => Ok(Weekday::Sunday),
            _ => Err(Reject::field(format!("hours[{at}].days"), "mon, tue, wed, thu, fri, sat or sun")),
        };
        let days = self.days.iter().map(day).collect::<Result<_, _>>()?;
        Ok((days, time("from", &self.from)?, time("to", &self.to)?))
    }
}

impl Quiet {
    /// Until when, Unix seconds, it is quiet at this second; none where it is not.
    pub(crate) fn until(&self, second: i64) -> Option<i64> {
        let mut end = None;
        // Spans may touch one another: each is looked at once more after the end of another, and no longer than a week.
        for _ in 0..=self.spans.len() {
            let at = end.unwrap_or(second);
            match self.spans.iter().filter_map(|span| self.end_of(span, at)).max() {
                Some(later) if later > at => end = Some(later),
                _ => break,
            }
        }
        end
    }

    /// When the span ends that covers this second. Times that a change of the clocks leaves out or repeats are taken as jiff's
    /// `compatible` says (RFC 5545 §3.3.5): one in a gap is later by the gap, of two the earlier.
    fn end_of(&self, (days, from, to): &(Vec<Weekday>, Time, Time), second: i64) -> Option<i64> {
        let now = Timestamp::from_second(second).ok()?;
        let today = now.to_zoned(self.zone.clone()).date();
        [today.yesterday().ok(), Some(today)].into_iter().flatten().find_map(|day| {
            if !days.is_empty() && !days.contains(&day.weekday()) {
                return None;
            }
            let until = if to > from { day } else { day.checked_add(1.day()).ok()? };
            let begin = day.to_datetime(*from).to_zoned(self.zone.clone()).ok()?.timestamp();
            let end = until.to_datetime(*to).to_zoned(self.zone.clone()).ok()?.timestamp();
            (begin <= now && now < end).then(|| end.as_second())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(zone: &str, spans: &[(&[&str], &str, &str)]) -> Quiet {
        let span = |(days, from, to): &(&[&str], &str, &str)| Span {
            days: days.iter().map(|&day| day.to_owned()).collect(),
            from: (*from).to_owned(),
            to: (*to).to_owned(),
        };
        QuietHours { zone: zone.to_owned(), hours: spans.iter().map(span).collect() }.read().unwrap()
    }

    fn second(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    fn until(quiet: &Quiet, at: &str) -> Option<String> {
        quiet.until(second(at)).map(|end| Timestamp::from_second(end).unwrap().to_string())
    }

    #[test]
    fn a_night_ends_in_the_morning_of_the_users_zone() {
        let night = quiet("Europe/Berlin", &[(&[], "22:00", "07:00")]);
        for (at, end) in [
            ("2026-01-10T20:59:59Z", None),
            ("2026-01-10T21:00:00Z", Some("2026-01-11T06:00:00Z")),
            ("2026-01-11T05:59:59Z", Some("2026-01-11T06:00:00Z")),
            ("2026-01-11T06:00:00Z", None),
            // In the night to the 29th of March the clocks go forward, in that to the 25th of October back.
            ("2026-03-28T22:30:00Z", Some("2026-03-29T05:00:00Z")),
            ("2026-10-24T21:30:00Z", Some("2026-10-25T06:00:00Z")),
        ] {
            assert_eq!(until(&night, at).as_deref(), end, "{at}");
        }
    }

    #[test]
    fn an_end_that_the_change_of_clocks_leaves_out_is_an_hour_later() {
        let short = quiet("Europe/Berlin", &[(&[], "01:00", "02:30")]);
        assert_eq!(until(&short, "2026-03-29T00:30:00Z").as_deref(), Some("2026-03-29T01:30:00Z"));
        // 02:30 comes twice: the first time ends it.
        assert_eq!(until(&short, "2026-10-25T00:00:00Z").as_deref(), Some("2026-10-25T00:30:00Z"));
        assert_eq!(until(&short, "2026-10-25T01:00:00Z"), None);
    }

    #[test]
    fn a_span_belongs_to_the_day_on_which_it_begins() {
        let weekend = quiet("UTC", &[(&["fri", "sat"], "22:00", "09:00")]);
        // The 9th of January 2026 is a Friday.
        assert_eq!(until(&weekend, "2026-01-10T08:00:00Z").as_deref(), Some("2026-01-10T09:00:00Z"));
        assert_eq!(until(&weekend, "2026-01-12T08:00:00Z"), None);
        assert_eq!(until(&weekend, "2026-01-08T23:00:00Z"), None);
    }

    #[test]
    fn spans_that_touch_are_one() {
        let two = quiet("UTC", &[(&[], "22:00", "00:00"), (&[], "00:00", "06:00")]);
        assert_eq!(until(&two, "2026-01-10T23:00:00Z").as_deref(), Some("2026-01-11T06:00:00Z"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let span = |from: &str| Span { days: Vec::new(), from: from.to_owned(), to: "07:00".to_owned() };
        let hours = |zone: &str, span| QuietHours { zone: zone.to_owned(), hours: vec![span] };
        let wrong = |hours: QuietHours| hours.read().unwrap_err().field.unwrap().into_owned();
        assert_eq!(wrong(hours("Mars/Base", span("22:00"))), "zone");
        assert_eq!(wrong(hours("UTC", span("25:00"))), "hours[0].from");
        let day = Span { days: vec!["someday".to_owned()], ..span("22:00") };
        assert_eq!(wrong(hours("UTC", day)), "hours[0].days");
    }
}
