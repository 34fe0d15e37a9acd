//! From a granted upgrade to the engine: the raw socket, with the bytes that came in behind the request.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream as StdUnixStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::{rt::TokioIo, server::conn::auto};
use tidings_engine::Admission;
use tidings_wire::CloseCode;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

use crate::{
    greeter::{self, Visitor},
    handle::Tidings,
    metrics,
};

/// A connection whose upgrade was granted, on its way to the engine.
pub(crate) enum Handover {
    /// Its user is known.
    Guest(Admitted),
    /// It says `hello` first.
    Visitor(Visitor),
}

/// A connection that was let in.
pub(crate) struct Admitted {
    pub(crate) admission: Admission,
    /// See [`Caller`](crate::auth::Caller): a sign-out of this Unix second or later refuses it.
    pub(crate) issued_at: Option<i64>,
}

impl Handover {
    /// The 101, where it is still to be written.
    pub(crate) fn greeting(&mut self) -> &mut Bytes {
        match self {
            Self::Guest(admitted) => &mut admitted.admission.greeting,
            Self::Visitor(visitor) => &mut visitor.greeting,
        }
    }

    /// Waits for a `hello`, where one is to come; none where the connection was closed instead. The bytes are those behind it.
    async fn welcome<S>(self, tidings: &Tidings, stream: &mut S, already_read: Bytes) -> Option<(Admitted, Bytes)>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        match self {
            Self::Guest(admitted) => Some((admitted, already_read)),
            // Boxed, so that connections which never get here don't have its size.
            Self::Visitor(visitor) => Box::pin(greeter::greet(tidings, stream, already_read, visitor)).await,
        }
    }
}

/// What one HTTP connection of the accept loop and its requests share: where the handler of `/ws` leaves what the loop takes.
#[derive(Clone, Default)]
pub(crate) struct Slot(Arc<Shared>);

#[derive(Default)]
struct Shared {
    handover: Mutex<Option<Handover>>,
    answering: AtomicBool,
}

impl Slot {
    pub(crate) fn leave(&self, handover: Handover) {
        *self.handover() = Some(handover);
    }

    pub(crate) fn is_filled(&self) -> bool {
        self.handover().is_some()
    }

    pub(crate) fn take(&self) -> Option<Handover> {
        self.handover().take()
    }

    /// Whether a request has been read and not answered yet.
    pub(crate) fn is_answering(&self) -> bool {
        self.0.answering.load(Ordering::Relaxed)
    }

    pub(crate) fn answering(&self, answering: bool) {
        self.0.answering.store(answering, Ordering::Relaxed);
    }

    fn handover(&self) -> MutexGuard<'_, Option<Handover>> {
        self.0.handover.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the accept loop's own socket to the engine. `places` are those of an HTTP connection: who has not said `hello` keeps
/// them, so that the limits of HTTP connections bound those who wait.
pub(crate) async fn direct<P>(
    tidings: &Tidings,
    mut socket: TcpStream,
    already_read: Bytes,
    handover: Handover,
    places: P,
) {
    let Some((admitted, rest)) = handover.welcome(tidings, &mut socket, already_read).await else { return };
    drop(places);
    hand_over("direct", tidings, socket, rest, admitted).await;
}

async fn hand_over(way: &'static str, tidings: &Tidings, socket: TcpStream, already_read: Bytes, admitted: Admitted) {
    match raw(socket) {
        Ok(socket) => {
            metrics::handed_over(way);
            admit(tidings, socket, already_read, admitted).await;
        }
        Err(error) => tracing::debug!(%error, "an upgraded socket broke"),
    }
}

/// Takes the socket back from the server that the router is embedded in; where it is no plain TCP socket, joins it to one end
/// of a socket pair by a task that copies.
pub(crate) async fn take_back(tidings: Tidings, upgrade: OnUpgrade, handover: Handover) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => return tracing::debug!(%error, "an upgrade broke off"),
    };
    match plain_socket(upgraded) {
        Ok((mut socket, already_read)) => {
            if let Some((admitted, rest)) = handover.welcome(&tidings, &mut socket, already_read).await {
                hand_over("taken_back", &tidings, socket, rest, admitted).await;
            }
        }
        Err(upgraded) => {
            if let Err(error) = bridge(&tidings, upgraded, handover).await {
                tracing::debug!(%error, "a bridged connection ended");
            }
        }
    }
}

/// The TCP socket below, as hyper's own and hyper-util's automatic server hold it.
fn plain_socket(upgraded: Upgraded) -> Result<(TcpStream, Bytes), Upgraded> {
    match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => Ok((parts.io.into_inner(), parts.read_buf)),
        Err(upgraded) => upgraded.downcast::<TokioIo<TcpStream>>().map(|parts| (parts.io.into_inner(), parts.read_buf)),
    }
}

/// Bytes that the kernel holds unsent for one connection. Without this bound a reader that stops costs megabytes outside the
/// process before the engine's own bound, `outbox_bytes`, is ever reached.
const UNSENT_BYTES: u32 = 128 * 1024;

/// The socket without tokio around it: still non-blocking, registered nowhere.
fn raw(socket: TcpStream) -> io::Result<OwnedFd> {
    socket.set_nodelay(true)?;
    bound_unsent(&socket)?;
    socket.into_std().map(OwnedFd::from)
}

/// What is sent and not acknowledged is bounded by the peer's window; this bounds what is not sent yet.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn bound_unsent(socket: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(socket).set_tcp_notsent_lowat(UNSENT_BYTES)
}

/// Elsewhere the send buffer as a whole is bounded.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn bound_unsent(socket: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(socket).set_send_buffer_size(UNSENT_BYTES as usize)
}

/// Copies until either end closes; the kernel's buffers and two of 8 KiB are all that is held.
async fn bridge(tidings: &Tidings, upgraded: Upgraded, handover: Handover) -> io::Result<()> {
    let mut upgraded = TokioIo::new(upgraded);
    let welcomed = handover.welcome(tidings, &mut upgraded, Bytes::new()).await;
    let Some((admitted, already_read)) = welcomed else { return Ok(()) };
    metrics::handed_over("bridged");
    let (near, far) = StdUnixStream::pair()?;
    near.set_nonblocking(true)?;
    far.set_nonblocking(true)?;
    let mut near = UnixStream::from_std(near)?;
    admit(tidings, OwnedFd::from(far), already_read, admitted).await;
    let copied = tokio::io::copy_bidirectional(&mut upgraded, &mut near);
    tokio::select! {
        result = copied => result.map(drop),
        () = tidings.inner().stop.cancelled() => Ok(()),
    }
}

/// Gives the socket away, then looks once more whether its user was signed out meanwhile: the sign-out closes connections that
/// the engine knows, this one closes the one that was on its way.
async fn admit(tidings: &Tidings, socket: OwnedFd, already_read: Bytes, admitted: Admitted) {
    let Admitted { admission, issued_at } = admitted;
    let (inner, user) = (tidings.inner(), admission.guest.user());
    let taken = inner.engine.admit(socket, already_read, admission);
    let Some(issued_at) = issued_at.filter(|_| taken) else { return };
    let code = match inner.auth.is_revoked(user, issued_at, inner.engine.clock().now()).await {
        Ok(false) => return,
        Ok(true) => CloseCode::Revoked,
        // It is not known: clients come back after 1012, and stop for good after 4403.
        Err(_) => CloseCode::Restart,
    };
    inner.engine.disconnect(user, code).await;
}
