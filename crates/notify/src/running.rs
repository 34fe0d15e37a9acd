//! How the pack's ports reach the server that they are a part of.

use std::sync::{Arc, Mutex};

use tidings_server::Tidings;

/// The running server; nothing before it starts and after it stops. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Server(Arc<Mutex<Option<Tidings>>>);

/// As long as this lives the server is reached.
pub(crate) struct Serving(Server);

const POISONED: &str = "nothing panics while it holds this lock";

impl Server {
    /// From now on this one is reached.
    pub(crate) fn serves(&self, tidings: Tidings) -> Serving {
        *self.0.lock().expect(POISONED) = Some(tidings);
        Serving(self.clone())
    }

    /// The running server, if it runs.
    pub(crate) fn running(&self) -> Option<Tidings> {
        self.0.lock().expect(POISONED).clone()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let last = self.0.0.lock().expect(POISONED).take();
        drop(last);
    }
}
