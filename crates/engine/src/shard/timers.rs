//! What becomes of connections as time passes.

use std::time::Duration;

use tidings_wire::{CloseCode, Code, Reject, server_frames::Drain as DrainFrame};

use super::{
    Shard,
    connection::{NEVER, Phase},
    mail::{Effect, Ticket},
    output::Haste,
};
use crate::{clock::Now, engine::Dialect, handle::RETRY, websocket::encoder};

/// When a connection comes back after a drain: between 1 and 9 s, so that not all come at once (Fibonacci hashing of its number).
fn retry_after_ms(number: u64) -> u64 {
    1_000 + (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % 8_000
}

impl Shard {
    /// Sees to whatever a connection waits for, and sets its timer again.
    pub(super) fn check(&mut self, index: u32, now: Now) {
        let settings = &self.node.services().settings;
        let (ping_after, pong_within) = (settings.ping_after, settings.pong_within);
        let slot = self.slot_of(index);
        let connection = &mut self.connections[index as usize];
        connection.timer = 0;
        if let Phase::Closing { until, .. } | Phase::Closed { until } = connection.phase {
            if until <= now.mono.into() {
                self.bury(index, None);
            } else {
                self.arm(index, until.into());
            }
            return;
        }
        if !connection.is_open() {
            return;
        }
        let running = connection.work.as_ref().and_then(|work| work.running);
        if let Some(running) = running.filter(|running| running.until <= now.mono) {
            connection.work().running = None;
            match running.kind {
                Some(kind) => self.node.services().registry.at(kind).metrics.refused(Code::Unavailable),
                None => crate::metrics::refused_untyped(Code::Unavailable),
            }
            self.effects.push(Effect::Cancel(Ticket { slot, number: running.number }));
            let reject = match running.kind {
                Some(_) => Reject::unavailable(RETRY),
                None => Reject { message: "it took too long: ask again".into(), ..Reject::unavailable(RETRY) },
            };
            self.refuse(index, running.reference, &reject, now);
            self.go_on(slot, now);
        }
        let connection = &mut self.connections[index as usize];
        if !connection.is_open() {
            return;
        }
        if connection.is_resuming() && self.reads_too_long(index, now) {
            tracing::warn!("a reading for a connection that resumes takes too long: it is closed with 1012");
            self.close(index, CloseCode::Restart, now);
            return;
        }
        let connection = &mut self.connections[index as usize];
        let settled = if connection.is_resuming() { self.forget_floors(index, now) } else { None };
        let connection = &mut self.connections[index as usize];
        let expires_at_ms = connection.details.expires_at_ms;
        let expires_in = (expires_at_ms != NEVER).then(|| expires_at_ms - now.unix_ms);
        if expires_in.is_some_and(|left| left <= 0) {
            self.close(index, CloseCode::Expired, now);
            return;
        }
        if connection.paused || self.left_input || connection.is_hushed() {
            // Its input is not read, or not all of it yet, so its silence says nothing.
            connection.heard = now.mono.into();
        }
        let quiet_until = Duration::from(connection.heard) + ping_after;
        let silent_until = quiet_until + pong_within;
        if silent_until <= now.mono && connection.pinged {
            self.close(index, CloseCode::GoingAway, now);
            return;
        }
        let ping = quiet_until <= now.mono && !connection.pinged;
        let answer_by = if connection.pinged || ping { silent_until.max(now.mono) } else { quiet_until };
        connection.pinged |= ping;
        let expires = expires_in.map(|left| now.mono + Duration::from_millis(left.cast_unsigned()));
        let running = connection.work.as_ref().and_then(|work| work.running).map(|running| running.until);
        let next = [Some(answer_by), expires, running, settled].into_iter().flatten().min().unwrap_or(answer_by);
        if ping {
            self.push(index, encoder::ping(b""), Haste::Prompt, now);
        }
        self.arm(index, next);
    }

    /// Sets the connection's timer, where it isn't due earlier anyway.
    pub(super) fn arm(&mut self, index: u32, at: Duration) {
        let slot = self.slot_of(index);
        let connection = &mut self.connections[index as usize];
        if connection.timer == 0 || !self.wheel.is_due_by(connection.timer, at) {
            connection.timer = self.wheel.insert(slot, at);
            self.rearmed = true;
        }
    }

    /// Closes as many connections as the time since the drain began asks for.
    pub(super) fn go_on_draining(&mut self, now: Now) {
        let Some(drain) = &mut self.drain else { return };
        let elapsed = now.mono.saturating_sub(drain.began);
        let share = if drain.spread.is_zero() { 1.0 } else { elapsed.as_secs_f64() / drain.spread.as_secs_f64() };
        let wanted = if share >= 1.0 { usize::MAX } else { (share * drain.total as f64).ceil() as usize };
        let count = wanted.saturating_sub(drain.closed);
        let open = self.connections.iter().filter(|(_, connection)| connection.is_open());
        let next: Vec<u32> = open.map(|(index, _)| index as u32).take(count).collect();
        drain.closed += next.len();
        for index in next {
            let connection = &self.connections[index as usize];
            if connection.dialect() == Dialect::V1 && !connection.is_hushed() {
                let retry_after_ms = retry_after_ms(connection.details.number);
                self.push_frame(index, &DrainFrame { retry_after_ms }, now);
            }
            self.close(index, CloseCode::Restart, now);
        }
    }
}
