//! How many messages a second SNS takes.

use std::time::Instant;

use super::Error;

/// A token bucket that holds one second's worth of messages and is full at first
/// (<https://docs.aws.amazon.com/general/latest/gr/sns.html#limits_sns>).
#[derive(Debug)]
pub(super) struct Quota {
    per_second: f64,
    left: f64,
    at: Instant,
}

impl Quota {
    pub(super) fn new(messages_per_second: u32, now: Instant) -> Self {
        Self {
            per_second: f64::from(messages_per_second),
            left: f64::from(messages_per_second),
            at: now,
        }
    }

    /// Takes room for all of the messages, or for none.
    ///
    /// # Errors
    ///
    /// [`Error::Throttled`] if they do not all fit.
    pub(super) fn take(&mut self, messages: usize, now: Instant) -> Result<(), Error> {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + since * self.per_second).min(self.per_second);
        self.at = self.at.max(now);
        if self.left < messages as f64 {
            return Err(Error::Throttled);
        }
        self.left -= messages as f64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn takes_the_quota_at_once_and_then_as_much_as_time_has_passed() {
        let start = Instant::now();
        let mut quota = Quota::new(10, start);
        let mut take = |messages, milliseconds| {
            let now = start + Duration::from_millis(milliseconds);
            quota.take(messages, now).is_ok()
        };
        assert!(take(8, 0));
        assert!(!take(3, 0), "what does not fit as a whole is refused");
        assert!(take(2, 0), "and has taken nothing");
        assert!(!take(1, 0), "the eleventh message of a second");
        assert!(!take(6, 500));
        assert!(take(5, 500));
        assert!(!take(11, 60_000), "idle time is not saved up");
        assert!(take(10, 60_000));
        assert!(!take(1, 0), "time does not run backwards");
    }
}
