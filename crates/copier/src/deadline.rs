//! A step of a copy that must end before the invocation does.

use std::future::Future;

use backup::deadline::Deadline;

use crate::error::CopyError;

/// Waits for a step of an object's copy, unless the time is up before.
///
/// # Errors
/// The step's own, or [`CopyError::DeadlineNear`]; the step is dropped then.
pub async fn in_time<T>(
    deadline: Deadline,
    object: String,
    step: impl Future<Output = Result<T, CopyError>>,
) -> Result<T, CopyError> {
    let ended = deadline.wait_for(step).await;
    ended.unwrap_or(Err(CopyError::DeadlineNear { object }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_step_that_takes_too_long_ends_as_near_the_deadline() {
        let deadline = Deadline::within(Duration::from_secs(60), Duration::from_secs(20));
        let object = || "s3://b/k".to_owned();
        assert_eq!(in_time(deadline, object(), ready(Ok(1))).await.unwrap(), 1);
        let late = in_time::<u8>(deadline, object(), pending()).await;
        assert_eq!(late.unwrap_err().error_type(), "DeadlineNear");
    }
}
