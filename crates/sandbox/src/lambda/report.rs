//! The START, END and REPORT lines Lambda writes around every invocation.

use std::fmt;
use std::time::Duration;

use super::function::VERSION;
use crate::trace::Trace;

const BYTES_PER_MB: u64 = 1024 * 1024;

/// What one invocation cost.
#[derive(Debug, Clone)]
pub(super) struct Report<'a> {
    pub(super) request_id: &'a str,
    pub(super) duration: Duration,
    /// Only for the first invocation of an environment.
    pub(super) init: Option<Duration>,
    pub(super) memory_mb: u32,
    pub(super) peak_memory_bytes: Option<u64>,
    /// What Lambda appends when the environment was lost.
    pub(super) status: Option<&'a str>,
    /// Only where it is sampled.
    pub(super) trace: Option<&'a Trace>,
}

impl Report<'_> {
    /// Whole milliseconds, rounded up; the initialisation is billed
    /// (<https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/>).
    pub(super) fn billed_ms(&self) -> u64 {
        let billed = self.duration + self.init.unwrap_or_default();
        u64::try_from(billed.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "REPORT RequestId: {}\tDuration: {} ms\tBilled Duration: {} ms\tMemory Size: {} MB",
            self.request_id,
            millis(self.duration),
            self.billed_ms(),
            self.memory_mb,
        )?;
        if let Some(bytes) = self.peak_memory_bytes {
            write!(f, "\tMax Memory Used: {} MB", bytes.div_ceil(BYTES_PER_MB))?;
        }
        if let Some(init) = self.init {
            write!(f, "\tInit Duration: {} ms", millis(init))?;
        }
        if let Some(status) = self.status {
            write!(f, "\tStatus: {status}")?;
        }
        if let Some(Trace { root, segment, .. }) = self.trace {
            write!(
                f,
                "\tXRAY TraceId: {root}\tSegmentId: {segment}\tSampled: true"
            )?;
        }
        Ok(())
    }
}

fn millis(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1_000.0)
}

/// The line before an invocation.
pub(super) fn start(request_id: &str) -> String {
    format!("START RequestId: {request_id} Version: {VERSION}")
}

/// The line after the function's own.
pub(super) fn end(request_id: &str) -> String {
    format!("END RequestId: {request_id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WARM: Report<'_> = Report {
        request_id: "id",
        duration: Duration::from_micros(12_340),
        init: None,
        memory_mb: 128,
        peak_memory_bytes: Some(17 * BYTES_PER_MB - 1),
        status: None,
        trace: None,
    };

    #[test]
    fn writes_the_line_as_lambda_does() {
        assert_eq!(
            WARM.to_string(),
            "REPORT RequestId: id\tDuration: 12.34 ms\tBilled Duration: 13 ms\
             \tMemory Size: 128 MB\tMax Memory Used: 17 MB"
        );
    }

    #[test]
    fn bills_the_initialisation_with_the_first_invocation() {
        let cold = Report {
            init: Some(Duration::from_micros(9_870)),
            peak_memory_bytes: None,
            ..WARM
        };
        assert_eq!(
            cold.to_string(),
            "REPORT RequestId: id\tDuration: 12.34 ms\tBilled Duration: 23 ms\
             \tMemory Size: 128 MB\tInit Duration: 9.87 ms"
        );
    }

    #[test]
    fn bills_a_whole_millisecond_as_one() {
        let exact = Report {
            duration: Duration::from_millis(5),
            ..WARM
        };
        assert_eq!(exact.billed_ms(), 5);
    }
}
