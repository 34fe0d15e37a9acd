//! The socket that is listened on.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
};

use anyhow::Context;
use socket2::SockRef;

/// Connections that the kernel holds until they are accepted. With more at once, clients try again after a second. The
/// standard library's 128 are too few for the moment after a restart; the kernel cuts this down to its own
/// `net.core.somaxconn`.
const BACKLOG: i32 = 4_096;

/// Takes the port.
///
/// # Errors
/// Where it is taken already, or not ours to take.
pub(super) fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    let hint = |error: &std::io::Error| match error.kind() {
        ErrorKind::AddrInUse => " (choose another port with --listen; port 0 takes a free one)",
        ErrorKind::PermissionDenied => " (ports below 1024 need a privilege)",
        _ => "",
    };
    let listener = TcpListener::bind(listen).map_err(|error| {
        let hint = hint(&error);
        anyhow::Error::new(error).context(format!("listen on {listen}{hint}"))
    })?;
    // listen(2) on a socket that listens already changes its backlog.
    SockRef::from(&listener).listen(BACKLOG).context("set the backlog")?;
    listener.set_nonblocking(true).context("make the listener non-blocking")?;
    Ok(listener)
}
