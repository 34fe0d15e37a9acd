//! The greeter of `tidings.v1`: from a granted upgrade to a user who is known, by the `hello` that comes first.
//!
//! It runs with HTTP, and a connection that waits here holds its places among the HTTP connections. What comes behind the
//! `hello` in the same packet goes to the engine untouched: so the decoder is fed one frame at a time.

use std::{io, net::SocketAddr, ops::ControlFlow, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use tidings_engine::{
    Admission, Dialect, Hello,
    websocket::{Decoder, Event, FrameLimits, ProtocolError, encoder, frame_bytes},
};
use tidings_wire::CloseCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{
    auth::{Denied, KnownUser},
    handle::Tidings,
    handover::Admitted,
    metrics,
};

/// A connection whose user is not known yet.
pub(crate) struct Visitor {
    /// What came of the upgrade's own credentials.
    pub(crate) tried: Result<KnownUser, Denied>,
    /// The client's address, as the proxy rules found it.
    pub(crate) address: Option<SocketAddr>,
    /// The 101, where it is still to be written.
    pub(crate) greeting: Bytes,
}

/// How long a store may take to say whose a token is; then the connection is closed with 1012.
const IDENTIFY_WITHIN: Duration = Duration::from_secs(5);

/// How long a connection that is being closed may take to close too; then it is cut.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// Bytes that are read away meanwhile; with more it is cut.
const READ_AWAY_BYTES: u64 = 1024 * 1024;

/// Bytes read at once. A `hello` that resumes nothing has about a hundred.
const READ_BYTES: usize = 4 * 1024;

/// Stands for a close frame without a code (RFC 6455 §7.1.5).
const NO_CODE: u16 = 1005;

/// Why there is no welcome.
enum Refused {
    /// The server closes.
    Close(CloseCode),
    /// The same, behind a frame that says more.
    Told(Bytes, CloseCode),
    /// The peer closed first, with this code.
    Answer(u16),
    /// The socket is at its end or broken.
    Gone,
}

/// Writes the 101, waits for the `hello`, and finds out who it is. None where the connection was closed instead; else the
/// bytes are those that came behind the `hello`.
pub(crate) async fn greet<S>(
    tidings: &Tidings,
    stream: &mut S,
    already_read: Bytes,
    visitor: Visitor,
) -> Option<(Admitted, Bytes)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let inner = tidings.inner();
    let mut input = BytesMut::from(already_read);
    let greeted = async {
        let timeout = inner.options.hello_timeout;
        let said = tokio::time::timeout(timeout, hear(tidings, stream, &mut input, &visitor.greeting));
        let hello = said.await.unwrap_or(Err(Refused::Close(CloseCode::NoHello)))?;
        let_in(tidings, &visitor, hello).await
    };
    let greeted = tokio::select! {
        biased;
        greeted = greeted => greeted,
        () = inner.stop.cancelled() => Err(Refused::Close(CloseCode::Restart)),
    };
    match greeted {
        Ok(admitted) => Some((admitted, input.freeze())),
        Err(refused) => {
            metrics::hello_refused(refused.reason());
            close(stream, refused).await;
            None
        }
    }
}

/// Reads frames until the first message; `input` then holds what came behind it.
async fn hear<S>(tidings: &Tidings, stream: &mut S, input: &mut BytesMut, greeting: &Bytes) -> Result<Hello, Refused>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    stream.write_all(greeting).await?;
    let mut decoder = Decoder::default();
    let settings = tidings.engine().settings();
    let limits = FrameLimits { message_bytes: settings.frame_bytes, fragments: settings.fragments };
    // Of the frame that the decoder has the beginning of.
    let mut missing = 0;
    loop {
        if missing == 0 {
            missing = frame_bytes(input)?.unwrap_or(0);
        }
        if missing == 0 || input.is_empty() {
            input.reserve(READ_BYTES);
            if stream.read_buf(input).await? == 0 {
                return Err(Refused::Gone);
            }
            continue;
        }
        let here = input.len().min(usize::try_from(missing).unwrap_or(usize::MAX));
        let mut pong = None;
        let mut said = None;
        decoder.feed(&mut input[..here], limits, &mut |event| {
            match event {
                Event::Text(text) => said = Some(understood(text)),
                Event::Binary(_) => said = Some(Err(Refused::Close(CloseCode::Binary))),
                Event::Ping(payload) => pong = Some(encoder::pong(payload)),
                Event::Pong(_) => {}
                Event::Close { code, .. } => said = Some(Err(Refused::Answer(code.unwrap_or(NO_CODE)))),
            }
            ControlFlow::Continue(())
        })?;
        input.advance(here);
        missing -= here as u64;
        if let Some(pong) = pong {
            stream.write_all(&pong).await?;
        }
        if let Some(said) = said {
            return said;
        }
    }
}

