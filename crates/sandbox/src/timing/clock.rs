//! A model in force, and how much of what it allows has been used.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::model::Model;
use super::prefixes::{Demand, Prefixes};
use super::tokens::Tokens;
use crate::draw::Draws;

/// As far as a time goes that a model's figures add up to: no clock overflows.
const NEVER: Duration = Duration::from_secs(365 * 86_400);

/// Lambda counts the environments that it starts in this time.
const SCALING_SECS: f64 = 10.0;

#[derive(Debug)]
pub(super) struct Clock {
    pub(super) model: Model,
    draws: Draws,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    prefixes: Prefixes,
    /// When all bytes will have moved that are to move so far.
    all_moved: Option<Instant>,
    /// What a function may start, by its name.
    environments: HashMap<String, Tokens>,
}

/// How long bytes move.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    /// As fast as a copy does alone.
    pub(super) alone: Duration,
    /// When those of all copies so far have moved.
    pub(super) all_moved: Option<Instant>,
}

impl Clock {
    pub(super) fn new(model: Model) -> Self {
        Self {
            draws: Draws::new(model.seed),
            model,
            used: Mutex::default(),
        }
    }

    /// By what the latency of the next request for an operation is multiplied: the n-th has the same in every run.
    pub(super) fn jitter(&self, operation: &str) -> f64 {
        let jitter = self.model.jitter;
        if jitter == 0.0 {
            return 1.0;
        }
        let draw = self.draws.next(operation, "latency");
        1.0 + jitter * (2.0 * draw.which() - 1.0)
    }

    /// Moves the bytes of a copy, after those of the copies before it where all share what there is.
    pub(super) fn moves(&self, bytes: u64, now: Instant) -> Move {
        let at = |mb_per_sec: f64| seconds(bytes as f64 / (mb_per_sec * 1e6));
        let all_moved = self.model.all_copies_mb_per_sec.map(|rate| {
            let free = &mut self.used().all_moved;
            let all_moved = free.map_or(now, |free| free.max(now)) + at(rate);
            *free = Some(all_moved);
            all_moved
        });
        Move {
            alone: self.model.copy_mb_per_sec.map_or(Duration::ZERO, at),
            all_moved,
        }
    }

    /// Whether the prefixes of a request take it.
    pub(super) fn admits(&self, demand: impl FnOnce() -> Demand, now: Instant) -> bool {
        let Some(rates) = &self.model.rates else {
            return true;
        };
        self.used().prefixes.admit(rates, &demand(), now)
    }

    /// Lets a function start an environment, and tells how long it waits for that.
    pub(super) fn environment(&self, function: &str, now: Instant) -> Duration {
        let Some(room) = self.model.lambda.environments_per_10_secs else {
            return Duration::ZERO;
        };
        let per_sec = room / SCALING_SECS;
        let mut used = self.used();
        let tokens = used.environments.entry(function.to_owned());
        let tokens = tokens.or_insert_with(|| Tokens::new(room, now));
        let came = |from, to: Instant| per_sec * to.duration_since(from).as_secs_f64();
        tokens.fill(now, came, room);
        tokens.take();
        seconds(tokens.owed() / per_sec)
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time that is not longer than the clock goes.
pub(super) fn seconds(secs: f64) -> Duration {
    Duration::try_from_secs_f64(secs).map_or(NEVER, |time| time.min(NEVER))
}
