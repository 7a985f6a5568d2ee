//! A store of tokens that fills as time passes: what is taken faster than that has to wait, or is refused.

use tokio::time::Instant;

/// Fractions add up to a little less than the whole that they are.
const ALMOST_ONE: f64 = 1.0 - 1e-6;

/// How many tokens there were at a time.
#[derive(Debug)]
pub(super) struct Tokens {
    left: f64,
    at: Instant,
}

impl Tokens {
    pub(super) fn new(left: f64, now: Instant) -> Self {
        Self { left, at: now }
    }

    /// Adds what came since the last look, up to what there is room for.
    pub(super) fn fill(
        &mut self,
        now: Instant,
        came: impl FnOnce(Instant, Instant) -> f64,
        room: f64,
    ) {
        // Requests are looked at in another order than they came in, and time does not run backwards.
        if now > self.at {
            self.left = (self.left + came(self.at, now)).min(room);
            self.at = now;
        }
    }

    pub(super) fn has_one(&self) -> bool {
        self.left >= ALMOST_ONE
    }

    pub(super) fn take(&mut self) {
        self.left -= 1.0;
    }

    /// How many have been taken that were not there yet.
    pub(super) fn owed(&self) -> f64 {
        (-self.left).max(0.0)
    }
}
