//! The cast: who is connected, and how long a message takes from one to the others.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail};
use futures_util::future::{join_all, select_all};
use serde_json::Value;
use tidings_engine::clock::SharedClock;
use tokio::time::timeout;

use super::seat::Seat;

/// Everybody in the play.
pub(super) struct Cast {
    seats: Vec<Seat>,
    clock: SharedClock,
}

/// Who is who in [`Cast`]'s seats.
pub(super) const ANNS_PHONE: usize = 0;
pub(super) const ANNS_LAPTOP: usize = 1;
pub(super) const BOB: usize = 2;
pub(super) const CLEO: usize = 3;
pub(super) const DAN: usize = 4;

/// The users of the play. A visitor is none of them.
pub(super) const USERS: [u32; 4] = [1, 2, 3, 4];

/// What one seat heard, and how long after it was said.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) name: &'static str,
    pub(super) frame: Value,
    pub(super) after: Duration,
}

/// How long anybody waits for a message before the demo is given up.
const PATIENCE: Duration = Duration::from_secs(5);

impl Cast {
    /// Connects everybody; Ann twice.
    pub(super) async fn gather(server: SocketAddr, clock: SharedClock) -> anyhow::Result<Self> {
        let mut seats = Vec::new();
        for (name, user) in [("Ann's phone", 1), ("Ann's laptop", 1), ("Bob", 2), ("Cleo", 3), ("Dan", 4)] {
            seats.push(Seat::take(name, user, server).await?);
        }
        Ok(Self { seats, clock })
    }

    pub(super) fn name(&self, seat: usize) -> &'static str {
        self.seats[seat].name
    }

    pub(super) fn count(&self) -> usize {
        self.seats.len()
    }

    /// Lets one say something, and waits until each of the hearers has heard one message; in the order of arrival. What
    /// somebody else hears would be found as the wrong message when it is their turn to hear.
    pub(super) async fn exchange(
        &mut self,
        from: usize,
        frame: &Value,
        hearers: &[usize],
    ) -> anyhow::Result<Vec<Heard>> {
        let clock = self.clock.clone();
        let said = clock.now().mono;
        self.seats[from].say(frame).await?;
        let listening = self.seats.iter_mut().enumerate().filter(|(seat, _)| hearers.contains(seat)).map(|(_, it)| {
            let clock = &clock;
            async move {
                let name = it.name;
                let frame = timeout(PATIENCE, it.hear()).await.with_context(|| format!("{name} heard nothing"))??;
                anyhow::Ok(Heard { name, frame, after: clock.now().mono.saturating_sub(said) })
            }
        });
        let mut heard = join_all(listening).await.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        heard.sort_by_key(|heard| heard.after);
        Ok(heard)
    }

    /// The next message that anybody hears.
    pub(super) async fn next(&mut self) -> anyhow::Result<(usize, Value)> {
        let listening = self.seats.iter_mut().map(|seat| Box::pin(seat.hear()));
        let (heard, seat, _) = select_all(listening).await;
        Ok((seat, heard?))
    }

    /// Lets one say something, without waiting for anybody.
    pub(super) async fn say(&mut self, from: usize, frame: &Value) -> anyhow::Result<()> {
        self.seats[from].say(frame).await
    }
}

/// Compares what was heard with what was said.
pub(super) fn check(heard: &Heard, kind: &str, field: &str, value: &Value) -> anyhow::Result<()> {
    if heard.frame["type"] != kind || heard.frame[field] != *value {
        bail!("{} heard {} in place of a {kind} with {field} {value}", heard.name, heard.frame);
    }
    Ok(())
}
