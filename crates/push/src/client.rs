//! What goes out over HTTP: its thread, its time, what an answer means.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tidings_notify::ChannelError;
use tokio::{runtime::Runtime, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::guard::{Guard, Private};

/// Bounds of what goes out.
#[derive(Clone, Copy, Debug)]
pub struct OutboundOptions {
    /// From the look-up of the name to the end of the answer: 10 s.
    pub timeout: Duration,
    /// Whether addresses inside a network are reached, and `http://` besides `https://`.
    pub allow_private: bool,
}

impl Default for OutboundOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), allow_private: false }
    }
}

/// Why nothing can go out to a URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// The client can't be made.
    #[error("make the client for what goes out")]
    Client(#[source] std::io::Error),
    /// The URL is none, or not to be asked.
    #[error("{0}")]
    Url(String),
}

#[cfg(not(feature = "tls"))]
type Connector = HttpConnector<Guard>;
#[cfg(feature = "tls")]
type Connector = hyper_rustls::HttpsConnector<HttpConnector<Guard>>;

/// The client of all channels. Cheap to clone; its thread ends with the last clone. What is under way is as much as is asked of it: the
/// pack bounds that. Redirects are not followed.
#[derive(Clone)]
pub struct Outbound(Arc<Inner>);

struct Inner {
    /// Always there until it is dropped.
    runtime: Option<Runtime>,
    client: Client<Connector, Full<Bytes>>,
    options: OutboundOptions,
}

/// Bytes of an answer that are read, so that its connection can be used again. What it says is of no interest.
const ANSWER_BYTES: usize = 16 * 1024;

/// How long a connection that nobody uses is kept open.
const IDLE: Duration = Duration::from_secs(30);

/// Connections that nobody uses, for each host.
const IDLE_CONNECTIONS: usize = 4;

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    retry_after: Option<HeaderValue>,
}

impl Outbound {
    /// A client with a thread of its own. Nothing is sent yet.
    ///
    /// # Errors
    /// Where no thread can be had, or the system's trusted roots can't be read.
    pub fn new(options: OutboundOptions) -> Result<Self, OutboundError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            // For names: the system's resolver blocks.
            .max_blocking_threads(4)
            .thread_name("tidings-push")
            .enable_all()
            .build()
            .map_err(OutboundError::Client)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(connector(options).map_err(OutboundError::Client)?);
        Ok(Self(Arc::new(Inner { runtime: Some(runtime), client, options })))
    }

    /// Reads a URL to which something may be sent.
    ///
    /// # Errors
    /// Where it is none, is not encrypted, or names an address inside a network.
    pub(crate) fn url(&self, text: &str) -> Result<Uri, OutboundError> {
        let wrong = |problem: &str| OutboundError::Url(problem.to_owned());
        let uri: Uri = text.parse().map_err(|_| wrong("not a URL"))?;
        match uri.scheme_str() {
            Some("https") if cfg!(feature = "tls") => {}
            Some("https") => return Err(wrong("this build sends to no `https://`: it lacks the feature `tls`")),
            Some("http") if self.0.options.allow_private => {}
            _ => return Err(wrong("a URL that begins with `https://`")),
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(wrong("a URL without a user's name"));
        }
        self.guard().check(&uri).map_err(|private| OutboundError::Url(private.to_string()))?;
        Ok(uri)
    }

    fn guard(&self) -> Guard {
        Guard { allow_private: self.0.options.allow_private }
    }

    /// Runs work on the client's thread: a connection belongs to the runtime that made it, and what is computed holds up nobody else.
    pub(crate) async fn on_own_thread<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ChannelError>> + Send + 'static,
    ) -> Result<T, ChannelError> {
        let runtime = self.0.runtime.as_ref().expect("it is there until it is dropped");
        AbortOnDropHandle::new(runtime.spawn(work)).await.unwrap_or_else(|error| Err(passing(error)))
    }

    /// Posts.
    ///
    /// # Errors
    /// `Refused` for an address that is not reached; `Retry` for no answer in time.
    pub(crate) async fn post(&self, uri: Uri, headers: HeaderMap, body: Bytes) -> Result<Answer, ChannelError> {
        // Once more: an address may be in the store since another time.
        self.guard().check(&uri).map_err(|private| ChannelError::Refused(private.to_string()))?;
        let mut request =
            Request::post(uri).body(Full::new(body)).map_err(|error| ChannelError::Refused(error.to_string()))?;
        *request.headers_mut() = headers;
        let agent = HeaderValue::from_static(concat!("tidings/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(header::USER_AGENT, agent);
        let answered = async {
            let response = self.0.client.request(request).await.map_err(|error| match private(&error) {
                Some(private) => ChannelError::Refused(private),
                None => passing(error),
            })?;
            let retry_after = response.headers().get(header::RETRY_AFTER).cloned();
            let answer = Answer { status: response.status(), retry_after };
            // Read to its end where it is short; a longer one costs its connection.
            drop(Limited::new(response.into_body(), ANSWER_BYTES).collect().await);
            Ok(answer)
        };
        timeout(self.0.options.timeout, answered).await.unwrap_or_else(|_| Err(passing("no answer in time")))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Waiting for its thread would block, which async code may not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("options", &self.0.options).finish_non_exhaustive()
    }
}

impl Answer {
    /// It may be otherwise later; not before the time that the other side asked for.
    pub(crate) fn later(&self, at: i64) -> ChannelError {
        let text = self.retry_after.as_ref().and_then(|value| value.to_str().ok());
        let seconds = text.and_then(|text| {
            text.trim().parse().ok().or_else(|| {
                let date = httpdate::parse_http_date(text).ok()?;
                let date = date.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
                Some(date.saturating_sub(at.max(0).cast_unsigned()))
            })
        });
        let source = format!("answered with status {}", self.status.as_u16());
        ChannelError::Retry { after: seconds.map(Duration::from_secs), source: source.into() }
    }

    /// It would be so again.
    pub(crate) fn refused(&self) -> ChannelError {
        ChannelError::Refused(format!("answered with status {}", self.status.as_u16()))
    }
}

fn passing(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ChannelError {
    ChannelError::Retry { after: None, source: source.into() }
}

/// The sentence, where an error is that no address of a name may be reached.
fn private(error: &hyper_util::client::legacy::Error) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(private) = error.downcast_ref::<Private>() {
            return Some(private.to_string());
        }
        cause = error.source();
    }
    None
}

fn plain(options: OutboundOptions) -> HttpConnector<Guard> {
    let mut connector = HttpConnector::new_with_resolver(Guard { allow_private: options.allow_private });
    connector.set_connect_timeout(Some(options.timeout));
    connector.set_nodelay(true);
    connector
}

/// Plain connections.
#[cfg(not(feature = "tls"))]
fn connector(options: OutboundOptions) -> std::io::Result<Connector> {
    Ok(plain(options))
}

/// Plain and encrypted ones, with the roots that the system trusts.
#[cfg(feature = "tls")]
fn connector(options: OutboundOptions) -> std::io::Result<Connector> {
    let mut plain = plain(options);
    plain.enforce_http(false);
    let builder = hyper_rustls::HttpsConnectorBuilder::new()
        // One cryptography provider in the whole program.
        .with_provider_and_native_roots(rustls::crypto::aws_lc_rs::default_provider())?
        .https_or_http()
        .enable_http1();
    Ok(builder.wrap_connector(plain))
}
