//! The clients, on one thread.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use super::client::Client;
use super::{Plan, ProveError, server::Server};
use crate::http::{self, Request};

/// How long what must come may take, before the run ends with an error.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a turn waits for something to happen.
const TURN: Duration = Duration::from_millis(20);

/// Everybody who writes and reads.
pub(super) struct Crowd {
    poll: Poll,
    events: Events,
    pub(super) clients: Vec<Client>,
    scratch: Vec<u8>,
    /// What no server may do: the first, and how often.
    pub(super) complaint: Option<String>,
}

impl Crowd {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(64),
            clients: Client::all(),
            scratch: vec![0; 64 * 1024],
            complaint: None,
        })
    }

    /// So many sends were acknowledged till now.
    pub(super) fn acknowledged(&self) -> u64 {
        self.clients.iter().map(|client| client.app.taken.len() as u64).sum()
    }

    /// Connects everybody; those that the server leaves alone stay so, because it has gone.
    pub(super) fn connect(&mut self, server: SocketAddr) -> Result<(), ProveError> {
        for client in &mut self.clients {
            if !client.connect(server, self.poll.registry())? {
                break;
            }
        }
        Ok(())
    }

    /// Reads and writes what there is, with new messages or without.
    pub(super) fn turn(&mut self, loads: bool) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(TURN)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        for event in &self.events {
            let client = &mut self.clients[event.token().0];
            if event.is_writable() {
                client.writable();
            }
            let mut read = client.reads(&mut self.scratch);
            // No event comes again for an end that was told with the last bytes before it.
            while read.is_ok() && event.is_read_closed() && client.is_connected() {
                read = client.reads(&mut self.scratch);
            }
            if let Err(problem) = read {
                self.complaint.get_or_insert(problem);
            }
        }
        for client in &mut self.clients {
            if loads {
                client.loads();
            }
            client.app.fetches();
            client.flush();
        }
        Ok(())
    }

    /// Turns until something is so, or the server has ended.
    ///
    /// # Errors
    /// It isn't so within a minute.
    pub(super) fn until(
        &mut self,
        what: &str,
        server: &mut Server,
        loads: bool,
        is_so: impl Fn(&Self) -> bool,
    ) -> Result<End, ProveError> {
        let began = Instant::now();
        while !is_so(self) {
            // A complaint may be why nothing goes on; it is the verdict then.
            if self.complaint.is_some() {
                return Ok(End::IsSo);
            }
            if self.clients.iter().any(|client| !client.is_connected()) && server.ended()?.is_some() {
                return Ok(End::ServerEnded);
            }
            if began.elapsed() > PATIENCE {
                return Err(ProveError::Slow { waiting_for: what.to_owned(), limit: PATIENCE, log: server.log_tail() });
            }
            self.turn(loads)?;
        }
        Ok(End::IsSo)
    }

    /// The server has gone: what it had sent before is still read.
    pub(super) fn runs_out(&mut self) -> io::Result<()> {
        let began = Instant::now();
        while self.clients.iter().any(Client::is_connected) && began.elapsed() < PATIENCE {
            self.turn(false)?;
        }
        self.clients.iter_mut().for_each(Client::disconnects);
        Ok(())
    }
}

/// How waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    IsSo,
    ServerEnded,
}

/// Asks as a user of a server with `--dev`.
pub(super) fn ask(server: SocketAddr, method: &str, path: &str) -> Result<String, ProveError> {
    let mut client = http::Client::new(server, &server.to_string(), PATIENCE);
    let request = Request { method, path, bearer: None, body: b"" };
    Ok(client.ask(&request)?.accepted()?.body)
}

/// Starts the server for the first time, and makes the group.
pub(super) fn prepare(plan: &Plan) -> Result<(), ProveError> {
    let server = Server::start(plan, None)?;
    for member in super::client::MEMBERS {
        let path = format!("/v1/groups/{}/members/{member}?user=1", super::client::GROUP);
        ask(server.address, "PUT", &path)?;
    }
    server.kill()?;
    Ok(())
}
