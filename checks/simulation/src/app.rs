//! A client on a connection of the simulated network: [`bench::app`], which is a client as the protocol wants it.

use std::ops::{Deref, DerefMut};

use bench::app;
pub(crate) use bench::app::{Log, Pending};
use serde_json::Value;
use tidings_testkit::Client;
use tidings_wire::UserId;

/// One client. Dereferences to the app, whose frames leave by the methods here.
pub(crate) struct App {
    pub(crate) user: u32,
    pub(crate) connection: Option<Client>,
    pub(crate) reads: bool,
    /// Whether something was committed since its `hello` and before its `resumed`.
    pub(crate) crossed: bool,
    app: app::App,
}

impl App {
    pub(crate) fn new(user: u32, streams: &[String]) -> Self {
        Self { user, connection: None, reads: true, crossed: false, app: app::App::new(streams) }
    }

    pub(crate) fn id(&self) -> UserId {
        UserId::new(self.user)
    }

    pub(crate) fn connected(&mut self, client: Client) {
        self.connection = Some(client);
        (self.reads, self.crossed) = (true, false);
        self.app.connected();
        self.flush();
    }

    pub(crate) fn disconnected(&mut self) {
        self.connection = None;
        self.app.disconnected();
    }

    pub(crate) fn sends(&mut self, pending: Pending) {
        self.app.sends(pending);
        self.flush();
    }

    pub(crate) fn says(&mut self, frame: &Value) {
        self.app.says(frame);
        self.flush();
    }

    pub(crate) fn fetches(&mut self) {
        self.app.fetches();
        self.flush();
    }

    fn flush(&mut self) {
        let Some(client) = &self.connection else { return };
        self.app.outbox.drain(..).for_each(|text| client.sends_text(&text));
    }

    /// Takes what has come.
    pub(crate) fn listens(&mut self, trace: &mut Vec<String>) -> Result<(), String> {
        let Some(client) = self.connection.clone().filter(|_| self.reads) else { return Ok(()) };
        for text in client.texts() {
            trace.push(format!("{} {text}", self.user));
            let frame: Value = serde_json::from_str(&text).map_err(|error| format!("no JSON: {error}"))?;
            self.hears(&frame).map_err(|problem| format!("user {}: {problem}: {frame}", self.user))?;
        }
        if !client.is_open() {
            self.disconnected();
        }
        Ok(())
    }

    /// A client gets over a hole by asking; here it is the server's mistake.
    fn hears(&mut self, frame: &Value) -> Result<(), String> {
        self.app.hears(frame)?;
        match self.app.logs.values().any(|log| log.holes > 0) {
            true => Err("it came before the one that lies before it: a hole".to_owned()),
            false => Ok(()),
        }
    }
}

impl Deref for App {
    type Target = app::App;

    fn deref(&self) -> &app::App {
        &self.app
    }
}

impl DerefMut for App {
    fn deref_mut(&mut self) -> &mut app::App {
        &mut self.app
    }
}
