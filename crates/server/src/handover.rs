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
use tokio::net::{TcpStream, UnixStream};

use crate::{handle::Tidings, metrics};

/// A connection that was let in, on its way to the engine.
pub(crate) struct Handover {
    pub(crate) admission: Admission,
    /// See [`Caller`](crate::auth::Caller): a sign-out of this Unix second or later refuses it.
    pub(crate) issued_at: Option<i64>,
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

/// Gives the accept loop's own socket to the engine.
pub(crate) async fn direct(tidings: &Tidings, socket: TcpStream, already_read: Bytes, handover: Handover) {
    match raw(socket) {
        Ok(socket) => {
            metrics::handed_over("direct");
            admit(tidings, socket, already_read, handover).await;
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
        Ok((socket, already_read)) => match raw(socket) {
            Ok(socket) => {
                metrics::handed_over("taken_back");
                admit(&tidings, socket, already_read, handover).await;
            }
            Err(error) => tracing::debug!(%error, "an upgraded socket broke"),
        },
        Err(upgraded) => {
            metrics::handed_over("bridged");
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
    let (near, far) = StdUnixStream::pair()?;
    near.set_nonblocking(true)?;
    far.set_nonblocking(true)?;
    let mut near = UnixStream::from_std(near)?;
    admit(tidings, OwnedFd::from(far), Bytes::new(), handover).await;
    let mut upgraded = TokioIo::new(upgraded);
    let copied = tokio::io::copy_bidirectional(&mut upgraded, &mut near);
    tokio::select! {
        result = copied => result.map(drop),
        () = tidings.inner().stop.cancelled() => Ok(()),
    }
}

/// Gives the socket away, then looks once more whether its user was signed out meanwhile: the sign-out closes connections that
/// the engine knows, this one closes the one that was on its way.
async fn admit(tidings: &Tidings, socket: OwnedFd, already_read: Bytes, handover: Handover) {
    let Handover { admission, issued_at } = handover;
    let (inner, user) = (tidings.inner(), admission.guest.user());
    let taken = inner.engine.admit(socket, already_read, admission);
    let Some(issued_at) = issued_at.filter(|_| taken) else { return };
    if !matches!(inner.auth.is_revoked(user, issued_at, inner.engine.clock().now()).await, Ok(false)) {
        inner.engine.disconnect(user, CloseCode::Revoked).await;
    }
}
