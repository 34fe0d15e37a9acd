//! Questions to the backend: their number, their time, their being asked again.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use tidings_engine::ports::{BoxFuture, StoreError};
use tokio::{
    runtime::Runtime,
    sync::{Semaphore, TryAcquireError},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    connector::{Connector, connector},
    template::Template,
};

/// Bounds of what is asked.
#[derive(Clone)]
pub struct EndpointOptions {
    /// Questions under way at once: 64. The others wait.
    pub requests: usize,
    /// Questions that wait: 1,024. One more is refused with [`StoreError::Full`].
    pub queue: usize,
    /// From the question to its answer, waiting, repeats and pauses included: 2 s. One attempt may take half of it, so that a backend
    /// that does not answer is asked once more.
    pub timeout: Duration,
    /// How often a question is repeated that the backend could not answer just now: 2. Not repeated is what it refuses, and an answer
    /// that can't be read.
    pub retries: usize,
    /// The pause before the first repeat: 50 ms, with a random part; twice that before the second.
    pub pause: Duration,
    /// Bytes of an answer: 1 MiB. A longer one counts as an error.
    pub answer_bytes: usize,
    /// Sent as `Authorization: Bearer`, so that the backend knows who asks.
    pub bearer: Option<String>,
}

impl Default for EndpointOptions {
    fn default() -> Self {
        Self {
            requests: 64,
            queue: 1_024,
            timeout: Duration::from_secs(2),
            retries: 2,
            pause: Duration::from_millis(50),
            answer_bytes: 1 << 20,
            bearer: None,
        }
    }
}