/// The first message must be a `hello`, and a whole one.
fn understood(text: &str) -> Result<Hello, Refused> {
    match Hello::read(text) {
        Some(Ok(hello)) => Ok(hello),
        Some(Err((reference, reject))) => {
            Err(Refused::Told(encoder::text(&reject.to_json(reference)), CloseCode::Protocol))
        }
        None => Err(Refused::Close(CloseCode::Protocol)),
    }
}

/// The user, by the upgrade's credentials or else by the `hello`'s token, with the places that the connection takes.
async fn let_in(tidings: &Tidings, visitor: &Visitor, mut hello: Hello) -> Result<Admitted, Refused> {
    let inner = tidings.inner();
    if inner.phase.is_draining() {
        return Err(Refused::Close(CloseCode::Restart));
    }
    let known = tokio::time::timeout(IDENTIFY_WITHIN, identify(tidings, visitor, hello.token.take())).await;
    let known = known.unwrap_or(Err(Refused::Close(CloseCode::Restart)))?;
    let guest = inner.limits.admit(known.user, visitor.address);
    let guest = guest.map_err(|_| Refused::Close(CloseCode::TooManyConnections))?;
    let admission = Admission {
        guest,
        dialect: Dialect::V1,
        expires_at_ms: known.expires_at_ms,
        hello: Some(hello),
        greeting: Bytes::new(),
    };
    Ok(Admitted { admission, issued_at: known.issued_at })
}

/// Who it is. What was good at the upgrade may have been signed out since.
async fn identify(tidings: &Tidings, visitor: &Visitor, token: Option<String>) -> Result<KnownUser, Refused> {
    let inner = tidings.inner();
    let now = inner.engine.clock().now();
    let known = match (&visitor.tried, token) {
        (Ok(known), _) => *known,
        (Err(_), Some(token)) => return inner.auth.user(&token, now).await.map_err(|denied| (&denied).into()),
        (Err(denied), None) => return Err(denied.into()),
    };
    let Some(issued_at) = known.issued_at else { return Ok(known) };
    match inner.auth.is_revoked(known.user, issued_at, now).await {
        Ok(false) => Ok(known),
        Ok(true) => Err(Refused::Close(CloseCode::Revoked)),
        Err(error) => Err((&Denied::Store(error)).into()),
    }
}

impl Refused {
    /// A bounded label.
    fn reason(&self) -> &'static str {
        match self {
            Self::Close(code) | Self::Told(_, code) => code.reason(),
            Self::Answer(_) | Self::Gone => "gone",
        }
    }
}

impl From<&Denied> for Refused {
    fn from(denied: &Denied) -> Self {
        denied.log();
        tracing::debug!(reason = denied.reason(), "a connection was not let in: {denied}");
        match denied {
            Denied::Store(_) => Self::Close(CloseCode::Restart),
            _ => Self::Close(CloseCode::Unauthorized),
        }
    }
}

impl From<ProtocolError> for Refused {
    fn from(error: ProtocolError) -> Self {
        tracing::debug!(%error, "a peer broke RFC 6455 before its hello");
        let code = CloseCode::ALL.iter().copied().find(|code| code.code() == error.close_code());
        Self::Close(code.unwrap_or(CloseCode::Protocol))
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        tracing::debug!(%error, "a connection broke before its hello");
        Self::Gone
    }
}

/// Says why, and reads away what still comes, so that the close frame arrives: a socket that is closed with bytes unread is
/// reset (RFC 6455 §7.1.1).
async fn close<S>(stream: &mut S, refused: Refused)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (said, close) = match refused {
        Refused::Close(code) => (Bytes::new(), encoder::close(code.code(), code.reason())),
        Refused::Told(said, code) => (said, encoder::close(code.code(), code.reason())),
        Refused::Answer(code) => (Bytes::new(), encoder::close(code, "")),
        Refused::Gone => return,
    };
    let closing = async {
        stream.write_all(&said).await?;
        stream.write_all(&close).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(READ_AWAY_BYTES), &mut tokio::io::sink()).await
    };
    // Either way the socket is closed now.
    let _ = tokio::time::timeout(CLOSE_WITHIN, closing).await;
}
