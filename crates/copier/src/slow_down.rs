//! Tells the window of parts in flight, and the metrics, what the SDK's retries hide: that S3 asked to slow down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aws_sdk_s3::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata};
use aws_sdk_s3::operation::upload_part_copy::UploadPartCopyError;
use backup::aws::is_throttle;

use crate::metrics;
use crate::parts::Window;

/// Counts what S3 throttles, of every operation.
#[derive(Debug)]
pub(crate) struct Throttles;

impl Intercept for Throttles {
    fn name(&self) -> &'static str {
        "Throttles"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if asks_to_slow_down(context) {
            metrics::throttled();
        }
        Ok(())
    }
}

/// Watches the attempts of one part's copy.
#[derive(Debug)]
pub(crate) struct SlowDowns {
    window: Arc<Window>,
    cuts_at_start: AtomicU64,
    was_tried: AtomicBool,
}

impl SlowDowns {
    pub(crate) fn new(window: &Arc<Window>) -> SlowDowns {
        SlowDowns {
            window: Arc::clone(window),
            cuts_at_start: AtomicU64::new(0),
            was_tried: AtomicBool::new(false),
        }
    }
}

impl Intercept for SlowDowns {
    fn name(&self) -> &'static str {
        "SlowDowns"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.was_tried.swap(true, Ordering::Relaxed) {
            metrics::part_retried();
        }
        self.cuts_at_start
            .store(self.window.cuts(), Ordering::Relaxed);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if asks_to_slow_down(context) {
            self.window
                .throttled(self.cuts_at_start.load(Ordering::Relaxed));
        }
        Ok(())
    }
}

/// The error code is known of parts, whose answer may be 200 with an error in it; of others the status will do.
fn asks_to_slow_down(context: &FinalizerInterceptorContextRef<'_>) -> bool {
    let Some(Err(error)) = context.output_or_error() else {
        return false;
    };
    let code = error
        .as_operation_error()
        .and_then(|error| error.downcast_ref::<UploadPartCopyError>())
        .and_then(ProvideErrorMetadata::code);
    let status = context
        .response()
        .map(|response| response.status().as_u16());
    is_throttle(status, code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::config::http::HttpResponse;
    use aws_sdk_s3::config::{Credentials, Region};
    use aws_sdk_s3::{Client, Config};
    use aws_smithy_mocks::{MockResponseInterceptor, create_mock_http_client, mock};

    const COPIED: &str = "<CopyPartResult><ETag>\"e\"</ETag></CopyPartResult>";

    /// The window after one part's copy that S3 answers so at first, then as it should.
    async fn window_after(status: u16, body: &'static str) -> usize {
        let answer = |status: u16, body: &'static str| {
            HttpResponse::new(status.try_into().unwrap(), body.into())
        };
        let part = mock!(Client::upload_part_copy)
            .sequence()
            .http_response(move || answer(status, body))
            .times(2)
            .http_response(move || answer(200, COPIED))
            .build();
        let client = Client::from_conf(
            Config::builder()
                .behavior_version_latest()
                .region(Region::new("us-east-1"))
                .credentials_provider(Credentials::new("a", "s", None, None, "test"))
                .http_client(create_mock_http_client())
                .interceptor(MockResponseInterceptor::new().with_rule(&part))
                .build(),
        );
        let window = Arc::new(Window::new(16));
        let copy = client.upload_part_copy().bucket("b").key("k");
        let copy = copy.upload_id("u").part_number(1).copy_source("b/k");
        let copy = copy.customize().interceptor(SlowDowns::new(&window));
        copy.send().await.unwrap();
        assert_eq!(part.num_calls(), 3);
        window.size()
    }

    #[tokio::test(start_paused = true)]
    async fn every_attempt_that_is_throttled_halves_the_window() {
        let slow_down = "<Error><Code>SlowDown</Code></Error>";
        assert_eq!(window_after(503, slow_down).await, 4);
        assert_eq!(window_after(200, slow_down).await, 4, "in an answer of 200");
        assert_eq!(window_after(503, "").await, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn another_failure_leaves_the_window_as_it_is() {
        let internal = "<Error><Code>InternalError</Code></Error>";
        assert_eq!(window_after(500, internal).await, 16);
    }
}
