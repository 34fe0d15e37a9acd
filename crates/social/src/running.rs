//! How the pack's ports reach the server that they are a part of.

use std::sync::{Arc, Mutex};

use tidings_server::{
    Tidings,
    act::{Row, Value},
    ports::StoreError,
};
use tidings_wire::Code;

/// The running server; nothing before it starts and after it stops. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Server(Arc<Mutex<Option<Tidings>>>);

/// As long as this lives the server is reached.
pub(crate) struct Serving(Server);

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

impl Server {
    /// From now on this one is reached.
    pub(crate) fn serves(&self, tidings: Tidings) -> Serving {
        *self.0.lock().expect(POISONED) = Some(tidings);
        Serving(self.clone())
    }

    /// Reads the pack's tables.
    pub(crate) async fn query(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let running = self.0.lock().expect(POISONED).clone();
        let Some(tidings) = running else { return Err(StoreError::Unavailable(Box::new(NotRunning))) };
        tidings.query(sql, values).await.map_err(|reject| match reject.code {
            Code::NotEnabled => StoreError::NotEnabled,
            _ => StoreError::Unavailable(Box::new(reject)),
        })
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let last = self.0.0.lock().expect(POISONED).take();
        drop(last);
    }
}