impl fmt::Debug for EndpointOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointOptions").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// Why an endpoint can't be asked, or did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// A setting is wrong.
    #[error("`{setting}` {problem}")]
    Setting {
        /// Which.
        setting: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The client can't be made.
    #[error("make the client for the app's endpoints")]
    Client(#[source] std::io::Error),
    /// No answer that could be used.
    #[error("`{setting}`: GET {uri}")]
    Call {
        /// The setting that holds the URL.
        setting: String,
        /// What was asked.
        uri: String,
        /// Why.
        source: CallError,
    },
}

/// Why there was no answer that could be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// It took too long.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// No connection, or one that broke.
    #[error("the connection failed")]
    Connection(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another status than expected.
    #[error("answered with status {0}")]
    Status(u16),
    /// Too long an answer.
    #[error("answered with more than {0} bytes")]
    Large(usize),
    /// An answer that is not what was asked for.
    #[error("answered with something else: {0}")]
    Answer(String),
    /// The URL with its values is none.
    #[error("{0}")]
    Url(String),
    /// The thread that asks has ended.
    #[error("the thread that asks has ended")]
    Ended,
}

impl CallError {
    /// Whether it may be otherwise in a moment.
    fn may_pass(&self) -> bool {
        match self {
            Self::Timeout(_) | Self::Connection(_) => true,
            Self::Status(status) => matches!(status, 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }
}

/// What an endpoint said.
pub(crate) enum Answer {
    /// 200 with this body.
    Found(Bytes),
    /// 204, 404, 410: there is no such thing.
    Absent,
    /// 401, 403.
    Denied,
}

/// The client for the app's endpoints. Cheap to clone; its thread ends with the last clone.
#[derive(Clone)]
pub struct Endpoints(Arc<Inner>);

struct Inner {
    /// Always there until it is dropped.
    runtime: Option<Runtime>,
    asking: Arc<Asking>,
    /// Places of questions under way and waiting.
    all: Arc<Semaphore>,
}

/// What the thread that asks has.
struct Asking {
    client: Client<Connector, Empty<Bytes>>,
    places: Semaphore,
    options: EndpointOptions,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Endpoints {
    /// A client with a thread of its own. Nothing is asked yet.
    ///
    /// # Errors
    /// Where no thread can be had, the bearer can't stand in a header, or the system's trusted roots can't be read.
    pub fn new(options: EndpointOptions) -> Result<Self, EndpointError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            // For names: the system's resolver blocks.
            .max_blocking_threads(4)
            .thread_name("tidings-endpoints")
            .enable_all()
            .build()
            .map_err(EndpointError::Client)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(options.requests.max(1))
            .build(connector(options.timeout / 2).map_err(EndpointError::Client)?);
        let asking = Asking {
            client,
            places: Semaphore::new(options.requests.max(1)),
            headers: headers(&options)?,
            options: options.clone(),
        };
        let all = Arc::new(Semaphore::new(options.requests.max(1) + options.queue));
        Ok(Self(Arc::new(Inner { runtime: Some(runtime), asking: Arc::new(asking), all })))
    }

    /// What stands at a URL without places, whole: a set of keys, for instance.
    pub fn fetch(&self, template: &Template) -> BoxFuture<Result<Bytes, StoreError>> {
        let asked = self.ask::<&str>(template, &[], None);
        let (setting, uri) = (template.setting().to_owned(), template.fill::<&str>(&[]).map(|uri| uri.to_string()));
        Box::pin(async move {
            match asked.await? {
                Answer::Found(body) => Ok(body),
                Answer::Absent => Err(told(&setting, &uri.unwrap_or_default(), CallError::Status(404))),
                Answer::Denied => Err(told(&setting, &uri.unwrap_or_default(), CallError::Status(403))),
            }
        })
    }

    /// Asks, with a cookie where one is given.
    pub(crate) fn ask<V: AsRef<str>>(
        &self,
        template: &Template,
        values: &[V],
        cookie: Option<HeaderValue>,
    ) -> BoxFuture<Result<Answer, StoreError>> {
        let setting = template.setting().to_owned();
        let uri = match template.fill(values) {
            Ok(uri) => uri,
            Err(problem) => {
                let error = told(&setting, "", CallError::Url(problem));
                return Box::pin(async { Err(error) });
            }
        };
        let place = match self.0.all.clone().try_acquire_owned() {
            Ok(place) => place,
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {
                return Box::pin(async { Err(StoreError::Full) });
            }
        };
        let (asking, asked) = (self.0.asking.clone(), uri.clone());
        let question = async move {
            let _place = place;
            asking.answer(asked, cookie).await
        };
        // On the client's own thread: a connection belongs to the runtime that made it, and a shard's runtime sleeps most of the time.
        let runtime = self.0.runtime.as_ref().expect("it is there until it is dropped");
        let asked = AbortOnDropHandle::new(runtime.spawn(question));
        // A question under way keeps its thread.
        let held = self.clone();
        Box::pin(async move {
            let answer = asked.await.unwrap_or(Err(CallError::Ended));
            drop(held);
            answer.map_err(|source| told(&setting, &uri.to_string(), source))
        })
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

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints").field("options", &self.0.asking.options).finish_non_exhaustive()
    }
}

/// How long a connection that nobody uses is kept open.
const IDLE: Duration = Duration::from_secs(30);

impl Asking {
    async fn answer(&self, uri: Uri, cookie: Option<HeaderValue>) -> Result<Answer, CallError> {
        let within = self.options.timeout;
        let whole = async {
            let _place = self.places.acquire().await.map_err(|_| CallError::Ended)?;
            let backoff = ExponentialBuilder::default()
                .with_min_delay(self.options.pause)
                .with_max_times(self.options.retries)
                .with_jitter();
            (|| self.attempt(&uri, cookie.as_ref())).retry(backoff).when(CallError::may_pass).await
        };
        in_time(within, whole).await
    }

    async fn attempt(&self, uri: &Uri, cookie: Option<&HeaderValue>) -> Result<Answer, CallError> {
        let mut request =
            Request::get(uri.clone()).body(Empty::new()).map_err(|error| CallError::Url(error.to_string()))?;
        request.headers_mut().extend(self.headers.iter().cloned());
        if let Some(cookie) = cookie {
            request.headers_mut().insert(header::COOKIE, cookie.clone());
        }
        in_time(self.options.timeout / 2, async {
            let response =
                self.client.request(request).await.map_err(|error| CallError::Connection(Box::new(error)))?;
            match response.status() {
                StatusCode::OK => {
                    let body = Limited::new(response.into_body(), self.options.answer_bytes);
                    Ok(Answer::Found(body.collect().await.map_err(|error| self.broken(error))?.to_bytes()))
                }
                StatusCode::NO_CONTENT | StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Answer::Absent),
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(Answer::Denied),
                status => Err(CallError::Status(status.as_u16())),
            }
        })
        .await
    }

    fn broken(&self, error: Box<dyn std::error::Error + Send + Sync>) -> CallError {
        match error.is::<LengthLimitError>() {
            true => CallError::Large(self.options.answer_bytes),
            false => CallError::Connection(error),
        }
    }
}

async fn in_time<T>(within: Duration, work: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    timeout(within, work).await.unwrap_or(Err(CallError::Timeout(within)))
}

fn headers(options: &EndpointOptions) -> Result<Vec<(HeaderName, HeaderValue)>, EndpointError> {
    let agent = concat!("tidings/", env!("CARGO_PKG_VERSION"));
    let mut headers = vec![
        (header::ACCEPT, HeaderValue::from_static("application/json")),
        (header::USER_AGENT, HeaderValue::from_static(agent)),
    ];
    if let Some(bearer) = &options.bearer {
        let mut value = HeaderValue::try_from(format!("Bearer {bearer}")).map_err(|_| EndpointError::Setting {
            setting: "app.bearer".to_owned(),
            problem: "can't stand in a header: it holds a line end or another control character".to_owned(),
        })?;
        value.set_sensitive(true);
        headers.push((header::AUTHORIZATION, value));
    }
    Ok(headers)
}

/// The error of a port, with the setting and what was asked.
pub(crate) fn told(setting: &str, uri: &str, source: CallError) -> StoreError {
    let (setting, uri) = (setting.to_owned(), uri.to_owned());
    StoreError::Unavailable(Box::new(EndpointError::Call { setting, uri, source }))
}

/// Reads an answer's JSON.
pub(crate) fn decode<T: serde::de::DeserializeOwned>(setting: &str, body: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(body).map_err(|error| told(setting, "", CallError::Answer(error.to_string())))
}

/// The error where a backend refuses what no user asked for: its bearer is wrong.
pub(crate) fn denied(setting: &str) -> StoreError {
    told(setting, "", CallError::Status(StatusCode::FORBIDDEN.as_u16()))
}
