//! What a server says of itself at `/metrics`, in the text format of Prometheus (version 0.0.4).

use std::collections::BTreeMap;

use crate::http::{Client, HttpError, Request};
use crate::target::Target;

/// One look at all metrics.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Scrape {
    /// By the whole series, as it stands: name and labels.
    series: BTreeMap<String, f64>,
}

/// The growth of a histogram between two looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Upper bounds, ascending, each with how many values lay at or below it.
    buckets: Vec<(f64, f64)>,
}

/// A quantile of a [`Histogram`] with the bounds of its bucket, which is all that is certain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Interpolated within the bucket, as if values lay evenly in it.
    pub value: f64,
    /// The bucket's lower bound.
    pub above: f64,
    /// Its upper bound; infinite in the last bucket, where `value` is the lower one.
    pub at_most: f64,
}

impl Scrape {
    /// Asks the server.
    ///
    /// # Errors
    /// It doesn't answer.
    pub fn of(target: &Target) -> Result<Self, HttpError> {
        let mut client = Client::new(target.address, &target.address.to_string(), target.silence);
        let answer = client.ask(&Request { method: "GET", path: "/metrics", bearer: None, body: b"" })?;
        Ok(Self::read(&answer.accepted()?.body))
    }

    /// Reads the text; lines that say nothing are passed over.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            // A label may hold blanks; the value is behind the last.
            let (series, value) = line.trim().rsplit_once(' ')?;
            Some((series.trim().to_owned(), value.parse().ok()?))
        });
        Self { series: samples.collect() }
    }

    /// The sum of a metric's series that have all of these labels; `None` where there is no such series.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let found: Vec<f64> = self.matching(name, labels).map(|(_, value)| value).collect();
        (!found.is_empty()).then(|| found.iter().sum())
    }

    /// What a histogram with these labels gained since `before`, its series added up; `None` where there is none.
    #[must_use]
    pub fn histogram_since(&self, before: &Self, name: &str, labels: &[(&str, &str)]) -> Option<Histogram> {
        let name = format!("{name}_bucket");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (series, value) in self.matching(&name, labels) {
            let bound = match label(series, "le")? {
                "+Inf" => f64::INFINITY,
                bound => bound.parse().ok()?,
            };
            let gained = value - before.series.get(series).copied().unwrap_or(0.0);
            match buckets.iter_mut().find(|(known, _)| *known == bound) {
                Some((_, count)) => *count += gained,
                None => buckets.push((bound, gained)),
            }
        }
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        (!buckets.is_empty()).then_some(Histogram { buckets })
    }

    fn matching<'a>(&'a self, name: &'a str, labels: &'a [(&str, &str)]) -> impl Iterator<Item = (&'a str, f64)> {
        let of_name = |series: &str| series.split('{').next() == Some(name);
        let labelled = |series: &str| labels.iter().all(|&(key, value)| label(series, key) == Some(value));
        let all = self.series.iter().map(|(series, &value)| (series.as_str(), value));
        all.filter(move |(series, _)| of_name(series) && labelled(series))
    }
}

impl Histogram {
    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> f64 {
        self.buckets.last().map_or(0.0, |&(_, count)| count)
    }

    /// The quantile, 0 to 1; `None` without values.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<Estimate> {
        let rank = quantile * self.count();
        let at = self.buckets.iter().position(|&(_, count)| count > 0.0 && count >= rank)?;
        let (above, below) = if at == 0 { (0.0, 0.0) } else { self.buckets[at - 1] };
        let (at_most, count) = self.buckets[at];
        let value =
            if at_most.is_infinite() { above } else { above + (at_most - above) * (rank - below) / (count - below) };
        Some(Estimate { value, above, at_most })
    }
}

/// The value of a label. Values that hold quotes are none of ours.
fn label<'a>(series: &'a str, key: &str) -> Option<&'a str> {
    let labels = series.split_once('{')?.1.strip_suffix('}')?;
    labels.split("\",").find_map(|pair| {
        let (found, value) = pair.split_once("=\"")?;
        (found.trim() == key).then(|| value.strip_suffix('"').unwrap_or(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "# TYPE delay histogram\n\
        delay_bucket{type=\"private\",le=\"0.001\"} 10\n\
        delay_bucket{type=\"private\",le=\"0.01\"} 10\n\
        delay_bucket{type=\"private\",le=\"+Inf\"} 10\n";

    const AFTER: &str = "tidings_connections{shard=\"0\"} 3\n\
        tidings_connections{shard=\"1\"} 4\n\
        tidings_connections_opened_total 9\n\
        delay_bucket{type=\"private\",le=\"0.001\"} 60\n\
        delay_bucket{type=\"private\",le=\"0.01\"} 110\n\
        delay_bucket{type=\"private\",le=\"+Inf\"} 110\n\
        delay_bucket{type=\"group\",le=\"0.001\"} 1000\n\
        delay_bucket{type=\"group\",le=\"+Inf\"} 1000\n";

    #[test]
    fn series_are_told_by_name_and_labels() {
        let scrape = Scrape::read(AFTER);
        assert_eq!(scrape.value("tidings_connections", &[("shard", "1")]), Some(4.0));
        assert_eq!(scrape.value("tidings_connections", &[]), Some(7.0));
        assert_eq!(scrape.value("tidings_connections", &[("shard", "2")]), None);
        assert_eq!(scrape.value("tidings_connections_opened_total", &[]), Some(9.0));
    }

    #[test]
    fn a_quantile_lies_in_the_bucket_of_what_came_in_between() {
        let (before, after) = (Scrape::read(BEFORE), Scrape::read(AFTER));
        let histogram = after.histogram_since(&before, "delay", &[("type", "private")]).unwrap();
        assert_eq!(histogram.count(), 100.0);
        let p75 = histogram.quantile(0.75).unwrap();
        assert_eq!((p75.above, p75.at_most), (0.001, 0.01));
        assert!((p75.value - 0.0055).abs() < 1e-9, "{p75:?}");
        assert_eq!(histogram.quantile(0.5).unwrap(), Estimate { value: 0.001, above: 0.0, at_most: 0.001 });
    }

    #[test]
    fn no_histogram_and_no_values_are_told_apart() {
        let (before, after) = (Scrape::read(BEFORE), Scrape::read(AFTER));
        assert_eq!(after.histogram_since(&before, "turn", &[]), None);
        assert_eq!(after.histogram_since(&after, "delay", &[]).unwrap().quantile(0.5), None);
    }
}
