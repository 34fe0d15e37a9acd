//! How a pack's ports reach the server that they are a part of.

use std::sync::{Arc, Mutex};

use tidings_engine::{
    act::{Row, Value},
    ports::StoreError,
};

use crate::handle::Tidings;

/// Where a pack whose ports ask the server finds it: given to the ports, and filled by [`Setup::on_start`](crate::Setup::on_start). The running server; nothing before it starts and after it stops. Cheap to clone.
#[derive(Clone, Default)]
pub struct ServerSlot(Arc<Mutex<Option<Tidings>>>);

/// As long as this lives the server is reached.
pub struct Serving(ServerSlot);

const POISONED: &str = "nothing panics while it holds this lock";

/// The server does not run.
#[derive(Debug)]
struct NotRunning;

impl std::fmt::Display for NotRunning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the server does not run")
    }
}

impl std::error::Error for NotRunning {}

impl ServerSlot {
    /// From now on this one is reached.
    pub fn serves(&self, tidings: Tidings) -> Serving {
        *self.0.lock().expect(POISONED) = Some(tidings);
        Serving(self.clone())
    }

    /// The running server, if it runs.
    pub fn running(&self) -> Option<Tidings> {
        self.0.lock().expect(POISONED).clone()
    }

    /// Reads the packs' tables.
    ///
    /// # Errors
    /// As [`Tidings::query`]; `Unavailable` where the server does not run.
    pub async fn query(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let Some(tidings) = self.running() else { return Err(StoreError::Unavailable(Box::new(NotRunning))) };
        Ok(tidings.query(sql, values).await?)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let last = self.0.0.lock().expect(POISONED).take();
        drop(last);
    }
}
