//! A connection on its way to being open: its upgrade, and what is said after it.

use std::time::{Duration, Instant};

use mio::Poll;

use super::opening::Opening;
use super::{Door, LoadError};
use crate::connection::{Connection, Heard};
use crate::frame;

/// What is said and heard between the answer to an upgrade and the moment at which a connection counts as open.
pub trait Introduction {
    /// Appends the text message with which the connection at this index begins.
    fn first(&mut self, index: usize, text: &mut Vec<u8>);

    /// A text message came to it, so long after it began to connect; true for the one that opens it. Nothing may come in the
    /// same packet behind that one.
    ///
    /// # Errors
    /// A message that ends the run; it names the index, as [`LoadError::unexpected`] does.
    fn heard(&mut self, index: usize, payload: &[u8], took: Duration) -> Result<bool, LoadError>;
}

/// A connection that isn't open yet.
pub(super) struct Entering {
    stage: Stage,
    started_at: Instant,
}

enum Stage {
    Upgrading(Opening),
    Introducing(Connection),
    /// Its connection was given away.
    Open,
}

impl Entering {
    /// Begins with the connection at this index.
    pub(super) fn start(poll: &Poll, door: &Door<'_>, index: usize) -> Result<Self, LoadError> {
        let opening = Opening::start(poll, door, index)?;
        Ok(Self { started_at: opening.started_at, stage: Stage::Upgrading(opening) })
    }

    /// Goes as far as the socket lets it; `Some` with how long it took when the connection is open. What happens to one that was
    /// open before is left to whoever has it.
    pub(super) fn step(
        &mut self,
        (index, user): (usize, usize),
        introduction: Option<&mut (dyn Introduction + '_)>,
        scratch: &mut [u8],
    ) -> Result<Option<(Connection, Duration)>, LoadError> {
        let ended = |source| LoadError::Ended { user, source };
        match std::mem::replace(&mut self.stage, Stage::Open) {
            Stage::Open => Ok(None),
            Stage::Upgrading(mut opening) => {
                let Some(already_read) = opening.step(user)? else {
                    self.stage = Stage::Upgrading(opening);
                    return Ok(None);
                };
                let mut connection = Connection::new(opening.stream, &already_read);
                let Some(introduction) = introduction else {
                    return Ok(Some((connection, self.started_at.elapsed())));
                };
                let (mut text, mut first) = (Vec::new(), Vec::new());
                introduction.first(index, &mut text);
                frame::encode_client(&mut first, frame::TEXT, &text);
                connection.send(&first).map_err(ended)?;
                self.stage = Stage::Introducing(connection);
                Ok(None)
            }
            Stage::Introducing(mut connection) => {
                let introduction = introduction.expect("a connection introduces itself only where it has to");
                connection.writable().map_err(ended)?;
                let took = self.started_at.elapsed();
                let mut open = Ok(false);
                let each = |heard: Heard<'_>| {
                    let Heard::Text(payload) = heard else { return };
                    open = match std::mem::replace(&mut open, Ok(false)) {
                        Ok(true) => Err(LoadError::unexpected(index, payload)),
                        Ok(false) => introduction.heard(index, payload, took),
                        error => error,
                    };
                };
                connection.readable(scratch, each).map_err(ended)?;
                if open.map_err(|error| error.of_user(user))? {
                    return Ok(Some((connection, took)));
                }
                self.stage = Stage::Introducing(connection);
                Ok(None)
            }
        }
    }
}
