//! Waiting for what comes over real sockets, with an end.

use std::time::Duration;

/// How long a test waits for anything: far more than it takes, so that only what never comes fails it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for an event, and fails the test where it never comes.
pub(super) async fn patiently<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}
