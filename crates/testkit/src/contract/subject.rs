//! What the suites of the smaller ports need of an adapter.

use std::{any::Any, ops::Deref, sync::Arc};

/// A port under test, with what must live as long: a folder, a server.
pub struct Subject<P: ?Sized> {
    port: Arc<P>,
    _lives: Box<dyn Any>,
}

impl<P: ?Sized> Subject<P> {
    /// `port`, and what must live as long.
    pub fn new(port: Arc<P>, lives: impl Any) -> Self {
        Self { port, _lives: Box::new(lives) }
    }
}

impl<P: ?Sized> Deref for Subject<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.port
    }
}
