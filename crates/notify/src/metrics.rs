//! The only place of the pack that names metrics. Labels are bounded.

use metrics::{counter, gauge};

/// Jobs that wait, and since when the oldest does.
pub(crate) fn queue(waiting: u64, oldest_seconds: i64) {
    gauge!("tidings_notification_jobs").set(waiting as f64);
    gauge!("tidings_notification_oldest_job_seconds").set(oldest_seconds as f64);
}

/// Recipients whom a job has reached.
pub(crate) fn recipients(count: usize) {
    counter!("tidings_notification_recipients_total").increment(count as u64);
}

/// What became of a notice for a recipient.
pub(crate) fn decided(verdict: &'static str) {
    counter!("tidings_notifications_total", "verdict" => verdict).increment(1);
}
