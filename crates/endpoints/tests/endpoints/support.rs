//! A client for tests, with times that suit them.

use std::time::Duration;

use tidings_endpoints::{EndpointOptions, Endpoints, Template};
use tidings_testkit::AppBackend;
use tidings_wire::UserId;

/// A client that waits long enough for any test.
pub(crate) fn endpoints() -> Endpoints {
    endpoints_with(|_| {})
}

pub(crate) fn endpoints_with(change: impl FnOnce(&mut EndpointOptions)) -> Endpoints {
    let mut options = EndpointOptions {
        timeout: Duration::from_secs(60),
        pause: Duration::from_millis(1),
        ..EndpointOptions::default()
    };
    change(&mut options);
    Endpoints::new(options).unwrap()
}

pub(crate) fn template(backend: &AppBackend, path: &str, places: &'static [&'static str]) -> Template {
    Template::parse("app.test.url", &backend.url(path), places).unwrap()
}

pub(crate) fn user(id: u32) -> UserId {
    UserId::new(id)
}

/// A port's answer, whatever it is: on a runtime without a driver, as a port may be polled anywhere.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
