//! The only place that names the server's metrics, and where the process's recorder is installed. Labels are bounded: route
//! templates, known methods, classes of status, reasons from a list.

use std::{sync::OnceLock, time::Duration};

use http::{Method, StatusCode};
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// How often the recorder's samples are folded into buckets: unfolded ones take memory.
pub(crate) const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// From 50 µs to 10 s: a commit takes about 1 ms, a slow handler is cut at 5 s.
const SECONDS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// From 10 µs to 1 s, in steps of a half or so: what a shard's turn and a message's way through it take.
const TURNS: &[f64] = &[
    0.000_01, 0.000_015, 0.000_02, 0.000_03, 0.000_05, 0.000_075, 0.000_1, 0.000_15, 0.000_2, 0.000_3, 0.000_5,
    0.000_75, 0.001, 0.001_5, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0,
];

/// Acts in one commit, connections a message went to, and other counts.
const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1_024.0, 4_096.0, 16_384.0];

static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Installs the process's recorder, once. Where the app has installed another before, that one stays, and `/metrics` says so.
pub(crate) fn install() {
    RECORDER.get_or_init(|| {
        let builder = PrometheusBuilder::new().set_buckets(SECONDS).expect("the list of buckets is not empty");
        let acts = metrics_exporter_prometheus::Matcher::Suffix("_acts".into());
        let builder = builder.set_buckets_for_metric(acts, COUNTS).expect("the list of buckets is not empty");
        let turns = ["tidings_turn_seconds", "tidings_write_delay_seconds"];
        let builder = turns.into_iter().fold(builder, |builder, name| {
            let name = metrics_exporter_prometheus::Matcher::Full(name.into());
            builder.set_buckets_for_metric(name, TURNS).expect("the list of buckets is not empty")
        });
        builder
            .install_recorder()
            .inspect_err(|error| tracing::info!(%error, "metrics go to the app's own recorder"))
            .ok()
    });
}

/// The text for `/metrics`, or none where the app brought its own recorder.
pub(crate) fn render() -> Option<String> {
    RECORDER.get()?.as_ref().map(PrometheusHandle::render)
}

/// Folds samples into buckets.
pub(crate) fn upkeep() {
    if let Some(Some(recorder)) = RECORDER.get() {
        recorder.run_upkeep();
    }
}

/// A request was answered: by the template of its route, never its path.
pub(crate) fn answered(route: &str, method: &Method, status: StatusCode, took: Duration) {
    let class = match status.as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    };
    let (route, method) = (route.to_owned(), known(method));
    counter!("tidings_http_requests_total", "route" => route.clone(), "method" => method, "status" => class)
        .increment(1);
    histogram!("tidings_http_seconds", "route" => route, "method" => method).record(took);
}

/// An upgrade was refused.
pub(crate) fn upgrade_refused(reason: &'static str) {
    counter!("tidings_upgrades_refused_total", "reason" => reason).increment(1);
}

/// A connection of `tidings.v1` was closed before its `welcome`: the reason of its close code, or `gone` where the peer went.
pub(crate) fn hello_refused(reason: &'static str) {
    counter!("tidings_hellos_refused_total", "reason" => reason).increment(1);
}

/// An upgraded socket went to the engine: directly, taken back from another server, or bridged.
pub(crate) fn handed_over(way: &'static str) {
    counter!("tidings_upgrades_total", "way" => way).increment(1);
}

/// An HTTP connection was accepted, or refused for a reason.
pub(crate) fn http_connection(outcome: &'static str) {
    counter!("tidings_http_connections_total", "outcome" => outcome).increment(1);
}

/// So many HTTP connections are open.
pub(crate) fn http_open(connections: usize) {
    gauge!("tidings_http_connections").set(connections as f64);
}

/// Clients may write any word as a method.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
